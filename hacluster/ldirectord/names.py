"""Look-ups of hosts(5), services(5) and the domain name system, each bounded in time."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

LIMIT_S: Final = 5.0


class HostNames:
    """Asks the system; every question has :data:`LIMIT_S` seconds and is asked once for each reading of a file."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], str | None] = {}

    def address(self, name: str, *, ipv6: bool) -> str | None:
        """The first address of that family."""
        key = (name, ipv6)
        if key not in self._known:
            self._known[key] = _within_limit(name, socket.AF_INET6 if ipv6 else socket.AF_INET)
        return self._known[key]

    def port(self, name: str, protocol: str) -> int | None:
        """The port of a service; a firewall mark's servers have tcp ports."""
        with contextlib.suppress(OSError):
            return socket.getservbyname(name, protocol if protocol in {"tcp", "udp"} else "tcp")
        return None


def _within_limit(name: str, family: socket.AddressFamily) -> str | None:
    """getaddrinfo(3) knows no time limit: it is asked in a thread that is left behind when it is late."""
    found: list[str] = []

    def ask() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found.append(str(socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)[0][4][0]))

    thread = threading.Thread(target=ask, daemon=True, name="resolve")
    thread.start()
    thread.join(LIMIT_S)
    return found[0] if found else None
