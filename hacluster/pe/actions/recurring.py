"""Recurring operations of active and of inactive instances."""

from __future__ import annotations

from typing import Final, NamedTuple

from hacluster.pe.actions.cancel import cancel_action
from hacluster.pe.model.action import Action, Flag, Order, find_exact, op_key, order, resource_actions
from hacluster.pe.model.kinds import Role, parse_role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import find_op, op_entries
from hacluster.pe.operation.create import custom_action, task_action
from hacluster.pe.operation.orderings import new_ordering, order_after_task, order_before_task

_NEVER_RECUR: Final = frozenset({"stop", "start", "demote", "promote", "reload-agent", "migrate_to", "migrate_from"})


class _Recurring(NamedTuple):
    name: str
    interval: int
    role: Role
    key: str


def _recurring_ops(rsc: Resource) -> list[_Recurring]:
    found = []
    entries = op_entries(rsc)
    for entry in entries:
        if entry.interval == 0 or not entry.xml.get("id") or entry.name in _NEVER_RECUR:
            continue
        twins = sum(other.name == entry.name and other.interval == entry.interval for other in entries)
        key = op_key(rsc.id, entry.name, entry.interval)
        if twins > 1 or find_op(rsc, entry.name, entry.interval) is None:
            continue
        word = entry.xml.get("role")
        role = parse_role(word)
        if word is None or role is not Role.UNKNOWN:
            found.append(_Recurring(entry.name, entry.interval, role, key))
    return found


def _runs_unchanged(rsc: Resource, node: Node | None, key: str, start: Action) -> bool:
    """Whether the operation runs there now and may go on."""
    if node is None or not start.optional:
        return False
    found = find_exact(rsc, key, node)
    return bool(found) and not any(action.flags & Flag.RESCHEDULE for action in found)


def _cancel_for_role(rsc: Resource, node: Node | None, op: _Recurring) -> None:
    """It was for another role than the one to come."""
    cancel = cancel_action(rsc, op.name, op.interval, node)
    before: str | None = None
    if rsc.role in (Role.STARTED, Role.UNPROMOTED):
        before = {Role.PROMOTED: "promote", Role.STOPPED: "stop"}.get(rsc.next_role)
    elif rsc.role is Role.PROMOTED:
        before = "demote"
    if before is not None:
        order_before_task(cancel, rsc, before, Order.RUNNABLE_LEFT)


def _for_active(rsc: Resource, start: Action, node: Node | None, op: _Recurring) -> None:
    if op.role is Role.STOPPED:
        return
    optional = _runs_unchanged(rsc, node, op.key, start)
    promoted = rsc.next_role is Role.PROMOTED
    if promoted if op.role is Role.UNKNOWN else rsc.next_role is not op.role:
        if optional:
            _cancel_for_role(rsc, node, op)
        return
    monitor = custom_action(rsc, op.key, op.name, node, optional=optional)
    if not start.can_run or node is None or not node.online or node.unclean:
        monitor.clear(Flag.RUNNABLE)
    if rsc.next_role is Role.PROMOTED:
        monitor.meta["op_target_rc"] = "8"
    if node is None or rsc.managed:
        up = Order.IMPLIES_THEN | Order.RUNNABLE_LEFT
        order_after_task(rsc, "start", monitor, up)
        order_after_task(rsc, "reload-agent", monitor, up)
        if rsc.next_role is Role.PROMOTED:
            order_after_task(rsc, "promote", monitor, Order.OPTIONAL | Order.RUNNABLE_LEFT)
        elif rsc.role is Role.PROMOTED:
            order_after_task(rsc, "demote", monitor, Order.OPTIONAL | Order.RUNNABLE_LEFT)


def _after_stops(rsc: Resource, node: Node, monitor: Action) -> None:
    for stop in resource_actions(rsc, node, "stop", True):
        if not stop.optional and not monitor.optional and not rsc.managed:
            monitor.set(Flag.OPTIONAL)
        if not stop.can_run:
            monitor.clear(Flag.RUNNABLE)
        if rsc.managed:
            order_after_stop(rsc, stop, monitor)


def order_after_stop(rsc: Resource, stop: Action, then: Action) -> None:
    """Write down that an action needs that stop."""
    new_ordering(stop, op_key(rsc.id, "stop"), then, None, Order.IMPLIES_THEN | Order.RUNNABLE_LEFT)


def _for_inactive(rsc: Resource, node: Node | None, op: _Recurring) -> None:
    """Monitors with role Stopped run on every node where the resource is not."""
    if op.role is not Role.STOPPED or not rsc.unique:
        return
    for other in rsc.cluster.nodes:
        if other is node:
            if find_exact(rsc, op.key, node):
                cancel = cancel_action(rsc, op.name, op.interval, node)
                if rsc.next_role in (Role.STARTED, Role.UNPROMOTED):
                    order_before_task(cancel, rsc, "start", Order.RUNNABLE_LEFT)
            continue
        optional = bool(find_exact(rsc, op.key, other))
        monitor = custom_action(rsc, op.key, op.name, other, optional=optional)
        monitor.meta["op_target_rc"] = "7"
        if rsc.managed:
            for probe in resource_actions(rsc, other, "monitor", False):
                order(probe, monitor, Order.RUNNABLE_LEFT)
        _after_stops(rsc, other, monitor)
        if not other.online or other.unclean:
            monitor.clear(Flag.RUNNABLE)


def create_recurring(rsc: Resource) -> None:
    """Make the recurring operations that a primitive shall have, and cancel those it shall not."""
    if rsc.blocked or rsc.maintenance:
        return
    node = rsc.assigned
    start: Action | None = None
    if node is not None and not node.maintenance and (rsc.next_role is not Role.STOPPED or not rsc.managed):
        start = task_action(rsc, "start", node, optional=True)
    for op in _recurring_ops(rsc):
        if start is not None:
            _for_active(rsc, start, node, op)
        _for_inactive(rsc, node, op)
