"""Which histories are not what they were at the last look.

Records are changed in place, so each is compared with what it said before, field by field.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from hacluster.cib.records import History, NodeState, OpRecord, Status

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
    """The histories of one node as they were."""

    __slots__ = ("name", "seen", "uneasy")

    def __init__(self, state: NodeState) -> None:
        self.name = state.id, state.uname
        self.seen: list[Snapshot] = []
        self.uneasy: set[str] = set()

    def look(self, histories: list[History], changed: set[str]) -> bool:
        """Add the ids of histories that are new or different; false if the others are not in their old order."""
        seen = self.seen
        if len(histories) < len(seen):
            return False
        known = len(seen)
        for place, history in enumerate(histories):
            history.place = place
            now = _snapshot(history)
            if place >= known:
                seen.append(now)
            elif seen[place] == now:
                continue
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

    def look(self, status: Status) -> set[str] | None:
        """The ids of histories that have changed since the last look; ``None`` if more than that is different."""
        tickets = [dict(ticket) for ticket in status.tickets]
        same = [node.name for node in self._nodes] == [(state.id, state.uname) for state in status.nodes]
        if same and tickets == self._tickets:
            changed: set[str] = set()
            if all(node.look(state.histories, changed) for node, state in zip(self._nodes, status.nodes, strict=True)):
                return changed
        self._tickets = tickets
        self._nodes = [_NodeWatch(state) for state in status.nodes]
        for node, state in zip(self._nodes, status.nodes, strict=True):
            node.look(state.histories, set())
        return None

    @property
    def uneasy(self) -> set[str]:
        """The ids of histories that have to be looked at each time."""
        return set().union(*(node.uneasy for node in self._nodes))
