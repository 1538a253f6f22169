"""Fencing and shutting down nodes, and what has to wait for it."""

from __future__ import annotations

from hacluster.pe.actions.notify import notify_after_fencing
from hacluster.pe.model.action import Action, Flag, Order, find_first, order, resource_actions
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Needs
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.fence import can_fence, fence_action, new_cluster_action
from hacluster.pe.operation.orderings import new_ordering


def _known(rsc: Resource, node: Node) -> bool:
    if rsc.known_on(node):
        return True
    return rsc.parent is not None and rsc.parent.is_anonymous_clone and rsc.parent.known_on(node)


def _order_starts(rsc: Resource, fencing: Action, target: Node) -> None:
    for action in reversed(rsc.actions):
        if action.needs is Needs.FENCING:
            order(fencing, action, Order.OPTIONAL)
        elif (
            action.needs is Needs.QUORUM
            and action.task == "start"
            and target.idx in rsc.allowed
            and not _known(rsc, target)
        ):
            order(fencing, action, Order.OPTIONAL | Order.RUNNABLE_LEFT)


def _order_stops(rsc: Resource, fencing: Action, target: Node) -> None:
    """Fencing is the stop of everything on the node."""
    stops = resource_actions(rsc, target, "stop", False)
    implicit = rsc.needs_fencing or target.is_guest
    top_stop = find_first(rsc.top.actions, None, "stop", None) if stops and implicit else None
    for stop in stops:
        stop.set(Flag.PSEUDO | Flag.RUNNABLE)
        if implicit:
            if not rsc.bundled:
                order(fencing, stop, Order.PRESERVE)
            order(fencing, top_stop, Order.PRESERVE)
        if rsc.notify:
            notify_after_fencing(stop, rsc, fencing)
    for demote in resource_actions(rsc, target, "demote", False):
        node = demote.node
        if node is not None and (not node.online or node.unclean or rsc.failed):
            demote.set(Flag.PSEUDO | Flag.RUNNABLE)
            if implicit and not rsc.bundled:
                order(fencing, demote, Order.PRESERVE | Order.OPTIONAL)


def order_against_fencing(fencing: Action, cluster: Cluster) -> None:
    """Order everything against the fencing of a node."""
    target = fencing.node
    assert target is not None, fencing.key
    for top in cluster.resources:
        cluster.begin(Stage.FENCING, cluster.nodes.index(target), top.rank)
        for rsc in top.walk():
            if not rsc.instances and rsc.managed:
                _order_starts(rsc, fencing, target)
                _order_stops(rsc, fencing, target)


def _fence_guest(cluster: Cluster, node: Node, container: Resource) -> None:
    """A guest is fenced by what happens to its container."""
    stop = find_first(container.actions, None, "stop", None)
    start = find_first(container.actions, None, "start", None)
    fencing = fence_action(cluster, node, "reboot" if start is not None else "off", False, "guest is unclean")
    fencing.set(Flag.PSEUDO | Flag.RUNNABLE)
    if stop is not None and stop.pseudo and stop.node is not None:
        # The container goes with its host.
        host = fence_action(cluster, stop.node, None, False, None)
        order(host, fencing, Order.RUNNABLE_LEFT | Order.IMPLIES_THEN)
    elif stop is not None:
        order(stop, fencing, Order.RUNNABLE_LEFT | Order.IMPLIES_THEN)
    elif node.remote_rsc is not None:
        order(find_first(node.remote_rsc.actions, None, "stop", None), fencing, Order.OPTIONAL)
    order_against_fencing(fencing, cluster)


def _shutdown(cluster: Cluster, node: Node) -> Action:
    """Shut a node down once everything on it has stopped."""
    action = new_cluster_action(cluster, f"do_shutdown-{node.name}", "do_shutdown", node, False)
    for stop in reversed(list(cluster.actions)):
        rsc = stop.rsc
        if rsc is None or stop.node is not node or stop.task != "stop":
            continue
        if rsc.maintenance or node.maintenance or not (rsc.managed or rsc.blocked):
            continue
        stop.clear(Flag.OPTIONAL)
        new_ordering(stop, None, action, "do_shutdown", Order.OPTIONAL | Order.RUNNABLE_LEFT)
    action.default_meta("op_no_wait", "true")
    return action


def schedule_fencing_and_shutdowns(cluster: Cluster) -> None:
    """Fence unclean nodes and shut down those that want to leave; the DC last."""
    have_managed = any(rsc.any_flag("managed") for rsc in cluster.resources)
    dc_down: Action | None = None
    fencings: list[Action] = []
    shutdowns: list[Action] = []
    for position, node in enumerate(cluster.nodes):
        cluster.begin(Stage.FENCING, position)
        container = node.guest_container
        if container is not None:
            if node.remote_requires_reset and have_managed and can_fence(cluster, node):
                _fence_guest(cluster, node, container)
            continue
        if have_managed and node.unclean and can_fence(cluster, node):
            fencing = fence_action(cluster, node, None, False, "node is unclean")
            order_against_fencing(fencing, cluster)
            if node.is_dc:
                dc_down = fencing
                continue
            if not cluster.concurrent_fencing and fencings:
                order(fencings[-1], fencing, Order.OPTIONAL)
            fencings.append(fencing)
        elif not node.is_remote_kind and node.online and node.shutdown:
            shutdown = _shutdown(cluster, node)
            if node.is_dc:
                dc_down = shutdown
            else:
                shutdowns.append(shutdown)
    if dc_down is None:
        return
    before = shutdowns if dc_down.task == "do_shutdown" else []
    before = before + (fencings if cluster.concurrent_fencing else fencings[-1:])
    for action in before:
        order(action, dc_down, Order.OPTIONAL)
