"""The replay window of one session: which counters were seen, of the newest 1,024 (after RFC 4303, section 3.4.3)."""

from __future__ import annotations

from typing import Final

WINDOW: Final = 1024
"""How far a datagram may come late, in datagrams of its sender."""

_MASK: Final = (1 << WINDOW) - 1


class ReplayWindow:
    """Takes each counter once. Bit n of the map stands for ``highest - n``."""

    __slots__ = ("_seen", "highest")

    def __init__(self) -> None:
        self.highest = 0
        self._seen = 0

    def accept(self, counter: int) -> bool:
        """Whether ``counter`` (from 1) is new; marks it as seen. What is older than the window is never new."""
        if counter < 1:
            return False
        ahead = counter - self.highest
        if ahead > 0:
            self._seen = ((self._seen << ahead) & _MASK | 1) if ahead < WINDOW else 1
            self.highest = counter
            return True
        if -ahead >= WINDOW:
            return False
        bit = 1 << -ahead
        if self._seen & bit:
            return False
        self._seen |= bit
        return True
