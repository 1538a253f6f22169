"""What ccm knows and has promised: one record, written by the machine alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from hacluster.base.members import NO_VIEW, Member, ViewId
from hacluster.msg.views import Accept, CopyState, View

PROMISE_KEY: Final = "ccm-promise"


class PromiseOnDisk(msgspec.Struct, frozen=True):
    """The file: the highest id promised, and the life that promised it."""

    promise: ViewId
    life: int


@dataclass(frozen=True, slots=True)
class Born:
    """Note of a write: this life is on disk, so no other will have its number."""


@dataclass(frozen=True, slots=True)
class Promised:
    """Note of a write: the promise of ``id`` is on disk; ``to`` proposed it (ourselves: our own round)."""

    id: ViewId
    to: str


Note = Born | Promised


@dataclass(slots=True)
class Round:
    """A proposal of ours: who was asked, and who has answered."""

    id: ViewId
    asked: dict[str, Member]
    accepts: dict[str, Accept] = field(default_factory=dict)


@dataclass(slots=True)
class Mark:
    """A node that is left out for a while, since it refused as busy or did not answer."""

    until: int
    refusals: int


@dataclass(slots=True)
class State:
    """``member``: who we are in this life; ``None`` until that is on disk. ``promised`` and ``epoch_seen`` never
    shrink.

    ``view`` is the view that we are in, ``synced`` whether it works. ``broken`` says why it must be replaced, if it
    must. ``last``: the members of the newest view here. ``partner``: the other node in the last view of exactly two.
    """

    generation: int | None = None
    life: int | None = None
    is_born: bool = False
    up_since: int | None = None
    promised: ViewId = NO_VIEW
    epoch_seen: int = 0
    view: View | None = None
    synced: bool = False
    broken: str = ""
    last: tuple[Member, ...] = ()
    last_view: ViewId = NO_VIEW
    round: Round | None = None
    copy: CopyState | None = None
    tries: int = 0
    silent: dict[str, int] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    partner: Member | None = None
    goodbyes: dict[str, Member] = field(default_factory=dict)
    confirmed: bool = False
    ailing: bool = False
    leaving: bool = False
    why: str = ""
    silent_pings: set[str] = field(default_factory=set)

    @property
    def member_is_known(self) -> bool:
        """Whether this life has its number on disk and the pulse its generation."""
        return self.is_born and self.generation is not None
