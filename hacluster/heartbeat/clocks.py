"""Whether another node's clock and ours agree, from its heartbeats.

Each status of ours carries the sender's clock in milliseconds (``hm``, hexadecimal, which real Heartbeat nodes ignore;
not with ``seal off``, where we say what they say); theirs has the time stamp of every message (``ts``), in whole
seconds. What was under way makes a clock look late and never early, so of the last heartbeats that with the greatest
difference counts: one that was held up or resent does no harm. What is read in one go, as after a pause of ours, is one
heartbeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hacluster.base.machine import Instant
from hacluster.wire.fields import Stamp
from hacluster.wire.hamsg import Field, HaMessage, string

CLOCK: Final = "hm"
APART_MS: Final = 1_000
AGREE_MS: Final = 800
"""Clocks that were too far apart agree again when the difference is this or less."""

HEARTBEATS: Final = 8
AT_ONCE_MS: Final = 100
ENOUGH: Final = 3
"""Of the last eight heartbeats three are enough to judge by."""

_SECOND_MS: Final = 1_000
_LONGEST: Final = 12
_DIGITS: Final = frozenset("0123456789abcdef")


def clock_fields(unix_ms: int) -> tuple[Field, ...]:
    """What a status says of our clock."""
    return (string(CLOCK, f"{max(0, unix_ms):x}"),)


@dataclass(slots=True)
class Difference:
    """Of one node. ``apart``: it was found to be too far away and has not come back."""

    recent: list[tuple[int, int]] = field(default_factory=list)
    apart: bool = False
    heard: int = 0
    """When the newest of them began to come, an instant."""

    @property
    def ms(self) -> int | None:
        """The node's clock minus ours in milliseconds, as well as is known; ``None`` before enough was heard."""
        return sum(max(self.recent)) if len(self.recent) >= ENOUGH else None

    def hear(self, message: HaMessage, stamp: Stamp, unix_ms: int, now: Instant) -> bool:
        """Take a status in that came now, when our clock says ``unix_ms``; whether the verdict has changed."""
        told = message.get(CLOCK) or ""
        if told and len(told) <= _LONGEST and _DIGITS.issuperset(told):
            least, doubt = int(told, 16) - unix_ms, 0
        else:
            least, doubt = stamp.ts * _SECOND_MS - unix_ms, _SECOND_MS // 2
        newest = (least, doubt)
        if self.recent and now - self.heard < AT_ONCE_MS:
            newest = max(newest, self.recent.pop())
        else:
            self.heard = now
        self.recent = [*self.recent[1 - HEARTBEATS :], newest]
        difference = self.ms
        if difference is None:
            return False
        limit = AGREE_MS if self.apart else APART_MS + max(self.recent)[1]
        before, self.apart = self.apart, abs(difference) > limit
        return before is not self.apart

    def forget(self) -> None:
        """One of the two clocks was set, or the node began anew: what was heard says nothing any more."""
        self.recent.clear()


def words(ms: int) -> str:
    """``3.2 s ahead``, ``0.5 s behind``."""
    return f"{abs(ms) / _SECOND_MS:.1f} s {'ahead' if ms > 0 else 'behind'}"
