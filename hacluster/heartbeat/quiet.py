"""Logs that a hostile or broken network cannot flood: so many lines per kind and minute, then one line that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.machine import Instant

WINDOW_MS: Final = 60_000
MAX_KINDS: Final = 256


@dataclass(slots=True)
class _Window:
    began: Instant
    said: int = 0
    hidden: int = 0


class Quiet:
    """Decides which lines are said. ``kind`` must come from a bounded set (codes, node names of ha.cf)."""

    def __init__(self, lines_per_minute: int) -> None:
        self._limit = max(1, lines_per_minute)
        self._windows: dict[str, _Window] = {}

    def may_say(self, kind: str, now: Instant) -> bool:
        """Whether a line of this kind may be said now."""
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) >= MAX_KINDS:
                return False
            window = self._windows[kind] = _Window(now)
        if window.said < self._limit:
            window.said += 1
            return True
        window.hidden += 1
        return False

    def summaries(self, now: Instant) -> list[tuple[str, int]]:
        """Kinds whose minute is over, with the number of lines that were not said in it."""
        over = [kind for kind, window in self._windows.items() if now - window.began >= WINDOW_MS]
        found = [(kind, self._windows[kind].hidden) for kind in over if self._windows[kind].hidden]
        for kind in over:
            del self._windows[kind]
        return found
