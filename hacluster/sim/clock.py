"""Virtual time: the agenda of what will happen, and the clocks that each host shows its machines.

World time is an integer of milliseconds from the start of the run. Things due at the same millisecond happen in the
order in which they were put on the agenda, so a run has exactly one order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from hacluster.base.machine import Instant

EPOCH_UNIX_MS = 1_600_000_000_000
"""The wall clock of a host that was never set, at world time 0."""

Happening = Callable[[], None]


class Agenda:
    """What will happen, in order; :attr:`now` moves only here."""

    __slots__ = ("_heap", "_serial", "now")

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[tuple[int, int, Happening]] = []
        self._serial = 0

    def at(self, when: int, happening: Happening) -> None:
        """Put something on the agenda; what is due in the past happens next."""
        self._serial += 1
        heapq.heappush(self._heap, (max(when, self.now), self._serial, happening))

    def after(self, delay_ms: int, happening: Happening) -> None:
        """Put something on the agenda ``delay_ms`` from now."""
        self.at(self.now + delay_ms, happening)

    def run_until(self, end: int, *, halt: Callable[[], bool] = lambda: False) -> None:
        """Let everything happen that is due up to and including ``end``, or until ``halt`` says stop."""
        heap = self._heap
        while heap and heap[0][0] <= end:
            when, _, happening = heapq.heappop(heap)
            self.now = when
            happening()
            if halt():
                return
        self.now = max(self.now, end)


@dataclass(slots=True)
class HostClock:
    """The two clocks of a host: boot time, which never goes back, and the wall clock, which can be set."""

    agenda: Agenda
    booted_at: int = 0
    wall_offset_ms: int = 0

    def boot(self) -> None:
        """The host starts: its boot clock begins near zero."""
        self.booted_at = self.agenda.now - 1_000

    def now(self) -> Instant:
        """The boot clock in milliseconds."""
        return Instant(self.agenda.now - self.booted_at)

    def world(self, instant: Instant) -> int:
        """World time of an instant of this host."""
        return instant + self.booted_at

    def unix_ms(self) -> int:
        """The wall clock in Unix milliseconds."""
        return EPOCH_UNIX_MS + self.agenda.now + self.wall_offset_ms

    def step(self, by_ms: int) -> None:
        """The wall clock is set; it does not go before the first day of Unix."""
        self.wall_offset_ms = max(self.wall_offset_ms + by_ms, -EPOCH_UNIX_MS + 86_400_000)
