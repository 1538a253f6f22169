"""Which nodes can be used, and which is the best."""

from __future__ import annotations

from hacluster.base.score import INFINITY
from hacluster.pe.assign.capacity import compare_capacities
from hacluster.pe.assign.hashing import table_order
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.model.sorting import merge_sort
from hacluster.pe.model.tally import SortKey

Row = dict[int, int]


def any_available(cluster: Cluster, row: Row) -> bool:
    """Whether a row allows any node that can be used."""
    table = cluster.node_table
    for idx, score in row.items():  # noqa: SIM110 - asked so often that a generator's overhead shows
        if score >= 0 and table[idx].available:
            return True
    return False


def _weight(node: Node, row: Row) -> int:
    return row[node.idx] if node.available else -INFINITY


def _note_ties(cluster: Cluster, keyed: list[SortKey], only_best: bool) -> None:
    """Write down where loads had a say: among the best alone if no other place counts."""
    if cluster.tally is None:
        return
    scores = [key[0] for key in keyed]
    if only_best:
        keyed = keyed[: scores.count(scores[0])] if scores else []
    elif len(set(scores)) == len(scores):
        return
    if len(keyed) > 1:
        cluster.tally.sorted(keyed)


def sort_nodes(cluster: Cluster, row: Row, active: Node | None, *, only_best: bool = False) -> list[Node]:
    """The nodes of a row, best first: by score, then as the placement strategy says, then by name.

    ``only_best``: those that are worse than the best, the caller does not look at.
    """
    nodes = [cluster.node_table[idx] for idx in row]
    if cluster.placement == "minimal":
        nodes.sort(key=lambda node: (-_weight(node, row), node.name))
        return nodes
    if cluster.placement != "balanced":
        keyed = [
            (-row[node.idx] if node.available else INFINITY, node.load, node is not active, node.name, node.idx)
            for node in nodes
        ]
        keyed.sort()
        _note_ties(cluster, keyed, only_best)
        return [cluster.node_table[key[-1]] for key in keyed]

    def compare(one: Node, other: Node) -> int:
        left, right = _weight(one, row), _weight(other, row)
        if left != right:
            return -1 if left > right else 1
        capacity = compare_capacities(one, other)
        if capacity:
            return capacity
        if one.load != other.load:
            return -1 if one.load < other.load else 1
        if active is not None and active in (one, other):
            return -1 if one is active else 1
        return (one.name > other.name) - (one.name < other.name)

    places = {ident: place for place, ident in enumerate(table_order(node.id for node in nodes))}
    nodes.sort(key=lambda node: -places[node.id])
    return merge_sort(nodes, compare)


def top_row(rsc: Resource) -> Resource:
    """The resource whose row and instance counts decide where an instance may go."""
    return rsc if rsc.parent is None else rsc.parent


def guest_will_run(node: Node) -> bool:
    """Whether a guest node's container gets a place; true for every other node."""
    container = node.guest_container
    return container is None or container.location(0) is not None
