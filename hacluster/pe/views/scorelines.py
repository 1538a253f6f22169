"""The "Assignment Scores" and utilization lines, as crm_simulate prints them."""

from __future__ import annotations

from hacluster.base.score import show_score
from hacluster.base.values import readable_interval
from hacluster.pe.assign.hashing import table_order
from hacluster.pe.model.cluster import node_key
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


class Remark(str):
    """A line that is not an item of the list."""

    __slots__ = ()


def _amounts(table: dict[str, str]) -> str:
    return "".join(f" {name}={table[name]}" for name in table_order(table))


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
            where = "(inactive)" if node is None else f"on {node.name}"
            self.lines.append(f"{rsc.id} promotion score {where}: {show_score(score)}")

    def capacity(self, word: str, node: Node) -> None:
        """The line of a node's capacity."""
        container = node.guest_container
        if self._show_utilization and (container is None or container.replica is None):
            amounts = _amounts(node.utilization)
            self.lines.append(f"{word}: {node.name} capacity:{amounts}")

    def _remark(self, text: str) -> None:
        if self._show_scores or self._show_utilization:
            self.lines.append(Remark(text))

    def private_change(self, rsc: Resource, task: str, interval_ms: int, node: Node, magic: str | None) -> None:
        """The line of an operation that only private parameters were changed of."""
        subject = f"{readable_interval(interval_ms)}-interval {task} for {rsc.id} on {node.name}"
        self._remark(f"Only 'private' parameters to {subject} changed: {'(null)' if magic is None else magic}")

    def unfencing_change(self, device: Resource, node: Node, private: bool, digest: str | None) -> None:
        """The lines of a device that was changed after it had unfenced a node."""
        if private:
            self._remark(f"Only 'private' parameters to {device.id} for unfencing {node.name} changed")
            return
        if digest is not None:
            self._remark(f"Parameters to {device.id} for unfencing {node.name} changed, try '{digest}'")
        reason = f"because the definition of {device.id} changed"
        self._remark(f"notice: Unfencing node {node.name} {reason}")

    def utilization(self, rsc: Resource, node: Node) -> None:
        """The line of what a resource takes."""
        if self._show_utilization:
            amounts = _amounts(rsc.utilization)
            self.lines.append(f"pcmk__assign_resource: {rsc.id} utilization on {node.name}:{amounts}")
