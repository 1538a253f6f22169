"""Recurring operations: when each is due again, and whether its answer is news."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.machine import Instant, after, earliest
from hacluster.msg.lrm import OcfCode, OpEnd, OpFinished, StartOp


@dataclass(slots=True)
class _Entry:
    op: StartOp
    due: Instant | None
    told: tuple[OpEnd, OcfCode] | None = None


class RecurringSet:
    """The recurring operations by id. One is either due at an instant, or on its way through the queue."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, op_id: int) -> bool:
        return op_id in self._entries

    def add(self, op: StartOp) -> None:
        """Begin one; its first run is on its way."""
        assert op.interval_ms > 0
        self._entries[op.op_id] = _Entry(op, None)

    def remove(self, op_id: int) -> StartOp | None:
        """End one; the operation, or ``None`` when it is not known."""
        entry = self._entries.pop(op_id, None)
        return entry.op if entry else None

    def finished(self, result: OpFinished, now: Instant) -> bool:
        """A run is over, the next is due one interval from now. Whether the answer is news: the first, or another."""
        entry = self._entries[result.op_id]
        entry.due = after(now, entry.op.interval_ms)
        answer = (result.end, result.rc)
        news = entry.told != answer
        entry.told = answer
        return news

    def take_due(self, now: Instant) -> list[StartOp]:
        """The operations to run now, in the order of their ids; they count as on their way."""
        found = [self._entries[op_id] for op_id in sorted(self._entries)]
        due = [entry for entry in found if entry.due is not None and entry.due <= now]
        for entry in due:
            entry.due = None
        return [entry.op for entry in due]

    def postpone(self, op_id: int, now: Instant) -> None:
        """The queue has no room: try again one interval later."""
        entry = self._entries[op_id]
        entry.due = after(now, entry.op.interval_ms)

    def deadline(self) -> Instant | None:
        """When the first is due."""
        return earliest(*(entry.due for entry in self._entries.values()))
