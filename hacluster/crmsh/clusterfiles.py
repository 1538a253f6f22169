"""The files of a cluster, as ``crm cluster`` writes them: for one that begins, and for a node more or less in it.

Texts in, texts out; who writes them is :mod:`hacluster.crmsh.levels.cluster`.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Final

_NODE_LINE: Final = re.compile(r"^(\s*node\s+)(.*?)(\s*(?:#.*)?)$", re.IGNORECASE)
_MEDIA: Final = re.compile(r"^\s*(bcast|mcast|ucast)\s+(\S+)(.*)$", re.IGNORECASE)

_HA_CF: Final = """\
# Written by crm cluster init; hacluster check says what is wrong with it, the manual what else there is.
{cluster}node {node}
{media}
crm respawn
keepalive 1
deadtime 10
warntime 5
initdead 30
logfacility daemon
logfile /var/log/ha-log
"""
_HACLUSTER_CF: Final = """\
# What is hacluster's alone. Who votes is here only at the beginning; later it is in the CIB.
seal on
"""


def first_files(node: str, media: Sequence[str], cluster: str = "") -> dict[str, str]:
    """The files of a cluster of one node; ``media`` are lines of ha.cf."""
    name = f"cluster {cluster}\n" if cluster else ""
    return {
        "ha.cf": _HA_CF.format(cluster=name, node=node, media="\n".join(media)),
        "authkeys": f"auth 1\n1 sha1 {secrets.token_hex(32)}\n",
        "hacluster.cf": _HACLUSTER_CF,
    }


def mode_of(name: str) -> int:
    """The mode of a file."""
    return 0o600 if name == "authkeys" else 0o644


def nodes_of(text: str) -> list[str]:
    """The nodes that a ha.cf names, in order."""
    found: list[str] = []
    for line in text.splitlines():
        match = _NODE_LINE.match(line)
        if match is not None:
            found += match[2].lower().split()
    return list(dict.fromkeys(found))


def with_node(text: str, node: str) -> str:
    """A ha.cf with one node more, at the end of its last node line."""
    if node in nodes_of(text):
        return text
    lines = text.splitlines()
    for at in range(len(lines) - 1, -1, -1):
        match = _NODE_LINE.match(lines[at])
        if match is not None:
            lines[at] = f"{match[1]}{match[2]} {node}{match[3]}"
            break
    else:
        lines.append(f"node {node}")
    return "\n".join(lines) + "\n"


def without_node(text: str, node: str) -> str:
    """A ha.cf without a node; a line that named it alone goes."""
    lines = []
    for line in text.splitlines():
        match = _NODE_LINE.match(line)
        if match is not None and node in match[2].lower().split():
            left = [name for name in match[2].split() if name.lower() != node]
            if not left:
                continue
            line = f"{match[1]}{' '.join(left)}{match[3]}"  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"


def interfaces_of(text: str) -> list[str]:
    """The interfaces of the media of a ha.cf."""
    found: list[str] = []
    for line in text.splitlines():
        match = _MEDIA.match(line)
        if match is not None:
            found += [match[2], *match[3].split()] if match[1].lower() == "bcast" else [match[2]]
    return list(dict.fromkeys(name for name in found if not name.startswith("#")))


def with_interfaces(text: str, names: Sequence[str]) -> str:
    """A ha.cf whose broadcast media are on these interfaces: a host's are named as it likes."""
    lines = []
    said = False
    for line in text.splitlines():
        match = _MEDIA.match(line)
        if match is None or match[1].lower() != "bcast":
            lines.append(line)
        elif not said:
            lines += [f"bcast {name}" for name in names]
            said = True
    return "\n".join(lines) + "\n"


def is_unicast(text: str) -> bool:
    """Whether a ha.cf names its peers' addresses."""
    return any(match[1].lower() == "ucast" for line in text.splitlines() if (match := _MEDIA.match(line)))


def with_peer(text: str, interface: str, address: str) -> str:
    """A ha.cf that speaks to one address more."""
    line = f"ucast {interface} {address}"
    return text if line in text.splitlines() else f"{text.rstrip()}\n{line}\n"
