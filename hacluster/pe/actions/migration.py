"""Live migrations."""

from __future__ import annotations

from hacluster.pe.model.action import Flag, Order
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import task_action
from hacluster.pe.operation.orderings import order_tasks

_HALF = Order.OPTIONAL | Order.IMPLIES_FIRST_MIGRATABLE


def can_migrate(rsc: Resource, current: Node | None) -> bool:
    """Whether a move may be a live migration."""
    return (
        rsc.allow_migrate
        and rsc.managed
        and not rsc.failed
        and not rsc.start_pending
        and current is not None
        and not current.unclean
        and rsc.assigned is not None
        and not rsc.assigned.unclean
    )


def create_migration(rsc: Resource, current: Node) -> None:
    """Put migrate_to and migrate_from beside stop and start; the later stages decide which of them happens."""
    target = rsc.assigned
    assert target is not None, rsc.id
    start = task_action(rsc, "start", target, optional=True)
    stop = task_action(rsc, "stop", current, optional=True)
    partial = rsc.partial_target is not None
    migrate_to = None if partial else task_action(rsc, "migrate_to", current, optional=True)
    migrate_from = task_action(rsc, "migrate_from", target, optional=True)
    start.set(Flag.MIGRATE_RUNNABLE | Flag.PSEUDO)
    stop.set(Flag.MIGRATE_RUNNABLE)
    migrate_from.set(Flag.MIGRATE_RUNNABLE)
    if migrate_to is not None:
        migrate_to.set(Flag.MIGRATE_RUNNABLE)
        migrate_to.needs = start.needs
        order_tasks(rsc, "monitor", rsc, "migrate_to", Order.OPTIONAL)
        order_tasks(rsc, "migrate_to", rsc, "migrate_from", _HALF)
    else:
        migrate_from.needs = start.needs
        order_tasks(rsc, "monitor", rsc, "migrate_from", Order.OPTIONAL)
    order_tasks(rsc, "migrate_from", rsc, "stop", _HALF)
    order_tasks(rsc, "migrate_from", rsc, "start", _HALF | Order.PSEUDO_LEFT)
    for action in (migrate_to, migrate_from):
        if action is not None:
            action.default_meta("migrate_source", current.name)
            action.default_meta("migrate_target", target.name)
    if migrate_to is not None and not rsc.is_remote:
        migrate_to.default_meta("record-pending", "true")


def end_dangling(rsc: Resource, node: Node) -> None:
    """Stop a resource on the source of a migration that ended without its stop."""
    task_action(rsc, "stop", node, optional=False).set(Flag.DANGLE)
