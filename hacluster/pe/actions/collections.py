"""Actions of groups, clones and bundles: milestones around those of what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from hacluster.base.score import INFINITY
from hacluster.base.values import is_true
from hacluster.pe.actions.notify import notification_milestones
from hacluster.pe.actions.primitive import create_primitive
from hacluster.pe.model.action import Flag, Order, order
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.notify import NotifyData
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import milestone
from hacluster.pe.operation.failcount import clear_failcount, failcount
from hacluster.pe.operation.orderings import order_before_task


def _create_group(rsc: Resource) -> None:
    for member in rsc.instances:
        create_actions(member)
    tasks = ["start", "running", "stop", "stopped"]
    if is_true(rsc.meta.get("promotable")):
        tasks += ["demote", "demoted", "promote", "promoted"]
    for task in tasks:
        milestone(rsc, task, optional=True, runnable=True)


class _Changes(NamedTuple):
    """What happens in an instance: whether something stops, starts, does both, and is active."""

    stopping: bool
    starting: bool
    restarting: bool
    active: bool


def _changes(rsc: Resource) -> _Changes:
    stopping = starting = restarting = active = False
    for entry in rsc.walk():
        if entry.instances:
            continue
        active = active or bool(entry.active_on)
        stops = starts = False
        for action in entry.actions:
            if action.optional or not action.flags & (Flag.PSEUDO | Flag.RUNNABLE):
                continue
            stops = stops or action.task == "stop"
            starts = starts or (action.task == "start" and action.can_run)
        stopping, starting = stopping or stops, starting or starts
        restarting = restarting or (stops and starts)
    return _Changes(stopping, starting, restarting, active)


def _milestones(rsc: Resource, children: list[Resource], notify: bool) -> tuple[NotifyData | None, NotifyData | None]:
    """Make the instances' actions and the milestones of starting and stopping them."""
    any_stopping = any_starting = any_active = False
    migratable = True
    for child in children:
        create_actions(child)
        stopping, starting, restarting, active = _changes(child)
        migratable = migratable and not restarting
        any_stopping, any_starting = any_stopping or stopping, any_starting or starting
        any_active = any_active or active
    start = milestone(rsc, "start", not any_starting, runnable=True)
    started = milestone(rsc, "running", not any_starting, runnable=False)
    started.priority = INFINITY
    if any_active or any_starting:
        started.set(Flag.RUNNABLE)
    on_start = notification_milestones(rsc, "start", start, started) if notify else None
    stop = milestone(rsc, "stop", not any_stopping, runnable=True)
    stopped = milestone(rsc, "stopped", not any_stopping, runnable=True)
    stopped.priority = INFINITY
    if migratable:
        stop.set(Flag.MIGRATE_RUNNABLE)
    on_stop = notification_milestones(rsc, "stop", stop, stopped) if notify else None
    if on_start is not None and on_stop is not None:
        order(on_stop.post_done, on_start.pre, Order.OPTIONAL)
    return on_start, on_stop


def _role_changes(clone: Resource) -> tuple[bool, bool]:
    """Whether instances are promoted, and demoted."""
    promoting = demoting = False
    for child in clone.instances:
        create_actions(child)
        for entry in child.walk():
            for action in entry.actions if not entry.instances else ():
                if not action.optional:
                    promoting = promoting or action.task == "promote"
                    demoting = demoting or action.task == "demote"
    return promoting, demoting


def _create_promotable(clone: Resource) -> None:
    data = clone.clone_data
    promoting, demoting = _role_changes(clone)
    promote = milestone(clone, "promote", not promoting, runnable=True)
    promoted = milestone(clone, "promoted", not promoting, runnable=True)
    promoted.priority = INFINITY
    data.promote_notify = data.promote_notify or notification_milestones(clone, "promote", promote, promoted)
    demote = milestone(clone, "demote", not demoting, runnable=True)
    demoted = milestone(clone, "demoted", not demoting, runnable=True)
    demoted.priority = INFINITY
    if data.demote_notify is None:
        data.demote_notify = notification_milestones(clone, "demote", demote, demoted)
        if data.promote_notify is not None and data.demote_notify is not None:
            start, stop, down = data.start_notify, data.stop_notify, data.demote_notify
            for before in (stop, start, down):
                order(None if before is None else before.post_done, data.promote_notify.pre, Order.OPTIONAL)
            for after in (start, stop):
                order(down.post_done, None if after is None else after.pre, Order.OPTIONAL)
    for child in clone.instances:
        # Priorities of instances were their promotion scores until now.
        child.priority = clone.priority


def _create_clone(rsc: Resource) -> None:
    data = rsc.clone_data
    on_start, on_stop = _milestones(rsc, rsc.instances, True)
    data.start_notify = data.start_notify or on_start
    data.stop_notify = data.stop_notify or on_stop
    if rsc.promotable:
        _create_promotable(rsc)


def _create_bundle(rsc: Resource) -> None:
    data = rsc.bundle_data
    for replica in data.replicas:
        for part in (replica.ip, replica.container, replica.remote):
            if part is not None:
                create_actions(part)
    _milestones(rsc, data.containers, False)
    if data.child is None:
        return
    create_actions(data.child)
    if data.child.promotable:
        for task in ("promote", "promoted", "demote", "demoted"):
            action = milestone(rsc, task, optional=True, runnable=True)
            if task.endswith("d"):
                action.priority = INFINITY


_CREATE: Final[dict[Kind, Callable[[Resource], None]]] = {
    Kind.PRIMITIVE: create_primitive,
    Kind.GROUP: _create_group,
    Kind.CLONE: _create_clone,
    Kind.BUNDLE: _create_bundle,
}


def create_actions(rsc: Resource) -> None:
    """Make all actions of a resource and of what it holds."""
    _CREATE[rsc.kind](rsc)


def clear_orphans_failures(cluster: Cluster) -> None:
    """What is not configured any more needs no fail counts."""
    for rsc in cluster.resources:
        if not rsc.orphan:
            continue
        for node in cluster.nodes:
            if node.online and failcount(rsc, node, effective=True)[0]:
                clear = clear_failcount(rsc, node, "it is removed")
                order_before_task(clear, rsc, "stop", Order.OPTIONAL)
