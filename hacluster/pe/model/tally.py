"""What the nodes looked like when each resource got its place.

How many resources a node has decides between places that are equally good, and with a placement strategy what it has
left of its capacities does: that is all that resources without constraints between them have to do with one another. A
full schedule writes it down, turn by turn. A schedule of a part sets the nodes as they were, and finds out whether what
it leaves is different, and whether that makes a difference to those that had their turns later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource

SortKey = tuple[int, int, bool, str, int]
"""What nodes are sorted by: score (worst last), load, whether it is another one, name, number."""
Capacities = tuple[dict[str, str], ...]
Loads = tuple[int, ...]
_RANK_SHIFT = 24


class Turn:
    """One resource's: loads and capacities before and after, and what was sorted where loads had a say."""

    __slots__ = ("after", "before", "left", "room", "sorts")

    def __init__(self, nodes: list[Node], with_room: bool) -> None:
        self.before: Loads = tuple(node.load for node in nodes)
        self.room: Capacities = tuple(dict(node.utilization) for node in nodes) if with_room else ()
        self.after: Loads = ()
        self.left: Capacities = ()
        self.sorts: list[list[SortKey]] = []

    def end(self, nodes: list[Node], with_room: bool) -> None:
        """The resource has its place."""
        self.after = tuple(node.load for node in nodes)
        self.left = tuple(dict(node.utilization) for node in nodes) if with_room else ()

    def stays(self, delta: Loads) -> bool:
        """Whether every sorting comes out as it did when nodes have that many more resources."""
        for keys in self.sorts:
            shifted = [(key[0], key[1] + delta[key[-1]], *key[2:]) for key in keys]
            if [key[-1] for key in sorted(shifted)] != [key[-1] for key in sorted(keys)]:
                return False
        return True

    def shift(self, delta: Loads) -> None:
        """Nodes have that many more resources than they had."""
        self.before = _plus(self.before, delta)
        self.after = _plus(self.after, delta)
        self.sorts = [[(*key[:1], key[1] + delta[key[-1]], *key[2:]) for key in keys] for keys in self.sorts]


def _plus(loads: Loads, delta: Loads) -> Loads:
    return tuple(load + more for load, more in zip(loads, delta, strict=True))


def _minus(loads: Loads, others: Loads) -> Loads:
    return tuple(load - other for load, other in zip(loads, others, strict=True))


class Tally:
    """The turns of all resources, by their places in the configuration."""

    __slots__ = ("_capacities", "_delta", "_fresh", "_now", "_shifted", "_table", "_urgency", "differs", "replaying")

    def __init__(self) -> None:
        self._table: dict[int, Turn] = {}
        self._fresh: dict[int, Turn] = {}
        self._shifted: dict[int, Loads] = {}
        self._urgency: dict[int, tuple[tuple[int, ...], int]] = {}
        self._capacities: Capacities = ()
        self._delta: Loads = ()
        self._now: Turn | None = None
        self.replaying = False
        self.differs = False

    def replay(self) -> None:
        """From now on the nodes are set as they were."""
        self.replaying, self.differs = True, False
        self._fresh, self._shifted, self._delta, self._now = {}, {}, (), None

    def capacities(self, nodes: list[Node]) -> None:
        """What the nodes have before anything is given out."""
        found = tuple(dict(node.utilization) for node in nodes)
        if not self.replaying:
            self._capacities = found
        elif found != self._capacities:
            self.differs = True

    def sort(self, resources: list[Resource], keys: list[tuple[int, ...]]) -> None:
        """Resources got another order than that of the configuration; a part is in order as the whole was."""
        if self.replaying:
            known = [self._urgency.get(rsc.place) for rsc in resources]
            for rsc, key, entry in zip(resources, keys, known, strict=True):
                if entry is None or entry[0] != key:
                    self.differs = True
                else:
                    rsc.rank = entry[1]
            return
        for position, (rsc, key) in enumerate(zip(resources, keys, strict=True), 1):
            place = rsc.place
            rsc.rank = position << _RANK_SHIFT | place
            self._urgency[place] = key, rsc.rank

    def before(self, rsc: Resource, nodes: list[Node], with_room: bool) -> None:
        """The resource is about to get its place."""
        known = self._table.get(rsc.place) if self.replaying else None
        if known is not None:
            loads = _plus(known.before, self._delta) if any(self._delta) else known.before
            for node, load in zip(nodes, loads, strict=True):
                node.load = load
            for node, room in zip(nodes, known.room, strict=False):
                node.utilization = dict(room)
        elif self.replaying:
            self.differs = True
        self._now = Turn(nodes, with_room)

    def sorted(self, keys: list[SortKey]) -> None:
        """Nodes were sorted, and loads had a say."""
        if self._now is not None:
            self._now.sorts.append(keys)

    def after(self, rsc: Resource, nodes: list[Node], with_room: bool) -> None:
        """The resource has got its place."""
        turn, self._now = self._now, None
        assert turn is not None, rsc.id
        turn.end(nodes, with_room)
        if not self.replaying:
            self._table[rsc.place] = turn
            return
        self._fresh[rsc.place] = turn
        known = self._table.get(rsc.place)
        if known is None or known.left != turn.left or (with_room and known.after != turn.after):
            self.differs = True
        else:
            self._delta = _minus(turn.after, known.after)

    def settle(self) -> None:
        """All turns of the part are over: see whether the others would have come out as they did."""
        if self.differs or all(turn.after == self._table[place].after for place, turn in self._fresh.items()):
            return
        delta: Loads = ()
        for place, known in self._table.items():
            turn = self._fresh.get(place)
            if turn is not None:
                delta = _minus(turn.after, known.after)
            elif any(delta):
                if not known.stays(delta):
                    self.differs = True
                    return
                self._shifted[place] = delta

    def accept(self) -> None:
        """What the part has left is how it was, the next time."""
        for place, delta in self._shifted.items():
            self._table[place].shift(delta)
        self._table.update(self._fresh)
