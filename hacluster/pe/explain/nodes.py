"""What is to be said of a node that resources cannot use, or that is fenced."""

from __future__ import annotations

from hacluster.base.values import is_true
from hacluster.pe.explain.answer import Because
from hacluster.pe.explain.sources import node_attribute_id, operation, option_id
from hacluster.pe.model.causes import Cause, What, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node


def failure(cluster: Cluster, cause: Cause) -> str:
    """A failed operation in words: what failed, where, and with which exit code."""
    op = operation(cluster, cause.node, cause.id)
    if op is None:
        return f"an operation failed on {cause.node}"
    why = f" ({op.exit_reason})" if op.exit_reason else ""
    return f"{op.task} of it failed on {cause.node} with exit code {op.rc}{why}"


def fencing_reasons(cluster: Cluster, node: Node) -> list[Because]:
    """Why a node is unclean: each decision to fence it."""
    found: list[Because] = []
    lost: set[str] = set()
    for entry in cluster.decisions or ():
        if entry.what is not What.FENCE or entry.subject != node.name:
            continue
        behind: tuple[Because, ...] = ()
        if entry.cause.why is Why.LOST:
            lost.add(entry.cause.id)
        if entry.cause.why is Why.ON_FAIL:
            text = failure(cluster, entry.cause).replace(" of it ", " ")
            behind = (Because(f"{text}, and on-fail is fence", entry.cause.id),)
        reason = Because(entry.text, entry.cause.id, None, behind)
        if reason not in found:
            found.append(reason)
    others = [entry for entry in found if entry.id not in lost]
    if others:
        # That resources are lost with the node follows from what happened to it.
        found = others
    if not found and node.unseen:
        text = "nothing is known of it since the cluster started, and startup-fencing is true"
        found.append(Because(text, option_id(cluster, "startup-fencing")))
    return found


def _attribute(cluster: Cluster, node: Node, name: str, text: str) -> Because:
    return Because(text, node_attribute_id(cluster, node, name) or name)


def _standby(cluster: Cluster, node: Node) -> Because:
    if is_true(node.attrs.get("standby")):
        return _attribute(cluster, node, "standby", f"{node.name} is in standby")
    for entry in cluster.decisions or ():
        if entry.what is What.STANDBY and entry.subject == node.name:
            behind = (Because(f"{failure(cluster, entry.cause)}, and on-fail is standby", entry.cause.id),)
            return Because(f"{node.name} is in standby because of a failure", entry.cause.id, None, behind)
    return Because(f"{node.name} is in standby", node.id)


def node_troubles(cluster: Cluster, node: Node) -> list[Because]:
    """Why no resource may go to a node; empty if it may be used."""
    found: list[Because] = []
    name = node.name
    if node.unclean:
        where = "online but unclean" if node.online else "unclean"
        found.append(Because(f"{name} is {where}", node.id, None, tuple(fencing_reasons(cluster, node))))
    elif node.pending:
        found.append(Because(f"{name} is joining and not ready yet", node.id))
    elif not node.online:
        container = node.guest_container
        if container is not None:
            found.append(Because(f"{name} is offline: {container.id}, which contains it, is not running", container.id))
        else:
            found.append(Because(f"{name} is offline", node.id))
    if node.shutdown and node.online:
        found.append(_attribute(cluster, node, "shutdown", f"{name} is shutting down"))
    if node.standby and not node.pending:
        found.append(_standby(cluster, node))
    if node.maintenance:
        found.append(_attribute(cluster, node, "maintenance", f"{name} is in maintenance mode"))
    return found
