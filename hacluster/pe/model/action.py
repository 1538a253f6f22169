"""Actions and the edges between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hacluster.pe.model.kinds import Needs, OnFail, Role

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.pe.model.births import Birth
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource


class Flag:
    """Flags of an action."""

    PSEUDO: Final = 0x1
    RUNNABLE: Final = 0x2
    OPTIONAL: Final = 0x4
    ALWAYS: Final = 0x8
    HAVE_NODE_ATTRS: Final = 0x10
    MIGRATE_RUNNABLE: Final = 0x80
    DUMPED: Final = 0x100
    DANGLE: Final = 0x800
    REQUIRES_ANY: Final = 0x1000
    RESCHEDULE: Final = 0x2000
    TRACKING: Final = 0x4000
    DEDUP: Final = 0x8000
    DC: Final = 0x10000


class Order:
    """What an edge means beside "first before then"; the names say who implies or enables whom."""

    NONE: Final = 0x0
    OPTIONAL: Final = 0x1
    FIRST_NON_MIGRATABLE: Final = 0x2
    IMPLIES_FIRST: Final = 0x10
    IMPLIES_THEN: Final = 0x20
    PROMOTED_IMPLIES_FIRST: Final = 0x40
    IMPLIES_FIRST_MIGRATABLE: Final = 0x80
    RUNNABLE_LEFT: Final = 0x100
    PSEUDO_LEFT: Final = 0x200
    IMPLIES_THEN_ON_NODE: Final = 0x400
    PROBE: Final = 0x800
    RESTART: Final = 0x1000
    SERIALIZE: Final = 0x4000
    SAME_NODE: Final = 0x8000
    FIRST_PRINTED: Final = 0x10000
    THEN_PRINTED: Final = 0x20000
    ASYMMETRICAL: Final = 0x100000
    LOAD: Final = 0x200000
    ONE_OR_MORE: Final = 0x400000
    ANTI_COLOCATION: Final = 0x800000
    PRESERVE: Final = 0x1000000
    THEN_CANCELS_FIRST: Final = 0x2000000


@dataclass(slots=True, eq=False)
class Edge:
    """An incoming edge: ``action`` comes first. ``dumped`` once it is part of the graph.

    ``cause`` is the id of the constraint that asks for it, ``None`` if what the actions are asks for it.
    """

    action: Action
    type: int
    dumped: bool = False
    cause: str | None = None


class Action:
    """Something to do, or a milestone (pseudo-action) that others wait for.

    ``id`` counts actions as they are made; ``born`` says when that was (:mod:`hacluster.pe.model.births`).
    """

    __slots__ = (
        "after", "before", "born", "cancel_task", "extra", "fail_role", "flags", "id", "key", "meta", "needs", "node",
        "on_fail", "op", "priority", "reason", "required_runnable", "rsc", "runnable_before", "task",
    )  # fmt: skip

    def __init__(self, key: str, task: str, rsc: Resource | None, node: Node | None, flags: int) -> None:
        self.id = 0
        self.born: Birth = ()
        self.key = key
        self.task = task
        self.rsc = rsc
        self.node = node
        self.flags = flags
        self.op: XML | None = None
        self.meta: dict[str, str] = {}
        self.extra: dict[str, str] = {}
        self.needs = Needs.NOTHING
        self.on_fail = OnFail.IGNORE
        self.fail_role = Role.UNKNOWN
        self.priority = 0
        self.reason: str | None = None
        self.cancel_task: str | None = None
        self.runnable_before = 0
        self.required_runnable = 0
        self.before: list[Edge] = []
        self.after: dict[Action, int] = {}

    def __repr__(self) -> str:
        return f"<action {self.key} {self.node.name if self.node else '-'} {self.flags:#x}>"

    @property
    def optional(self) -> bool:
        """Nothing needs it."""
        return bool(self.flags & Flag.OPTIONAL)

    @property
    def can_run(self) -> bool:
        """Nothing keeps it from running."""
        return bool(self.flags & Flag.RUNNABLE)

    @property
    def pseudo(self) -> bool:
        """A milestone."""
        return bool(self.flags & Flag.PSEUDO)

    def set(self, flags: int) -> None:
        """Set flags."""
        if flags & ~self.flags:
            self.flags |= flags
            self.touch()

    def clear(self, flags: int) -> None:
        """Clear flags."""
        if flags & self.flags:
            self.flags &= ~flags
            self.touch()

    def appear(self) -> None:
        """Let the collections above know that there is an action that was not there, or not as this."""
        parent = None if self.rsc is None else self.rsc.parent
        while parent is not None:
            parent.stamp += 1
            parent.tasks_below.clear()
            parent = parent.parent

    def touch(self) -> None:
        """Let the collections above know that something about the action is different: they keep what they saw."""
        parent = None if self.rsc is None else self.rsc.parent
        while parent is not None:
            parent.stamp += 1
            parent = parent.parent

    def say_why(self, reason: str | None, overwrite: bool) -> None:
        """Give the reason that people see; the first one stays unless it is to be overwritten."""
        if self.reason is None or overwrite:
            self.reason = reason

    def default_meta(self, name: str, value: str | None) -> None:
        """Add a meta-attribute unless it is there already or the value says nothing."""
        if value is not None and value.lower() != "#default":
            self.meta.setdefault(name, value)


def order(first: Action | None, then: Action | None, flags: int, cause: str | None = None) -> bool:
    """Make ``first`` come before ``then``, because of that constraint if one is named; true if that is new."""
    if first is None or then is None or flags == Order.NONE:
        return False
    known = first.after.get(then, 0)
    if known & flags:
        return False
    first.after[then] = known | flags
    then.before.append(Edge(first, flags, cause=cause))
    return True


_SPECIAL: Final = re.compile(
    r"^(.*)_(migrate_(?:from|to)|(?:pre|post)_notify_(?:[a-z]+|migrate_(?:from|to)))_([0-9]+)$", re.DOTALL
)


def op_key(rsc_id: str, task: str, interval: int = 0) -> str:
    """The key of an operation: ``<resource>_<task>_<interval in ms>``."""
    return f"{rsc_id}_{task}_{interval}"


def notify_key(rsc_id: str, kind: str | None, task: str | None) -> str:
    """The key of a notification: ``<resource>_<pre|post|…>_notify_<task>_0``."""
    return f"{rsc_id}_{kind}_notify_{task}_0"


def parse_op_key(key: str) -> tuple[str, str, int] | None:
    """Resource, task and interval in ms of a key; ``None`` if it is none."""
    match = _SPECIAL.match(key)
    if match is not None and key.count("_") > 2:
        return match[1], match[2], int(match[3])
    head, separator, interval = key.rpartition("_")
    rsc_id, second, task = head.rpartition("_")
    if not separator or not second or not interval.isdecimal():
        return None
    return rsc_id, task, int(interval)


def find_first(actions: list[Action], key: str | None, task: str | None, node: Node | None) -> Action | None:
    """The newest action with that key or task, on that node if one is given."""
    for action in reversed(actions):
        if task is not None and action.task != task:
            continue
        if (key is None or action.key == key) and (node is None or action.node is node):
            return action
    return None


def find_task(rsc: Resource, task: str, node: Node | None) -> Action | None:
    """The newest action of a resource with that task, on that node if one is given; most have none."""
    return find_first(rsc.actions, None, task, node) if task in rsc.tasks else None


def find_keyed(rsc: Resource, key: str, node: Node | None) -> list[Action]:
    """The actions of a resource with that key, oldest first.

    With a node, those on it; one that has no node yet is taken as being there.
    """
    found = rsc.by_key.get(key)
    if not found:
        return []
    if node is None:
        return list(found)
    result = []
    for action in found:
        if action.node is None:
            action.node = node
            action.appear()
        if action.node is node:
            result.append(action)
    return result


def find_exact(rsc: Resource, key: str, node: Node | None) -> list[Action]:
    """The actions of a resource with that key on exactly that node, oldest first."""
    return [] if node is None else [action for action in rsc.by_key.get(key, ()) if action.node is node]


def resource_actions(rsc: Resource, node: Node | None, task: str, require_node: bool) -> list[Action]:
    """The one-off actions of a resource with that task, oldest first."""
    key = f"{rsc.id}_{task}_0"
    return find_exact(rsc, key, node) if require_node else find_keyed(rsc, key, node)
