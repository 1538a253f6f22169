"""One plan that is being run: which tasks wait, which may begin, which have ended.

A task may begin when all its inputs are done; a milestone is done when it may begin. What may begin is kept by node, in
the order in which it should: the highest priority first, then as the plan has it. So a result costs what follows from
it, and a look at each node, however large the plan is.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections.abc import Set as AbstractSet

from hacluster.msg.transition import Plan, Task, TaskKind
from hacluster.te.limits import Room

_Entry = tuple[int, int, int]
"""Where a task stands in the order: priority turned round, place in the plan, id."""


class Run:
    """See the module. ``stale``: resources that wait for the next plan, since something ended that this one did not
    want. ``under_way``: ids of tasks that were begun under an earlier plan.
    """

    def __init__(self, plan: Plan, under_way: AbstractSet[int] = frozenset()) -> None:
        self.plan = plan
        self.tasks = {task.id: task for task in plan.tasks}
        self.done: set[int] = set()
        self.begun: set[int] = set(under_way)
        self.failed: set[int] = set()
        self.stale: set[str] = set()
        self.ended = False
        self._entries = {task.id: (-task.priority, place, task.id) for place, task in enumerate(plan.tasks)}
        self._waits: dict[int, int] = {}
        self._heirs: dict[int, list[int]] = {}
        self._ready: dict[str, list[_Entry]] = {}
        for task in plan.tasks:
            needs = {entry for entry in task.inputs if entry in self.tasks}
            self._waits[task.id] = len(needs)
            for entry in needs:
                self._heirs.setdefault(entry, []).append(task.id)
        self._release([task.id for task in plan.tasks if not self._waits[task.id]])

    def _release(self, free: list[int]) -> None:
        """These wait for nothing any more."""
        while free:
            ident = free.pop()
            task = self.tasks[ident]
            if task.kind is not TaskKind.PSEUDO:
                if ident not in self.begun:
                    insort(self._ready.setdefault(_bucket(task), []), self._entries[ident])
                continue
            self.begun.add(ident)
            free += self._done(ident)

    def _done(self, ident: int) -> list[int]:
        self.done.add(ident)
        free = []
        for heir in self._heirs.get(ident, ()):
            self._waits[heir] -= 1
            if not self._waits[heir]:
                free.append(heir)
        return free

    # ---- what begins

    @property
    def has_ready(self) -> bool:
        """Whether something could begin if there were room, and nothing held it."""
        return any(self._ready.values())

    def choose(self, room: Room, held: AbstractSet[str]) -> list[Task]:
        """What begins now: as much as there is room for, of resources that nothing holds."""
        chosen: list[Task] = []
        heads = [(bucket[0], node, 0) for node, bucket in self._ready.items() if bucket and room.has_room_on(node)]
        heapq.heapify(heads)
        while heads and not room.is_full:
            entry, node, at = heapq.heappop(heads)
            bucket, task = self._ready[node], self.tasks[entry[2]]
            if room.has_room(task) and not (task.resource and task.resource in held):
                del bucket[at]
                room.take(task)
                self.begun.add(task.id)
                chosen.append(task)
            else:
                at += 1
            if at < len(bucket) and room.has_room_on(node):
                heapq.heappush(heads, (bucket[at], node, at))
        return chosen

    # ---- what ends

    def finish(self, ident: int) -> None:
        """A task is done: what waited for it alone may begin."""
        self._release(self._done(ident))

    def fail(self, ident: int) -> None:
        """A task has failed: what waits for it is not begun."""
        self.failed.add(ident)

    @property
    def left(self) -> list[Task]:
        """What was not begun."""
        return [task for task in self.plan.tasks if task.id not in self.begun]

    def check(self) -> None:
        """Assert every invariant."""
        assert self.done <= self.begun, (self.done, self.begun)
        assert not (self.done & self.failed), (self.done, self.failed)
        for bucket in self._ready.values():
            assert bucket == sorted(bucket), bucket
            assert not self.begun.intersection(entry[2] for entry in bucket), bucket


def _bucket(task: Task) -> str:
    """On whose node's limits it counts first; empty: on none's."""
    return task.node if task.kind is TaskKind.RESOURCE else ""
