"""Clones: instances spread over the nodes."""

from __future__ import annotations

from hacluster.base.score import INFINITY, add_scores
from hacluster.base.values import is_true
from hacluster.pe.assign.colocation import ACTIVE, NONNEGATIVE, colocated_scores
from hacluster.pe.assign.dispatch import ASSIGN, COLOCATE, LOCATE, apply_location, assign, colocate
from hacluster.pe.assign.instances import by_claim, copies_per_node, find_compatible
from hacluster.pe.assign.nodes import sort_nodes, top_row
from hacluster.pe.assign.primitive import force_place, locate_primitive, unassign
from hacluster.pe.assign.promotable import (
    add_promotion_scores,
    set_instance_roles,
    update_dependent_with_promotable,
    update_promotable_dependent,
)
from hacluster.pe.assign.pull import factor_of
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import add_this_with, add_with_this, has_influence

STAGE = "pcmk__clone_allocate"


def _ban_below(rsc: Resource, node: int, cause: Cause) -> None:
    """Keep an instance and all below it off a node that their rows know."""
    for entry in rsc.walk():
        if node in entry.allowed:
            entry.cluster.scores.set(entry, node, -INFINITY, cause)


def _limit_nodes(rsc: Resource, limit: int) -> None:
    """Keep an instance off nodes that cannot be used or are full."""
    top, table = top_row(rsc), rsc.cluster.node_table
    allowed, counts, whole = top.allowed, top.counts, not rsc.instances
    unusable, banned, full = (Cause(why, top.config_id) for why in (Why.CLONE_NODE, Why.CLONE_BANNED, Why.CLONE_FULL))
    for idx, score in list(rsc.allowed.items()):
        if whole and score <= -INFINITY:
            continue
        if rsc.orphan or idx not in allowed or not table[idx].available:
            _ban_below(rsc, idx, unusable)
        elif allowed[idx] < 0:
            _ban_below(rsc, idx, banned)
        elif counts.get(idx, 0) >= limit:
            _ban_below(rsc, idx, full)


def _inherit_colocations(parent: Resource, child: Resource, every: bool) -> None:
    for entry in parent.this_with:
        if every or entry.score < 0 or entry.score == INFINITY:
            add_this_with(child, entry)
    for entry in parent.with_this:
        if has_influence(entry, child) and (every or entry.score < 0):
            add_with_this(child, entry)


def _assign_instance(rsc: Resource, prefer: Node | None, every: bool, limit: int) -> bool:
    """Give an instance its place; with ``prefer`` there or not at all."""
    if not rsc.provisional:
        return rsc.location(0) is not None
    parent = rsc.parent
    if rsc.allocating or parent is None:
        return False
    _inherit_colocations(parent, rsc, every)
    if prefer is not None and rsc.allowed.get(prefer.idx, -1) < 0:
        return False
    _limit_nodes(rsc, limit)
    backup = dict(rsc.allowed)
    chosen = assign(rsc, prefer)
    if chosen is not None and prefer is not None and chosen is not prefer:
        rsc.cluster.scores.replace(rsc, backup, Cause(Why.KEEP, rsc.config_id))
        unassign(rsc)
        chosen = None
    if chosen is None:
        return False
    top = top_row(rsc)
    if chosen.idx in top.allowed:
        top.counts[chosen.idx] = top.counts.get(chosen.idx, 0) + 1
    return True


def distribute(rsc: Resource, children: list[Resource], nodes: list[Node], highest: int, per_node: int) -> None:
    """Give up to ``highest`` instances their places: first those that can stay where they are."""
    for node in nodes:
        rsc.counts[node.idx] = 0
    available = sum(node.available for node in nodes)
    every = highest < available
    share = max(1, highest // available if available else 0)
    placed = 0
    for child in children:
        if placed >= highest:
            break
        if not child.active_on or not child.provisional or child.failed:
            continue
        current = child.current
        if current is None or not current.available or current.score < 0:
            continue
        top = top_row(child)
        if current.idx in top.allowed and top.counts.get(current.idx, 0) >= share:
            continue
        placed += _assign_instance(child, current, every, per_node)
    for child in children:
        if not child.provisional:
            continue
        if placed >= highest:
            rsc.cluster.scores.everywhere(child, rsc.cluster.nodes, -INFINITY, Cause(Why.CLONE_MAX, rsc.config_id))
        else:
            placed += _assign_instance(child, None, every, per_node)


def assign_clone(rsc: Resource, prefer: Node | None) -> Node | None:
    """Give the instances of a clone their places, and decide which are promoted."""
    if not rsc.provisional or rsc.allocating:
        return None
    cluster, data = rsc.cluster, rsc.clone_data
    if rsc.promotable:
        add_promotion_scores(rsc)
    rsc.allocating = True
    for entry in list(rsc.this_with):
        assign(entry.primary, prefer)
    for entry in list(rsc.with_this):
        if has_influence(entry):
            row = colocated_scores(
                entry.dependent, rsc.allowed, entry.attribute, factor_of(entry), ACTIVE | NONNEGATIVE
            )
            if row is not None and row is not rsc.allowed:
                cluster.scores.replace(rsc, row, entry.pulling)
    if cluster.listener is not None:
        cluster.listener.scores(STAGE, rsc)
    nodes = sort_nodes(cluster, rsc.allowed, None)
    rsc.instances[:] = by_claim(rsc.instances)
    distribute(rsc, rsc.instances, nodes, data.max, data.node_max)
    if rsc.promotable:
        set_instance_roles(rsc)
    rsc.provisional = rsc.allocating = False
    return None


def exclude_others(rsc: Resource, nodes: list[tuple[Node, int]], merge: bool, cause: Cause) -> None:
    """Keep a resource off all nodes but the given ones, whose scores may count too."""
    scores = rsc.cluster.scores
    wanted: dict[int, int] = {}
    for node, score in nodes:
        wanted.setdefault(node.idx, score)
    for idx, score in list(rsc.allowed.items()):
        if idx not in wanted:
            scores.set(rsc, idx, -INFINITY, cause)
        elif merge:
            scores.set(rsc, idx, add_scores(score, wanted[idx]), cause)
    for idx in wanted:
        if idx not in rsc.allowed:
            scores.set(rsc, idx, -INFINITY, cause)


def _interleaves(entry: Colocation) -> bool:
    dependent = entry.dependent
    return (
        dependent.kind > Kind.GROUP
        and is_true(dependent.meta.get("interleave"))
        and copies_per_node(dependent) == copies_per_node(entry.primary)
    )


def colocate_clone(dependent: Resource, primary: Resource, entry: Colocation, for_dependent: bool) -> None:
    """Let a colocation with a clone take effect on a primitive."""
    assert not for_dependent, entry.id
    if primary.provisional:
        return
    if primary.promotable and entry.primary_role is not Role.UNKNOWN:
        if dependent.provisional:
            nodes = update_dependent_with_promotable(primary, dependent, entry)
            if entry.score >= INFINITY and (
                entry.dependent_role is not Role.PROMOTED or entry.primary_role is not Role.PROMOTED
            ):
                exclude_others(dependent, nodes, True, entry.following)
            return
        if entry.dependent_role is Role.PROMOTED:
            update_promotable_dependent(primary, dependent, entry)
            return
    if _interleaves(entry):
        pair = find_compatible(dependent, primary, Role.UNKNOWN, 0)
        if pair is not None:
            colocate(dependent, pair, entry, True)
        elif entry.score >= INFINITY:
            force_place(dependent, None)
        return
    if entry.score >= INFINITY:
        places = [(child, child.location(0)) for child in primary.instances]
        nodes = [(node, 0) for child, node in places if node is not None and not child.any_flag("blocked")]
        exclude_others(dependent, nodes, False, entry.following)
        return
    for child in primary.instances:
        colocate(dependent, child, entry, False)


def locate_clone(rsc: Resource, location: Location) -> None:
    """Let a location constraint take effect on a clone and its instances."""
    locate_primitive(rsc, location)
    for child in rsc.instances:
        apply_location(child, location)


ASSIGN[Kind.CLONE] = assign_clone
COLOCATE[Kind.CLONE] = colocate_clone
LOCATE[Kind.CLONE] = locate_clone
