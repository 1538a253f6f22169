"""What the driver sees of a medium, and what media have in common: opening, failing, and opening again.

Nothing here waits. A send that the kernel does not take at once is lost, as a datagram may be: the heartbeat machine
repeats its status anyway and retransmits what is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import Final, Protocol

from hacluster.msg.driver import DatagramReceived, MediumFailed, MediumReady

REOPEN_S: Final = 1.0
"""How often a medium that failed is tried again, and an open one looked at."""

MAX_BURST: Final = 64
"""Datagrams read from one socket in one turn of the loop, before others have theirs."""

RECEIVE_BUFFER: Final = 4 * 1024 * 1024

SO_RCVBUFFORCE: Final = 33
SO_BINDTODEVICE: Final = 25

MediumEvent = DatagramReceived | MediumFailed | MediumReady
Deliver = Callable[[MediumEvent], None]

REPLACED: Final = "the interface was replaced"
DEAF: Final = "nothing is read from its socket any more"
"""Its reader ended by itself, as when there was no memory for a datagram."""

_TRANSIENT: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.EINTR, errno.ECONNREFUSED})
"""Errors of one datagram, not of the medium."""


class Port(Protocol):
    """One end of a medium on this host."""

    async def open(self) -> None:
        """Open every socket; OSError when it cannot be."""
        ...

    def send(self, data: bytes) -> None:
        """Send one datagram; OSError when the medium does not work."""
        ...

    def stale(self) -> str:
        """Why it must be opened anew: ``REPLACED``, ``DEAF``; empty when nothing is wrong with it."""
        ...

    def close(self) -> None:
        """Close every socket."""
        ...


class Medium:
    """Keeps one port open: says when it fails and when it is ready, and tries again on its own."""

    def __init__(self, index: int, port: Port, deliver: Deliver) -> None:
        self._index = index
        self._port = port
        self._deliver = deliver
        self._open = False
        self._failed = ""
        self.gone = False
        """The host has no interface of that name, or cannot read: what fails is here, not on the way to the others."""

        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to open it, and keep it open."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        while True:
            # What there is no memory for is tried at the next look.
            with contextlib.suppress(MemoryError):
                await self._see_to_it()
            await asyncio.sleep(REOPEN_S)

    async def _see_to_it(self) -> None:
        if self._open and (why := self._port.stale()):
            self._fail(why, gone=why == DEAF)
        if not self._open:
            await self._try()

    async def _try(self) -> None:
        try:
            await self._port.open()
        except OSError as error:
            self._port.close()
            self._fail(describe(error), gone=error.errno == errno.ENODEV)
        else:
            self._open = True
            self._failed, self.gone = "", False
            self._deliver(MediumReady(self._index))

    def _fail(self, error: str, *, gone: bool = False) -> None:
        if self._open:
            self._open = False
            self._port.close()
        self.gone = gone
        if error != self._failed:
            self._failed = error
            self._deliver(MediumFailed(self._index, error, gone))

    def send(self, data: bytes) -> None:
        """Send one datagram, or lose it."""
        if not self._open:
            return
        try:
            self._port.send(data)
        except OSError as error:
            if error.errno not in _TRANSIENT:
                self._fail(describe(error))

    async def close(self) -> None:
        """Close it for good."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._port.close()
        self._open = False


def describe(error: OSError) -> str:
    """The system's text without its number."""
    return error.strerror or str(error)


def bind_to_device(sock: socket.socket, device: str) -> None:
    """Send and receive on this interface only."""
    sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, device.encode() + b"\0")


def widen(sock: socket.socket) -> None:
    """As large a receive buffer as we may have: a burst must survive until the loop comes round.

    Measured with asyncio-dgram 3.0.0 at the default of 208 KiB: bursts of 10 large datagrams lost 89 %.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except OSError:
        limit = RECEIVE_BUFFER
        with contextlib.suppress(OSError, ValueError), open("/proc/sys/net/core/rmem_max", encoding="ascii") as file:
            limit = int(file.read())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, limit)
