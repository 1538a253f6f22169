"""Named timers: one heap for all that a machine waits for.

A machine sets a timer by name, and setting it again moves it. Timers of one instant fire in the order in which they
were set, so a run has exactly one order.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

from hacluster.base.machine import Instant, after

NameT = TypeVar("NameT", bound=Hashable)


class Timers(Generic[NameT]):
    """What is due when."""

    __slots__ = ("_heap", "_serial", "_when")

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, int, NameT]] = []
        self._when: dict[NameT, tuple[Instant, int]] = {}
        self._serial = 0

    def set(self, name: NameT, now: Instant, delay_ms: int) -> None:
        """Let ``name`` fire ``delay_ms`` from now, and not at the time it was set for before."""
        self.set_at(name, after(now, delay_ms))

    def set_at(self, name: NameT, when: Instant) -> None:
        """Let ``name`` fire at ``when``."""
        self._serial += 1
        self._when[name] = (when, self._serial)
        heapq.heappush(self._heap, (when, self._serial, name))
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._when):
            self._heap = [(due, serial, timer) for timer, (due, serial) in self._when.items()]
            heapq.heapify(self._heap)

    def sooner(self, name: NameT, now: Instant, delay_ms: int) -> None:
        """As :meth:`set`, unless it would fire earlier anyway."""
        due = self.when(name)
        if due is None or due > after(now, delay_ms):
            self.set(name, now, delay_ms)

    def cancel(self, name: NameT) -> None:
        """Forget a timer; one that is not set is no error."""
        self._when.pop(name, None)

    def when(self, name: NameT) -> Instant | None:
        """When ``name`` fires; ``None`` when it is not set."""
        entry = self._when.get(name)
        return entry[0] if entry else None

    def __contains__(self, name: NameT) -> bool:
        return name in self._when

    def deadline(self) -> Instant | None:
        """When the first one fires."""
        self._clean()
        return self._heap[0][0] if self._heap else None

    def pop(self, now: Instant) -> NameT | None:
        """Take out the first timer that is due, ``None`` when there is none; call it until there is none."""
        self._clean()
        if not self._heap or self._heap[0][0] > now:
            return None
        name = heapq.heappop(self._heap)[2]
        del self._when[name]
        return name

    def _clean(self) -> None:
        heap = self._heap
        while heap and self._when.get(heap[0][2]) != heap[0][:2]:
            heapq.heappop(heap)
