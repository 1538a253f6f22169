"""ICMP echo (RFC 792, RFC 4443), by one raw socket per family that all checks share."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Final

from hacluster.ldirectord.checks.outcome import Down
from hacluster.lvs.settings import Check

_ECHO: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: Final = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Pinger:
    """A raw socket and the echoes that wait for their replies. Each echo carries 8 random bytes."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self._family = family
        self._socket = socket.socket(family, socket.SOCK_RAW, _PROTOCOL[family])
        self._socket.setblocking(False)
        self._waiting: dict[bytes, tuple[str, asyncio.Future[None]]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)
        self._sequence = 0

    @property
    def alive(self) -> bool:
        """Whether it belongs to the loop that runs now."""
        return self._loop is asyncio.get_running_loop()

    def close(self) -> None:
        """Let go of the socket."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._socket.close()

    async def echo(self, address: str, seconds: float) -> bool:
        """Whether one echo is answered in time."""
        nonce = os.urandom(8)
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting[nonce] = (address, future)
        self._sequence = (self._sequence + 1) & 0xFFFF
        head = struct.pack("!BBHHH", _ECHO[self._family], 0, 0, os.getpid() & 0xFFFF, self._sequence)
        if self._family is socket.AF_INET:
            head = head[:2] + struct.pack("!H", checksum(head + nonce)) + head[4:]
        try:
            self._socket.sendto(head + nonce, (address, 0))
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(nonce, None)
        return True

    def _readable(self) -> None:
        for _ in range(64):
            try:
                data, source = self._socket.recvfrom(2_048)
            except OSError:
                return
            if self._family is socket.AF_INET:
                data = data[(data[0] & 0x0F) * 4 :] if data else b""
            if len(data) < 16 or data[0] != _REPLY[self._family]:
                continue
            address, future = self._waiting.get(data[8:16], ("", None))
            if future is not None and source[0].partition("%")[0] == address and not future.done():
                future.set_result(None)


_pingers: dict[socket.AddressFamily, Pinger] = {}


def _pinger(family: socket.AddressFamily) -> Pinger:
    found = _pingers.get(family)
    if found is None or not found.alive:
        if found is not None:
            found.close()
        found = _pingers[family] = Pinger(family)
    return found


async def ping(check: Check) -> str:
    """One echo is answered, in up to ``checkcount`` tries of ``checktimeout`` each."""
    family = socket.AF_INET6 if ":" in check.address else socket.AF_INET
    for attempt in range(check.tries):
        if await _pinger(family).echo(check.address, check.timeout_ms / 1_000):
            return f"answered ping {attempt + 1}"
    raise Down(f"no answer to {check.tries} pings")
