"""The queue of operations: one at a time per resource, in the order of asking, and a limit on all together.

How many may run is a limit on those that *work*: a program that has run for longer than ``slow_ms`` mostly waits, for a
service or for ever, and must not keep others from their turn. A second limit bounds all that run.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.machine import Instant, after
from hacluster.lrm.call import Call
from hacluster.msg.lrm import OpView, StartOp

Key = tuple[str, int]
"""Who asked, and the number that he chose."""

BEGINNING: Final = Instant(0)


def key_of(op: StartOp) -> Key:
    """What names an operation here."""
    return op.asker, op.op_id


@dataclass(slots=True)
class Operation:
    """One run of an operation on its way. ``attempt``: the candidate being tried; ``kill_at``: when KILL follows."""

    op: StartOp
    timeout_ms: int
    call: Call
    asked: Instant = BEGINNING
    attempt: int = 0
    child_id: int | None = None
    started: Instant | None = None
    cancelled: bool = False
    kill_at: Instant | None = None
    by_shell: bool = field(default=False)
    order: int = 0
    slow: bool = False
    began_s: int = 0

    @property
    def resource(self) -> str:
        """The resource that it is about."""
        return self.op.resource.id


class OperationQueue:
    """What waits and runs. ``parallel`` bounds those that work, ``most`` those that run, ``capacity`` all."""

    def __init__(self, parallel: int, capacity: int, *, most: int, slow_ms: int) -> None:
        assert parallel >= 1, parallel
        self._parallel, self._capacity = parallel, capacity
        self._most, self._slow_ms = max(most, parallel), slow_ms
        self._waiting: dict[str, deque[Operation]] = {}
        self._ready: list[tuple[int, str]] = []
        self._running: dict[str, Operation] = {}
        self._by_key: dict[Key, Operation] = {}
        self._by_child: dict[int, Operation] = {}
        self._young: deque[Operation] = deque()
        self._working = 0
        self._serial = 0

    def __len__(self) -> int:
        return len(self._by_key)

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
        self._serial += 1
        operation.order = self._serial
        self._by_key[key_of(operation.op)] = operation
        line = self._waiting.setdefault(operation.resource, deque())
        line.append(operation)
        if len(line) == 1 and operation.resource not in self._running:
            heapq.heappush(self._ready, (operation.order, operation.resource))

    def next(self, now: Instant) -> Operation | None:
        """The earliest operation that may start now, which then counts as running; ``None`` when there is none."""
        self._let_age(now)
        if self._working >= self._parallel or len(self._running) >= self._most:
            return None
        while self._ready:
            order, resource = heapq.heappop(self._ready)
            line = self._waiting.get(resource)
            if not line or line[0].order != order or resource in self._running:
                continue  # it was taken out meanwhile
            operation = line.popleft()
            if not line:
                del self._waiting[resource]
            operation.started = now
            self._running[resource] = operation
            self._young.append(operation)
            self._working += 1
            return operation
        return None

    def _let_age(self, now: Instant) -> None:
        while self._young:
            first = self._young[0]
            assert first.started is not None
            if self._running.get(first.resource) is first and not first.slow:
                if after(first.started, self._slow_ms) > now:
                    return
                first.slow = True
                self._working -= 1
            self._young.popleft()

    def deadline(self) -> Instant | None:
        """When something that waits may begin because what runs has become slow."""
        if not self._ready or not self._young or len(self._running) >= self._most:
            return None
        first = self._young[0].started
        assert first is not None
        return after(first, self._slow_ms)

    def spawned(self, operation: Operation, child_id: int) -> None:
        """A running operation has a (new) program."""
        if operation.child_id is not None:
            self._by_child.pop(operation.child_id, None)
        operation.child_id = child_id
        self._by_child[child_id] = operation

    def finish(self, operation: Operation) -> None:
        """A running operation is over."""
        found = self._running.pop(operation.resource)
        assert found is operation
        del self._by_key[key_of(operation.op)]
        if operation.child_id is not None:
            self._by_child.pop(operation.child_id, None)
        if not operation.slow:
            operation.slow = True
            self._working -= 1
        line = self._waiting.get(operation.resource)
        if line:
            heapq.heappush(self._ready, (line[0].order, operation.resource))

    def find(self, key: Key) -> Operation | None:
        """The running or waiting operation of that key."""
        return self._by_key.get(key)

    def child(self, child_id: int) -> Operation | None:
        """The running operation whose program has that child id."""
        return self._by_child.get(child_id)

    def drop(self, operation: Operation) -> None:
        """Take out one that waits."""
        line = self._waiting[operation.resource]
        line.remove(operation)
        del self._by_key[key_of(operation.op)]
        if not line:
            del self._waiting[operation.resource]
        elif operation.resource not in self._running:
            heapq.heappush(self._ready, (line[0].order, operation.resource))

    def all(self) -> Iterator[Operation]:
        """Running first, then waiting, both in order."""
        yield from self._running.values()
        waiting = [operation for line in self._waiting.values() for operation in line]
        yield from sorted(waiting, key=lambda operation: operation.order)

    def views(self) -> tuple[OpView, ...]:
        """All, as they are told."""
        return tuple(
            OpView(entry.op.op_id, entry.resource, entry.op.action, entry.started is not None) for entry in self.all()
        )

    def check(self) -> None:
        """Assert the bounds, and that what runs has a program and counts once."""
        assert len(self) <= self._capacity
        assert len(self._running) <= self._most
        working = [operation for operation in self._running.values() if not operation.slow]
        assert self._working == len(working) <= self._parallel, (self._working, len(working))
        assert len(self) == len(self._running) + sum(len(line) for line in self._waiting.values())
        assert all(operation.child_id is not None for operation in self._running.values())
        assert all(operation.child_id is None for line in self._waiting.values() for operation in line)
        ready = {resource for _, resource in self._ready}
        assert all(resource in ready for resource in self._waiting if resource not in self._running), ready
