"""Word to the service manager: the sd_notify(3) protocol, a datagram of ``KEY=value`` lines to $NOTIFY_SOCKET."""

from __future__ import annotations

import contextlib
import os
import socket


class Notifier:
    """Speaks to the service manager if there is one; a failure to do so is of no consequence."""

    def __init__(self, address: str | None = None) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address

    def __call__(self, **values: str) -> None:
        """Send e.g. ``READY="1", STATUS="…"``."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        text = "".join(f"{key}={value}\n" for key, value in values.items())
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.sendto(text.encode(), address)


def watchdog_interval_ms() -> int | None:
    """How often the service manager wants ``WATCHDOG=1``: half of its limit; ``None`` if it does not ask for it."""
    text, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not text.isdecimal() or (pid and pid != str(os.getpid())):
        return None
    return max(1, int(text) // 2000)
