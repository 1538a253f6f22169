"""The hardware (or soft) watchdog of ha.cf's ``watchdog``: fed while the pulse beats: a hung host resets itself.

The magic close (the letter V) is written only at a clean stop; a crash of the pulse leaves the timer running. Linux
kernel documentation, watchdog-api.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from typing import Final

from hacluster.base.errors import HaError
from hacluster.base.machine import Instant, after
from hacluster.config.settings import watchdog_s

_WDIOC_SETTIMEOUT: Final = 0xC0045706
_FEED_MS: Final = 1_000
_MEALS: Final = 4
"""How often it is fed within its own time, at least."""


class Watchdog:
    """An open watchdog; :class:`HaError` when it cannot be opened."""

    def __init__(self, device: str, deadtime_ms: int) -> None:
        self._next = Instant(0)
        try:
            self._fd = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise HaError(f"cannot open watchdog {device}: {error.strerror}") from error
        self.wanted_ms = watchdog_s(deadtime_ms) * 1000
        self.timeout_ms: int | None = None
        seconds = watchdog_s(deadtime_ms)
        try:
            answer = fcntl.ioctl(self._fd, _WDIOC_SETTIMEOUT, struct.pack("i", seconds))
            self.timeout_ms = struct.unpack("i", answer)[0] * 1000
        except OSError:
            # Not every driver can be told; it then keeps its own time.
            self.timeout_ms = None

    def feed(self, now: Instant) -> None:
        """Put the reset off; cheap, a write a second, or four in its own time."""
        if now >= self._next:
            self._next = after(now, min(_FEED_MS, self.wanted_ms // _MEALS))
            # A driver that is gone cannot be fed, and does not reset anything.
            with contextlib.suppress(OSError):
                os.write(self._fd, b"\0")

    def close(self, *, disarm: bool) -> None:
        """Give it up; with ``disarm`` the timer stops, otherwise it goes on and resets the host."""
        if disarm:
            with contextlib.suppress(OSError):
                os.write(self._fd, b"V")
        os.close(self._fd)
