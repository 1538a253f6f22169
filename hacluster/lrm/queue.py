"""The queue of operations: one at a time per resource, in the order of asking, and a limit on all together."""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.base.machine import Instant
from hacluster.lrm.call import Call
from hacluster.msg.lrm import OpView, StartOp


@dataclass(slots=True)
class Operation:
    """One run of an operation on its way. ``attempt``: the candidate being tried; ``kill_at``: when KILL follows."""

    op: StartOp
    timeout_ms: int
    call: Call
    attempt: int = 0
    child_id: int | None = None
    started: Instant | None = None
    cancelled: bool = False
    kill_at: Instant | None = None
    by_shell: bool = field(default=False)


class OperationQueue:
    """Waiting and running operations. ``parallel`` bounds those that run, ``capacity`` all."""

    def __init__(self, parallel: int, capacity: int) -> None:
        assert parallel >= 1, parallel
        self._parallel = parallel
        self._capacity = capacity
        self._waiting: list[Operation] = []
        self._running: dict[str, Operation] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    @property
    def full(self) -> bool:
        """Whether one more would break the bound."""
        return len(self) >= self._capacity

    @property
    def running(self) -> tuple[Operation, ...]:
        """The operations whose program runs, in the order of their start."""
        return tuple(self._running.values())

    def push(self, operation: Operation) -> None:
        """Line one up. The caller has looked at :attr:`full`."""
        assert not self.full
        self._waiting.append(operation)

    def next(self) -> Operation | None:
        """The earliest operation that may start now, which then counts as running; ``None`` when there is none."""
        if len(self._running) >= self._parallel:
            return None
        for position, operation in enumerate(self._waiting):
            resource = operation.op.resource.id
            if resource not in self._running:
                del self._waiting[position]
                self._running[resource] = operation
                return operation
        return None

    def finish(self, operation: Operation) -> None:
        """A running operation is over."""
        found = self._running.pop(operation.op.resource.id)
        assert found is operation

    def find(self, op_id: int) -> Operation | None:
        """The running or waiting operation of that id."""
        known = (*self._running.values(), *self._waiting)
        return next((operation for operation in known if operation.op.op_id == op_id), None)

    def child(self, child_id: int) -> Operation | None:
        """The running operation whose program has that child id."""
        return next((operation for operation in self._running.values() if operation.child_id == child_id), None)

    def drop(self, operation: Operation) -> None:
        """Take out one that waits."""
        self._waiting.remove(operation)

    def views(self) -> tuple[OpView, ...]:
        """Running first, then waiting, both in order."""
        return tuple(
            OpView(operation.op.op_id, operation.op.resource.id, operation.op.action, operation.started is not None)
            for operation in (*self._running.values(), *self._waiting)
        )

    def check(self) -> None:
        """Assert the bounds, and that ids are unique and what runs has a program."""
        assert len(self) <= self._capacity
        assert len(self._running) <= self._parallel
        ids = [operation.op.op_id for operation in (*self._running.values(), *self._waiting)]
        assert len(ids) == len(set(ids)), ids
        assert all(operation.child_id is not None for operation in self._running.values())
        assert all(operation.child_id is None for operation in self._waiting)
