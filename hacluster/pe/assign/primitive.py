"""Primitives: where each of them goes."""

from __future__ import annotations

from hacluster.base.score import INFINITY
from hacluster.pe.assign.capacity import consume, release
from hacluster.pe.assign.colocation import (
    Affects,
    add_dependent_scores,
    affects,
    apply_to_priority,
    apply_to_scores,
)
from hacluster.pe.assign.dispatch import ASSIGN, COLOCATE, LOCATE, assign, colocate
from hacluster.pe.assign.nodes import any_available, sort_nodes
from hacluster.pe.assign.relations import this_with, with_this
from hacluster.pe.assign.utilization import ban_full_nodes
from hacluster.pe.model.action import Flag
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Discovery, Kind, Quorum, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

STAGE = "pcmk__primitive_assign"


def unassign(rsc: Resource) -> None:
    """Take the place of a resource, and of all below it, away again."""
    for child in rsc.instances:
        unassign(child)
    rsc.provisional = True
    node = rsc.assigned
    if node is None or rsc.instances:
        return
    rsc.assigned = None
    node.load -= 1
    release(node.utilization, rsc.utilization)


def _nowhere(rsc: Resource) -> None:
    """It gets no place: what is planned for it already must fit that."""
    rsc.set_next_role(Role.STOPPED)
    for action in rsc.actions:
        if action.task == "stop":
            action.clear(Flag.OPTIONAL)
        elif action.task == "start" or (
            action.meta.get("interval", "0") != "0" and action.meta.get("op_target_rc") != "7"
        ):
            action.clear(Flag.RUNNABLE)


def _may_be(rsc: Resource, node: Node) -> bool:
    return rsc.allowed.get(node.idx, node.score) >= 0 and (node.available or node.is_guest)


def finalize(rsc: Resource, chosen: Node | None, force: bool, final: bool) -> bool:
    """Give a primitive its place, or none if it may not be there; true if that is another one than before.

    ``force`` asks no questions; what gets no place is stopped if that is ``final``.
    """
    if not force and chosen is not None and not _may_be(rsc, chosen):
        chosen = None
    changed = rsc.assigned is not chosen
    unassign(rsc)
    rsc.provisional = False
    if chosen is None:
        if final:
            _nowhere(rsc)
        return changed
    rsc.assigned = chosen
    rsc.assigned_score = chosen.score if force else rsc.allowed.get(chosen.idx, chosen.score)
    chosen.load += 1
    rsc.counts[chosen.idx] = rsc.counts.get(chosen.idx, 0) + 1
    consume(chosen.utilization, rsc.utilization)
    listener = rsc.cluster.listener
    if listener is not None:
        listener.utilization(rsc, chosen)
    return changed


def force_place(rsc: Resource, node: Node | None) -> bool:
    """Give a resource and all below it that place whatever the scores say; true if one of them had another."""
    if not rsc.instances:
        return finalize(rsc, node, True, True)
    changes = [force_place(child, node) for child in rsc.instances]
    return any(changes)


def _prefer_current(rsc: Resource, nodes: list[Node]) -> Node:
    """The best node; of equally good ones the one where it is."""
    best, row = nodes[0], rsc.allowed
    unique_instance = rsc.parent is not None and rsc.parent.is_clone and rsc.parent.unique
    if unique_instance or row[best.idx] <= 0 or not best.available:
        return best
    running = rsc.current
    if running is None or not running.available or running.score < 0:
        return best
    for node in nodes[1:]:
        if row[node.idx] != row[best.idx]:
            break
        if node is running:
            return node
    return best


def _assign_best(rsc: Resource, prefer: Node | None, final: bool) -> None:
    most_free = ban_full_nodes(rsc)
    if prefer is None:
        prefer = most_free
    if not rsc.provisional:
        return
    nodes = sort_nodes(rsc.cluster, rsc.allowed, rsc.current, only_best=True)
    rsc.cluster.note_contest(rsc, nodes, prefer)
    chosen: Node | None = None
    if prefer is not None and nodes and prefer.idx in rsc.allowed:
        score = rsc.allowed[prefer.idx]
        if score >= rsc.allowed[nodes[0].idx] and score >= 0 and prefer.available:
            chosen = prefer
    if chosen is None and nodes:
        chosen = _prefer_current(rsc, nodes)
    finalize(rsc, chosen, False, final)


def _apply_this_with(rsc: Resource, entry: Colocation) -> None:
    archive: tuple[dict[int, int], dict[int, int]] | None = None
    if entry.dependent_role >= Role.PROMOTED or -INFINITY < entry.score < 0:
        archive = dict(rsc.allowed), dict(rsc.counts)
    if entry.primary.provisional:
        assign(entry.primary, None)
    colocate(rsc, entry.primary, entry, True)
    if archive is not None and not any_available(rsc.cluster, rsc.allowed):
        rsc.cluster.scores.replace(rsc, archive[0], Cause(Why.KEEP, rsc.config_id))
        rsc.counts = archive[1]


def _apply_colocations(rsc: Resource) -> None:
    """What must be comes first, then what is only wished for."""
    following, followed = list(this_with(rsc)), list(with_this(rsc))
    for mandatory in (True, False):
        for entry in following:
            if (abs(entry.score) >= INFINITY) is mandatory:
                _apply_this_with(rsc, entry)
        for entry in followed:
            if (abs(entry.score) >= INFINITY) is mandatory:
                add_dependent_scores(rsc, entry)


def _connection_assigned(rsc: Resource) -> None:
    """With a connection's place it is known whether the node behind it will be there."""
    node = rsc.cluster.find_node(rsc.id)
    if node is None:
        return
    if rsc.assigned is not None and rsc.next_role is not Role.STOPPED:
        node.online = True
        if node.unseen:
            node.unclean = False
    else:
        node.shutdown = True


def assign_primitive(rsc: Resource, prefer: Node | None, final: bool) -> Node | None:
    """Give a primitive its place."""
    cluster = rsc.cluster
    if rsc.parent is not None and not rsc.parent.allocating:
        assign(rsc.parent, prefer, final)
    if not rsc.provisional:
        return rsc.assigned
    if rsc.allocating:
        return None
    rsc.allocating = True
    _apply_colocations(rsc)
    if rsc.next_role is Role.STOPPED:
        cluster.scores.everywhere(rsc, cluster.nodes, -INFINITY, Cause(Why.TARGET_ROLE, rsc.config_id))
    elif rsc.next_role > rsc.role and not cluster.have_quorum and cluster.quorum_policy is Quorum.FREEZE:
        rsc.set_next_role(rsc.role)
    if cluster.listener is not None:
        cluster.listener.scores(STAGE, rsc)
    if cluster.fencing and not cluster.have_fencing:
        rsc.managed = False
    if not rsc.managed:
        rsc.set_next_role(rsc.role)
        finalize(rsc, rsc.current, True, final)
    elif cluster.stop_everything:
        finalize(rsc, None, True, final)
    else:
        _assign_best(rsc, prefer, final)
    rsc.allocating = False
    if rsc.is_remote:
        _connection_assigned(rsc)
    return rsc.assigned


def colocate_primitive(dependent: Resource, primary: Resource, entry: Colocation, for_dependent: bool) -> int:
    """Let a colocation with a primitive, or of one, take effect."""
    if for_dependent:
        return colocate(dependent, primary, entry, False)
    what = affects(dependent, primary, entry, False)
    if what is Affects.ROLE:
        return apply_to_priority(dependent, primary, entry)
    if what is Affects.LOCATION:
        apply_to_scores(dependent, primary, entry)
    return 0


def locate_primitive(rsc: Resource, location: Location) -> None:
    """Let a location constraint take effect on one resource."""
    if location.role > Role.UNKNOWN and location.role is not rsc.next_role:
        return
    scores, cause = rsc.cluster.scores, location.cause
    for node, score in location.nodes:
        if node.idx in rsc.allowed:
            scores.add(rsc, node, score, cause)
        else:
            scores.set(rsc, node.idx, score, cause)
        if rsc.discover.get(node.idx, node.discover) < location.discovery:
            if location.discovery is Discovery.EXCLUSIVE:
                rsc.exclusive_discover = True
            rsc.discover[node.idx] = location.discovery


ASSIGN[Kind.PRIMITIVE] = assign_primitive
COLOCATE[Kind.PRIMITIVE] = colocate_primitive
LOCATE[Kind.PRIMITIVE] = locate_primitive
