"""The "Allocation Scores" and utilization lines, as crm_simulate prints them."""

from __future__ import annotations

from hacluster.base.score import show_score
from hacluster.pe.model.cluster import node_key
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


class Remark(str):
    """A line that is not an item of the list."""

    __slots__ = ()


def _readable(interval_ms: int) -> str:
    """An interval in days to seconds as the original writes it: a unit only for more than one of it."""
    text = ""
    for letter, unit in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if interval_ms > unit:
            text += f"{interval_ms // unit}{letter}"
            interval_ms %= unit
    if interval_ms > 1000:
        seconds, rest = divmod(interval_ms, 1000)
        return f"{text}{seconds}{f'.{rest:03}' if rest else ''}s"
    return f"{text}{interval_ms}ms" if interval_ms else text


class ScoreLines:
    """Listens to a schedule and keeps the lines."""

    def __init__(self, show_scores: bool, show_utilization: bool) -> None:
        self._show_scores = show_scores
        self._show_utilization = show_utilization
        self._interval = "0s"
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

    def _remark(self, text: str) -> None:
        if self._show_scores or self._show_utilization:
            self.lines.append(Remark(text))

    def private_change(self, rsc: Resource, task: str, interval_ms: int, node: Node, magic: str | None) -> None:
        """The line of an operation that only private parameters were changed of."""
        # The original keeps the last interval that was none in the place where it would write 0s.
        self._interval = _readable(interval_ms) or self._interval
        subject = f"{self._interval}-interval {task} for {rsc.id} on {node.name}"
        self._remark(f"Only 'private' parameters to {subject} changed: {'(null)' if magic is None else magic}")

    def unfencing_change(self, device: Resource, node: Node, private: bool, digest: str | None) -> None:
        """The lines of a device that was changed after it had unfenced a node."""
        if private:
            self._remark(f"Only 'private' parameters to {device.id} for unfencing {node.name} changed")
            return
        if digest is not None:
            self._remark(f"Parameters to {device.id} for unfencing {node.name} changed, try '{digest}'")
        reason = f"because the definition of {device.id} changed"
        self._remark(f"notice: Unfencing Pacemaker Remote node {node.name} {reason}")

    def utilization(self, rsc: Resource, node: Node) -> None:
        """The line of what a resource takes."""
        if self._show_utilization:
            amounts = "".join(f" {name}={value}" for name, value in rsc.utilization.items())
            self.lines.append(f"pcmk__finalize_assignment: {rsc.id} utilization on {node.name}:{amounts}")
