"""Whether the members of a view have quorum, from what they said when they promised it.

The list that counts is that of the best undamaged copy among them. A damaged copy has no say in what the configuration
is, so the undamaged members must have a quorum by themselves before anything is synced (``sound``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hacluster.cib.voters import Voters
from hacluster.msg.views import Accept


@dataclass(frozen=True, slots=True)
class Verdict:
    """As in :class:`~hacluster.msg.views.View`."""

    quorate: bool
    sound: bool
    alone: bool
    why: str


def voters_among(table: Sequence[Accept]) -> Voters | None:
    """The list in the best undamaged copy; ``None`` when no copy counts."""
    able = [accept for accept in table if accept.keeps_content and not accept.copy.damaged]
    best = max(able, key=lambda accept: (accept.copy.position, accept.member.name), default=None)
    return best.copy.voters if best is not None else None


def missing(voters: Voters, names: frozenset[str]) -> str:
    """Who is not there, with votes."""
    return ", ".join(f"{name} ({votes})" for name, votes in voters.votes if name not in names and votes) or "nobody"


def judge(table: Sequence[Accept], *, witness_votes_once: bool = True) -> Verdict:
    """Quorum of the nodes that these ``Accept`` come from."""
    voters = voters_among(table)
    names = frozenset(accept.member.name for accept in table)
    if voters is None:
        return Verdict(False, False, False, "every member's copy of the CIB is damaged or blank; nobody's list counts")
    able = frozenset(accept.member.name for accept in table if not accept.copy.damaged)
    gave_up = frozenset(accept.member.name for accept in table if accept.gives_up)
    counted, counted_able = names - gave_up, able - gave_up
    if not witness_votes_once and voters.witness:
        counted, counted_able = counted | {voters.witness}, counted_able | {voters.witness}
    met = any(accept.copy.met_all and accept.member.name in able for accept in table)
    complete = voters.names <= names
    said = f"{voters.count(counted)} of {voters.total} votes, {voters.needed} needed"
    said += f"; missing: {missing(voters, counted)}"
    said += f"; reach no ping node: {', '.join(sorted(gave_up))}" if gave_up else ""
    if voters.two_node:
        here = voters.names & names
        alone = len(here) == 1 and met and here <= counted
        quorate = alone or (len(here) == 2 and bool(here & counted))
        sound = quorate and (voters.names <= able or met)
        why = "" if quorate else f"{said}; one of two nodes waits for the other once after its start"
        return Verdict(quorate, sound, alone, why)
    if not voters.have_quorum(counted):
        return Verdict(False, False, False, said)
    if voters.waits_for_all and not complete and not met:
        return Verdict(False, False, False, f"{said}; waiting for all voters to have been here once")
    sound = voters.have_quorum(counted_able)
    return Verdict(True, sound, False, "" if sound else f"damaged copies: {', '.join(sorted(names - able))}")
