"""The score table and its one door.

Every change of a score goes through :class:`Scores`, which, if asked to, leaves an entry with its cause in the ledger.
Replaying the ledger gives the table; ``explain`` is such a replay.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from hacluster.base.score import INFINITY, add_scores
from hacluster.pe.model.causes import Cause, Why
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
    """One line of the ledger. A ``BASE`` entry starts a row from the base row whose number ``node`` is."""

    rsc: int
    node: int
    change: Change
    score: int
    cause: Cause


class Scores:
    """Writes the score rows of all resources; into the ledger, too, if ``recording``."""

    __slots__ = ("_bases", "_ledger")

    def __init__(self, recording: bool = False) -> None:
        self._ledger: list[Entry] | None = [] if recording else None
        self._bases: list[dict[int, int]] = []

    @property
    def ledger(self) -> list[Entry]:
        """Every change so far, oldest first; only of a schedule that was asked for it."""
        assert self._ledger is not None, "schedule(..., ledger=True) keeps a ledger"
        return self._ledger

    def base(self, number: int) -> dict[int, int]:
        """The row that a ``BASE`` entry starts from."""
        return self._bases[number]

    def start(self, rsc: Resource, nodes: list[Node], cause: Cause) -> None:
        """Give a resource that no node is known for yet, and what is below it, a score on every node."""
        for child in rsc.instances:
            self.start(child, nodes, cause)
        if rsc.allowed or rsc.exclusive_discover:
            for node in nodes:
                if node.idx not in rsc.allowed and not (rsc.exclusive_discover or node.discover is Discovery.NEVER):
                    self.add(rsc, node, 0, cause)
            return
        base = {node.idx: node.score for node in nodes if node.discover is not Discovery.NEVER}
        rsc.allowed = base
        if self._ledger is not None:
            if not self._bases or self._bases[-1] != base:
                self._bases.append(base.copy())
            self._ledger.append(Entry(rsc.idx, len(self._bases) - 1, Change.BASE, 0, cause))

    def everywhere(self, rsc: Resource, nodes: list[Node], score: int, cause: Cause) -> None:
        """Add to the score of a resource, and of everything below it, on every node."""
        for node in nodes:
            self.spread(rsc, node, score, cause)
        if score == -INFINITY:
            rsc.assigned = None

    def add(self, rsc: Resource, node: Node, score: int, cause: Cause) -> None:
        """Add to a score; a node that the row does not know starts from its own base score."""
        row, idx, ledger = rsc.allowed, node.idx, self._ledger
        if rsc.pulls is not None:
            rsc.forget_pulls()
        known = row.get(idx)
        if known is None:
            known = node.score
            row[idx] = known
            if ledger is not None:
                ledger.append(Entry(rsc.idx, idx, Change.SET, known, Cause(Why.NODE, node.id)))
        if score:
            row[idx] = add_scores(known, score)
            if ledger is not None:
                ledger.append(Entry(rsc.idx, idx, Change.ADD, score, cause))

    def set(self, rsc: Resource, node: int, score: int, cause: Cause) -> None:
        """Set a score, whatever it was."""
        if rsc.allowed.get(node) != score:
            if rsc.pulls is not None:
                rsc.forget_pulls()
            rsc.allowed[node] = score
            if self._ledger is not None:
                self._ledger.append(Entry(rsc.idx, node, Change.SET, score, cause))

    def drop(self, rsc: Resource, node: int, cause: Cause) -> None:
        """Forget a node."""
        rsc.forget_pulls()
        if rsc.allowed.pop(node, None) is not None and self._ledger is not None:
            self._ledger.append(Entry(rsc.idx, node, Change.DROP, 0, cause))

    def replace(self, rsc: Resource, row: dict[int, int], cause: Cause) -> None:
        """Take a new row, as colocations make them; only what differs is written down."""
        old, ledger = rsc.allowed, self._ledger
        if ledger is not None:
            ledger.extend(Entry(rsc.idx, node, Change.DROP, 0, cause) for node in sorted(old.keys() - row.keys()))
            for node, score in row.items():
                if old.get(node) != score:
                    ledger.append(Entry(rsc.idx, node, Change.SET, score, cause))
        rsc.forget_pulls()
        rsc.allowed = row

    def ban_everywhere(self, rsc: Resource, nodes: Iterable[Node], score: int, cause: Cause) -> None:
        """Start the row afresh with one score on every node."""
        rsc.discover = {}
        self.replace(rsc, {node.idx: score for node in nodes}, cause)

    def spread(self, rsc: Resource, node: Node, score: int, cause: Cause) -> None:
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
            row.update(scores.base(entry.node))
        elif entry.change is Change.DROP:
            row.pop(entry.node, None)
        elif entry.change is Change.SET:
            row[entry.node] = entry.score
        else:
            row[entry.node] = add_scores(row.get(entry.node, 0), entry.score)
    return table
