"""What the heartbeat and ccm of a node say to each other: who is heard, and what each status carries.

Apart from :mod:`hacluster.msg.views`, because the process that speaks needs nothing of the CIB.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.members import Member, Rank, ViewId


@dataclass(frozen=True, slots=True)
class Carried:
    """What each status of a node carries for the others: whom it hears, what it promised, where it is."""

    member: Member
    hears: frozenset[Member]
    promise: ViewId
    view: ViewId
    rank: Rank
    gives_up: bool = False


@dataclass(frozen=True, slots=True)
class Carry:
    """ccm to the heartbeat: say this in each status from now on, and in one at once, to everybody, heard or not.

    ``audience`` narrows that; nothing but a test of why it must not be narrowed uses it.
    """

    carried: Carried
    audience: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class StatusSeen:
    """The heartbeat to ccm: a status carried something new; said of nodes that are not counted as heard, too."""

    carried: Carried


@dataclass(frozen=True, slots=True)
class Hearing:
    """The heartbeat to ccm: we hear this generation of a node now, or no longer."""

    node: str
    generation: int
    heard: bool


@dataclass(frozen=True, slots=True)
class PulseStarted:
    """The heartbeat to ccm, at the start of either: this is our generation, and what was heard before is to be
    forgotten.
    """

    generation: int
