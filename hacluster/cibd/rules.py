"""The rules that counterexamples asked for, by their numbers there; each test of one runs with it off, too.

Nothing but tests changes these. What happens without a rule is told where the rule is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hacluster.cib.store import Position
from hacluster.msg.views import CopyState


@dataclass(frozen=True, slots=True)
class Rules:
    """Each on, as the daemon runs."""

    stamp_first: bool = True
    """R1: the stamp goes before the number of changes when copies are compared."""
    stamp_at_sync: bool = True
    """R2: a quorate sync stamps the content; the view of its last write says nothing."""
    admin_epoch_is_content: bool = True
    """R3: admin_epoch decides nothing."""
    content_with_stamp: bool = True
    """R4: a stamp is never on disk before its content."""
    answer_when_committed: bool = True
    """R7: a repeated write is answered only when it is committed in this view."""
    horizon: bool = True
    """R8: an id that may be among the forgotten ones is refused."""
    met_by_sync: bool = True
    """R9: wait-for-all is met by a sync on disk, not by a view entered."""
    confirm_first: bool = True
    """R10: one of two nodes neither stamps nor writes before the other is confirmed down."""
    witness_last: bool = True
    """R11: a witness records only what all others have on disk."""
    damage: bool = True
    """R12: a damaged copy has no say."""
    heal_at_synced: bool = True
    """R12: a damaged copy is healed when all have acknowledged, not by its own sync."""
    voters_one_by_one: bool = True
    """R13: the list of voters changes by single writes, each quorate by both lists."""

    def order(self, copy: CopyState) -> Any:
        """What copies are compared by: their position, unless a rule is off."""
        position = copy.position
        if self == Rules():
            return position
        admin = 0 if self.admin_epoch_is_content else copy.version.admin_epoch
        if not self.stamp_first:
            return (copy.version.admin_epoch, copy.version.epoch, position.stamp)
        stamp = position.stamp if self.stamp_at_sync else copy.newest
        return (admin, stamp, position.branch, position.seq)


def best_position(copies: list[CopyState], rules: Rules) -> Position:
    """The position of the best of these copies."""
    return max(copies, key=rules.order).position
