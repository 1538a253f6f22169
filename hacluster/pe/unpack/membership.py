"""Node states: who is online, pending, leaving, unclean."""

from __future__ import annotations

from hacluster.base.report import Report, Severity
from hacluster.base.score import INFINITY
from hacluster.base.values import is_true, scan_int, truth
from hacluster.cib.presence import member_since, online_since, state_reports
from hacluster.cib.records import NodeState
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import NodeKind, Quorum, Role
from hacluster.pe.model.node import Node
from hacluster.pe.operation.fence import fence_node
from hacluster.pe.unpack.config import add_node_attributes


def _word(state: NodeState, name: str) -> str:
    return state.attrs.get(name, "").lower()


def _online_without_fencing(cluster: Cluster, state: NodeState, node: Node) -> bool:
    if not member_since(state, cluster.now.epoch):
        return False
    if online_since(state):
        return _word(state, "join") == "member"
    if node.expected_up:
        fence_node(cluster, node, "peer is unexpectedly down")
    return False


def _termination_asked(cluster: Cluster, node: Node) -> bool:
    """Whether the ``terminate`` attribute, a boolean or a time, asks for the node to be fenced."""
    value = node.attrs.get("terminate")
    if value is None:
        return False
    word, number = truth(value), scan_int(value)
    if word is None and number is None:
        text = f'terminate="{value}" of node {node.name} is neither a boolean nor a time, and is ignored'
        cluster.reports.append(Report("bad-terminate", Severity.WARNING, text))
    return bool(number) and (number or 0) > 0 if word is None else word


def _wait(node: Node) -> None:
    node.standby = True
    node.pending = True


def _pending_too_long(cluster: Cluster, member: int, online: int) -> bool:
    """Whether a node that has become a member keeps the others waiting for its controller for too long."""
    if not cluster.node_pending_timeout or not member or online:
        return False
    end = member + cluster.node_pending_timeout
    if cluster.now.epoch >= end:
        return True
    cluster.recheck_at(end)
    return False


def _online_with_fencing(cluster: Cluster, state: NodeState, node: Node) -> bool:
    """Online as membership says; a node that is not what it should be is fenced."""
    member, online = member_since(state, cluster.now.epoch), online_since(state)
    join, expected = state.attrs.get("join"), state.attrs.get("expected", "down")
    terminate = _termination_asked(cluster, node)
    if node.shutdown:
        return online > 0
    if member is None:
        fence_node(cluster, node, "peer has not been seen by the cluster")
        return False
    if join == "banned":
        fence_node(cluster, node, "peer failed Pacemaker membership criteria")
    elif terminate:
        if not member and not online and join == "down":
            return False
        fence_node(cluster, node, "fencing was requested")
    elif expected == "down":
        if _pending_too_long(cluster, member, online):
            fence_node(cluster, node, "peer pending timed out on joining the process group")
        elif member or online:
            _wait(node)
    elif not member:
        fence_node(cluster, node, "peer is no longer part of the cluster", priority_delay=True)
    elif not online:
        fence_node(cluster, node, "peer process is no longer available")
    elif join in ("pending", "down"):
        _wait(node)
    elif join != "member":
        fence_node(cluster, node, "peer was in an unknown state")
    return member > 0


def settle_member(cluster: Cluster, state: NodeState, node: Node) -> None:
    """Decide whether a cluster node is online."""
    node.shutdown = node.shutdown_requested
    node.expected_up = not node.shutdown and _word(state, "expected") == "member"
    if node.kind is NodeKind.PING:
        node.unclean = False
        online = False
    elif cluster.fencing:
        online = _online_with_fencing(cluster, state, node)
    else:
        online = _online_without_fencing(cluster, state, node)
    if online:
        node.online = True
    if not online or node.shutdown:
        node.score = -INFINITY


def settle_remote(node: Node) -> None:
    """Decide whether a remote or guest node is online: as its connection, and the host of that, are."""
    rsc = node.remote_rsc
    if rsc is None:
        node.online = False
        return
    container = rsc.container
    host = rsc.active_on[0] if container is not None and len(rsc.active_on) == 1 else None
    if rsc.role is Role.STARTED:
        node.online = True
        if rsc.next_role is Role.STOPPED:
            node.shutdown = True
    if container is not None and container.failed:
        node.online = False
        node.remote_requires_reset = True
    elif rsc.failed:
        node.online = False
    elif rsc.role is Role.STOPPED or (container is not None and container.role is Role.STOPPED):
        node.online = False
        node.remote_requires_reset = False
    elif host is not None and not host.online and host.unclean:
        node.online = False
        node.remote_requires_reset = True


def unpack_node_state(cluster: Cluster, state: NodeState) -> None:
    """What one node state says about a cluster node's membership and transient attributes."""
    if state.id is None:
        return
    node = cluster.find_node_any(state.id, state.uname)
    if node is None:
        text = f"what is recorded of node {state.uname or state.id} is ignored: it is not in the configuration any more"
        cluster.reports.append(Report("stale-node-state", Severity.WARNING, text))
        return
    if node.is_remote_kind:
        node.remote_was_fenced = scan_int(state.attrs.get("node_fenced")) or 0
        return
    cluster.reports.extend(state_reports(state))
    add_node_attributes(cluster, state.transient, node, overwrite=True)
    if is_true(node.attrs.get("standby")):
        node.standby = True
    if is_true(node.attrs.get("maintenance")):
        node.maintenance = True
    node.unclean = False
    node.unseen = False
    settle_member(cluster, state, node)
    if not cluster.have_quorum and node.online and cluster.quorum_policy is Quorum.FENCE:
        fence_node(cluster, node, "cluster does not have quorum")


def unpack_remote_attributes(cluster: Cluster, state: NodeState, node: Node) -> None:
    """Transient attributes of a remote or guest node, once its connection is known."""
    node.remote_maintenance = scan_int(state.attrs.get("node_in_maintenance")) or 0
    rsc = node.remote_rsc
    if not node.remote_requires_reset:
        node.unclean = False
        node.unseen = False
    add_node_attributes(cluster, state.transient, node, overwrite=True)
    if node.shutdown_requested:
        node.shutdown = True
    if is_true(node.attrs.get("standby")):
        node.standby = True
    if is_true(node.attrs.get("maintenance")) or (rsc is not None and not rsc.managed):
        node.maintenance = True
    discovery = node.attrs.get("resource-discovery-enabled")
    if discovery is not None and not is_true(discovery) and not (node.is_remote and not cluster.fencing):
        node.discovery = False
