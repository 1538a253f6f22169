"""Keeping resources off nodes that cannot hold them."""

from __future__ import annotations

from hacluster.base.score import INFINITY
from hacluster.pe.assign.capacity import compare_capacities, fits, release
from hacluster.pe.assign.dispatch import NEEDS, add_needs, colocated_with
from hacluster.pe.assign.hashing import table_order
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


def _usable(rsc: Resource) -> list[Node]:
    table = rsc.cluster.node_table
    nodes = [table[idx] for idx, score in rsc.allowed.items() if score >= 0 and table[idx].available]
    order = {ident: place for place, ident in enumerate(table_order(table[idx].id for idx in rsc.allowed))}
    nodes.sort(key=lambda node: order[node.id])
    return nodes


def ban_full_nodes(rsc: Resource) -> Node | None:
    """Keep a resource off nodes that cannot hold it with all that must be with it.

    If no node can hold them all, off those that cannot hold it alone; the answer then is the node with most to give.
    """
    if rsc.cluster.placement == "default":
        return None
    together = colocated_with(rsc, None, [])
    needs: dict[str, str] = {}
    for entry in together:
        add_needs(entry, rsc, together, needs)
    nodes = _usable(rsc)
    capable = any(fits(needs, node) for node in nodes)
    best: Node | None = None
    for node in nodes:
        if best is None or compare_capacities(node, best) < 0:
            best = node
    wanted = needs if capable else rsc.utilization
    cause = Cause(Why.UTILIZATION, rsc.config_id)
    for node in nodes:
        if not fits(wanted, node):
            rsc.cluster.scores.spread(rsc, node, -INFINITY, cause)
    return None if capable else best


def primitive_needs(rsc: Resource, _origin: Resource, _every: list[Resource], table: dict[str, str]) -> None:
    """What a primitive takes."""
    if rsc.provisional:
        release(table, rsc.utilization)


def group_needs(rsc: Resource, origin: Resource, every: list[Resource], table: dict[str, str]) -> None:
    """What a group takes: all of it if it must be together, else its first member."""
    if not rsc.provisional:
        return
    together = rsc.colocated or (rsc.parent is not None and rsc.parent.is_clone)
    for member in rsc.instances if together else rsc.instances[:1]:
        if member.provisional and member not in every:
            add_needs(member, origin, every, table)


def clone_needs(rsc: Resource, origin: Resource, every: list[Resource], table: dict[str, str]) -> None:
    """What one more instance takes, unless one is counted already."""
    if not rsc.provisional:
        return
    existing = False
    for child in rsc.instances:
        if child in every:
            existing = True
        elif any(member in every for member in child.instances):
            add_needs(child, origin, every, table)
            existing = True
    if not existing and rsc.instances:
        add_needs(rsc.instances[0], origin, every, table)


def bundle_needs(rsc: Resource, origin: Resource, every: list[Resource], table: dict[str, str]) -> None:
    """What one replica takes."""
    if rsc.provisional and rsc.bundle_data.replicas:
        add_needs(rsc.bundle_data.replicas[0].box, origin, every, table)


NEEDS.update(
    {
        Kind.PRIMITIVE: primitive_needs,
        Kind.GROUP: group_needs,
        Kind.CLONE: clone_needs,
        Kind.BUNDLE: bundle_needs,
    }
)
