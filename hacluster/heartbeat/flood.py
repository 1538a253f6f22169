"""Whether we are being flooded, and what is let in then (``Screen``).

What cannot be ours costs us a look each. When more than ``FLOOD_PER_S`` of them come in a second, the driver is asked
to let in only what bears a key and a session that we know, or comes from an address of a node that is heard
(:mod:`hacluster.wire.screen`), for ``HOLD_MS``; then we look again. So a wrong key is still said in quiet times.
"""

from __future__ import annotations

from typing import Final

from hacluster.base.effects import Screen
from hacluster.base.machine import Instant, after
from hacluster.config.settings import Seal
from hacluster.heartbeat.peer import PeerTable
from hacluster.heartbeat.sealing import Sealing

FLOOD_PER_S: Final = 500
"""Refused datagrams in a second. Ten nodes with another key on three media make 30."""

HOLD_MS: Final = 30_000
_WINDOW_MS: Final = 1_000


class Flood:
    """Counts what was refused; the screen that is in force."""

    def __init__(self, peers: PeerTable, sealing: Sealing) -> None:
        self._peers = peers
        self._sealing = sealing
        self._since = Instant(0)
        self._refused = 0
        self._screen = Screen()
        self.until: Instant | None = None
        """When to look again; ``None`` in quiet times."""

    def refused(self, now: Instant) -> bool:
        """One more datagram was refused; true when with it a flood begins."""
        if now - self._since >= _WINDOW_MS:
            self._since, self._refused = now, 0
        self._refused += 1
        if self._refused < FLOOD_PER_S or self.until is not None:
            return False
        self.until = after(now, HOLD_MS)
        return True

    def change(self, now: Instant) -> Screen | None:
        """The screen that is to be in force from now on; ``None`` when it is."""
        if self.until is not None and self.until <= now:
            self.until, self._refused = None, 0
        screen = Screen() if self.until is None else self._strict()
        if screen == self._screen:
            return None
        self._screen = screen
        return screen

    def _strict(self) -> Screen:
        sources = {source for peer in self._peers.alive() for source in peer.sources.values()}
        return Screen(
            strict=True,
            classic=self._sealing.mode is not Seal.ON,
            keys=self._sealing.key_ids(),
            boots=self._sealing.boots(),
            sources=tuple(sorted(sources)),
        )
