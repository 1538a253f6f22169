"""The ledger, opened at one resource and one node."""

from __future__ import annotations

from typing import NamedTuple

from hacluster.base.score import INFINITY, add_scores, show_score
from hacluster.pe.model.causes import Cause
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.model.scores import Change, Entry


class Step(NamedTuple):
    """One change of a score: where in the ledger, why, and the score before and after (``None``: no score)."""

    position: int
    cause: Cause
    before: int | None
    after: int | None
    added: int | None

    @property
    def worsens(self) -> bool:
        """Whether it took the node away from the resource, or points off it."""
        if self.added is not None:
            return self.added < 0
        return self.after is None or self.after < (self.before or 0)

    @property
    def shown(self) -> str:
        """The change as people see it: what was added, or ``=`` and the score that was set."""
        if self.added is not None:
            return signed(self.added)
        if self.after is None:
            return "dropped"
        if self.before is not None and abs(self.before) < INFINITY and abs(self.after) < INFINITY:
            return signed(self.after - self.before)
        if abs(self.after) >= INFINITY:
            return signed(self.after)
        return f"={show_score(self.after)}"


def signed(score: int) -> str:
    """A score with its sign."""
    return f"+{show_score(score)}" if score >= 0 else show_score(score)


class Book:
    """The ledger of a schedule, entries grouped by resource."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._entries: dict[int, list[tuple[int, Entry]]] = {}
        for index, entry in enumerate(cluster.scores.ledger):
            self._entries.setdefault(entry.rsc, []).append((index, entry))

    def steps(self, rsc: Resource, node: Node, until: int | None = None) -> list[Step]:
        """How the score of a resource on a node came about, up to an entry of the ledger."""
        found: list[Step] = []
        score: int | None = None
        for index, entry in self._entries.get(rsc.idx, ()):
            if until is not None and index >= until:
                break
            before, added = score, None
            if entry.change is Change.BASE:
                score = self.cluster.scores.base(entry.node).get(node.idx)
            elif entry.node != node.idx:
                continue
            elif entry.change is Change.DROP:
                score = None
            elif entry.change is Change.SET:
                score = entry.score
            else:
                score, added = add_scores(score or 0, entry.score), entry.score
            found.append(Step(index, entry.cause, before, score, added))
        return found
