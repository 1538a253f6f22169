"""Probes: finding out where resources are before anything is started."""

from __future__ import annotations

from collections.abc import Iterator

from hacluster.pe.actions.primitive import order_unfenced
from hacluster.pe.assign.exclusive import exclusive_cause
from hacluster.pe.assign.instances import instance_number
from hacluster.pe.model.action import Action, Flag, Order, find_first, op_key
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Discovery, Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import task_action
from hacluster.pe.operation.fence import fence_node
from hacluster.pe.operation.orderings import new_ordering, order_before_task, order_tasks
from hacluster.pe.ordering.remote import is_failed_remote


def _contains_guest(rsc: Resource) -> bool:
    return rsc.cluster.have_remote_nodes and any(filler.is_remote for filler in rsc.fillers)


def _remote_cannot(rsc: Resource, node: Node) -> bool:
    """What a remote or guest node never runs it need not be asked for."""
    if not node.is_remote_kind:
        return False
    return rsc.xml.get("class") == "stonith" or (node.is_guest and _contains_guest(rsc)) or rsc.is_remote


def _undiscovered(rsc: Resource, node: Node) -> bool:
    """Whether resource-discovery keeps the resource from being looked for here."""
    mode = rsc.discover.get(node.idx, node.discover) if node.idx in rsc.allowed else None
    if (rsc.exclusive_discover or rsc.top.exclusive_discover) and mode is not Discovery.EXCLUSIVE:
        return True
    return (node.discover if mode is None else mode) is Discovery.NEVER


def _guest_will_stop(node: Node, guest: Resource) -> bool:
    return (
        node.remote_requires_reset
        or node.unclean
        or guest.failed
        or guest.next_role is Role.STOPPED
        or (guest.role > Role.STOPPED and guest.assigned is not None and guest.assigned not in guest.active_on)
    )


def _guest_not_there(rsc: Resource, node: Node) -> bool:
    """A guest that is not up cannot be asked; what starts waits for what will be known."""
    guest = node.guest_container
    if guest is None:
        return False
    if guest.role is Role.STOPPED:
        if guest.assigned is not None and not guest.known_on(guest.assigned):
            order_tasks(guest, "monitor", rsc.top, "start", Order.OPTIONAL)
        return True
    if _guest_will_stop(node, guest):
        order_tasks(guest, "stop", rsc.top, "start", Order.OPTIONAL)
        return True
    return False


def _new_probe(rsc: Resource, node: Node) -> Action:
    probe = task_action(rsc, "monitor", node, optional=False)
    probe.clear(Flag.OPTIONAL)
    order_unfenced(rsc, node, probe, Order.OPTIONAL)
    if node not in rsc.active_on:
        probe.meta["op_target_rc"] = "7"
    elif rsc.role is Role.PROMOTED:
        probe.meta["op_target_rc"] = "8"
    return probe


def _probe_primitive(rsc: Resource, node: Node) -> bool:
    top = rsc.top
    if (
        (rsc.container is not None and not rsc.is_remote)
        or rsc.orphan
        or rsc.known_on(node)
        or _undiscovered(rsc, node)
        or _guest_not_there(rsc, node)
    ):
        return False
    probe = _new_probe(rsc, node)
    if not top.is_clone:
        top = rsc
    flags = Order.OPTIONAL
    if not probe.can_run and not top.active_on:
        flags |= Order.RUNNABLE_LEFT
    order_before_task(probe, top, "start", flags)
    if "reload-agent" in top.tasks:  # what is to be reloaded is known by now
        order_before_task(probe, top, "reload-agent", Order.OPTIONAL)
    return True


def _probe_bundle(rsc: Resource, node: Node) -> bool:
    data, created = rsc.bundle_data, False
    for replica in data.replicas:
        if replica.ip is not None and probe_on(replica.ip, node):
            created = True
        if replica.child is not None and node is replica.node and probe_on(replica.child, node):
            created = True
        if probe_on(replica.box, node):
            created = True
            for other in data.replicas if data.per_host == 1 else ():
                if other is not replica:
                    # A node that has one replica already gets no other.
                    order_tasks(replica.box, "monitor", other.box, "start", Order.OPTIONAL | Order.SAME_NODE)
        if replica.remote is not None and probe_on(replica.remote, node):
            probe = find_first(replica.remote.actions, op_key(replica.remote.id, "monitor"), None, node)
            if probe is not None:
                created = True
                new_ordering(replica.box, op_key(replica.box.id, "start"), probe, None, Order.PROBE)
    return created


def _leaves(rsc: Resource) -> Iterator[Resource]:
    return (entry for entry in rsc.walk() if not entry.instances)


def _anonymous_to_probe(clone: Resource, node: Node) -> Resource:
    """Which instance of an anonymous clone a node is asked for."""
    bit = 1 << node.idx
    for child in clone.instances:
        if child.known & bit if not child.instances else any(entry.known & bit for entry in _leaves(child)):
            return child
    for child in clone.instances:
        if child.location(0) is node:
            return child
    return clone.instances[0]


def _probe_all(rsc: Resource, node: Node) -> bool:
    created = [probe_on(child, node) for child in rsc.instances]
    return any(created)


def _probe_clone(rsc: Resource, node: Node) -> bool:
    rsc.instances.sort(key=instance_number)
    if not rsc.instances:
        return False
    exclusive = rsc.discover.get(node.idx, node.discover) is Discovery.EXCLUSIVE
    if rsc.exclusive_discover and not (node.idx in rsc.allowed and exclusive):
        rsc.cluster.scores.drop(rsc, node.idx, exclusive_cause(rsc))
        return False
    if rsc.unique:
        return _probe_all(rsc, node)
    return probe_on(_anonymous_to_probe(rsc, node), node)


def probe_on(rsc: Resource, node: Node) -> bool:
    """Make the probes of a resource on a node; true if there is something to ask."""
    if rsc.kind is Kind.BUNDLE:
        return _probe_bundle(rsc, node)
    if rsc.kind is Kind.CLONE:
        return _probe_clone(rsc, node)
    if not rsc.cluster.startup_probes or _remote_cannot(rsc, node):
        return False
    if rsc.instances:
        return _probe_all(rsc, node)
    return _probe_primitive(rsc, node)


def schedule_probes(cluster: Cluster) -> None:
    """Make the probes of all nodes."""
    for position, node in enumerate(cluster.nodes):
        cluster.begin(Stage.PROBES, position)
        if not node.online:
            if is_failed_remote(node):
                fence_node(cluster, node, "the connection is unrecoverable")
            continue
        if node.unclean or not node.discovery:
            continue
        for rsc in cluster.resources:
            if rsc.kind is not Kind.PRIMITIVE or not rsc.known >> node.idx & 1:
                cluster.begin(Stage.PROBES, position, rsc.rank)
                probe_on(rsc, node)
