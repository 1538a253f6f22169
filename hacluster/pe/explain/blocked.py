"""What keeps an action from being run, followed to where it begins."""

from __future__ import annotations

from typing import Final

from hacluster.pe.explain.answer import Because
from hacluster.pe.explain.nodes import failure, fencing_reasons, node_troubles
from hacluster.pe.explain.sources import meta_id, option_id
from hacluster.pe.model.action import Action, Edge, Order
from hacluster.pe.model.causes import What, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Quorum
from hacluster.pe.model.resource import Resource

_NEEDS: Final = (
    Order.RUNNABLE_LEFT
    | Order.IMPLIES_THEN
    | Order.IMPLIES_FIRST
    | Order.RESTART
    | Order.ONE_OR_MORE
    | Order.ASYMMETRICAL
    | Order.IMPLIES_FIRST_MIGRATABLE
)
"""Orderings through which an action that cannot be run keeps another from being run."""
_MOST: Final = 200
"""Most actions that are looked at."""


def title(action: Action) -> str:
    """An action as people name it: its key and its node."""
    return (
        action.key
        if action.node is None or action.task in ("stonith", "do_shutdown")
        else f"{action.key} on {action.node.name}"
    )


def block_reasons(rsc: Resource) -> list[Because]:
    """Why the cluster does not touch a resource: it is blocked, or not managed."""
    cluster = rsc.cluster
    found: list[Because] = []
    for entry in cluster.decisions or ():
        if entry.what is not What.BLOCK or entry.subject != rsc.id:
            continue
        cause = entry.cause
        if cause.why is Why.TICKET:
            found.append(Because(f"the ticket of {cause.id} was lost, and loss-policy is freeze", cause.id))
        elif cause.why is Why.MULTIPLE_ACTIVE:
            places = " and ".join(node.name for node in rsc.active_on)
            found.append(Because(f"{rsc.id} is active on {places}, and multiple-active is block", cause.id))
        elif cause.why is Why.STOP_FAILED:
            found.append(Because(f"{failure(cluster, cause)}, and {cause.node} cannot be fenced", cause.id))
        else:
            found.append(Because(f"{failure(cluster, cause)}, and on-fail is block", cause.id))
    if rsc.managed:
        return found
    return found + _unmanaged(cluster, rsc, bool(found))


def _unmanaged(cluster: Cluster, rsc: Resource, explained: bool) -> list[Because]:
    found: list[Because] = []
    if rsc.orphan and not cluster.stop_orphans:
        option = option_id(cluster, "stop-removed-resources")
        found.append(Because(f"{rsc.id} was removed, and stop-removed-resources is false: it stays", option))
    if cluster.maintenance_mode:
        found.append(Because("maintenance-mode is true", option_id(cluster, "maintenance-mode")))
    for name, word in (("maintenance", "true"), ("is-managed", "false")):
        ident = meta_id(rsc, name)
        value = rsc.meta.get(name, "").lower()
        if ident is not None and (value in ("true", "yes", "on", "1", "y")) == (word == "true"):
            found.append(Because(f"{name} of {rsc.id} is {word}", ident))
    for node in rsc.active_on:
        if node.maintenance:
            found += [reason for reason in node_troubles(cluster, node) if "maintenance" in reason.text]
    if cluster.fencing and not cluster.have_fencing:
        lost = [node.name for node in cluster.nodes if node.unclean]
        text = "there is no fence device, and fencing-enabled is true: nothing is started or stopped"
        may = f"{' and '.join(lost)} cannot be fenced and may still run what it ran" if lost else ""
        behind = (Because(may, lost[0]),) if lost else ()
        found.append(Because(text, option_id(cluster, "fencing-enabled"), None, behind))
    if not found and not explained:
        found.append(Because(f"{rsc.id} is not managed", rsc.config_id))
    return found


def no_quorum(cluster: Cluster) -> list[Because]:
    """The lack of quorum, if it counts."""
    if cluster.have_quorum or cluster.quorum_policy is Quorum.IGNORE:
        return []
    said, policy = cluster.options["no-quorum-policy"].lower(), cluster.quorum_policy.name.lower()
    text = f"the cluster has no quorum, and no-quorum-policy is {said}"
    if policy == "stop" and said in ("fence", "suicide"):
        why = "the cluster has never had quorum" if cluster.fencing else "fencing is switched off"
        text += f", which counts as stop because {why}"
    return [Because(text, option_id(cluster, "no-quorum-policy"))]


def obstacles(action: Action, seen: set[Action] | None = None) -> list[Because]:
    """Why an action cannot be run; empty if it can. What is in ``seen`` has been told already."""
    seen = set() if seen is None else seen
    if action.can_run or action in seen or len(seen) >= _MOST:
        return []
    seen.add(action)
    found = _own(action, seen)
    for edge in action.before:
        first = edge.action
        if first.can_run or first in seen or not edge.type & _NEEDS:
            continue
        behind = obstacles(first, seen)
        if first.pseudo and edge.cause is None and behind:
            found += [reason for reason in behind if reason not in found]
            continue
        text = f"{title(first)} has to come first{source_of(edge)}, and cannot be run"
        reason = Because(text, edge.cause, None, tuple(behind))
        if reason not in found:
            found.append(reason)
    if not found:
        found.append(_fallback(action))
    return found


def source_of(edge: Edge) -> str:
    """The kind of constraint that an edge comes from, in parentheses."""
    return "" if edge.cause is None else " (constraint)"


def _fallback(action: Action) -> Because:
    rsc = action.rsc
    ident = None if rsc is None else rsc.config_id
    if rsc is not None and rsc.kind is not Kind.PRIMITIVE:
        return Because(f"no part of {rsc.id} can do it", ident)
    reason = action.reason
    if reason is None:
        return Because("nothing of it can be done now", ident)
    verb, _, rest = reason.partition(" ")
    return Because(f"{rest} cannot be run" if verb == "unrunnable" else reason, ident)


def _own(action: Action, seen: set[Action]) -> list[Because]:
    rsc, node = action.rsc, action.node
    found: list[Because] = []
    if rsc is not None and (rsc.blocked or not rsc.managed) and rsc.kind is Kind.PRIMITIVE:
        found += block_reasons(rsc)
    if rsc is not None and action.reason in ("no quorum", "quorum freeze"):
        found += no_quorum(rsc.cluster)
    if rsc is not None and action.reason is not None and action.reason.startswith("colocation with "):
        found += _with_other(action, rsc, action.reason.removeprefix("colocation with "), seen)
    if node is not None and rsc is not None and not node.online and not node.is_guest:
        found += node_troubles(rsc.cluster, node)
    if node is None and not action.pseudo and action.task in ("start", "promote"):
        found += _nowhere(rsc) if rsc is not None else []
    return found


def _nowhere(rsc: Resource) -> list[Because]:
    """Why a resource gets no node, in short."""
    if rsc.meta.get("target-role", "").lower() == "stopped":
        return [Because(f"target-role of {rsc.id} is Stopped", meta_id(rsc, "target-role") or rsc.config_id)]
    return [Because(f"there is no node that {rsc.id} may run on", rsc.config_id)]


def left_out(action: Action) -> list[Because]:
    """Why an action that could be run is not part of the transition."""
    rsc, node = action.rsc, action.node
    found = [] if rsc is None or rsc.managed else block_reasons(rsc)
    if not found and node is not None and rsc is not None:
        found = node_troubles(rsc.cluster, node)
    return found or [_fallback(action)]


def _with_other(action: Action, rsc: Resource, other_id: str, seen: set[Action]) -> list[Because]:
    """It must be with something that cannot start."""
    other = rsc.cluster.find_resource(other_id)
    entry = next(
        (one for one in rsc.top.this_with + rsc.this_with if other in list(one.primary.walk())),
        None,
    )
    ident = None if entry is None else entry.id
    behind: list[Because] = []
    for start in other.actions if other is not None else ():
        if start.task == action.task:
            behind += [reason for reason in obstacles(start, seen) if reason not in behind]
    return [Because(f"{rsc.id} must be with {other_id}, which cannot {action.task}", ident, None, tuple(behind))]


def why_fenced(action: Action, cluster: Cluster) -> list[Because]:
    """Why a node is fenced or unfenced."""
    node = action.node
    if node is None:
        return []
    if action.meta.get("stonith_action") == "on":
        return [Because(action.reason or f"{node.name} has to be unfenced", node.id)]
    found = fencing_reasons(cluster, node)
    if not found and action.reason is not None:
        found.append(Because(action.reason, node.id))
    return found
