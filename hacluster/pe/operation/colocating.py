"""Writing down colocations, in the order in which they will be applied."""

from __future__ import annotations

from typing import Any

from hacluster.base.score import INFINITY
from hacluster.pe.model.action import Order
from hacluster.pe.model.causes import Why
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Role, parse_role
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.orderings import order_tasks


def _rank(rsc: Resource) -> tuple[Any, ...]:
    """Important resources first, then those with more structure, promotable clones before others, then by id."""
    return -rsc.priority, -rsc.kind, rsc.is_clone and not rsc.promotable, rsc.id


def _insert(entries: list[Colocation], entry: Colocation, rank: tuple[Any, ...], ranks: list[tuple[Any, ...]]) -> None:
    for index, other in enumerate(ranks):
        if rank <= other:
            entries.insert(index, entry)
            return
    entries.append(entry)


def insert_this_with(entries: list[Colocation], entry: Colocation) -> None:
    """Sort a colocation into those of a dependent."""
    _insert(entries, entry, _rank(entry.primary), [_rank(other.primary) for other in entries])


def insert_with_this(entries: list[Colocation], entry: Colocation) -> None:
    """Sort a colocation into those of a primary."""
    _insert(entries, entry, _rank(entry.dependent), [_rank(other.dependent) for other in entries])


def _keep_apart(first: Resource, first_role: Role, then: Resource, then_role: Role) -> None:
    """What must not be on one node must not be there for a moment either."""
    if first_role is Role.PROMOTED:
        first_tasks = ["demote"]
    else:
        first_tasks = ["stop", "promote"] if first_role is Role.UNPROMOTED else ["stop"]
    if then_role is Role.PROMOTED:
        then_tasks = ["promote"]
    else:
        then_tasks = ["start", "demote"] if then_role is Role.UNPROMOTED else ["start"]
    for first_task in first_tasks:
        for then_task in then_tasks:
            order_tasks(first, first_task, then, then_task, Order.ANTI_COLOCATION)


def _role(text: str | None) -> Role:
    return Role.UNKNOWN if text is None or text.lower() == "started" else parse_role(text)


def new_colocation(
    ident: str,
    score: int,
    dependent: Resource,
    primary: Resource,
    *,
    dependent_role: str | None = None,
    primary_role: str | None = None,
    attribute: str | None = None,
    influence: bool = True,
    why: Why = Why.COLOCATION,
) -> None:
    """Write down that ``dependent`` shall be where ``primary`` is."""
    if score == 0:
        return
    entry = Colocation(
        ident, dependent, primary, score, _role(dependent_role), _role(primary_role), attribute, influence, why
    )
    insert_this_with(dependent.this_with, entry)
    primary.forget_pulls()
    insert_with_this(primary.with_this, entry)
    dependent.cluster.colocations.append(entry)
    if score <= -INFINITY:
        _keep_apart(dependent, entry.dependent_role, primary, entry.primary_role)
        _keep_apart(primary, entry.primary_role, dependent, entry.dependent_role)


def has_influence(entry: Colocation, rsc: Resource | None = None) -> bool:
    """Whether the dependent's preferences count for the primary.

    The connection of a bundle's replica must not move a container that is up and well.
    """
    target = entry.primary if rsc is None else rsc
    if entry.dependent.allow_remote_remotes and not target.failed and len(target.active_on) == 1:
        return False
    return entry.influence or not target.active_on
