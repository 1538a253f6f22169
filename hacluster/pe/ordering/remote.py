"""Actions on remote and guest nodes, against what happens to the connection or container of the node."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hacluster.base.values import scan_int
from hacluster.pe.model.action import Action, Order
from hacluster.pe.model.births import Stage, newest_first
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.fence import fence_node
from hacluster.pe.operation.orderings import order_after_task, order_before_task
from hacluster.pe.operation.tasks import KNOWN

_MIGRATIONS: Final = ("migrate_to", "migrate_from")


class Connection(IntEnum):
    """What becomes of a connection."""

    UNKNOWN = 0
    ALIVE = 1
    RESTING = 2
    FAILED = 3
    STOPPED = 4


def connection_state(node: Node) -> Connection:
    """What becomes of the connection to a remote node."""
    rsc = node.remote_rsc
    assert rsc is not None, node.name
    host = rsc.current
    if rsc.next_role is Role.STOPPED or rsc.assigned is None:
        if host is not None and host.unclean:
            return Connection.FAILED
        if not rsc.failed:
            return Connection.STOPPED
        if (
            rsc.next_role is Role.STOPPED
            and rsc.remote_reconnect_ms
            and node.remote_was_fenced
            and not node.shutdown_requested
        ):
            # It is left alone until the reconnect interval is over.
            return Connection.UNKNOWN
        return Connection.FAILED
    if host is None:
        return Connection.UNKNOWN
    if host.unclean or not host.online:
        return Connection.RESTING
    if len(rsc.active_on) > 1 and rsc.partial_source is not None and rsc.partial_target is not None:
        return Connection.RESTING
    return Connection.ALIVE


def is_failed_remote(node: Node) -> bool:
    """Whether a remote node's connection is lost for good."""
    return node.is_remote and node.remote_rsc is not None and connection_state(node) is Connection.FAILED


def is_recurring(action: Action) -> bool:
    """Whether an action repeats."""
    return (scan_int(action.meta.get("interval")) or 0) > 0


def _after_start(rsc: Resource, then: Action, extra: int) -> None:
    order_after_task(rsc, "start", then, Order.PRESERVE | Order.RUNNABLE_LEFT | extra)


def _before_stop(first: Action, rsc: Resource, extra: int) -> None:
    order_before_task(first, rsc, "stop", Order.PRESERVE | extra)


def _on_remote(action: Action, node: Node, remote: Resource) -> None:
    cluster, state, task = remote.cluster, connection_state(node), action.task
    if task in _MIGRATIONS:
        task = "stop"
    if task in ("start", "promote"):
        _after_start(remote, action, Order.IMPLIES_THEN if state is Connection.FAILED else Order.NONE)
    elif task == "stop":
        if state is Connection.FAILED:
            fence_node(cluster, node, "resources are active but connection is unrecoverable")
        elif state is Connection.ALIVE or remote.next_role is Role.STOPPED:
            _before_stop(action, remote, Order.IMPLIES_FIRST)
        else:
            _after_start(remote, action, Order.NONE)
    elif task == "demote":
        if state in (Connection.RESTING, Connection.UNKNOWN):
            _after_start(remote, action, Order.NONE)
    elif is_recurring(action):
        _after_start(remote, action, Order.IMPLIES_THEN)
    else:
        if task == "monitor" and state is Connection.FAILED:
            fence_node(cluster, node, "resources are in unknown state and connection is unrecoverable")
        if remote.current is not None and state is Connection.STOPPED:
            _before_stop(action, remote, Order.RUNNABLE_LEFT)
        else:
            _after_start(remote, action, Order.NONE)


def _on_guest(action: Action, node: Node, remote: Resource, container: Resource) -> None:
    task = "stop" if action.task in _MIGRATIONS else action.task
    if container.failed:
        fence_node(remote.cluster, node, "container failed")
    if task in ("start", "promote"):
        _after_start(container, action, Order.IMPLIES_THEN)
        _after_start(remote, action, Order.NONE)
    elif task in ("stop", "demote"):
        if not container.failed:
            _before_stop(action, remote, Order.NONE)
    elif is_recurring(action):
        if task in KNOWN:
            _after_start(remote, action, Order.IMPLIES_THEN)
    else:
        _after_start(remote, action, Order.NONE)


def _order(action: Action, rsc: Resource) -> None:
    if rsc.is_remote and action.task == "clear_failcount":
        order_before_task(action, rsc, "start", Order.OPTIONAL)
        return
    node = action.node
    remote = node.remote_rsc if node is not None and node.is_remote_kind else None
    if node is None or remote is None or action.pseudo:
        return
    if action.task == "start":
        for other in reversed(rsc.actions):
            if other.task == "stop" and other.node is not node:
                order_after_task(remote, "start", other, Order.OPTIONAL)
    if remote.container is not None:
        _on_guest(action, node, remote, remote.container)
    else:
        _on_remote(action, node, remote)


def order_remote_actions(cluster: Cluster) -> None:
    """Write down what actions on remote and guest nodes have to wait for, or have to come before."""
    if not cluster.have_remote_nodes:
        return
    for action in reversed(list(cluster.actions)):
        if action.rsc is not None:
            cluster.begin_at(newest_first(Stage.REMOTE, action.born))
            _order(action, action.rsc)


def connection_host(action: Action) -> Node | None:
    """The cluster node through which an action on a remote or guest node is sent."""
    node, task = action.node, action.task
    if task == "stonith" or node is None or not node.is_remote_kind or node.remote_rsc is None:
        return None
    remote = node.remote_rsc
    began, ended = remote.current, remote.assigned
    partial = remote.container is None and remote.partial_target is not None
    if began is None or ended is None:
        return began or ended
    if task == "notify":
        task = action.meta.get("notify_operation", task)
    downs = ("cancel", "stop", "demote", "migrate_from", "migrate_to")
    return began if began is ended or (task in downs and not partial) else ended
