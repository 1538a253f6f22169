"""Fencing and unfencing as actions, and when a node can be fenced at all."""

from __future__ import annotations

from hacluster.pe.model.action import Action, Flag, Order, order
from hacluster.pe.model.causes import Cause, What, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.digests import Verdict
from hacluster.pe.model.kinds import NodeKind, Quorum
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.digest import fencing_digests


def can_fence(cluster: Cluster, node: Node, asked: frozenset[int] = frozenset()) -> bool:
    """Whether the cluster may and is able to fence a node; a guest goes with its host.

    Guests that are said to live in one another (``asked``: those on the way here) cannot be fenced by that.
    """
    container = node.guest_container
    if container is not None:
        asked |= {node.idx}
        return all(
            host.online or (host.idx not in asked and can_fence(cluster, host, asked)) for host in container.active_on
        )
    if not cluster.fencing or not cluster.have_fencing:
        return False
    if cluster.have_quorum or cluster.quorum_policy is Quorum.IGNORE:
        return True
    if not node.online:
        return False
    if node.is_remote_kind and node.remote_rsc is not None and not cluster.fence_remote_without_quorum:
        # Its connection may have moved to a partition that has quorum, if there is a node in one.
        allowed = node.remote_rsc.allowed
        return all(other.online for other in cluster.nodes if other.idx in allowed)
    return True


def _priority_delay(cluster: Cluster, node: Node) -> int:
    """Seconds that fencing of the more important side waits, so that it wins the match."""
    if cluster.priority_fencing_delay <= 0 or node.kind is not NodeKind.MEMBER or node.online:
        return 0
    members = [other for other in cluster.nodes if other.kind is NodeKind.MEMBER]
    if sum(member.online for member in members) > len(members) // 2:
        return 0
    return cluster.priority_fencing_delay if outweighs(cluster, node) else 0


def outweighs(cluster: Cluster, node: Node) -> bool:
    """Whether what runs on a node is as important as on any other full node, and more important than on some."""
    priorities = [member.priority for member in cluster.nodes if member.kind is NodeKind.MEMBER]
    return min(priorities) < max(priorities) <= node.priority


def unfencing_devices(resources: list[Resource]) -> list[Resource]:
    """The devices that have to unfence a node before it is used."""
    found: list[Resource] = []
    for rsc in resources:
        if rsc.instances:
            found = unfencing_devices(rsc.instances) + found
        elif rsc.fence_device and (rsc.needs_unfencing or rsc.meta.get("provides", "").lower() == "unfencing"):
            found.insert(0, rsc)
    return found


def _add_device_digests(action: Action, node: Node, cluster: Cluster) -> bool:
    """Note the digests of all unfencing devices; true if one of them changed since the node was unfenced."""
    changed, plain, secure = False, [], []
    for device in unfencing_devices(cluster.resources):
        agent = device.meta.get("type", "")
        verdict, digest, secure_digest = fencing_digests(device, agent, node)
        changed = changed or verdict is Verdict.ALL
        plain.append(f"{device.id}:{agent}:{digest},")
        secure.append(f"{device.id}:{agent}:{secure_digest},")
    action.meta["digests-all"] = "".join(plain)
    action.meta["digests-secure"] = "".join(secure)
    return changed


def new_cluster_action(cluster: Cluster, key: str, task: str, node: Node | None, optional: bool) -> Action:
    """An action of no resource; one per key."""
    action = cluster.singletons.get(key)
    if action is None:
        action = Action(key, task, None, node, Flag.RUNNABLE | (Flag.OPTIONAL if optional else 0))
        action.id, action.born = len(cluster.actions) + 1, cluster.birth()
        cluster.actions.append(action)
        cluster.singletons[key] = action
    elif node is not None and action.node is None:
        action.node = node
    if not optional:
        action.clear(Flag.OPTIONAL)
    return action


def pseudo_action(cluster: Cluster, name: str) -> Action:
    """A milestone of the whole cluster."""
    action = cluster.singletons.get(name)
    if action is None:
        action = new_cluster_action(cluster, name, name, None, optional=True)
        action.set(Flag.PSEUDO | Flag.RUNNABLE)
    return action


def fence_action(
    cluster: Cluster, node: Node, op: str | None, optional: bool, reason: str | None, *, priority_delay: bool = False
) -> Action:
    """The fencing (or with ``op`` "on" the unfencing) of a node; there is one per node and operation."""
    op = op or cluster.fencing_action
    key = f"stonith-{node.name}-{op}"
    action = cluster.singletons.get(key)
    if action is None:
        action = new_cluster_action(cluster, key, "stonith", node, optional=True)
        action.default_meta("on_node", node.name)
        action.default_meta("on_node_uuid", node.id)
        action.default_meta("stonith_action", op)
        if cluster.unfencing and _add_device_digests(action, node, cluster):
            optional = False
    if cluster.priority_fencing_delay > 0 and (priority_delay or "priority-fencing-delay" in action.meta):
        action.meta["priority-fencing-delay"] = str(_priority_delay(cluster, node))
    if not optional and can_fence(cluster, node):
        action.clear(Flag.OPTIONAL)
        action.say_why(reason, overwrite=False)
    elif reason is not None and action.reason is None:
        action.reason = reason
    return action


def fence_node(
    cluster: Cluster, node: Node, reason: str, priority_delay: bool = False, cause: Cause | None = None
) -> None:
    """Decide that a node must be fenced; a guest's container, or a remote's connection, is recovered instead."""
    cluster.note(What.FENCE, node.name, cause or Cause(Why.NODE_STATE, node.id), reason)
    container = node.guest_container
    if container is not None:
        if not container.failed and container.managed:
            node.remote_requires_reset = True
            container.failed = container.stop_flag = True
    elif node.is_remote_kind and node.remote_rsc is not None and node.remote_rsc.orphan_filler:
        node.remote_rsc.failed = node.remote_rsc.stop_flag = True
    elif node.is_remote:
        if node.remote_rsc is None or node.remote_rsc.managed:
            node.remote_requires_reset = True
        node.unclean = True
        fence_action(cluster, node, None, True, reason)
    elif not node.unclean:
        node.unclean = True
        fence_action(cluster, node, None, True, reason, priority_delay=priority_delay)


def trigger_unfencing(
    cluster: Cluster, rsc: Resource | None, node: Node | None, reason: str, dependency: Action | None = None
) -> None:
    """Have a node unfenced again, or every node that the given fence device could reach."""
    if not cluster.unfencing or (rsc is not None and not rsc.fence_device):
        return
    if node is not None and node.online and not node.unclean and not node.shutdown:
        unfence = fence_action(cluster, node, "on", False, reason)
        if dependency is not None:
            order(unfence, dependency, Order.OPTIONAL)
    elif rsc is not None:
        for idx in list(rsc.allowed):
            other = cluster.node_table[idx]
            if other.online and not other.unclean and not other.shutdown:
                trigger_unfencing(cluster, rsc, other, reason, dependency)
