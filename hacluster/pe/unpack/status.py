"""The status section, and with it the end of stage 1."""

from __future__ import annotations

from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import task_action
from hacluster.pe.unpack.collect import unpack_resources
from hacluster.pe.unpack.config import unpack_config, unpack_nodes, unpack_tags, unpack_tickets
from hacluster.pe.unpack.history import unpack_histories
from hacluster.pe.unpack.membership import settle_remote, unpack_node_state, unpack_remote_attributes
from hacluster.pe.unpack.resources import is_disabled


def _ready(cluster: Cluster, node: Node, even_offline: bool) -> bool:
    """Whether a node's histories can be read now: those behind a connection only once that is known to be up."""
    if even_offline:
        return True
    rsc = node.remote_rsc
    if node.is_guest:
        assert rsc is not None
        assert rsc.container is not None
        return rsc.role is Role.STARTED and rsc.container.role is Role.STARTED
    if node.is_remote:
        return rsc is not None and (cluster.shutdown_lock or rsc.role is Role.STARTED)
    return cluster.fencing or cluster.shutdown_lock or node.online


def _histories_round(cluster: Cluster, even_offline: bool) -> bool:
    progress = False
    for state in cluster.document.status.nodes:
        if state.id is None or state.uname is None:
            continue
        node = cluster.find_node_any(state.id, state.uname)
        if node is None or node.unpacked or not _ready(cluster, node, even_offline):
            continue
        if node.is_remote_kind:
            settle_remote(node)
            unpack_remote_attributes(cluster, state, node)
        node.unpacked = True
        unpack_histories(cluster, node, state)
        progress = True
    return progress


def unpack_status(cluster: Cluster) -> None:
    """Read the status: tickets, membership, then histories until nothing new comes up."""
    unpack_tickets(cluster)
    for position, state in enumerate(cluster.document.status.nodes):
        cluster.begin(Stage.NODES, position)
        unpack_node_state(cluster, state)
    while _histories_round(cluster, False):
        pass
    _histories_round(cluster, cluster.fencing)
    for container in cluster.stop_needed:
        cluster.begin(Stage.CONTAINERS, container.rank)
        node = container.current
        if node is not None:
            task_action(container, "stop", node, optional=False)
    cluster.stop_needed.clear()
    for node in cluster.nodes:
        if not node.is_remote_kind:
            continue
        if node.shutdown and node.remote_rsc is not None:
            node.remote_rsc.set_next_role(Role.STOPPED)
        if not node.unpacked:
            settle_remote(node)


def count(cluster: Cluster, rsc: Resource, sign: int = 1) -> None:
    """Count what is configured of a resource, or with ``sign`` -1 count it no more."""
    if rsc.kind is Kind.BUNDLE:
        for replica in rsc.bundle_data.replicas:
            for part in replica.parts():
                count(cluster, part, sign)
    elif rsc.instances:
        for child in rsc.instances:
            count(cluster, child, sign)
    elif not rsc.orphan or rsc.role > Role.STOPPED:
        cluster.ninstances += sign
        cluster.disabled_count += is_disabled(rsc) * sign
        cluster.blocked_count += rsc.blocked * sign


def unpack(cluster: Cluster) -> None:
    """Stage 1: from the document to the model."""
    unpack_config(cluster)
    unpack_nodes(cluster)
    unpack_resources(cluster)
    unpack_tags(cluster)
    unpack_status(cluster)
    for rsc in cluster.resources:
        count(cluster, rsc)
