"""Letting orderings change actions until nothing changes any more.

What makes an action required or impossible goes along the edges, forwards and backwards. The way is the original's:
depth first, since an edge may be replaced on the way and later visits see that.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from hacluster.base.score import INFINITY
from hacluster.base.values import is_true
from hacluster.pe.assign.instances import find_compatible, parts
from hacluster.pe.assign.primitive import force_place
from hacluster.pe.assign.relations import with_this
from hacluster.pe.model.action import (
    Action,
    Edge,
    Flag,
    Order,
    find_first,
    find_task,
    notify_key,
    op_key,
    order,
    parse_op_key,
)
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.tasks import DONE, UNDONE
from hacluster.pe.ordering.flags import action_flags, instance_task
from hacluster.pe.ordering.pairwise import apply_pair

FIRST: Final = 0x1
THEN: Final = 0x2


class View(NamedTuple):
    """How an ordering looks at two actions: on which node, with which flags of the first, and which flags matter."""

    node: Node | None
    flags: int
    filtered: int
    kind: int


def _update_pair(first: Action, then: Action, view: View) -> int:
    first_had, then_had = first.flags, then.flags
    apply_pair(first, then, view.flags, view.filtered, view.kind)
    changed = 0
    if then_had != then.flags:
        changed |= THEN
        if then.rsc is not None and then.rsc.parent is not None:
            update(then)
    if first_had != first.flags:
        changed |= FIRST
    return changed


def _update_group(first: Action, then: Action, view: View) -> int:
    changed = _update_pair(first, then, view)
    assert then.rsc is not None
    for member in then.rsc.instances:
        found = find_task(member, then.task, view.node)
        if found is not None:
            changed |= _update_ordered(first, found, view, member)
    return changed


def _interleaves(first: Action, then: Action) -> bool:
    one, other = first.rsc, then.rsc
    if one is None or other is None or one is other or one.kind < Kind.CLONE or other.kind < Kind.CLONE:
        return False
    down = then.key.endswith(("_stop_0", "_demote_0"))
    return is_true((one if down else other).meta.get("interleave"))


_INSIDE: Final = frozenset({"promote", "promoted", "demote", "demoted"})


def _instance_action(action: Action, instance: Resource, task: str, node: Node | None, *, first: bool) -> Action | None:
    """What an instance does for an action of its collection.

    What waits for a bundle waits for what runs in its containers; only what waits for its end waits for the containers.
    What a bundle waits for its containers wait for, unless it is a change of role.
    """
    inside = action.task not in ("stop", "stopped") if first else action.task in _INSIDE
    child = instance.replica.child if inside and instance.replica is not None else None
    if child is not None:
        return find_first(child.actions, None, task, None)
    return find_first(instance.actions, None, task, node)


def _update_interleaved(first: Action, then: Action, view: View) -> int:
    """Instances are ordered pair by pair, those on one node with one another."""
    assert first.rsc is not None
    assert then.rsc is not None
    current = first.key.endswith(("_stopped_0", "_demoted_0"))
    first_task = instance_task(first) or "no_action"
    changed, node, kind = 0, view.node, view.kind
    for then_child in parts(then.rsc):
        first_child = find_compatible(then_child, first.rsc, Role.UNKNOWN, int(current))
        if first_child is None:
            if not current and kind & (Order.RUNNABLE_LEFT | Order.IMPLIES_THEN):
                # What it needs is nowhere: it cannot be anywhere either.
                changed |= THEN if force_place(then_child, None) else 0
            continue
        first_action = _instance_action(first, first_child, first_task, node, first=True)
        then_action = None if first_action is None else _instance_action(then, then_child, then.task, node, first=False)
        if first_action is None or then_action is None:
            continue
        if order(first_action, then_action, kind):
            then_action.before[-1].cause = next((edge.cause for edge in then.before if edge.action is first), None)
            changed |= FIRST | THEN
        own = view._replace(flags=action_flags(first_action, node))
        changed |= _update_ordered(first_action, then_action, own, then_child)
    return changed


def _update_instances(first: Action, then: Action, view: View) -> int:
    if _interleaves(first, then):
        return _update_interleaved(first, then, view)
    changed = _update_pair(first, then, view)
    assert then.rsc is not None
    for child in parts(then.rsc):
        found = find_task(child, then.task, view.node)
        if found is None or not action_flags(found, view.node) & Flag.RUNNABLE:
            continue
        child_changed = _update_ordered(first, found, view, child)
        changed |= child_changed
        if child_changed & THEN:
            for after in reversed(list(found.after)):
                update(after)
    return changed


def _update_ordered(first: Action, then: Action, view: View, rsc: Resource) -> int:
    """Let an ordering take effect in the way of ``rsc``, one of the two resources."""
    if rsc.kind is Kind.PRIMITIVE:
        return _update_pair(first, then, view)
    if rsc.kind is Kind.GROUP:
        return _update_group(first, then, view)
    return _update_instances(first, then, view)


def _implies_then(first: Action, then: Action, node: Node | None, flags: int) -> int:
    if then.rsc is not None:
        return _update_ordered(
            first, then, View(node, flags & Flag.OPTIONAL, Flag.OPTIONAL, Order.IMPLIES_THEN), then.rsc
        )
    if not flags & Flag.OPTIONAL and then.optional:
        then.clear(Flag.OPTIONAL)
        return THEN
    return 0


def _implies_first(first: Action, then: Action, node: Node | None, flags: int) -> int:
    if first.rsc is not None:
        return _update_ordered(first, then, View(node, flags, Flag.OPTIONAL, Order.IMPLIES_FIRST), first.rsc)
    if not flags & Flag.OPTIONAL and first.can_run:
        first.clear(Flag.RUNNABLE)
        return FIRST
    return 0


def _one_or_more(first: Action, then: Action, node: Node | None, flags: int) -> int:
    if then.rsc is not None:
        return _update_ordered(first, then, View(node, flags, Flag.RUNNABLE, Order.ONE_OR_MORE), then.rsc)
    if flags & Flag.RUNNABLE:
        then.runnable_before += 1
        if then.runnable_before >= then.required_runnable and not then.can_run:
            then.set(Flag.RUNNABLE)
            return THEN
    return 0


def _runnable_left(first: Action, then: Action, node: Node | None, flags: int) -> int:
    if then.rsc is not None:
        return _update_ordered(first, then, View(node, flags, Flag.RUNNABLE, Order.RUNNABLE_LEFT), then.rsc)
    if not flags & Flag.RUNNABLE and then.can_run:
        then.clear(Flag.RUNNABLE)
        return THEN
    return 0


def _probe(first: Action, then: Action, node: Node | None, flags: int, edge: Edge) -> int:
    if then.rsc is None or first.rsc is None:
        return 0
    if not flags & Flag.RUNNABLE and first.rsc.active_on:
        edge.type = Order.NONE
        return 0
    return _update_ordered(first, then, View(node, flags, Flag.RUNNABLE, Order.RUNNABLE_LEFT), then.rsc)


_SIMPLE: Final = (
    (Order.IMPLIES_FIRST_MIGRATABLE, Flag.OPTIONAL),
    (Order.PSEUDO_LEFT, Flag.OPTIONAL),
    (Order.OPTIONAL, Flag.RUNNABLE),
    (Order.ASYMMETRICAL, Flag.RUNNABLE),
)
_ANY_SIMPLE: Final = Order.IMPLIES_FIRST_MIGRATABLE | Order.PSEUDO_LEFT | Order.OPTIONAL | Order.ASYMMETRICAL


def _apply_edge(first: Action, then: Action, flags: int, then_flags: int, edge: Edge) -> int:
    """Let every kind of ordering that an edge stands for take effect; answers with what changed."""
    changed, node = 0, then.node
    if edge.type & Order.IMPLIES_THEN_ON_NODE:
        edge.type = (edge.type & ~Order.IMPLIES_THEN_ON_NODE) | Order.IMPLIES_THEN
        node = first.node
    if edge.type & Order.IMPLIES_THEN:
        changed |= _implies_then(first, then, node, flags)
    if edge.type & Order.RESTART and then.rsc is not None:
        both = Flag.OPTIONAL | Flag.RUNNABLE
        changed |= _update_ordered(first, then, View(node, flags, both, Order.RESTART), then.rsc)
    if edge.type & Order.IMPLIES_FIRST:
        changed |= _implies_first(first, then, node, flags)
    if edge.type & Order.PROMOTED_IMPLIES_FIRST and then.rsc is not None:
        changed |= _update_ordered(
            first, then, View(node, flags & Flag.OPTIONAL, Flag.OPTIONAL, Order.PROMOTED_IMPLIES_FIRST), then.rsc
        )
    if edge.type & Order.ONE_OR_MORE:
        changed |= _one_or_more(first, then, node, flags)
    if edge.type & Order.PROBE:
        changed |= _probe(first, then, node, flags, edge)
    if edge.type & Order.RUNNABLE_LEFT:
        changed |= _runnable_left(first, then, node, flags)
    if edge.type & _ANY_SIMPLE and then.rsc is not None:
        for kind, filtered in _SIMPLE:
            if edge.type & kind:
                changed |= _update_ordered(first, then, View(node, flags, filtered, kind), then.rsc)
    return changed | _mark_printed(first, then, flags, then_flags, edge)


def _mark_printed(first: Action, then: Action, flags: int, then_flags: int, edge: Edge) -> int:
    """Milestones are part of the graph if what they are the milestone of is."""
    if first.can_run and edge.type & Order.THEN_PRINTED and not flags & Flag.OPTIONAL:
        then.set(Flag.ALWAYS)
    if edge.type & Order.FIRST_PRINTED and not then_flags & Flag.OPTIONAL:
        first.set(Flag.ALWAYS)
    rsc = first.rsc
    if (
        edge.type & (Order.IMPLIES_THEN | Order.IMPLIES_FIRST | Order.RESTART)
        and rsc is not None
        and not rsc.managed
        and rsc.blocked
        and not first.can_run
        and first.task == "stop"
        and then.can_run
    ):
        # A blocked stop blocks all that it is needed for.
        then.clear(Flag.RUNNABLE)
        return THEN
    return 0


def _milestone_of(action: Action) -> Action:
    """What others wait for when they wait for a collection's task: the milestone after it."""
    rsc = action.rsc
    if rsc is None or rsc.kind is Kind.PRIMITIVE or "notify" in action.key:
        return action
    parsed = parse_op_key(action.key)
    if parsed is None or parsed[2] > 0:
        return action
    task = DONE.get(parsed[1], parsed[1] if parsed[1] in UNDONE else None)
    if task is None:
        return action
    notified = rsc.notify and (rsc.is_clone or rsc.kind is Kind.BUNDLE or rsc.bundled)
    key = notify_key(parsed[0], "confirmed-post", task) if notified else op_key(parsed[0], task)
    return find_first(rsc.actions, key, None, None) or action


def _flags_for_ordering(action: Action, node: Node | None) -> int:
    rsc = action.rsc
    if rsc is None or rsc.kind is Kind.PRIMITIVE:
        return action.flags
    flags = action_flags(action, None)
    if node is None or not rsc.is_clone:
        return flags
    runnable = flags & Flag.RUNNABLE
    return action_flags(action, node) | runnable


def _group_start_node(action: Action) -> Node | None:
    """Where a group's start happens: its own actions have no node."""
    rsc = action.rsc
    if rsc is not None and rsc.kind is Kind.GROUP and action.task == "start":
        return rsc.location(0)
    return action.node


def _update_edge(edge: Edge, then: Action) -> int:
    first = edge.action
    first_node, then_node = _group_start_node(first), _group_start_node(then)
    if edge.type & Order.SAME_NODE and first_node is not None and then_node is not None and first_node is not then_node:
        edge.type = Order.NONE
        return 0
    if first.rsc is not None and edge.type & Order.THEN_CANCELS_FIRST and not then.optional:
        first.set(Flag.OPTIONAL)
        if first.task == "reload-agent":
            first.rsc.reload = False
    if (
        first.rsc is not None
        and then.rsc is not None
        and first.rsc is not then.rsc
        and not then.rsc.is_inside(first.rsc)
    ):
        first = _milestone_of(first)
    changed = 0
    if first is edge.action:
        flags = _flags_for_ordering(first, then_node)
        changed = _apply_edge(first, then, flags, _flags_for_ordering(then, first_node), edge)
    elif order(first, then, edge.type, edge.cause):
        changed = THEN
        edge.type = Order.NONE
    if changed & FIRST:
        if first.rsc is not None:
            first.rsc.cluster.pulling.add(then)
        for after in reversed(list(first.after)):
            update(after)
        update(first)
    return changed


def update(then: Action) -> None:
    """Let all orderings that end at an action take effect, and what that changes along the others."""
    last_flags, changed = then.flags, 0
    if then.flags & Flag.REQUIRES_ANY:
        then.runnable_before = 0
        then.required_runnable = then.required_runnable or 1
        then.clear(Flag.RUNNABLE)
    for edge in then.before[::-1]:
        changed |= _update_edge(edge, then) & THEN
    if then.flags & Flag.REQUIRES_ANY:
        changed = THEN if last_flags != then.flags else 0
    if not changed:
        return
    if last_flags & Flag.RUNNABLE and not then.can_run:
        block_dependents(then)
    update(then)
    for after in reversed(list(then.after)):
        update(after)


def _block(rsc: Resource, task: str, reason: Resource) -> None:
    for action in list(reversed(rsc.actions)):
        if action.can_run and action.task == task:
            action.clear(Flag.RUNNABLE)
            action.say_why(f"colocation with {reason.id}", overwrite=False)
            block_dependents(action)
            update(action)
    for child in rsc.instances:
        _block(child, task, reason)


def block_dependents(action: Action) -> None:
    """What must be with something that cannot start (or be promoted) cannot either."""
    if action.can_run or action.task not in ("start", "promote") or action.rsc is None:
        return
    rsc = action.rsc.top
    if rsc.parent is not None:
        rsc = rsc.parent
    entries = with_this(rsc)
    if not entries:
        return
    for child in rsc.instances:
        found = find_first(child.actions, None, action.task, None)
        if found is None or found.can_run:
            return
    for entry in list(entries):
        if entry.score < INFINITY or (action.task == "promote" and entry.primary_role is not Role.PROMOTED):
            continue
        task = "promote" if entry.dependent_role is Role.PROMOTED else "start"
        _block(entry.dependent, task, action.rsc)
