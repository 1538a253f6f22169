"""Clones: instances spread over the nodes."""

from __future__ import annotations

from hacluster.base.score import INFINITY, add_scores
from hacluster.base.values import is_true
from hacluster.pe.assign.colocation import add_dependent_scores, exclude_others
from hacluster.pe.assign.dispatch import ASSIGN, COLOCATE, LOCATE, apply_location, assign, colocate
from hacluster.pe.assign.instances import by_claim, copies_per_node, find_compatible
from hacluster.pe.assign.nodes import top_row
from hacluster.pe.assign.primitive import force_place, locate_primitive, unassign
from hacluster.pe.assign.promotable import (
    add_promotion_scores,
    set_instance_roles,
    update_dependent_with_promotable,
    update_promotable_dependent,
)
from hacluster.pe.assign.relations import this_with, with_this
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

STAGE = "pcmk__clone_assign"


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


def _count_at_top(rsc: Resource, chosen: Node | None) -> None:
    top = top_row(rsc)
    if chosen is not None and chosen.idx in top.allowed:
        top.counts[chosen.idx] = top.counts.get(chosen.idx, 0) + 1


def _assign_instance(rsc: Resource, prefer: Node | None, limit: int) -> Node | None:
    """Give an instance a place; a preferred one is a try that can be taken back."""
    if rsc.allocating:
        return None
    _limit_nodes(rsc, limit)
    chosen = assign(rsc, prefer, prefer is None)
    _count_at_top(rsc, chosen)
    return chosen


def _restore(backup: list[tuple[Resource, dict[int, int], dict[int, int]]]) -> None:
    for rsc, row, counts in backup:
        rsc.cluster.scores.replace(rsc, dict(row), Cause(Why.KEEP, rsc.config_id))
        rsc.counts = dict(counts)


def _keep_in_place(rsc: Resource, current: Node, limit: int, available: int) -> bool:
    """Let an instance stay where it is, if that node gets instances at all.

    When it would rather go elsewhere, one instance is set aside for that node and it is asked again: the nodes get
    their share by preference, but the instances that are there already fill it.
    """
    if rsc.allowed.get(current.idx, -1) < 0 or not current.available:
        return False
    parent = rsc.parent
    assert parent is not None, rsc.id
    backup = [(entry, dict(entry.allowed), dict(entry.counts)) for entry in rsc.walk()]
    counts = dict(parent.counts)
    stays = False
    for _reserved in range(available):
        chosen = _assign_instance(rsc, current, limit)
        stays = chosen is current
        if stays:
            break
        _restore(backup)
        if chosen is None:
            rsc.provisional = True
            break
        unassign(rsc)
    parent.counts = counts
    if stays:
        _count_at_top(rsc, current)
    return stays


def _kept_at(rsc: Resource, share: int) -> Node | None:
    """Where an instance is, if it may stay and the node has not had its share."""
    if not rsc.active_on or not rsc.provisional or rsc.failed:
        return None
    current = rsc.current
    if current is None or not current.available or current.score < 0:
        return None
    top = top_row(rsc)
    full = current.idx in top.allowed and top.counts.get(current.idx, 0) >= share
    return None if full else current


def distribute(rsc: Resource, children: list[Resource], highest: int, per_node: int) -> None:
    """Give up to ``highest`` instances their places: first those that can stay where they are."""
    table = rsc.cluster.node_table
    rsc.counts = {}
    available = sum(table[idx].available for idx in rsc.allowed)
    share = max(1, highest // available if available else 0)
    placed = 0
    for child in children:
        if placed >= highest:
            break
        current = _kept_at(child, share)
        if current is not None and _keep_in_place(child, current, per_node, highest - placed):
            placed += 1
    for child in children:
        if not child.provisional:
            continue
        if placed >= highest:
            rsc.cluster.scores.everywhere(child, rsc.cluster.nodes, -INFINITY, Cause(Why.CLONE_MAX, rsc.config_id))
        elif _assign_instance(child, None, per_node) is not None:
            placed += 1


def assign_clone(rsc: Resource, prefer: Node | None, final: bool) -> Node | None:
    """Give the instances of a clone their places, and decide which are promoted."""
    if not rsc.provisional or rsc.allocating:
        return None
    cluster, data = rsc.cluster, rsc.clone_data
    rsc.allocating = True
    if rsc.promotable:
        add_promotion_scores(rsc)
    for entry in list(this_with(rsc)):
        assign(entry.primary, prefer, final)
    for entry in list(with_this(rsc)):
        add_dependent_scores(rsc, entry)
    if cluster.listener is not None:
        cluster.listener.scores(STAGE, rsc)
    rsc.instances[:] = by_claim(rsc.instances)
    distribute(rsc, rsc.instances, data.max, data.node_max)
    if rsc.promotable:
        set_instance_roles(rsc)
    rsc.provisional = rsc.allocating = False
    return None


def _interleaves(entry: Colocation) -> bool:
    dependent = entry.dependent
    return (
        dependent.kind > Kind.GROUP
        and is_true(dependent.meta.get("interleave"))
        and copies_per_node(dependent) == copies_per_node(entry.primary)
    )


def colocate_clone(dependent: Resource, primary: Resource, entry: Colocation, for_dependent: bool) -> int:
    """Let a colocation with a clone take effect on a primitive."""
    assert not for_dependent, entry.id
    if primary.provisional:
        return 0
    if primary.promotable and entry.primary_role is not Role.UNKNOWN:
        if dependent.provisional:
            update_dependent_with_promotable(primary, dependent, entry)
            return 0
        if entry.dependent_role is Role.PROMOTED:
            return update_promotable_dependent(primary, dependent, entry)
    if _interleaves(entry):
        pair = find_compatible(dependent, primary, Role.UNKNOWN, 0)
        if pair is not None:
            return colocate(dependent, pair, entry, True)
        if entry.score >= INFINITY:
            force_place(dependent, None)
        return 0
    if entry.score >= INFINITY:
        places = [(child, child.location(0)) for child in primary.instances]
        nodes = [(node.idx, 0) for child, node in places if node is not None and not child.any_flag("blocked")]
        exclude_others(dependent, nodes, False, entry)
        return 0
    change = 0
    for child in primary.instances:
        change = add_scores(change, colocate(dependent, child, entry, False))
    return change


def locate_clone(rsc: Resource, location: Location) -> None:
    """Let a location constraint take effect on a clone and its instances."""
    locate_primitive(rsc, location)
    for child in rsc.instances:
        apply_location(child, location)


ASSIGN[Kind.CLONE] = assign_clone
COLOCATE[Kind.CLONE] = colocate_clone
LOCATE[Kind.CLONE] = locate_clone
