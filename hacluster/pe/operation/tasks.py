"""The words for what is done, and which milestone follows which task."""

from __future__ import annotations

from typing import Final

from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource

DONE: Final = {"stop": "stopped", "start": "running", "notify": "notified", "promote": "promoted", "demote": "demoted"}
"""The milestone that says a task is done everywhere."""

UNDONE: Final = {done: task for task, done in DONE.items()}
"""The task whose milestone this is."""

KNOWN: Final = frozenset({*DONE, *UNDONE, "monitor", "do_shutdown", "stonith"})
"""The tasks that orderings between collections know."""


def member_task(rsc: Resource, task: str) -> str | None:
    """What a collection's task is for one of its members: a primitive knows no milestones. ``None`` if unknown."""
    if task not in KNOWN:
        return None
    if rsc.kind is Kind.PRIMITIVE and task != "notified":
        return UNDONE.get(task, task)
    return task
