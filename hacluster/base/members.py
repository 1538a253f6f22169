"""Who a member is, and what a view is called: the two names that everything between nodes is checked against.

A node that restarts is not the one it was: a peer is always the triple (name, generation, life). The *generation* is
counted by the process that speaks on the network, the *life* by the process that holds view and copy; either of them
may crash alone, and what it knew is gone then.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Member(NamedTuple):
    """One life of one node."""

    name: str
    generation: int
    life: int

    def __str__(self) -> str:
        return f"{self.name}({self.generation}.{self.life})"


class ViewId(NamedTuple):
    """The name of a view, compared as a tuple: whoever proposes takes an epoch above all that it has seen."""

    epoch: int
    proposer: str
    generation: int
    life: int

    def __str__(self) -> str:
        return f"{self.epoch}.{self.proposer}" if self.epoch else "none"


NO_VIEW: Final = ViewId(0, "", 0, 0)
"""Below every view."""


class Rank(NamedTuple):
    """Who leads: the lowest. A witness never does; an older feature set goes before, then who is up longest."""

    witness: bool
    feature_set: tuple[int, ...]
    up_since: int
    name: str
