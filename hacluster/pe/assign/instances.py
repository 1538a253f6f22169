"""Instances of clones and bundles: their order, and which of them can be paired."""

from __future__ import annotations

import functools

from hacluster.base.values import same_text
from hacluster.pe.assign.attributes import colocation_value
from hacluster.pe.assign.colocation import NONNEGATIVE, Ask, colocated_scores
from hacluster.pe.assign.nodes import sort_nodes, top_row
from hacluster.pe.assign.pull import factor_of
from hacluster.pe.assign.relations import this_with, with_this
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.model.sorting import merge_sort
from hacluster.pe.operation.colocating import has_influence


@functools.lru_cache(maxsize=1 << 16)
def _number_in(ident: str) -> int:
    for separator in (":", "-"):
        _head, found, tail = ident.rpartition(separator)
        if found:
            digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
            return int(digits) if digits else 0
    return 0


def instance_number(rsc: Resource) -> int:
    """The number of an instance, of a bundle's container the number of its replica."""
    return _number_in(rsc.id)


def _colocation_score(rsc: Resource, node: Node) -> int:
    """What all colocations make of the node where an instance is."""
    row: dict[int, int] = {node.idx: node.score}
    for entry in list(this_with(rsc)):
        row = colocated_scores(entry.primary, row, Ask(rsc, entry, factor_of(entry), 0))
    for entry in list(with_this(rsc)):
        if has_influence(entry, rsc):
            row = colocated_scores(entry.dependent, row, Ask(rsc, entry, factor_of(entry), NONNEGATIVE))
    return row[node.idx]


def _prefer(one: bool, other: bool) -> int:
    return int(other) - int(one)


def _compare_places(one: Resource, other: Resource, node: Node, other_node: Node) -> int:
    decided = _prefer(node.available, other_node.available)
    if decided:
        return decided
    row, other_row = top_row(one), top_row(other)
    allowed, other_allowed = node.idx in row.allowed, other_node.idx in other_row.allowed
    if not allowed or not other_allowed:
        return _prefer(allowed, other_allowed)
    count, other_count = row.counts.get(node.idx, 0), other_row.counts.get(other_node.idx, 0)
    if count != other_count:
        return -1 if count < other_count else 1
    decided = _prefer(not one.any_flag("failed"), not other.any_flag("failed"))
    if decided:
        return decided
    score = _colocation_score(one, one.current or node)
    other_score = _colocation_score(other, other.current or other_node)
    if score != other_score:
        return -1 if score > other_score else 1
    return instance_number(one) - instance_number(other)


def compare_instances(one: Resource, other: Resource) -> int:
    """Which of two instances gets its place first: negative for ``one``."""
    node, count, _clean = one.find_active()
    other_node, other_count, _other_clean = other.find_active()
    if count > 0 and other_count > 0 and count != other_count:
        return -1 if count < other_count else 1
    can = node is None or one.allowed.get(node.idx, -1) >= 0
    other_can = other_node is None or other.allowed.get(other_node.idx, -1) >= 0
    node, other_node = (node if can else None), (other_node if other_can else None)
    decided = _prefer(can, other_can)
    if decided:
        return decided
    if one.priority != other.priority:
        return -1 if one.priority > other.priority else 1
    if node is None or other_node is None:
        return _prefer(node is not None, other_node is not None)
    return _compare_places(one, other, node, other_node)


def by_claim(instances: list[Resource]) -> list[Resource]:
    """The instance that gets its place first comes first."""
    return merge_sort(instances, compare_instances)


def _compare_promotable(one: Resource, other: Resource) -> int:
    if one.sort_index != other.sort_index:
        return -1 if one.sort_index > other.sort_index else 1
    role, other_role = one.state(True), other.state(True)
    if role is not other_role:
        return -1 if role > other_role else 1
    return compare_instances(one, other)


def by_promotion(instances: list[Resource]) -> list[Resource]:
    """The instance that is promoted first comes first."""
    return merge_sort(instances, _compare_promotable)


def copies_per_node(rsc: Resource) -> int:
    """How many instances may be on one node."""
    if rsc.kind is Kind.BUNDLE:
        return rsc.bundle_data.per_host
    if rsc.kind is Kind.CLONE:
        value = rsc.meta.get("clone-node-max", "1")
        return int(value) if value.isdecimal() else 0
    return 1


def parts(rsc: Resource) -> list[Resource]:
    """The containers of a bundle, the instances of anything else."""
    return rsc.bundle_data.containers if rsc.kind is Kind.BUNDLE else rsc.instances


def is_compatible(child: Resource, node: Node, role: Role, current: int, attribute: str | None = None) -> bool:
    """Whether an instance is, or will be, on that node (or one like it) in that role (``UNKNOWN`` for any)."""
    if role is not Role.UNKNOWN and child.state(bool(current)) is not role:
        return False
    place = None if child.any_flag("blocked") else child.location(current)
    if place is None or attribute is None:
        return place is node
    return same_text(colocation_value(place, attribute, child), colocation_value(node, attribute, child))


def compatible_on(node: Node, rsc: Resource, role: Role, current: int, attribute: str | None = None) -> Resource | None:
    """The instance of ``rsc`` that is, or will be, on a node."""
    return next((child for child in parts(rsc) if is_compatible(child, node, role, current, attribute)), None)


def find_compatible(
    local: Resource, rsc: Resource, role: Role, current: int, attribute: str | None = None
) -> Resource | None:
    """The instance of ``rsc`` that goes with the instance ``local``: on the same node, else on the best it may use."""
    node = local.location(current)
    if node is not None:
        return compatible_on(node, rsc, role, current, attribute)
    for candidate in sort_nodes(local.cluster, local.allowed, None):
        pair = compatible_on(candidate, rsc, role, current, attribute)
        if pair is not None:
            return pair
    return None
