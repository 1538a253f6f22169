"""Stage 2: scores before anything has its place: locks, health, locations, stickiness, failures."""

from __future__ import annotations

from hacluster.base.score import INFINITY, add_scores
from hacluster.base.values import is_true, scan_int
from hacluster.pe.assign import bundle, clone, group, primitive, utilization
from hacluster.pe.assign.colocation import scores_with_primaries
from hacluster.pe.assign.dispatch import apply_location, assign
from hacluster.pe.assign.exclusive import exclusive_cause
from hacluster.pe.assign.nodes import sort_nodes
from hacluster.pe.assign.threshold import threshold_reached
from hacluster.pe.model.action import find_exact, op_key
from hacluster.pe.model.births import Stage
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Discovery, Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import is_remote_connection
from hacluster.pe.operation.create import clear_history
from hacluster.pe.unpack.locations import new_location

KINDS = (primitive, group, clone, bundle, utilization)
"""The modules that answer for the kinds of resources; importing them makes their answers known."""


def apply_health(cluster: Cluster) -> None:
    """Node health as location constraints."""
    if cluster.health_strategy == "none":
        return
    base = cluster.score_of(cluster.options["node-health-base"]) if cluster.health_strategy == "progressive" else 0
    for node in cluster.nodes:
        health = base
        for name, value in node.attrs.items():
            if name.startswith("#health"):
                health = add_scores(cluster.score_of(value), health)
        if health == 0:
            continue
        for rsc in cluster.resources:
            if health > 0 or not is_true(rsc.meta.get("allow-unhealthy-nodes")):
                new_location(node.id, rsc, None, [(node, health)], why=Why.HEALTH)


def _lock(rsc: Resource) -> None:
    """Keep a resource of a node that left cleanly for it until it is back."""
    cluster = rsc.cluster
    if (rsc.xml.get("class") or "stonith") == "stonith" or is_remote_connection(rsc):
        return
    if rsc.lock_node is not None:
        if rsc.active_on:
            # It runs: whatever locked it is over.
            clear_history(rsc, rsc.lock_node)
            rsc.lock_node, rsc.lock_time = None, 0
    elif len(rsc.active_on) == 1:
        node = rsc.active_on[0]
        if node.shutdown and not node.unclean:
            rsc.lock_node = node
            rsc.lock_time = scan_int(node.attrs.get("shutdown")) or cluster.now.epoch
    if rsc.lock_node is None:
        return
    if cluster.shutdown_lock_limit > 0:
        cluster.recheck_at(rsc.lock_time + cluster.shutdown_lock_limit + 1)
    cause = Cause(Why.SHUTDOWN_LOCK, rsc.config_id, rsc.lock_node.name)
    for node in cluster.nodes:
        if node.name != rsc.lock_node.name:
            cluster.scores.spread(rsc, node, -INFINITY, cause)


def _apply_locks(cluster: Cluster) -> None:
    for rsc in cluster.resources if cluster.shutdown_lock else ():
        cluster.begin(Stage.LOCKS, rsc.rank)
        if rsc.kind is Kind.PRIMITIVE:
            _lock(rsc)
        elif rsc.kind is Kind.GROUP:
            for member in rsc.instances:
                _lock(member)


def _apply_stickiness(rsc: Resource) -> None:
    for child in rsc.instances:
        _apply_stickiness(child)
    if rsc.instances or not rsc.managed or rsc.stickiness < 1 or len(rsc.active_on) != 1:
        return
    node = rsc.active_on[0]
    if rsc.cluster.symmetric or node.idx in rsc.allowed:
        rsc.cluster.scores.spread(rsc, node, rsc.stickiness, Cause(Why.STICKINESS, rsc.config_id))


def _check_threshold(rsc: Resource, node: Node) -> None:
    for child in rsc.instances:
        _check_threshold(child, node)
    if rsc.instances or find_exact(rsc, op_key(rsc.id, "clear_failcount"), node):
        return
    failed = threshold_reached(rsc, node)
    if failed is not None:
        rsc.cluster.scores.spread(failed, node, -INFINITY, Cause(Why.FAIL_LIMIT, rsc.config_id))


def _apply_exclusive(rsc: Resource, node: Node) -> None:
    if not (rsc.exclusive_discover or rsc.top.exclusive_discover):
        return
    for child in rsc.instances:
        _apply_exclusive(child, node)
    if node.idx in rsc.allowed and rsc.discover.get(node.idx, node.discover) is not Discovery.EXCLUSIVE:
        rsc.cluster.scores.set(rsc, node.idx, -INFINITY, exclusive_cause(rsc))


def _anything_failed(rsc: Resource, node: Node) -> bool:
    return node.has_failures or any(entry.fillers for entry in rsc.walk())


def apply_node_criteria(cluster: Cluster) -> None:
    """Everything that a node and a resource say to one another before colocations do."""
    _apply_locks(cluster)
    for location in reversed(cluster.locations):
        apply_location(location.rsc, location)
    for rsc in cluster.resources:
        _apply_stickiness(rsc)
    exclusive = [rsc for rsc in cluster.resources if any(entry.exclusive_discover for entry in rsc.walk())]
    with_fillers = any(rsc.fillers for rsc in cluster.resource_table)
    for node in cluster.nodes:
        if node.has_failures or with_fillers:
            for rsc in cluster.resources:
                if _anything_failed(rsc, node):
                    _check_threshold(rsc, node)
        for rsc in exclusive:
            _apply_exclusive(rsc, node)


def _sort_resources(cluster: Cluster) -> None:
    """With a placement strategy: the most particular first, so that what is hard to place finds room."""
    row = {node.idx: node.score for node in cluster.nodes}
    nodes = sort_nodes(cluster, row, None)

    def key(rsc: Resource) -> tuple[int, ...]:
        scores = scores_with_primaries(rsc)
        current = rsc.current if rsc.active_on else None
        here = -INFINITY if current is None else scores.get(current.idx, -INFINITY)
        return -rsc.priority, -here, *(-scores.get(node.idx, -INFINITY) for node in nodes)

    keys = {rsc: key(rsc) for rsc in cluster.resources}
    cluster.resources.sort(key=keys.__getitem__)
    if cluster.tally is not None:
        cluster.tally.sort(cluster.resources, [keys[rsc] for rsc in cluster.resources])


def _assign_in_turn(cluster: Cluster, rsc: Resource) -> None:
    cluster.begin(Stage.ASSIGN, rsc.rank)
    if cluster.tally is None:
        assign(rsc, None)
        return
    with_room = cluster.placement != "default"
    cluster.tally.before(rsc, cluster.node_table, with_room)
    assign(rsc, None)
    cluster.tally.after(rsc, cluster.node_table, with_room)


def assign_everything(cluster: Cluster) -> None:
    """Stage 3: give everything its place; connections to remote nodes first, since these nodes depend on it."""
    if cluster.placement != "default":
        _sort_resources(cluster)
    if cluster.listener is not None:
        for node in cluster.nodes:
            cluster.listener.capacity("Original", node)
    if cluster.have_remote_nodes:
        for rsc in cluster.resources:
            if rsc.is_remote:
                assign(rsc, rsc.partial_target)
    for rsc in cluster.resources:
        if not rsc.is_remote:
            _assign_in_turn(cluster, rsc)
    if cluster.tally is not None and cluster.tally.replaying:
        cluster.tally.settle()
    if cluster.listener is not None:
        for node in cluster.nodes:
            cluster.listener.capacity("Remaining", node)
