"""What groups, clones and bundles imply for what they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.score import INFINITY
from hacluster.pe.assign.instances import instance_number
from hacluster.pe.implied.primitive import imply_primitive
from hacluster.pe.model.action import Order
from hacluster.pe.model.births import Stage
from hacluster.pe.model.bundle import Replica
from hacluster.pe.model.causes import Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import new_colocation
from hacluster.pe.operation.orderings import order_starts, order_stops, order_tasks

_UP: Final = Order.RUNNABLE_LEFT | Order.IMPLIES_THEN
_PROMOTABLE_RESTART: Final = (
    ("stopped", "start"), ("stopped", "promote"), ("demoted", "stop"), ("demoted", "start"), ("demoted", "promote"),
    ("running", "promote"), ("demote", "demoted"),
)  # fmt: skip


def _promotable_restart(rsc: Resource) -> None:
    for first, then in _PROMOTABLE_RESTART:
        order_tasks(rsc, first, rsc, then, Order.OPTIONAL)


def _order_with_group(group: Resource, member: Resource, down: int, after_down: int, promotable: bool) -> None:
    if promotable:
        order_tasks(group, "demote", member, "demote", down)
        order_tasks(member, "demote", group, "demoted", after_down)
        order_tasks(member, "promote", group, "promoted", _UP | Order.THEN_PRINTED)
        order_tasks(group, "promote", member, "promote", Order.FIRST_PRINTED)
    order_stops(group, member, down)
    order_tasks(member, "stop", group, "stopped", after_down)
    order_starts(group, member, Order.FIRST_PRINTED)
    order_tasks(member, "start", group, "running", _UP | Order.THEN_PRINTED)


def _order_with_previous(group: Resource, member: Resource, previous: Resource | None, promotable: bool) -> None:
    if not group.ordered:
        order_starts(group, member, _UP | Order.FIRST_PRINTED)
        if promotable:
            order_tasks(group, "promote", member, "promote", _UP | Order.FIRST_PRINTED)
    elif previous is None:
        order_starts(group, member, Order.NONE)
        if promotable:
            order_tasks(group, "promote", member, "promote", Order.NONE)
    else:
        order_starts(previous, member, _UP)
        order_stops(member, previous, Order.OPTIONAL | Order.RESTART)
        if member.active_on and not previous.active_on:
            # A member that was put before it (and others are left alone): restarts alone do not order the two.
            order_tasks(member, "stop", previous, "start", Order.IMPLIES_FIRST | Order.RUNNABLE_LEFT)
        if promotable:
            order_tasks(previous, "promote", member, "promote", _UP)
            order_tasks(member, "demote", previous, "demote", Order.OPTIONAL)


def _imply_group(group: Resource) -> None:
    order_tasks(group, "stop", group, "stopped", Order.RUNNABLE_LEFT)
    order_tasks(group, "stopped", group, "start", Order.OPTIONAL)
    order_tasks(group, "start", group, "running", Order.RUNNABLE_LEFT)
    promotable = group.top.promotable
    previous: Resource | None = None
    last_active: Resource | None = None
    for member in group.instances:
        imply(member)
        down, after_down = Order.FIRST_PRINTED, Order.THEN_PRINTED
        if previous is None:
            if group.ordered:
                down |= Order.OPTIONAL
                after_down = Order.IMPLIES_THEN
        elif group.colocated:
            new_colocation(group.config_id, INFINITY, member, previous, influence=member.critical, why=Why.GROUP)
        _order_with_group(group, member, down, after_down, promotable)
        _order_with_previous(group, member, previous, promotable)
        if member.active_on:
            if (
                group.ordered
                and previous is not None
                and not previous.active_on
                and last_active is not None
                and last_active.active_on
            ):
                order_stops(member, last_active, Order.OPTIONAL)
            last_active = member
        previous = member


def _order_promotable_instances(clone: Resource) -> None:
    _promotable_restart(clone)
    previous: Resource | None = None
    in_turn = clone.clone_data.ordered
    for child in clone.instances:
        order_tasks(child, "demote", child, "promote", Order.OPTIONAL)
        order_tasks(clone, "promote", child, "promote", Order.OPTIONAL)
        order_tasks(child, "promote", clone, "promoted", Order.OPTIONAL)
        if previous is not None and in_turn:
            order_tasks(previous, "promote", child, "promote", Order.OPTIONAL)
        order_tasks(clone, "demote", child, "demote", Order.FIRST_PRINTED)
        order_tasks(child, "demote", clone, "demoted", Order.THEN_PRINTED)
        if previous is not None and in_turn:
            order_tasks(child, "demote", previous, "demote", Order.OPTIONAL)
        previous = child


def _imply_clone(clone: Resource) -> None:
    order_tasks(clone, "stopped", clone, "start", Order.OPTIONAL)
    order_tasks(clone, "start", clone, "running", Order.RUNNABLE_LEFT)
    order_tasks(clone, "stop", clone, "stopped", Order.RUNNABLE_LEFT)
    if clone.promotable:
        order_tasks(clone, "demoted", clone, "stop", Order.OPTIONAL)
        order_tasks(clone, "running", clone, "promote", Order.RUNNABLE_LEFT)
    in_turn = clone.clone_data.ordered
    if in_turn:
        clone.instances.sort(key=instance_number)
    for place, child in enumerate(clone.instances):
        imply(child)
        order_starts(clone, child, Order.RUNNABLE_LEFT | Order.FIRST_PRINTED)
        order_tasks(child, "start", clone, "running", Order.THEN_PRINTED)
        order_stops(clone, child, Order.FIRST_PRINTED)
        order_tasks(child, "stop", clone, "stopped", Order.THEN_PRINTED)
        # Only some of them may be about to start or stop: each is ordered against all that come later.
        for later in clone.instances[place + 1 :] if in_turn else ():
            order_starts(child, later, Order.OPTIONAL)
            order_stops(later, child, Order.OPTIONAL)
    if clone.promotable:
        _order_promotable_instances(clone)


def _imply_replica(bundle: Resource, replica: Replica) -> None:
    box = replica.box
    imply(box)
    order_starts(bundle, box, Order.RUNNABLE_LEFT | Order.FIRST_PRINTED)
    if replica.child is not None:
        order_stops(bundle, replica.child, Order.FIRST_PRINTED)
    order_stops(bundle, box, Order.FIRST_PRINTED)
    order_tasks(box, "start", bundle, "running", Order.THEN_PRINTED)
    order_tasks(box, "stop", bundle, "stopped", Order.THEN_PRINTED)
    if replica.ip is not None:
        imply(replica.ip)
        order_starts(replica.ip, box, Order.RUNNABLE_LEFT | Order.PRESERVE)
        order_stops(box, replica.ip, Order.IMPLIES_FIRST | Order.PRESERVE)
        new_colocation(bundle.id, INFINITY, replica.ip, box, why=Why.CONTAINER)
    if replica.remote is not None:
        imply(replica.remote)


def _imply_bundle(bundle: Resource) -> None:
    data = bundle.bundle_data
    for replica in data.replicas:
        _imply_replica(bundle, replica)
    child = data.child
    if child is None:
        return
    order_starts(bundle, child, Order.FIRST_PRINTED)
    order_tasks(child, "running", bundle, "running", Order.THEN_PRINTED)
    order_stops(bundle, child, Order.FIRST_PRINTED)
    order_tasks(child, "stopped", bundle, "stopped", Order.THEN_PRINTED)
    imply(child)
    if child.promotable:
        _promotable_restart(bundle)
        order_tasks(bundle, "demote", child, "demote", Order.FIRST_PRINTED)
        order_tasks(child, "demoted", bundle, "demoted", Order.THEN_PRINTED)
        order_tasks(bundle, "promote", child, "promote", Order.FIRST_PRINTED)
        order_tasks(child, "promoted", bundle, "promoted", Order.THEN_PRINTED)


_IMPLY: Final[dict[Kind, Callable[[Resource], None]]] = {
    Kind.PRIMITIVE: imply_primitive,
    Kind.GROUP: _imply_group,
    Kind.CLONE: _imply_clone,
    Kind.BUNDLE: _imply_bundle,
}


def imply(rsc: Resource) -> None:
    """Write down what a resource implies."""
    _IMPLY[rsc.kind](rsc)


def imply_everything(cluster: Cluster) -> None:
    """Write down what all resources imply."""
    for rsc in cluster.resources:
        cluster.begin(Stage.IMPLIED, rsc.rank)
        imply(rsc)
