"""The "Allocation Scores" and utilization lines, as crm_simulate prints them."""

from __future__ import annotations

from hacluster.base.score import show_score
from hacluster.pe.model.cluster import node_key
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


class ScoreLines:
    """Listens to a schedule and keeps the lines."""

    def __init__(self, show_scores: bool, show_utilization: bool) -> None:
        self._show_scores = show_scores
        self._show_utilization = show_utilization
        self.lines: list[str] = []

    def scores(self, stage: str, rsc: Resource) -> None:
        """Lines for a row and those below it; orphans are not shown."""
        if not self._show_scores or rsc.orphan:
            return
        table = rsc.cluster.node_table
        for node in sorted((table[idx] for idx in rsc.allowed), key=node_key):
            score = show_score(rsc.allowed[node.idx])
            self.lines.append(f"{stage}: {rsc.id} allocation score on {node.name}: {score}")
        for child in rsc.instances:
            self.scores(stage, child)

    def promotion(self, rsc: Resource, node: Node | None, score: int) -> None:
        """The line of an instance's promotion score."""
        if self._show_scores:
            name = "none" if node is None else node.name
            self.lines.append(f"{rsc.id} promotion score on {name}: {show_score(score)}")

    def capacity(self, word: str, node: Node) -> None:
        """The line of a node's capacity."""
        if self._show_utilization:
            amounts = "".join(f" {name}={value}" for name, value in node.utilization.items())
            self.lines.append(f"{word}: {node.name} capacity:{amounts}")

    def utilization(self, rsc: Resource, node: Node) -> None:
        """The line of what a resource takes."""
        if self._show_utilization:
            amounts = "".join(f" {name}={value}" for name, value in rsc.utilization.items())
            self.lines.append(f"pcmk__finalize_assignment: {rsc.id} utilization on {node.name}:{amounts}")
