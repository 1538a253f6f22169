"""The closed sets of the policy engine: roles, kinds of resources and nodes, answers to failures."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Role(IntEnum):
    """What an instance is or shall be. The order matters: a higher role needs more steps to reach."""

    UNKNOWN = 0
    STOPPED = 1
    STARTED = 2
    UNPROMOTED = 3
    PROMOTED = 4

    @property
    def word(self) -> str:
        """The word that people see."""
        return self.name.capitalize()


_ROLE_WORDS: Final = {
    "stopped": Role.STOPPED,
    "started": Role.STARTED,
    "unpromoted": Role.UNPROMOTED,
    "slave": Role.UNPROMOTED,
    "promoted": Role.PROMOTED,
    "master": Role.PROMOTED,
}


def parse_role(text: str | None) -> Role:
    """The role that ``text`` names, in the words of any version; ``UNKNOWN`` if it names none."""
    return Role.UNKNOWN if text is None else _ROLE_WORDS.get(text.lower(), Role.UNKNOWN)


class Kind(IntEnum):
    """Kinds of resources; those from ``CLONE`` on have instances."""

    PRIMITIVE = 0
    GROUP = 1
    CLONE = 2
    BUNDLE = 3


class NodeKind(IntEnum):
    """What a node is: a ping entry, a cluster member, or one that Pacemaker Remote connects."""

    PING = 0
    MEMBER = 1
    REMOTE = 2


class OnFail(IntEnum):
    """What to do about a failed operation; up to ``FENCE`` in the order of severity, see ``failures``."""

    IGNORE = 0
    RECOVER = 1
    MIGRATE = 2
    BLOCK = 3
    STOP = 4
    STANDBY = 5
    FENCE = 6
    RESTART_CONTAINER = 7
    RESET_REMOTE = 8
    DEMOTE = 9


class Needs(IntEnum):
    """What has to hold before an action may start."""

    NOTHING = 0
    QUORUM = 1
    FENCING = 2


class Quorum(IntEnum):
    """``no-quorum-policy``."""

    FREEZE = 0
    STOP = 1
    IGNORE = 2
    FENCE = 3
    DEMOTE = 4


class Multiple(IntEnum):
    """``multiple-active``: what to do with a resource that is active more than once."""

    STOP_START = 0
    STOP_ONLY = 1
    BLOCK = 2
    STOP_UNEXPECTED = 3


class Discovery(IntEnum):
    """``resource-discovery``: whether a resource is looked for on a node."""

    ALWAYS = 0
    NEVER = 1
    EXCLUSIVE = 2
