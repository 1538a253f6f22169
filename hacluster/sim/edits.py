"""Edits of haresources that an administrator may make: by name, each gives the whole file anew.

They are applied to the standard cluster's lines, so that two hosts with the same edit have the same file whatever was
edited before.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from hacluster.config.resources import AgentClass, Group, Haresources, ResourceWord

Line = tuple[str, tuple[str, ...]]
"""A line: node and resource words."""

STANDARD_LINES: Final[tuple[Line, ...]] = (
    ("node1", ("IPaddr::10.0.0.100/24/eth0", "Filesystem::/dev/vdb::/srv", "httpd")),
    ("node2", ("IPaddr::10.0.0.101/24/eth0", "mail")),
)

_FIRST, _SECOND = STANDARD_LINES
_IP, _DISK, _WEB = _FIRST[1]
_OTHER_IP, _MAIL = _SECOND[1]


def _first(*words: str) -> tuple[Line, ...]:
    return (("node1", words), _SECOND)


EDITS: Final[MappingProxyType[str, tuple[Line, ...]]] = MappingProxyType(
    {
        "none": STANDARD_LINES,
        "first-out": _first(_DISK, _WEB),
        "middle-out": _first(_IP, _WEB),
        "last-out": _first(_IP, _DISK),
        "two-out": _first(_IP),
        "first-in": _first("IPaddr::10.0.0.102/24/eth0", _IP, _DISK, _WEB),
        "middle-in": _first(_IP, "IPaddr::10.0.0.102/24/eth0", _DISK, _WEB),
        "last-in": _first(_IP, _DISK, _WEB, "cache"),
        "moved": _first(_DISK, _IP, _WEB),
        "replaced": _first(_IP, _DISK, "nginx"),
        "first-argument": _first("IPaddr::10.0.0.100/24/eth0:0", _DISK, _WEB),
        "middle-argument": _first(_IP, "Filesystem::/dev/vdc::/srv", _WEB),
        "all-new": _first("IPaddr::10.0.0.103/24/eth0", "nginx"),
        "line-out": (_SECOND,),
        "other-line-out": (_FIRST,),
        "line-in": (_FIRST, _SECOND, ("node1", ("IPaddr::10.0.0.104/24/eth0", "cache"))),
        "other-line-in": (_FIRST, ("node2", ("IPaddr::10.0.0.104/24/eth0", "cache")), _SECOND),
        "lines-moved": (_SECOND, _FIRST),
        "owner": (("node2", _FIRST[1]), _SECOND),
        "other-owner": (_FIRST, ("node1", _SECOND[1])),
        "owners": (("node2", _FIRST[1]), ("node1", _SECOND[1])),
        "to-other-line": (("node1", (_IP, _DISK)), ("node2", (_OTHER_IP, _MAIL, _WEB))),
        "to-new-line": (("node1", (_IP, _WEB)), _SECOND, ("node1", (_DISK,))),
        "joined": (("node1", (*_FIRST[1], *_SECOND[1])),),
    }
)
"""What each name makes of the file."""


def groups_of(lines: tuple[Line, ...]) -> Haresources:
    """The groups of a file; services are named like their words."""
    groups = []
    for number, (node, texts) in enumerate(lines, 1):
        words = []
        for text in texts:
            name, *arguments = text.split("::")
            words.append(ResourceWord(text, AgentClass.HEARTBEAT, name, tuple(arguments)))
        groups.append(Group(node, tuple(words), number))
    return Haresources(tuple(groups))


def services(lines: tuple[Line, ...]) -> frozenset[str]:
    """All services that a file names."""
    return frozenset(word for _, words in lines for word in words)
