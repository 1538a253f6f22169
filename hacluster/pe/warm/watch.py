"""Which histories are not what they were at the last look.

Records are changed in place, so each is compared with what it said before, field by field; who knows which ones may be
different (:class:`~hacluster.pengine.machine.PengineMachine` is told of each change) spares the others that.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from hacluster.cib.records import History, NodeState, OpRecord, Status
from hacluster.pe.operation.failcount import base_name

_VALUES: Final = attrgetter(*OpRecord.__slots__)
_HEAD: Final = attrgetter(*(name for name in History.__slots__ if name not in ("place", "ops")))
_PLAIN_CODES: Final = frozenset({0, 7, 8})

Snapshot = list[tuple[object, ...]]


def _snapshot(history: History) -> Snapshot:
    """What a history says: of itself first, its id before all, then operation by operation."""
    return [_HEAD(history), *map(_VALUES, history.ops)]


def is_uneasy(history: History) -> bool:
    """Whether a history holds anything but expected results: what these mean may depend on the time."""
    return any(op.rc != op.target_rc or op.status != 0 or op.rc not in _PLAIN_CODES for op in history.ops)


class _NodeWatch:
    """The histories of one node as they were, and where those of each resource are."""

    __slots__ = ("name", "places", "seen", "uneasy")

    def __init__(self, state: NodeState) -> None:
        self.name = state.id, state.uname
        self.seen: list[Snapshot] = []
        self.places: dict[str, list[int]] = {}
        self.uneasy: set[str] = set()

    def look(self, histories: list[History], changed: set[str], touched: Iterable[str] | None) -> bool:
        """Add the ids of histories that are new or different; false if the others are not in their old order.

        ``touched``: no others need be looked at.
        """
        known = len(self.seen)
        if len(histories) < known:
            return False
        places: Iterable[int] = range(len(histories))
        if touched is not None:
            found = {place for ident in touched for place in self.places.get(base_name(ident), ())}
            places = [*sorted(found), *range(known, len(histories))]
        return all(self._look_at(place, histories[place], changed) for place in places)

    def _look_at(self, place: int, history: History, changed: set[str]) -> bool:
        seen = self.seen
        history.place = place
        now = _snapshot(history)
        if place >= len(seen):
            seen.append(now)
            self.places.setdefault(base_name(history.id), []).append(place)
        elif seen[place] == now:
            return True
        elif seen[place][0][0] != history.id:
            return False
        else:
            seen[place] = now
        changed.add(history.id)
        if is_uneasy(history):
            self.uneasy.add(history.id)
        else:
            self.uneasy.discard(history.id)
        return True


class Watch:
    """Looks at the status section again and again."""

    def __init__(self) -> None:
        self._nodes: list[_NodeWatch] = []
        self._tickets: list[dict[str, str]] = []
        self._status: Status | None = None

    def look(self, status: Status, touched: Iterable[str] | None = None) -> set[str] | None:
        """The ids of histories that have changed since the last look; ``None`` if more than that is different.

        ``touched``: the ids of those that may have.
        """
        tickets = [dict(ticket) for ticket in status.tickets]
        same = [node.name for node in self._nodes] == [(state.id, state.uname) for state in status.nodes]
        if status is not self._status:
            self._status, touched = status, None
        if same and tickets == self._tickets:
            changed: set[str] = set()
            pairs = zip(self._nodes, status.nodes, strict=True)
            if all(node.look(state.histories, changed, touched) for node, state in pairs):
                return changed
        self._tickets = tickets
        self._nodes = [_NodeWatch(state) for state in status.nodes]
        for node, state in zip(self._nodes, status.nodes, strict=True):
            node.look(state.histories, set(), None)
        return None

    def pick(self, state: NodeState, number: int, idents: set[str]) -> list[History]:
        """The histories of a node that are about resources with one of these ids, in their order."""
        known = self._nodes[number].places
        few, many = (idents, known) if len(idents) < len(known) else (known, idents)
        places = sorted(place for ident in few if ident in many for place in known[ident])
        return [state.histories[place] for place in places]

    @property
    def uneasy(self) -> set[str]:
        """The ids of histories that have to be looked at each time."""
        return set().union(*(node.uneasy for node in self._nodes))
