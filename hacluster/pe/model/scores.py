"""The score table and its one door.

Every change of a score goes through :class:`Scores` and leaves an entry in the ledger with its cause. Replaying the
ledger gives the table; ``explain`` is such a replay.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from hacluster.base.score import INFINITY, add_scores
from hacluster.pe.model.kinds import Discovery
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


class Change(IntEnum):
    """How an entry changes a score."""

    ADD = 0
    SET = 1
    DROP = 2
    BASE = 3


class Entry(NamedTuple):
    """One line of the ledger. ``cause`` is a constraint id or a word in underscores for what the engine itself does.

    A ``BASE`` entry starts a row from the base row whose number ``node`` is.
    """

    rsc: int
    node: int
    change: Change
    score: int
    cause: str


class Scores:
    """Writes the score rows of all resources."""

    __slots__ = ("bases", "ledger")

    def __init__(self) -> None:
        self.ledger: list[Entry] = []
        self.bases: list[dict[int, int]] = []

    def start(self, rsc: Resource, nodes: list[Node], cause: str) -> None:
        """Give a resource that no node is known for yet, and what is below it, a score on every node."""
        for child in rsc.instances:
            self.start(child, nodes, cause)
        if rsc.allowed or rsc.exclusive_discover:
            for node in nodes:
                if node.idx not in rsc.allowed and not (rsc.exclusive_discover or node.discover is Discovery.NEVER):
                    self.add(rsc, node, 0, cause)
            return
        base = {node.idx: node.score for node in nodes if node.discover is not Discovery.NEVER}
        if not self.bases or self.bases[-1] != base:
            self.bases.append(base)
        rsc.allowed = base.copy()
        self.ledger.append(Entry(rsc.idx, len(self.bases) - 1, Change.BASE, 0, cause))

    def everywhere(self, rsc: Resource, nodes: list[Node], score: int, cause: str) -> None:
        """Add to the score of a resource, and of everything below it, on every node."""
        for node in nodes:
            self.spread(rsc, node, score, cause)
        if score == -INFINITY:
            rsc.assigned = None

    def add(self, rsc: Resource, node: Node, score: int, cause: str) -> None:
        """Add to a score; a node that the row does not know starts from its own base score."""
        row, idx = rsc.allowed, node.idx
        known = row.get(idx)
        if known is None:
            known = node.score
            row[idx] = known
            self.ledger.append(Entry(rsc.idx, idx, Change.SET, known, "__node__"))
        if score:
            row[idx] = add_scores(known, score)
            self.ledger.append(Entry(rsc.idx, idx, Change.ADD, score, cause))

    def set(self, rsc: Resource, node: int, score: int, cause: str) -> None:
        """Set a score, whatever it was."""
        if rsc.allowed.get(node) != score:
            rsc.allowed[node] = score
            self.ledger.append(Entry(rsc.idx, node, Change.SET, score, cause))

    def drop(self, rsc: Resource, node: int, cause: str) -> None:
        """Forget a node."""
        if rsc.allowed.pop(node, None) is not None:
            self.ledger.append(Entry(rsc.idx, node, Change.DROP, 0, cause))

    def replace(self, rsc: Resource, row: dict[int, int], cause: str) -> None:
        """Take a new row, as colocations make them; only what differs is written down."""
        old = rsc.allowed
        for node in old.keys() - row.keys():
            self.ledger.append(Entry(rsc.idx, node, Change.DROP, 0, cause))
        for node, score in row.items():
            if old.get(node) != score:
                self.ledger.append(Entry(rsc.idx, node, Change.SET, score, cause))
        rsc.allowed = row
        rsc.counts = {}

    def ban_everywhere(self, rsc: Resource, nodes: Iterable[Node], score: int, cause: str) -> None:
        """Start the row afresh with one score on every node."""
        rsc.discover = {}
        self.replace(rsc, {node.idx: score for node in nodes}, cause)

    def spread(self, rsc: Resource, node: Node, score: int, cause: str) -> None:
        """Add to the score of a resource and of everything below it."""
        for child in rsc.instances:
            self.spread(child, node, score, cause)
        self.add(rsc, node, score, cause)


def replay(scores: Scores) -> dict[int, dict[int, int]]:
    """The table (resource number to row) that the ledger leads to."""
    table: dict[int, dict[int, int]] = {}
    for entry in scores.ledger:
        row = table.setdefault(entry.rsc, {})
        if entry.change is Change.BASE:
            row.update(scores.bases[entry.node])
        elif entry.change is Change.DROP:
            row.pop(entry.node, None)
        elif entry.change is Change.SET:
            row[entry.node] = entry.score
        else:
            row[entry.node] = add_scores(row.get(entry.node, 0), entry.score)
    return table
