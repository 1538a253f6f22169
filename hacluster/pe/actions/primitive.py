"""From one role to the next: start, stop, promote, demote, restart, move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.pe.actions.migration import can_migrate, create_migration, end_dangling
from hacluster.pe.actions.recurring import create_recurring
from hacluster.pe.model.action import Action, Flag, Order, order, resource_actions
from hacluster.pe.model.kinds import Multiple, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import task_action
from hacluster.pe.operation.fence import fence_action, trigger_unfencing

_UNKNOWN, _STOPPED, _STARTED, _UNPROMOTED, _PROMOTED = Role

_NEXT: Final = (
    (_UNKNOWN, _STOPPED, _STOPPED, _STOPPED, _STOPPED),
    (_STOPPED, _STOPPED, _STARTED, _UNPROMOTED, _UNPROMOTED),
    (_STOPPED, _STOPPED, _STARTED, _UNPROMOTED, _PROMOTED),
    (_STOPPED, _STOPPED, _STOPPED, _UNPROMOTED, _PROMOTED),
    (_STOPPED, _UNPROMOTED, _UNPROMOTED, _UNPROMOTED, _PROMOTED),
)
"""The first step from a role (row) towards another (column)."""


def order_unfenced(rsc: Resource, node: Node, action: Action, flags: int) -> None:
    """What needs an unfenced node comes after the unfencing."""
    cluster = rsc.cluster
    if not ((rsc.fence_device and cluster.unfencing) or rsc.needs_unfencing):
        return
    order(fence_action(cluster, node, "on", True, None), action, flags)
    if not node.unfenced:
        trigger_unfencing(cluster, None, node, f"required by {rsc.id} {action.task}")


def _is_expected(rsc: Resource, node: Node | None) -> bool:
    """Whether this is the one place where a resource that is active too often shall stay."""
    return (
        rsc.stop_unexpected and rsc.restarting and rsc.next_role > Role.STOPPED and rsc.assigned is node
        and node is not None
    )  # fmt: skip


def _stop(rsc: Resource, _node: Node | None, optional: bool) -> None:
    for current in rsc.active_on:
        if _is_expected(rsc, current):
            continue
        if rsc.partial_target is not None:
            if current is rsc.partial_target and current is rsc.assigned:
                # The target of a migration under way needs no stop.
                continue
            optional = False
        stop = task_action(rsc, "stop", current, optional=optional)
        if rsc.assigned is None:
            stop.say_why("node availability", overwrite=True)
        elif rsc.restarting and rsc.stop_unexpected:
            stop.say_why("being multiply active", overwrite=True)
        if not rsc.managed:
            stop.clear(Flag.RUNNABLE)
        if rsc.needs_unfencing:
            order(stop, fence_action(rsc.cluster, current, "on", True, None), Order.IMPLIES_FIRST)


def _start(rsc: Resource, node: Node | None, optional: bool) -> None:
    start = task_action(rsc, "start", node, optional=True)
    if node is not None:
        order_unfenced(rsc, node, start, Order.IMPLIES_THEN)
    if start.can_run and not optional:
        start.clear(Flag.OPTIONAL)
    if _is_expected(rsc, node):
        start.set(Flag.PSEUDO)


def _promote(rsc: Resource, node: Node | None, optional: bool) -> None:
    if all(start.can_run for start in resource_actions(rsc, node, "start", True)):
        promote = task_action(rsc, "promote", node, optional=optional)
        if _is_expected(rsc, node):
            promote.set(Flag.PSEUDO)
        return
    for promote in resource_actions(rsc, node, "promote", True):
        promote.clear(Flag.RUNNABLE)


def _demote(rsc: Resource, _node: Node | None, optional: bool) -> None:
    for current in rsc.active_on:
        if not _is_expected(rsc, current):
            task_action(rsc, "demote", current, optional=optional)


def _impossible(_rsc: Resource, _node: Node | None, _optional: bool) -> None:
    """A step that no sequence of roles takes."""


_Step = Callable[[Resource, Node | None, bool], None]
_STEPS: Final[tuple[tuple[_Step | None, ...], ...]] = (
    (_impossible, _stop, _impossible, _impossible, _impossible),
    (_impossible, None, _start, _start, _impossible),
    (_impossible, _stop, None, None, _promote),
    (_impossible, _stop, _stop, None, _promote),
    (_impossible, _demote, _demote, _demote, None),
)
"""What takes a role (row) to the next (column)."""


def _schedule_restart(rsc: Resource, current: Node | None, need_stop: bool, need_promote: bool) -> None:
    """Down to stopped and up to the present role again: needed, or at least possible if something asks for it."""
    rsc.restarting = True
    role = rsc.role
    while role is not Role.STOPPED:
        next_role = _NEXT[role][Role.STOPPED]
        step = _STEPS[role][next_role]
        if step is None:
            break
        step(rsc, current, not need_stop)
        role = next_role
    while rsc.role <= rsc.next_role and role is not rsc.role and not rsc.blocked:
        next_role = _NEXT[role][rsc.role]
        step = _STEPS[role][next_role]
        if step is None:
            break
        required = need_stop or (next_role is Role.PROMOTED and need_promote)
        step(rsc, rsc.assigned, not required)
        role = next_role
    rsc.restarting = False


def _schedule_transition(rsc: Resource) -> None:
    role = rsc.role
    while role is not rsc.next_role:
        next_role = _NEXT[role][rsc.next_role]
        step = _STEPS[role][next_role]
        if step is None:
            break
        step(rsc, rsc.assigned, False)
        role = next_role


def _check_partial_migration(rsc: Resource, current: Node | None, active: int, migrate: bool) -> bool:
    """Whether a migration under way can go on; if not, it is forgotten."""
    if rsc.partial_source is None and rsc.partial_target is None:
        return True
    if (
        rsc.partial_source is not None
        and rsc.partial_target is not None
        and migrate
        and active == 2
        and current is rsc.partial_source
        and rsc.assigned is rsc.partial_target
    ):
        return True
    rsc.partial_source = rsc.partial_target = None
    return False


def _multiple_needs_stop(rsc: Resource, active: int, clean: int, migrating: bool) -> bool:
    multiply = not migrating and (active if rsc.needs_fencing else clean) > 1
    if not multiply:
        rsc.stop_unexpected = False
        return False
    if rsc.multiple is Multiple.STOP_UNEXPECTED:
        rsc.stop_unexpected = True
    return rsc.multiple in (Multiple.STOP_START, Multiple.STOP_UNEXPECTED)


def _needs_restart(rsc: Resource, current: Node | None) -> tuple[bool, bool]:
    """Whether a resource that stays where it is needs a stop, or else a promotion."""
    if rsc.failed:
        return rsc.stop_flag, not rsc.stop_flag and rsc.next_role is Role.PROMOTED
    if rsc.blocked:
        return True, False
    if rsc.role > Role.STARTED and current is not None and rsc.assigned is not None:
        return not task_action(rsc, "start", rsc.assigned, optional=True).optional, False
    return False, False


def create_primitive(rsc: Resource) -> None:
    """Make all actions of a primitive."""
    if rsc.next_role is Role.UNKNOWN:
        rsc.set_next_role(Role.STOPPED if rsc.assigned is None else Role.STARTED)
    current, active, clean = rsc.find_active()
    for node in rsc.dangling:
        end_dangling(rsc, node)
    moving = (
        current is not None
        and rsc.assigned is not None
        and current is not rsc.assigned
        and rsc.next_role >= Role.STARTED
    )
    migrate = moving and can_migrate(rsc, current)
    partial = rsc.partial_source is not None or rsc.partial_target is not None
    goes_on = _check_partial_migration(rsc, current, active, migrate)
    migrate = migrate and goes_on
    need_stop = moving or not goes_on
    need_stop = _multiple_needs_stop(rsc, active, clean, partial) or need_stop
    need_promote = False
    if rsc.start_pending:
        task_action(rsc, "start", rsc.assigned, optional=True).set(Flag.ALWAYS)
    if not moving:
        stop_too, need_promote = _needs_restart(rsc, current)
        need_stop = need_stop or stop_too
    _schedule_restart(rsc, current, need_stop, need_promote)
    _schedule_transition(rsc)
    create_recurring(rsc)
    if migrate and current is not None:
        create_migration(rsc, current)
