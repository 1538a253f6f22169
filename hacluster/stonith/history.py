"""What was fenced, by whom and with which end: the same on all nodes, as far as they heard each other."""

from __future__ import annotations

from collections.abc import Iterable

from hacluster.base.limits import MAX_FENCINGS
from hacluster.msg.stonith import FencingEntry, FencingState


class History:
    """Entries by their ids. What has ended never becomes pending again."""

    def __init__(self) -> None:
        self._entries: dict[str, FencingEntry] = {}

    def put(self, entry: FencingEntry) -> bool:
        """Take an entry in; whether it says something new."""
        known = self._entries.get(entry.id)
        if known == entry or (known is not None and known.state is not FencingState.PENDING):
            return False
        self._entries[entry.id] = entry
        ended = [one for one in self._entries.values() if one.state is not FencingState.PENDING]
        for old in sorted(ended, key=lambda one: one.ended_ms)[: max(0, len(ended) - MAX_FENCINGS)]:
            del self._entries[old.id]
        return True

    def forget(self, target: str) -> None:
        """Ended fencings of a target, or of all, are forgotten."""
        self._entries = {
            ident: entry
            for ident, entry in self._entries.items()
            if entry.state is FencingState.PENDING or (target and entry.target != target)
        }

    def pending(self) -> list[FencingEntry]:
        """What has not ended."""
        return [entry for entry in self._entries.values() if entry.state is FencingState.PENDING]

    def newest_first(self, target: str = "") -> tuple[FencingEntry, ...]:
        """All, or those of a target; pending ones first."""
        found: Iterable[FencingEntry] = self._entries.values()
        if target:
            found = [entry for entry in found if entry.target == target]
        return tuple(sorted(found, key=lambda one: (one.ended_ms > 0, -(one.ended_ms or one.began_ms), one.id)))

    def succeeded_since(self, target: str, action: str, since_ms: int) -> FencingEntry | None:
        """A success of the same that is no older than that."""
        return next(
            (
                entry
                for entry in self.newest_first(target)
                if entry.state is FencingState.SUCCESS and entry.action == action and entry.ended_ms >= since_ms
            ),
            None,
        )
