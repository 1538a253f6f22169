"""How colocations change scores and promotion priorities."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from hacluster.base.score import INFINITY, add_scores
from hacluster.base.values import same_text
from hacluster.pe.assign.dispatch import GATHER, colocated_with
from hacluster.pe.assign.nodes import Row, any_available
from hacluster.pe.assign.pull import BY_NAME, factor_of, pulled, weighted
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


def affects(dependent: Resource, primary: Resource, colocation: Colocation, preview: bool) -> Affects:
    """What a colocation changes now; a ``preview`` asks before anything has its place."""
    if not preview and primary.provisional:
        return Affects.NOTHING
    if (
        colocation.dependent_role >= Role.UNPROMOTED
        and dependent.parent is not None
        and dependent.parent.promotable
        and not dependent.provisional
    ):
        return Affects.ROLE
    if not preview and not dependent.provisional:
        return Affects.NOTHING
    for role, rsc in ((colocation.dependent_role, dependent), (colocation.primary_role, primary)):
        if role is not Role.UNKNOWN and (role is rsc.next_role) is (colocation.score < 0):
            return Affects.NOTHING
    return Affects.LOCATION


def apply_to_scores(dependent: Resource, primary: Resource, colocation: Colocation) -> None:
    """Pull the dependent to where the primary is, or push it away from there."""
    cluster, score, place = dependent.cluster, colocation.score, primary.assigned
    if place is None and score < 0:
        return
    attribute = colocation.attribute or "#id"
    value = None if place is None else place.attrs.get(attribute)
    work: Row = dict(dependent.allowed)
    for idx, weight in work.items():
        if place is None:
            work[idx] = add_scores(-score, weight)
        elif same_text(cluster.node_table[idx].attrs.get(attribute), value):
            if score < INFINITY:
                work[idx] = add_scores(score, weight)
        elif score >= INFINITY:
            work[idx] = add_scores(-score, weight)
    if abs(score) >= INFINITY or any_available(cluster, work):
        cluster.scores.replace(dependent, work, colocation.following)


def apply_to_priority(dependent: Resource, primary: Resource, colocation: Colocation) -> None:
    """Make an instance more or less fit for promotion."""
    if primary.assigned is None or dependent.assigned is None:
        return
    attribute = colocation.attribute or "#id"
    if not same_text(dependent.assigned.attrs.get(attribute), primary.assigned.attrs.get(attribute)):
        if colocation.score == INFINITY and colocation.dependent_role is Role.PROMOTED:
            dependent.priority = -INFINITY
        return
    if colocation.primary_role is not Role.UNKNOWN and colocation.primary_role is not primary.next_role:
        return
    sign = -1 if colocation.dependent_role is Role.UNPROMOTED else 1
    dependent.priority = add_scores(sign * colocation.score, dependent.priority)


def _best_match(rsc: Resource, attribute: str, value: str | None) -> int:
    """The best score of a resource on the nodes that have that value.

    Remote and guest nodes without a status of their own have no attributes, not even a name: they count as alike.
    """
    table, row = rsc.cluster.node_table, rsc.allowed
    return max(
        (
            score
            for idx, score in row.items()
            if table[idx].available and same_text(value, table[idx].attrs.get(attribute))
        ),
        default=-INFINITY,
    )


def _add_matching(row: Row, rsc: Resource, attribute: str | None, factor: float, only_positive: bool) -> None:
    table, attribute = rsc.cluster.node_table, attribute or "#uname"
    by_name, own = attribute == "#uname", rsc.allowed
    for idx, weight in row.items():
        node = table[idx]
        value = node.attrs.get(attribute)
        if by_name and value is not None:
            score = own.get(idx, -INFINITY) if node.available else -INFINITY
        else:
            score = _best_match(rsc, attribute, value)
        if score == 0 or (factor < 0 and score < 0) or weight == _HELD:
            continue
        new = add_scores(weighted(factor, score), weight)
        if only_positive and new < 0 and weight > 0:
            row[idx] = _HELD
        elif not (only_positive and new < 0 and weight == 0):
            row[idx] = new


def _first_row(rsc: Resource, row: Row | None, attribute: str | None, factor: float, flags: int) -> Row | None:
    if rsc.kind is Kind.GROUP:
        if not rsc.instances:
            return None
        member = rsc.instances[-1] if row is None else rsc.instances[0]
        return colocated_scores(member, None if row is None else dict(row), attribute, factor, flags)
    if row is None:
        return dict(rsc.allowed)
    work = dict(row)
    _add_matching(work, rsc, attribute, factor, bool(flags & NONNEGATIVE))
    return work


def colocated_scores(rsc: Resource, row: Row | None, attribute: str | None, factor: float, flags: int) -> Row | None:
    """``row`` with what ``rsc``, and everything that is to be with it, would like, each by its weight.

    The row itself is not changed; without one the answer starts from the row of ``rsc``.
    """
    if rsc.merging:
        return row
    if row is not None and attribute in BY_NAME and not flags & (NONNEGATIVE | THIS_WITH):
        simple = pulled(rsc, row, factor)
        if simple is not None:
            return simple
    rsc.merging = True
    try:
        work = _first_row(rsc, row, attribute, factor, flags)
        if work is None:
            return row
        if any_available(rsc.cluster, work):
            sign = -1.0 if factor < 0.0 else 1.0
            if flags & THIS_WITH:
                entries = rsc.this_with
            else:
                entries = (rsc.instances[-1] if rsc.kind is Kind.GROUP else rsc).with_this
            for entry in list(entries):
                if flags & THIS_WITH:
                    other = entry.primary
                elif has_influence(entry):
                    other = entry.dependent
                else:
                    continue
                work = colocated_scores(other, work, entry.attribute, factor_of(entry, sign), flags | ACTIVE)
                assert work is not None
        elif flags & ACTIVE:
            return row
        if flags & NONNEGATIVE:
            for idx, score in work.items():
                if score == _HELD:
                    work[idx] = 1
        return work
    finally:
        rsc.merging = False


def gather_colocated(rsc: Resource, origin: Resource | None, found: list[Resource]) -> list[Resource]:
    """Everything that must be on the same node as ``rsc``."""
    origin = origin or rsc
    if rsc in found:
        return found
    found.append(rsc)
    for entry in rsc.this_with:
        if (
            entry.primary is not origin
            and entry.score == INFINITY
            and affects(rsc, entry.primary, entry, True) is Affects.LOCATION
        ):
            found = colocated_with(entry.primary, origin, found)
    for entry in rsc.with_this:
        dependent = entry.dependent
        if dependent is origin or (rsc.is_clone and not dependent.is_clone) or entry.score != INFINITY:
            continue
        if affects(dependent, rsc, entry, True) is Affects.LOCATION:
            found = colocated_with(dependent, origin, found)
    return found


for _kind in (Kind.PRIMITIVE, Kind.CLONE, Kind.BUNDLE):
    GATHER[_kind] = gather_colocated
