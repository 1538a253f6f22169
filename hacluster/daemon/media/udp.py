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
import socket
from collections.abc import Callable
from dataclasses import dataclass

import asyncio_dgram

from hacluster.base.effects import Screen
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.config.media import Bcast, Mcast, Mcast6, NetworkMedium, Ucast, Ucast6
from hacluster.daemon.media import bpf
from hacluster.daemon.media.interfaces import GONE, broadcast_address, device_of, index_of, require_up
from hacluster.daemon.media.port import DEAF, MAX_BURST, REPLACED
from hacluster.daemon.media.sockets import Kind, Opener, family_of, group_of

Address = tuple[str, int] | tuple[str, int, int, int]
Received = Callable[[bytes, str], None]


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
    return ReceiveKey(family_of(medium), device_of(medium.interface), index, medium.port, group_of(medium))


class Receiver:
    """One receiving socket."""

    def __init__(self, key: ReceiveKey, received: Received) -> None:
        self.key = key
        self.users = 0
        self._received = received
        self._sock: socket.socket | None = None
        self._stream: asyncio_dgram.DatagramStream | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self, opener: Opener, medium: int, screen: Screen) -> None:
        """Have it opened, and begin to read. OSError."""
        sock = await opener.open(medium, Kind.RECEIVE)
        try:
            if screen.strict:
                self._attach(sock, screen)
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

    @property
    def lost(self) -> bool:
        """Whether the reading has ended by itself: asyncio closes a socket when it cannot read from it."""
        return self._task is not None and self._task.done()

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

    def __init__(self, opener: Opener) -> None:
        self.opener = opener
        self._open: dict[ReceiveKey, Receiver] = {}
        self._opening = asyncio.Lock()
        self._screen = Screen()

    async def take(self, key: ReceiveKey, medium: int, received: Received) -> Receiver:
        """Open the socket, or share the one that is open. OSError."""
        async with self._opening:
            receiver = self._open.get(key)
            if receiver is None or receiver.lost:
                receiver = Receiver(key, received)
                await receiver.open(self.opener, medium, self._screen)
                self._open[key] = receiver
            receiver.users += 1
            return receiver

    def screen(self, screen: Screen) -> None:
        """What the kernel lets in from now on, on all of them."""
        self._screen = screen
        for receiver in self._open.values():
            receiver.screen(screen)

    def give(self, receiver: Receiver) -> None:
        """The last user closes it."""
        receiver.users -= 1
        if receiver.users == 0:
            receiver.close()
            if self._open.get(receiver.key) is receiver:
                del self._open[receiver.key]


class UdpPort:
    """A UDP medium."""

    def __init__(self, number: int, medium: NetworkMedium, receivers: Receivers, received: Received) -> None:
        self._number = number
        self._medium = medium
        self._device = device_of(medium.interface)
        self._receivers = receivers
        self._received = received
        self._sock: socket.socket | None = None
        self._taken: Receiver | None = None
        self._target: Address = ("", 0)
        self._index = 0
        self._host = ""

    async def open(self) -> None:
        """Both sockets; a host name is looked up the first time only, as Heartbeat does. OSError."""
        medium = self._medium
        self._index = index_of(self._device)
        require_up(self._device)
        self._target = await self._find_target()
        self._sock = await self._receivers.opener.open(self._number, Kind.SEND)
        key = receive_key(medium, self._index)
        self._taken = await self._receivers.take(key, self._number, self._received)

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

    def stale(self) -> str:
        """The interface is gone, was made anew, or has another broadcast address; or nobody reads its socket any more.

        Asked on our own socket: that the process has no descriptor left says nothing of the interface.
        """
        if self._taken is not None and self._taken.lost:
            return DEAF
        return REPLACED if self._is_another() else ""

    def _is_another(self) -> bool:
        try:
            if index_of(self._device, self._sock) != self._index:
                return True
            if not isinstance(self._medium, Bcast):
                return False
            return broadcast_address(self._medium.interface, self._sock) != self._target[0]
        except OSError as error:
            return error.errno in GONE

    def close(self) -> None:
        """Both sockets."""
        if self._taken is not None:
            self._receivers.give(self._taken)
            self._taken = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None
