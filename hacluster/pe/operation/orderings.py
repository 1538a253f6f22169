"""Writing down orders between actions that may not exist yet."""

from __future__ import annotations

from hacluster.pe.model.action import Action, Order, op_key, parse_op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Ordering
from hacluster.pe.model.resource import Resource

MIGRATE_TO, MIGRATE_FROM = "migrate_to", "migrate_from"


def _task(action: Action | None, key: str | None) -> str | None:
    if action is not None:
        return action.task
    parsed = None if key is None else parse_op_key(key)
    return None if parsed is None else parsed[1]


def _mirror_migrations(entry: Ordering, first: Resource, then: Resource) -> None:
    """An order of starts or stops holds for the halves of a live migration too."""
    if first is then or first.is_inside(then) or then.is_inside(first):
        return
    tasks = (_task(entry.first, entry.first_key), _task(entry.then, entry.then_key))
    flags = Order.OPTIONAL | (Order.FIRST_NON_MIGRATABLE if first.allow_migrate else 0)
    if tasks == ("start", "start"):
        if first.allow_migrate and then.allow_migrate:
            order_tasks(first, MIGRATE_FROM, then, MIGRATE_TO, Order.OPTIONAL)
        if then.allow_migrate:
            order_tasks(first, "start", then, MIGRATE_TO, flags)
    elif not then.allow_migrate:
        return
    elif tasks == ("stop", "stop"):
        order_tasks(first, "stop", then, MIGRATE_TO, flags)
        if then.partial_target is not None:
            order_tasks(first, "stop", then, MIGRATE_FROM, flags)
    elif tasks == ("promote", "start"):
        order_tasks(first, "promote", then, MIGRATE_TO, Order.OPTIONAL)
    elif tasks == ("demote", "stop"):
        order_tasks(first, "demote", then, MIGRATE_TO, Order.OPTIONAL)
        if then.partial_target is not None:
            order_tasks(first, "demote", then, MIGRATE_FROM, Order.OPTIONAL)


def _add(cluster: Cluster, entry: Ordering) -> None:
    cluster.orderings.append(entry)
    first, then = entry.first_rsc, entry.then_rsc
    if first is not None and then is not None and (first.allow_migrate or then.allow_migrate):
        _mirror_migrations(entry, first, then)


def new_ordering(
    first: Resource | Action, first_key: str | None, then: Resource | Action, then_key: str | None, flags: int
) -> None:
    """Write down that ``first`` comes before ``then``: a resource with the key of its action, or an action."""
    first_rsc = first if isinstance(first, Resource) else first.rsc
    then_rsc = then if isinstance(then, Resource) else then.rsc
    first_action = first if isinstance(first, Action) else None
    then_action = then if isinstance(then, Action) else None
    if first_key is None and first_action is not None:
        first_key = first_action.key
    if then_key is None and then_action is not None:
        then_key = then_action.key
    owner = first_rsc or then_rsc
    assert owner is not None, (first_key, then_key)
    cluster = owner.cluster
    cause, born = cluster.constraint_id, cluster.birth()
    _add(cluster, Ordering(flags, first_rsc, first_key, first_action, then_rsc, then_key, then_action, cause, born))


def order_tasks(first: Resource, first_task: str, then: Resource, then_task: str, flags: int) -> None:
    """Write down an order between one-off actions of two resources."""
    new_ordering(first, op_key(first.id, first_task), then, op_key(then.id, then_task), flags)


def order_starts(first: Resource, then: Resource, flags: int) -> None:
    """Write down an order between two starts."""
    order_tasks(first, "start", then, "start", flags)


def order_stops(first: Resource, then: Resource, flags: int) -> None:
    """Write down an order between two stops."""
    order_tasks(first, "stop", then, "stop", flags)


def order_after_task(first: Resource, task: str, then: Action, flags: int) -> None:
    """Write down that an action comes after a one-off action of a resource."""
    new_ordering(first, op_key(first.id, task), then, None, flags)


def order_before_task(first: Action, then: Resource, task: str, flags: int) -> None:
    """Write down that an action comes before a one-off action of a resource."""
    cluster = then.cluster
    key, cause, born = op_key(then.id, task), cluster.constraint_id, cluster.birth()
    _add(cluster, Ordering(flags, first.rsc, first.key, first, then, key, None, cause, born))
