"""Alternative names of network interfaces (ip link property add … altname), from the kernel by rtnetlink(7)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

_HEADER: Final = struct.Struct("=IHHII")
_LINK: Final = struct.Struct("=BxHiII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_RTM_NEWLINK, _RTM_GETLINK, _REQUEST_DUMP = 16, 18, 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_IFLA_IFNAME, _IFLA_PROP_LIST, _IFLA_ALT_IFNAME = 3, 52, 53
_WAIT_S: Final = 2.0


def alternative_names() -> dict[str, str]:
    """The interface's own name by each of its alternative names; nothing when the kernel cannot be asked."""
    found: dict[str, str] = {}
    try:
        for attributes in _links():
            name = next((_name(value) for kind, value in attributes if kind == _IFLA_IFNAME), "")
            lists = [value for kind, value in attributes if kind == _IFLA_PROP_LIST]
            for other in (v for one in lists for kind, v in _attributes(one) if kind == _IFLA_ALT_IFNAME):
                found[_name(other)] = name
    except (OSError, struct.error):
        return {}
    return found


def _links() -> Iterator[list[tuple[int, bytes]]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(_WAIT_S)
        body = _LINK.pack(0, 0, 0, 0, 0)
        sock.send(_HEADER.pack(_HEADER.size + len(body), _RTM_GETLINK, _REQUEST_DUMP, 1, 0) + body)
        while True:
            data = sock.recv(1 << 17)
            at = 0
            while at + _HEADER.size <= len(data):
                length, kind, _, _, _ = _HEADER.unpack_from(data, at)
                if kind in (_NLMSG_DONE, _NLMSG_ERROR) or length < _HEADER.size:
                    return
                if kind == _RTM_NEWLINK:
                    yield list(_attributes(data[at + _HEADER.size + _LINK.size : at + length]))
                at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & 0x3FFF, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _name(value: bytes) -> str:
    return os.fsdecode(value.rstrip(b"\0"))
