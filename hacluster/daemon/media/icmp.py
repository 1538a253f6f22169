"""Ping media: ICMP and ICMPv6 echo whose data is the heartbeat machine's signed message (WIRE.md section 5.6).

A raw socket where we may have one, otherwise Linux' ping socket (net.ipv4.ping_group_range). What comes back is the
data we sent; the machine verifies its signature. RFC 792, RFC 4443.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from typing import Final

from hacluster.base.limits import MAX_DATAGRAM
from hacluster.config.media import Ping, Ping6, PingGroup, PingMedium
from hacluster.daemon.media.port import MAX_BURST
from hacluster.daemon.media.sockets import ECHO_REPLY, ECHO_REPLY6, Kind, Opener
from hacluster.daemon.media.udp import Received

_HEADER: Final = struct.Struct("!BBHHH")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Echo(abc.ABC):
    """One address family's socket: sends echo requests, hears echo replies to them."""

    request: int
    reply: int
    family: socket.AddressFamily

    def __init__(self, sock: socket.socket, received: Received) -> None:
        self._received = received
        self._identifier = int.from_bytes(os.urandom(2), "big")
        self._sequence = 0
        self._sock = sock
        self._raw = sock.type == socket.SOCK_RAW
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._readable)

    @abc.abstractmethod
    def _body(self, packet: bytes) -> bytes:
        """The ICMP message in what the socket gave."""

    def send(self, host: str, data: bytes) -> None:
        """One echo request. OSError."""
        self._sequence = (self._sequence + 1) & 0xFFFF
        parts = (self.request, 0, 0, self._identifier, self._sequence)
        if self.family == socket.AF_INET:
            parts = (self.request, 0, checksum(_HEADER.pack(*parts) + data), self._identifier, self._sequence)
        self._sock.sendto(_HEADER.pack(*parts) + data, (host, 0))

    def _readable(self) -> None:
        for _ in range(MAX_BURST):
            try:
                packet, address = self._sock.recvfrom(MAX_DATAGRAM)
            except OSError:
                return
            message = self._body(packet)
            if len(message) < _HEADER.size:
                continue
            kind, _, _, identifier, _ = _HEADER.unpack_from(message)
            # A ping socket has an identifier of the kernel's, and hears only its own replies.
            if kind == self.reply and (identifier == self._identifier or not self._raw):
                self._received(message[_HEADER.size :], str(address[0]))

    def close(self) -> None:
        """Stop hearing."""
        asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()


class Echo4(Echo):
    """ICMP."""

    request, reply, family = 8, ECHO_REPLY, socket.AF_INET

    def _body(self, packet: bytes) -> bytes:
        # Raw IPv4 sockets give the IP header too, ping sockets do not.
        return packet[(packet[0] & 0x0F) * 4 :] if self._raw and packet else packet


class Echo6(Echo):
    """ICMPv6; the kernel computes the checksum."""

    request, reply, family = 128, ECHO_REPLY6, socket.AF_INET6

    def _body(self, packet: bytes) -> bytes:
        return packet


class PingPort:
    """A ping medium: one host, or the hosts of a group, each asked every time."""

    def __init__(self, number: int, medium: PingMedium, opener: Opener, received: Received) -> None:
        self._number = number
        self._opener = opener
        match medium:
            case PingGroup(hosts=hosts):
                self._hosts: Sequence[str] = hosts
                family = socket.AF_UNSPEC
            case Ping(host=host):
                self._hosts, family = (host,), socket.AF_INET
            case Ping6(host=host):
                self._hosts, family = (host,), socket.AF_INET6
        self._family = family
        self._received = received
        self._addresses: list[tuple[bool, str]] = []
        self._echoes: dict[bool, Echo] = {}

    async def open(self) -> None:
        """Look the hosts up, and open a socket for each address family. OSError."""
        loop = asyncio.get_running_loop()
        self._addresses = []
        for host in self._hosts:
            found = await loop.getaddrinfo(host, None, family=self._family, type=socket.SOCK_DGRAM)
            family, _, _, _, address = found[0]
            self._addresses.append((family == socket.AF_INET6, str(address[0])))
        for v6 in {v6 for v6, _ in self._addresses}:
            sock = await self._opener.open(self._number, Kind.ECHO6 if v6 else Kind.ECHO)
            self._echoes[v6] = (Echo6 if v6 else Echo4)(sock, self._received)

    def send(self, data: bytes) -> None:
        """Ask every host. A host that cannot be reached is no fault of the medium: it does not answer, that is all."""
        for v6, address in self._addresses:
            with contextlib.suppress(OSError):
                self._echoes[v6].send(address, data)

    def stale(self) -> str:
        """Never: no interface is bound."""
        return ""

    def close(self) -> None:
        """All sockets."""
        for echo in self._echoes.values():
            echo.close()
        self._echoes.clear()
