"""What the kernel says of network interfaces (netdevice(7))."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from typing import Final

_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFBRDADDR: Final = 0x8919
_SIOCGIFINDEX: Final = 0x8933
_IFF_UP: Final = 1
GONE: Final = frozenset({errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL})
"""What the kernel says of an interface, or of its address, that is not there."""


def device_of(interface: str) -> str:
    """The device under an address label such as ``eth0:1``."""
    return interface.partition(":")[0]


def _ask(sock: socket.socket | None, question: int, interface: str) -> bytes:
    """What the kernel says of an interface (netdevice(7)), on a socket that is open or on a new one. OSError."""
    if sock is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as new:
            return _ask(new, question, interface)
    return fcntl.ioctl(sock, question, struct.pack("256s", interface.encode()[:15]))


def index_of(device: str, sock: socket.socket | None = None) -> int:
    """The interface's number. OSError, with ENODEV when there is none of that name."""
    try:
        return int(struct.unpack_from("@i", _ask(sock, _SIOCGIFINDEX, device), 16)[0])
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise OSError(errno.ENODEV, "no interface with this name") from error
        raise


def require_up(device: str) -> None:
    """OSError when the interface is down: sockets can be bound to it all the same, and each send would fail."""
    if not struct.unpack_from("H", _ask(None, _SIOCGIFFLAGS, device), 16)[0] & _IFF_UP:
        raise OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN))


def broadcast_address(interface: str, sock: socket.socket | None = None) -> str:
    """The broadcast address that the interface reports (netdevice(7)). OSError when it has none."""
    address = socket.inet_ntoa(_ask(sock, _SIOCGIFBRDADDR, interface)[20:24])
    if address == "0.0.0.0":  # noqa: S104 - "none", not "any"
        raise OSError(errno.EADDRNOTAVAIL, f"{interface} has no broadcast address")
    return address
