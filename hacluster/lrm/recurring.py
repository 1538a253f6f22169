"""Recurring operations: when each is due again, and whether its answer is news."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.machine import Instant
from hacluster.base.timers import Timers
from hacluster.lrm.queue import Key, key_of
from hacluster.msg.lrm import OcfCode, OpEnd, OpFinished, StartOp


@dataclass(slots=True)
class _Entry:
    op: StartOp
    told: tuple[OpEnd, OcfCode] | None = None
    changed_s: int = 0


class RecurringSet:
    """The recurring operations. One is either due at an instant, or on its way through the queue."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}
        self._due: Timers[Key] = Timers()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def all(self) -> list[StartOp]:
        """Every one, in the order of asking."""
        return [entry.op for entry in self._entries.values()]

    def add(self, op: StartOp) -> None:
        """Begin one; its first run is on its way."""
        assert op.interval_ms > 0
        self._entries[key_of(op)] = _Entry(op)

    def due_after(self, key: Key, now: Instant, delay_ms: int) -> None:
        """It is not on its way, but due in a while."""
        self._due.set(key, now, delay_ms)

    def remove(self, key: Key) -> StartOp | None:
        """End one; the operation, or ``None`` when it is not known."""
        self._due.cancel(key)
        entry = self._entries.pop(key, None)
        return entry.op if entry else None

    def finished(self, key: Key, result: OpFinished, now: Instant, unix_s: int) -> tuple[bool, int]:
        """A run is over, the next is due one interval from now.

        Whether the answer is news (the first, or another than before), and the Unix second at which it became that.
        """
        entry = self._entries[key]
        self._due.set(key, now, entry.op.interval_ms)
        answer = (result.end, result.rc)
        news = entry.told != answer
        if news:
            entry.changed_s = unix_s
        entry.told = answer
        return news, entry.changed_s

    def told(self, key: Key, end: OpEnd, rc: OcfCode, changed_s: int) -> None:
        """What was told of one before this process lived."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.told, entry.changed_s = (end, rc), changed_s

    def take_due(self, now: Instant) -> list[StartOp]:
        """The operations to run now, in the order of their ids; they count as on their way."""
        due: list[Key] = []
        while (key := self._due.pop(now)) is not None:
            due.append(key)
        return [self._entries[key].op for key in sorted(due)]

    def postpone(self, key: Key, now: Instant) -> None:
        """The queue has no room: try again one interval later."""
        self._due.set(key, now, self._entries[key].op.interval_ms)

    def deadline(self) -> Instant | None:
        """When the first is due."""
        return self._due.deadline()
