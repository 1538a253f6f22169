"""How loaded the nodes were when each resource got its place.

The load of a node decides between places that are equally good; it is all that resources without constraints between
them have to do with one another. A full schedule writes the loads down; a schedule of a part sets them as they were,
and finds out whether it leaves them so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource

Loads = tuple[int, ...]


class Tally:
    """Loads before and after each resource, by its place in the configuration."""

    __slots__ = ("_before", "_table", "differs", "replaying")

    def __init__(self) -> None:
        self._table: dict[int, tuple[Loads, Loads]] = {}
        self._before: Loads = ()
        self.replaying = False
        self.differs = False

    def replay(self) -> None:
        """From now on the loads are set as they were."""
        self.replaying, self.differs = True, False

    def before(self, rsc: Resource, nodes: list[Node]) -> None:
        """The resource is about to get its place."""
        if not self.replaying:
            self._before = tuple(node.load for node in nodes)
            return
        known = self._table.get(rsc.place)
        for node, load in zip(nodes, known[0], strict=True) if known is not None else ():
            node.load = load

    def after(self, rsc: Resource, nodes: list[Node]) -> None:
        """The resource has got its place."""
        loads = tuple(node.load for node in nodes)
        if not self.replaying:
            self._table[rsc.place] = self._before, loads
        else:
            known = self._table.get(rsc.place)
            if known is None or known[1] != loads:
                self.differs = True
