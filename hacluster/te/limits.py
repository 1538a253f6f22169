"""How much may be under way at one time: in the whole cluster, on a node, and of live migrations on a node.

As Pacemaker's controller counts: everything that is under way counts in the cluster (``batch-limit``), operations of
agents on their nodes, and a live migration on both its nodes (``migration-limit``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from hacluster.msg.transition import JobLimits, Plan, Task, TaskKind

_MIGRATIONS: Final = frozenset({"migrate_to", "migrate_from"})


def nodes_of(task: Task) -> tuple[str, ...]:
    """The nodes on whose limits a task counts."""
    if task.kind is not TaskKind.RESOURCE:
        return ()
    if task.operation in _MIGRATIONS:
        ends = (task.meta("migrate_source"), task.meta("migrate_target"))
        if all(ends):
            return ends
    return (task.node,)


class Room:
    """What room there is, beside what is under way."""

    def __init__(self, plan: Plan, limits: JobLimits, running: Iterable[Task]) -> None:
        self._nodes, self._other, self._most_migrations = dict(limits.nodes), limits.other, plan.migration_limit
        self._total = 0
        self._jobs: Counter[str] = Counter()
        self._migrations: Counter[str] = Counter()
        self._most = limits.total_with(plan.batch_limit)
        for task in running:
            self.take(task)

    @property
    def is_full(self) -> bool:
        """Whether the cluster has room for nothing more."""
        return 0 < self._most <= self._total

    def has_room_on(self, node: str) -> bool:
        """Whether a node has room for one more; ``""``: what counts on no node."""
        return not node or not 0 < self._nodes.get(node, self._other) <= self._jobs[node]

    def has_room(self, task: Task) -> bool:
        """Whether one more may begin."""
        if self.is_full:
            return False
        return all(self._fits(node, task) for node in nodes_of(task))

    def _fits(self, node: str, task: Task) -> bool:
        return self.has_room_on(node) and not (
            task.operation in _MIGRATIONS and 0 < self._most_migrations <= self._migrations[node]
        )

    def take(self, task: Task) -> None:
        """One more is under way."""
        self._total += 1
        for node in nodes_of(task):
            self._jobs[node] += 1
            if task.operation in _MIGRATIONS:
                self._migrations[node] += 1
