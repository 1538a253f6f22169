"""What every primitive implies: stop before start, demote before stop, containers before what is in them."""

from __future__ import annotations

from hacluster.base.score import INFINITY
from hacluster.pe.model.action import Flag, Order, op_key
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.kinds import Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import new_colocation
from hacluster.pe.operation.fence import fence_action, pseudo_action
from hacluster.pe.operation.orderings import (
    new_ordering,
    order_after_task,
    order_before_task,
    order_starts,
    order_stops,
    order_tasks,
)


def avoid_remote_nodes(rsc: Resource) -> None:
    """Keep a resource off remote and guest nodes."""
    for idx in list(rsc.allowed):
        if rsc.cluster.node_table[idx].remote_rsc is not None:
            rsc.cluster.scores.set(rsc, idx, -INFINITY, Cause(Why.REMOTE, rsc.config_id))


def _order_unfencing(rsc: Resource, nodes: list[Node]) -> None:
    """Stop, unfence, start: what a resource needs unfenced nodes for must not run while they are not."""
    cluster = rsc.cluster
    for node in nodes:
        unfence = fence_action(cluster, node, "on", True, None)
        order_after_task(rsc, "stop", unfence, Order.OPTIONAL | Order.SAME_NODE)
        order_before_task(unfence, rsc, "start", Order.IMPLIES_THEN_ON_NODE | Order.SAME_NODE)


def _order_load(rsc: Resource, nodes: list[Node]) -> None:
    """What leaves a node makes room before something new comes."""
    cluster = rsc.cluster
    for node in [*rsc.active_on, *nodes]:
        milestone = pseudo_action(cluster, f"load_stopped_{node.name}")
        if milestone.node is None:
            milestone.node = node
            milestone.clear(Flag.OPTIONAL)
    for node in rsc.active_on:
        order_after_task(rsc, "stop", pseudo_action(cluster, f"load_stopped_{node.name}"), Order.LOAD)
    for node in nodes:
        milestone = pseudo_action(cluster, f"load_stopped_{node.name}")
        order_before_task(milestone, rsc, "start", Order.LOAD)
        order_before_task(milestone, rsc, "migrate_to", Order.LOAD)


def _tie_to_container(rsc: Resource, container: Resource, nodes: list[Node]) -> None:
    inside: Resource | None = None
    if rsc.is_remote:
        if not rsc.allow_remote_remotes:
            avoid_remote_nodes(container)
        order_tasks(container, "monitor", rsc, "stop", Order.OPTIONAL)
    elif container.is_remote:
        inside = container
    elif rsc.cluster.have_remote_nodes:
        inside = next((filler for filler in container.fillers if filler.is_remote), None)
    if inside is not None:
        # It runs on the guest node that the container makes, nowhere else.
        for node in nodes:
            if node.remote_rsc is not inside:
                rsc.cluster.scores.set(rsc, node.idx, -INFINITY, Cause(Why.CONTAINER, inside.config_id))
        return
    order_starts(container, rsc, Order.IMPLIES_THEN | Order.RUNNABLE_LEFT)
    order_stops(rsc, container, Order.IMPLIES_FIRST)
    score = 10_000 if rsc.allow_remote_remotes else INFINITY
    new_colocation(container.config_id, score, rsc, container, why=Why.CONTAINER)


def imply_primitive(rsc: Resource) -> None:
    """Write down what a primitive implies."""
    cluster, top = rsc.cluster, rsc.top
    if not rsc.managed:
        return
    unfencing = not rsc.fence_device and cluster.unfencing and rsc.needs_unfencing
    loads = bool(rsc.utilization) and cluster.placement != "default"
    order_tasks(rsc, "stop", rsc, "start", Order.OPTIONAL | Order.IMPLIES_THEN | Order.RESTART)
    if top.promotable or rsc.role > Role.UNPROMOTED:
        order_tasks(rsc, "demote", rsc, "stop", Order.PROMOTED_IMPLIES_FIRST)
        order_tasks(rsc, "start", rsc, "promote", Order.RUNNABLE_LEFT)
    new_ordering(
        rsc,
        op_key(rsc.id, "lrm_delete"),
        rsc,
        op_key(rsc.id, "monitor"),
        Order.SAME_NODE | Order.THEN_CANCELS_FIRST,
    )
    nodes: list[Node] = []
    if unfencing or loads or rsc.container is not None:
        nodes = [node for node in cluster.nodes if node.idx in rsc.allowed]
    if unfencing:
        _order_unfencing(rsc, nodes)
    if loads:
        _order_load(rsc, nodes)
    if rsc.container is not None:
        _tie_to_container(rsc, rsc.container, nodes)
    if rsc.is_remote or rsc.fence_device:
        avoid_remote_nodes(rsc)
