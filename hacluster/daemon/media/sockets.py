"""The sockets of media, opened: what of a medium may need privileges, and nothing else of it.

A low port, a receive buffer beyond the system's limit and raw ICMP are root's. Whoever holds the configuration can make
any of these sockets by (medium, kind); the pulse asks the supervisor for them when it may not do so itself
(:mod:`hacluster.daemon.media.broker`). Nothing here waits, looks a name up or touches the event loop.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

from hacluster.base.effects import Screen
from hacluster.config.media import Bcast, Mcast, Mcast6, Medium, NetworkMedium, Ucast6
from hacluster.daemon.media import bpf
from hacluster.daemon.media.interfaces import device_of, index_of
from hacluster.daemon.media.port import bind_to_device, widen

_IPTOS_LOWDELAY: Final = 0x10
_SMALL_BUFFER: Final = 2_048
_SOL_RAW: Final = 255
_ICMP_FILTER: Final = 1
_ICMP6_FILTER: Final = 1
ECHO_REPLY: Final = 0
ECHO_REPLY6: Final = 129


class Kind(StrEnum):
    """What a socket of a medium is for."""

    RECEIVE = "receive"
    SEND = "send"
    ECHO = "echo"
    ECHO6 = "echo6"


class Opener(Protocol):
    """Who opens the sockets of a configuration's media."""

    async def open(self, medium: int, kind: Kind) -> socket.socket:
        """The socket; ``medium`` is the index in the configuration. OSError."""
        ...


class Direct:
    """Opens them itself."""

    def __init__(self, media: Sequence[Medium]) -> None:
        self._media = media

    async def open(self, medium: int, kind: Kind) -> socket.socket:
        """OSError."""
        return make(self._media[medium], kind)


def make(medium: Medium, kind: Kind) -> socket.socket:
    """The socket of that kind. OSError; :class:`ValueError` for a kind that this medium does not have."""
    match kind:
        case Kind.RECEIVE | Kind.SEND:
            if not isinstance(medium, NetworkMedium):
                raise ValueError(f"a ping medium has no socket to {kind}")
            return _receiver(medium) if kind is Kind.RECEIVE else _sender(medium)
        case Kind.ECHO | Kind.ECHO6:
            if isinstance(medium, NetworkMedium):
                raise ValueError("a network medium sends no echo")
            return _echo(v6=kind is Kind.ECHO6)


def family_of(medium: NetworkMedium) -> socket.AddressFamily:
    """AF_INET or AF_INET6."""
    return socket.AF_INET6 if isinstance(medium, Ucast6 | Mcast6) else socket.AF_INET


def group_of(medium: NetworkMedium) -> str:
    """The multicast group, or nothing."""
    return medium.group if isinstance(medium, Mcast | Mcast6) else ""


def _receiver(medium: NetworkMedium) -> socket.socket:
    family, group, port = family_of(medium), group_of(medium), medium.port
    device = device_of(medium.interface)
    with contextlib.ExitStack() as on_failure:
        sock = on_failure.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        index = index_of(device, sock)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        widen(sock)
        with contextlib.suppress(OSError):
            # A kernel without it is as before: everything is looked at in the pulse.
            bpf.attach(sock, Screen())
        bind_to_device(sock, device)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((group or "::", port, 0, index if group else 0))
            if group:
                member = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        else:
            sock.bind((group or "0.0.0.0", port))  # noqa: S104 - of one interface only
            if group:
                member = struct.pack("@4s4si", socket.inet_aton(group), bytes(4), index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        on_failure.pop_all()
    return sock


def _sender(medium: NetworkMedium) -> socket.socket:
    family, device = family_of(medium), device_of(medium.interface)
    with contextlib.ExitStack() as on_failure:
        sock = on_failure.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        index = index_of(device, sock)
        sock.setblocking(False)
        bind_to_device(sock, device)
        # Nobody reads this socket: what strangers send to it shall not lie in memory.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        match medium:
            case Bcast():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            case Mcast():
                interface = struct.pack("@4s4si", bytes(4), bytes(4), index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, medium.ttl)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(medium.loop))
            case Mcast6():
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, medium.ttl)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, int(medium.loop))
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _IPTOS_LOWDELAY)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _IPTOS_LOWDELAY)
        on_failure.pop_all()
    return sock


def _echo(*, v6: bool) -> socket.socket:
    """A raw socket with a kernel filter for echo replies where we may have one, otherwise Linux' ping socket."""
    family = socket.AF_INET6 if v6 else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    try:
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
    except PermissionError:
        sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
        sock.setblocking(False)
        return sock
    sock.setblocking(False)
    if v6:
        words = [0xFFFFFFFF] * 8
        words[ECHO_REPLY6 >> 5] &= ~(1 << (ECHO_REPLY6 & 31)) & 0xFFFFFFFF
        sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("@8I", *words))
    else:
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", ~(1 << ECHO_REPLY) & 0xFFFFFFFF))
    return sock
