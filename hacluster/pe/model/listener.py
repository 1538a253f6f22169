"""What a schedule tells while it runs: the scores as each stage leaves them."""

from __future__ import annotations

from typing import Protocol

from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


class Listener(Protocol):
    """Gets what crm_simulate prints during the schedule."""

    def scores(self, stage: str, rsc: Resource) -> None:
        """The score row of ``rsc``, and of everything below it, as ``stage`` found it."""
        ...

    def promotion(self, rsc: Resource, node: Node | None, score: int) -> None:
        """The promotion score of an instance."""
        ...

    def capacity(self, word: str, node: Node) -> None:
        """The capacity of a node, ``Original`` or ``Remaining``."""
        ...

    def private_change(self, rsc: Resource, task: str, interval_ms: int, node: Node, magic: str | None) -> None:
        """An operation's parameters differ in what may have been taken out of the CIB for privacy, and in that only."""
        ...

    def unfencing_change(self, device: Resource, node: Node, private: bool, digest: str | None) -> None:
        """A device's parameters differ from those that ``node`` was unfenced with.

        ``private``: in what may have been taken out of the CIB only. ``digest``: what the node would have to say.
        """
        ...

    def utilization(self, rsc: Resource, node: Node) -> None:
        """What a resource takes on the node that it was given."""
        ...
