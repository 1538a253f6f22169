"""How colocations change scores and promotion priorities."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

from hacluster.base.score import INFINITY, add_scores
from hacluster.base.values import same_text
from hacluster.pe.assign.attributes import BY_NAME, colocation_value, sees_nodes
from hacluster.pe.assign.dispatch import GATHER, colocated_with
from hacluster.pe.assign.nodes import Row, any_available
from hacluster.pe.assign.pull import factor_of, fruitless, pulled, weighted
from hacluster.pe.assign.relations import this_with, with_this
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import has_influence

ACTIVE: Final = 0x1
"""Only resources that can run anywhere count."""
NONNEGATIVE: Final = 0x2
"""A node that was allowed stays allowed."""
THIS_WITH: Final = 0x4
"""Follow the colocations of a resource with others, not of others with it."""

_HELD: Final = INFINITY * -100


class Affects(IntEnum):
    """What a colocation has a say in."""

    NOTHING = 0
    LOCATION = 1
    ROLE = 2


def in_role(rsc: Resource) -> Resource:
    """Whose role counts for a colocation: what runs in a bundle's container has one, the container has none."""
    inside = None if rsc.replica is None else rsc.replica.child
    return rsc if inside is None else inside


def affects(dependent: Resource, primary: Resource, colocation: Colocation, preview: bool) -> Affects:
    """What a colocation changes now; a ``preview`` asks before anything has its place."""
    if not preview and primary.provisional:
        return Affects.NOTHING
    one, other = in_role(dependent), in_role(primary)
    if (
        colocation.dependent_role >= Role.UNPROMOTED
        and one.parent is not None
        and one.parent.promotable
        and not one.provisional
    ):
        return Affects.ROLE
    if not preview and not dependent.provisional:
        return Affects.NOTHING
    for role, rsc in ((colocation.dependent_role, one), (colocation.primary_role, other)):
        if role is not Role.UNKNOWN and role is not rsc.next_role:
            return Affects.NOTHING
    return Affects.LOCATION


def apply_to_scores(dependent: Resource, primary: Resource, colocation: Colocation) -> None:
    """Pull the dependent to where the primary is, or push it away from there."""
    cluster, score, place = dependent.cluster, colocation.score, primary.assigned
    if place is None and score < 0:
        return
    attribute = colocation.attribute
    value = colocation_value(place, attribute, primary)
    by_node = attribute in BY_NAME and sees_nodes(dependent) and value is not None and sees_nodes(primary)
    work: Row = dict(dependent.allowed)
    for idx, weight in work.items():
        if place is None:
            work[idx] = add_scores(-score, weight)
            continue
        if by_node:
            same = idx == place.idx
        else:
            same = same_text(colocation_value(cluster.node_table[idx], attribute, dependent), value)
        if same:
            if score < INFINITY:
                work[idx] = add_scores(score, weight)
        elif score >= INFINITY:
            work[idx] = -INFINITY
    if abs(score) >= INFINITY or any_available(cluster, work):
        cluster.scores.replace(dependent, work, colocation.following)


def apply_to_priority(dependent: Resource, primary: Resource, colocation: Colocation) -> int:
    """Make an instance more or less fit for promotion; answers by how much."""
    if dependent.assigned is None:
        return 0
    wanted = colocation.primary_role
    if primary.assigned is not None and wanted is not Role.UNKNOWN and wanted is not in_role(primary).next_role:
        return 0
    here = colocation_value(dependent.assigned, colocation.attribute, dependent)
    there = colocation_value(primary.assigned, colocation.attribute, primary)
    sign = 1
    if not same_text(here, there):
        if colocation.score != INFINITY or colocation.dependent_role is not Role.PROMOTED:
            return 0
        sign = -1
    elif colocation.dependent_role is Role.UNPROMOTED:
        sign = -1
    change = sign * colocation.score
    dependent.priority = add_scores(change, dependent.priority)
    return change


def _own_row(rsc: Resource, colocation: Colocation) -> Row:
    """The row of a resource as a colocation with it sees it.

    A group's locations are written into its first member alone; a later one that is itself colocated has them too.
    """
    group = rsc.parent
    if rsc is not colocation.dependent or not colocation.explicit or group is None or group.kind is not Kind.GROUP:
        return rsc.allowed
    if rsc is group.instances[0]:
        return rsc.allowed
    row = dict(rsc.allowed)
    for location in reversed(rsc.cluster.locations):
        if location.rsc is group and (location.role is Role.UNKNOWN or location.role is rsc.next_role):
            for node, score in location.nodes:
                row[node.idx] = add_scores(row[node.idx], score) if node.idx in row else score
    return row


def _best_match(rsc: Resource, row: Row, attribute: str | None, value: str | None) -> int:
    """The best score of a resource on the nodes that have that value.

    Remote and guest nodes without a status of their own have no attributes, not even a name: they count as alike.
    """
    table = rsc.cluster.node_table
    return max(
        (
            score
            for idx, score in row.items()
            if table[idx].available and same_text(value, colocation_value(table[idx], attribute, rsc))
        ),
        default=-INFINITY,
    )


class Ask(NamedTuple):
    """For whom a resource is asked what it would like: by which colocation, with what weight; see the flags above."""

    target: Resource
    colocation: Colocation
    factor: float
    flags: int


def _add_matching(row: Row, rsc: Resource, ask: Ask) -> None:
    table, factor, attribute = rsc.cluster.node_table, ask.factor, ask.colocation.attribute
    own, only_positive = _own_row(rsc, ask.colocation), bool(ask.flags & NONNEGATIVE)
    by_name = attribute in BY_NAME and sees_nodes(rsc) and sees_nodes(ask.target)
    for idx, weight in row.items():
        node = table[idx]
        value = colocation_value(node, attribute, ask.target)
        if by_name and value is not None:
            score = own.get(idx, -INFINITY) if node.available else -INFINITY
        else:
            score = _best_match(rsc, own, attribute, value)
        if score == 0 or weight == _HELD or (factor < 0 and score < 0 and fruitless(ask.colocation, score)):
            continue
        new = add_scores(weighted(factor, score), weight)
        if only_positive and new < 0 and weight > 0:
            row[idx] = _HELD
        elif not (only_positive and new < 0 and weight == 0):
            row[idx] = new


def colocated_scores(rsc: Resource, row: Row, ask: Ask) -> Row:
    """``row`` with what ``rsc``, and everything that is to be with it, would like, each by its weight.

    The row itself is not changed; if there is nothing to add, it is the answer.
    """
    if rsc.merging:
        return row
    if rsc.kind is not Kind.GROUP:
        if not ask.flags & (NONNEGATIVE | THIS_WITH):
            simple = pulled(rsc, row, ask.colocation, ask.factor)
            if simple is not None:
                return simple
    elif not rsc.instances:
        return row
    rsc.merging = True
    try:
        if rsc.kind is Kind.GROUP:
            return colocated_scores(rsc.instances[0], row, ask)
        work = dict(row)
        _add_matching(work, rsc, ask)
        if any_available(rsc.cluster, work):
            work = _add_others(rsc, work, ask)
        elif ask.flags & ACTIVE:
            return row
        if ask.flags & NONNEGATIVE:
            for idx, score in work.items():
                if score == _HELD:
                    work[idx] = 1
        return work
    finally:
        rsc.merging = False


def _add_others(rsc: Resource, row: Row, ask: Ask) -> Row:
    """``row`` with what those would like that are to be with ``rsc``, or that it is to be with."""
    following, flags = bool(ask.flags & THIS_WITH), ask.flags | ACTIVE
    for entry in list(this_with(rsc) if following else with_this(rsc)):
        if following or has_influence(entry):
            other = entry.primary if following else entry.dependent
            row = colocated_scores(other, row, Ask(ask.target, entry, factor_of(entry, ask.factor), flags))
    return row


def scores_with_primaries(rsc: Resource) -> Row:
    """The row of a resource with what all those would like that it is to be with."""
    if rsc.merging:
        return {}
    source = rsc
    while source.kind is Kind.GROUP and source.instances:
        # By the last member all others are met.
        source = source.instances[-1]
    rsc.merging = source.merging = True
    try:
        row = dict(source.allowed)
        if not any_available(rsc.cluster, row):
            return row
        for entry in list(this_with(source)):
            row = colocated_scores(entry.primary, row, Ask(source, entry, factor_of(entry), THIS_WITH | ACTIVE))
        return row
    finally:
        rsc.merging = source.merging = False


def add_dependent_scores(primary: Resource, entry: Colocation) -> None:
    """Let the dependent of a colocation have its say in the scores of the primary."""
    if not has_influence(entry):
        return
    flags = ACTIVE | NONNEGATIVE if primary.is_clone else ACTIVE
    row = colocated_scores(entry.dependent, primary.allowed, Ask(primary, entry, factor_of(entry), flags))
    if row is not primary.allowed:
        primary.cluster.scores.replace(primary, row, entry.pulling)


def exclude_others(rsc: Resource, nodes: list[tuple[int, int]], merge: bool, entry: Colocation) -> None:
    """Keep a resource off all nodes but the given ones (numbers and scores), whose scores may count too."""
    scores, cause = rsc.cluster.scores, entry.following
    wanted: dict[int, int] = {}
    for idx, score in nodes:
        wanted.setdefault(idx, score)
    for idx, score in list(rsc.allowed.items()):
        if idx not in wanted:
            scores.set(rsc, idx, -INFINITY, cause)
        elif merge:
            scores.set(rsc, idx, add_scores(score, wanted[idx]), cause)


def gather_colocated(rsc: Resource, origin: Resource | None, found: list[Resource]) -> list[Resource]:
    """Everything that must be on the same node as ``rsc``."""
    origin = origin or rsc
    if rsc in found:
        return found
    found.append(rsc)
    for entry in list(this_with(rsc)):
        if (
            entry.primary is not origin
            and entry.score == INFINITY
            and affects(rsc, entry.primary, entry, True) is Affects.LOCATION
        ):
            found = colocated_with(entry.primary, origin, found)
    for entry in list(with_this(rsc)):
        dependent = entry.dependent
        if dependent is origin or (rsc.is_clone and not dependent.is_clone) or entry.score != INFINITY:
            continue
        if affects(dependent, rsc, entry, True) is Affects.LOCATION:
            found = colocated_with(dependent, origin, found)
    return found


for _kind in (Kind.PRIMITIVE, Kind.CLONE, Kind.BUNDLE):
    GATHER[_kind] = gather_colocated
