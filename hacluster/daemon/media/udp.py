"""UDP media: bcast, mcast, mcast6, ucast, ucast6 (WIRE.md section 1).

Every medium has a sending socket of its own on an ephemeral port, as Heartbeat has. Receiving sockets are shared by
the media that would bind the same address: two sockets on one port would take each other's unicast datagrams. What a
shared socket receives counts for the first medium of its interface, which is all the same to the machine: links are
named after interfaces.

The receiving sockets are ours and are handed to asyncio-dgram, whose stream takes one datagram in each turn of the
loop; after each one we empty the socket ourselves, up to ``MAX_BURST``, so that a burst does not pile up in the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import asyncio_dgram

from hacluster.base.effects import Screen
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.config.media import Bcast, Mcast, Mcast6, NetworkMedium, Ucast, Ucast6
from hacluster.daemon.media import bpf
from hacluster.daemon.media.port import MAX_BURST, bind_to_device, widen

Address = tuple[str, int] | tuple[str, int, int, int]
Received = Callable[[bytes, str], None]

_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFBRDADDR: Final = 0x8919
_SIOCGIFINDEX: Final = 0x8933
_GONE: Final = frozenset({errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL})
"""What the kernel says of an interface, or of its address, that is not there."""

_IFF_UP: Final = 1
_IPTOS_LOWDELAY: Final = 0x10
_SMALL_BUFFER: Final = 2_048


@dataclass(frozen=True, slots=True)
class ReceiveKey:
    """What a receiving socket is bound to; media of equal keys share one. ``index``: of the interface as it is now."""

    family: int
    interface: str
    index: int
    port: int
    group: str = ""


def receive_key(medium: NetworkMedium, index: int) -> ReceiveKey:
    """The receiving socket that a medium needs."""
    family = socket.AF_INET6 if isinstance(medium, Ucast6 | Mcast6) else socket.AF_INET
    group = medium.group if isinstance(medium, Mcast | Mcast6) else ""
    return ReceiveKey(family, device_of(medium.interface), index, medium.port, group)


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


class Receiver:
    """One receiving socket."""

    def __init__(self, key: ReceiveKey, received: Received) -> None:
        self.key = key
        self.users = 0
        self._received = received
        self._sock: socket.socket | None = None
        self._stream: asyncio_dgram.DatagramStream | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, screen: Screen) -> None:
        """Bind, join, and begin to read. OSError."""
        key = self.key
        sock = socket.socket(key.family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            widen(sock)
            self._attach(sock, screen)
            bind_to_device(sock, key.interface)
            if key.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((key.group or "::", key.port, 0, key.index if key.group else 0))
                if key.group:
                    member = socket.inet_pton(socket.AF_INET6, key.group) + struct.pack("@I", key.index)
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
            else:
                sock.bind((key.group or "0.0.0.0", key.port))  # noqa: S104 - of one interface only
                if key.group:
                    member = struct.pack("@4s4si", socket.inet_aton(key.group), bytes(4), key.index)
                    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            self._stream = await asyncio_dgram.from_socket(sock)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        self._task = asyncio.get_running_loop().create_task(self._read(self._stream, sock))

    def screen(self, screen: Screen) -> None:
        """What the kernel lets in from now on."""
        if self._sock is not None:
            self._attach(self._sock, screen)

    @staticmethod
    def _attach(sock: socket.socket, screen: Screen) -> None:
        # A kernel without it is as before: everything is looked at here.
        with contextlib.suppress(OSError):
            bpf.attach(sock, screen)

    async def _read(self, stream: asyncio_dgram.DatagramStream, sock: socket.socket) -> None:
        while True:
            try:
                data, address = await stream.recv()
            except asyncio_dgram.TransportClosed:
                return
            except OSError:
                # An error of one datagram; what ails the interface shows in sending.
                continue
            self._received(data, _host(address))
            for _ in range(MAX_BURST):
                try:
                    data, address = sock.recvfrom(MAX_DATAGRAM + 1)
                except OSError:
                    break
                self._received(data, address[0])
            # Also when more waits: the timers and the other sockets have their turn.
            await asyncio.sleep(0)

    def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _host(address: object) -> str:
    return str(address[0]) if isinstance(address, tuple) else str(address)


class Receivers:
    """The receiving sockets of a node, by what they are bound to."""

    def __init__(self) -> None:
        self._open: dict[ReceiveKey, Receiver] = {}
        self._opening = asyncio.Lock()
        self._screen = Screen()

    async def take(self, key: ReceiveKey, received: Received) -> None:
        """Open the socket, or share the one that is open. OSError."""
        async with self._opening:
            receiver = self._open.get(key)
            if receiver is None:
                receiver = Receiver(key, received)
                await receiver.open(self._screen)
                self._open[key] = receiver
            receiver.users += 1

    def screen(self, screen: Screen) -> None:
        """What the kernel lets in from now on, on all of them."""
        self._screen = screen
        for receiver in self._open.values():
            receiver.screen(screen)

    def give(self, key: ReceiveKey) -> None:
        """The last user closes it."""
        receiver = self._open.get(key)
        if receiver is not None:
            receiver.users -= 1
            if receiver.users == 0:
                receiver.close()
                del self._open[key]


class UdpPort:
    """A UDP medium."""

    def __init__(self, medium: NetworkMedium, receivers: Receivers, received: Received) -> None:
        self._medium = medium
        self._device = device_of(medium.interface)
        self._receivers = receivers
        self._received = received
        self._sock: socket.socket | None = None
        self._taken: ReceiveKey | None = None
        self._target: Address = ("", 0)
        self._index = 0
        self._host = ""

    async def open(self) -> None:
        """Both sockets; a host name is looked up the first time only, as Heartbeat does. OSError."""
        medium = self._medium
        self._index = index_of(self._device)
        require_up(self._device)
        self._target = await self._find_target()
        family = socket.AF_INET6 if isinstance(medium, Ucast6 | Mcast6) else socket.AF_INET
        sock = self._sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        bind_to_device(sock, self._device)
        # Nobody reads this socket: what strangers send to it shall not lie in memory.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        match medium:
            case Bcast():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            case Mcast():
                interface = struct.pack("@4s4si", bytes(4), bytes(4), self._index)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, medium.ttl)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, int(medium.loop))
            case Mcast6():
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, medium.ttl)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, int(medium.loop))
        if family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _IPTOS_LOWDELAY)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _IPTOS_LOWDELAY)
        key = receive_key(medium, self._index)
        await self._receivers.take(key, self._received)
        self._taken = key

    async def _find_target(self) -> Address:
        match self._medium:
            case Bcast(interface=interface, port=port):
                return (broadcast_address(interface), port)
            case Mcast(group=group, port=port):
                return (group, port)
            case Mcast6(group=group, port=port):
                return (group, port, 0, self._index)
            case Ucast(host=host, port=port):
                return (await self._resolve(host, socket.AF_INET), port)
            case Ucast6(host=host, port=port):
                name, _, _ = (await self._resolve(host, socket.AF_INET6)).partition("%")
                return (name, port, 0, self._index if name.lower().startswith("fe80:") else 0)

    async def _resolve(self, host: str, family: socket.AddressFamily) -> str:
        if not self._host:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, None, family=family, type=socket.SOCK_DGRAM)
            self._host = str(found[0][4][0])
        return self._host

    def send(self, data: bytes) -> None:
        """Straight to the kernel, as asyncio's buffer has no bound and a late heartbeat is worse than none. OSError."""
        if self._sock is not None:
            self._sock.sendto(data, self._target)

    def stale(self) -> bool:
        """The interface is gone, was made anew, or has another broadcast address.

        Asked on our own socket: that the process has no descriptor left says nothing of the interface.
        """
        try:
            if index_of(self._device, self._sock) != self._index:
                return True
            if not isinstance(self._medium, Bcast):
                return False
            return broadcast_address(self._medium.interface, self._sock) != self._target[0]
        except OSError as error:
            return error.errno in _GONE

    def close(self) -> None:
        """Both sockets."""
        if self._taken is not None:
            self._receivers.give(self._taken)
            self._taken = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
