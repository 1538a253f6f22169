"""What the state of collections' actions is, seen from an ordering."""

from __future__ import annotations

from hacluster.pe.assign.instances import parts
from hacluster.pe.model.action import Action, Flag, find_task
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.tasks import member_task

_START = Flag.OPTIONAL | Flag.RUNNABLE | Flag.PSEUDO
_INSIDE = frozenset({None, "notify", "notified", "promote", "promoted", "demote", "demoted"})


def instance_task(action: Action) -> str | None:
    """The task of a clone's instances that stands behind an action of the clone."""
    rsc = action.rsc
    assert rsc is not None, action.key
    child = rsc.instances[0]
    if action.task not in ("notify", "notified"):
        return member_task(child, action.task)
    # <id>_<pre|post|...>_notify_<task>_0: what is notified about is the last word but one.
    words = action.key.rsplit("_", 2)
    return member_task(child, words[1]) if len(words) == 3 else None


def _group_flags(action: Action, rsc: Resource, node: Node | None) -> int:
    flags = _START
    for member in rsc.instances:
        task = member_task(member, action.task)
        found = find_task(member, task or "no_action", node)
        if found is not None:
            member_flags = action_flags(found, node)
            if flags & Flag.OPTIONAL and not member_flags & Flag.OPTIONAL:
                flags &= ~Flag.OPTIONAL
                action.clear(Flag.OPTIONAL)
            if task != action.task and flags & Flag.RUNNABLE and not member_flags & Flag.RUNNABLE:
                flags &= ~Flag.RUNNABLE
                action.clear(Flag.RUNNABLE)
        elif task not in ("stop", "demote"):
            flags &= ~Flag.RUNNABLE
    return flags


_ANYWHERE = -1


def _by_node(children: list[Resource], task: str) -> dict[int, list[Action]]:
    """The newest action with that task of each child, by node, and wherever it is."""
    found: dict[int, list[Action]] = {_ANYWHERE: []}
    for child in children:
        newest: dict[int, Action] = {}
        for action in reversed(child.actions) if task in child.tasks else ():
            if action.task == task:
                newest.setdefault(_ANYWHERE, action)
                if action.node is not None:
                    newest.setdefault(action.node.idx, action)
        for node, action in newest.items():
            found.setdefault(node, []).append(action)
    return found


def _instances_actions(action: Action, rsc: Resource, children: list[Resource], node: Node | None) -> list[Action]:
    """What stands behind an action of a clone: of each instance one action, if it has one on the node."""
    task = instance_task(action) or "no_action"
    if rsc.kind is Kind.CLONE and not children[0].instances:
        if task not in rsc.tasks_below:
            rsc.tasks_below[task] = _by_node(children, task)
        return rsc.tasks_below[task].get(_ANYWHERE if node is None else node.idx, [])
    every = (find_task(child, task, None if child.instances else node) for child in children)
    return [found for found in every if found is not None]


def _summary(action: Action, rsc: Resource, children: list[Resource], node: Node | None) -> int:
    flags, runnable = _START, False
    for found in _instances_actions(action, rsc, children, node):
        child_flags = action_flags(found, node)
        if flags & Flag.OPTIONAL and not child_flags & Flag.OPTIONAL:
            flags &= ~Flag.OPTIONAL
            action.clear(Flag.OPTIONAL)
        runnable = runnable or bool(child_flags & Flag.RUNNABLE)
    if not runnable:
        flags &= ~Flag.RUNNABLE
        if node is None:
            action.clear(Flag.RUNNABLE)
    return flags


def action_flags(action: Action, node: Node | None) -> int:
    """The flags of an action; those of a collection's are what its members' actions make them.

    Members' needs are written back to the collection's action. They are looked at again only after one of them, or
    the action, has changed: large clones are asked once per edge.
    """
    rsc = action.rsc
    if rsc is None or rsc.kind is Kind.PRIMITIVE:
        return action.flags
    seen = rsc.seen_flags.get((action, node))
    if seen is not None and seen[0] == rsc.stamp and seen[1] == action.flags:
        return seen[2]
    found = _flags_below(action, rsc, node)
    rsc.seen_flags[action, node] = rsc.stamp, action.flags, found
    return found


def _flags_below(action: Action, rsc: Resource, node: Node | None) -> int:
    if rsc.kind is Kind.GROUP:
        return _group_flags(action, rsc, node)
    if rsc.kind is Kind.BUNDLE:
        child = rsc.bundle_data.child
        if child is not None and member_task(child, action.task) in _INSIDE:
            return _summary(action, rsc, child.instances, node)
    return _summary(action, rsc, parts(rsc), node)
