"""Stage 5: orderings become edges between actions, and edges change actions."""

from __future__ import annotations

from hacluster.pe.model.action import Action, Edge, Flag, Order, find_keyed, op_key, order, parse_op_key
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Ordering
from hacluster.pe.model.kinds import Role
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import custom_action
from hacluster.pe.ordering.probing import order_probes
from hacluster.pe.ordering.select import has_loop
from hacluster.pe.ordering.update import block_dependents, update


def _find(rsc: Resource, key: str | None) -> list[Action]:
    """The actions of a resource that a key means; one written for another instance's name means the same task."""
    if key is None:
        return []
    found = find_keyed(rsc, key, None)
    if found or key.startswith(f"{rsc.id}_"):
        return found
    parsed = parse_op_key(key)
    return [] if parsed is None else find_keyed(rsc, op_key(rsc.id, parsed[1], parsed[2]), None)


def _order_after(first: Action | None, rsc: Resource, entry: Ordering) -> None:
    flags = entry.flags
    thens = [entry.then] if entry.then is not None else _find(rsc, entry.then_key)
    if first is not None and first.rsc is rsc and first.flags & Flag.DANGLE:
        # The stop that ends a migration must not make the start on the other side happen again.
        flags &= ~Order.IMPLIES_THEN
    if first is None and not flags & Order.IMPLIES_THEN:
        return
    for then in thens:
        if first is not None:
            order(first, then, flags, entry.cause)
        else:
            then.clear(Flag.RUNNABLE)


def _make_first(rsc: Resource, key: str | None) -> list[Action]:
    """An action that does not exist yet but that others wait for, unless it can be no more than done already."""
    parsed = None if key is None else parse_op_key(key)
    if parsed is None:
        return []
    task, role = parsed[1], rsc.state(True)
    if (role is Role.STOPPED and task == "stop") or (role is Role.UNPROMOTED and task == "demote"):
        return []
    return [custom_action(rsc, op_key(rsc.id, task, parsed[2]), task, None, optional=True)]


def _apply(entry: Ordering) -> None:
    rsc, then_rsc = entry.first_rsc, entry.then_rsc
    if rsc is None:
        if then_rsc is not None:
            _order_after(entry.first, then_rsc, entry)
        else:
            order(entry.first, entry.then, entry.flags, entry.cause)
        return
    firsts = [entry.first] if entry.first is not None else _find(rsc, entry.first_key)
    if not firsts and rsc is not then_rsc:
        firsts = _make_first(rsc, entry.first_key)
    if then_rsc is None:
        if entry.then is None:
            return
        then_rsc = entry.then.rsc
    for first in firsts:
        if then_rsc is None:
            order(first, entry.then, entry.flags, entry.cause)
        else:
            _order_after(first, then_rsc, entry)


def _is_invalid(action: Action, edge: Edge) -> bool:
    """Whether an edge says that a guest's container waits for what happens inside, or a load order makes a loop."""
    rsc, node = action.rsc, edge.action.node
    if (
        not edge.type & Order.PRESERVE
        and edge.action.rsc is not None
        and rsc is not None
        and rsc.fillers
        and node is not None
        and node.remote_rsc is not None
        and node.remote_rsc.container is rsc
    ):
        return True
    return (
        edge.type == Order.LOAD and rsc is not None and action.task == "migrate_to" and has_loop(action, action, edge)
    )


def apply_orderings(cluster: Cluster) -> None:
    """Make the edges, and let them take effect."""
    for entry in cluster.orderings:
        cluster.begin_at((Stage.ORDERS, *entry.born))
        _apply(entry)
    if cluster.tally is not None and (cluster.singletons or cluster.have_remote_nodes):
        cluster.flags_before = {action: action.flags for action in cluster.actions}
    for action in reversed(list(cluster.actions)):
        block_dependents(action)
    order_probes(cluster)
    for action in reversed(list(cluster.actions)):
        update(action)
    for action in reversed(cluster.actions):
        for edge in action.before:
            if _is_invalid(action, edge):
                edge.type = Order.NONE
