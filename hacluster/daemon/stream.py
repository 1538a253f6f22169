"""One end of a local socket: frames in, frames out, and how much of either may lie in memory.

Whoever speaks is either trusted (another process of the node, a daemon that we connected to): its frames are handed
over as they come. Or it is a client, or nobody has said yet what it is: then what it sent waits, nothing more is read
from it meanwhile, and whoever owns the connection takes frame after frame in its own time (:meth:`Connection.serve`).
A client that does not read its answers is not served until it does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_FRAME, MAX_IPC_BACKLOG, MAX_LINK_BACKLOG, MAX_LINK_FRAME
from hacluster.base.report import Severity
from hacluster.msg.driver import Peer
from hacluster.wire.ipc import Codec, Frame, Splitter

SERVICE: Final = "ipc"
MAX_GREETING: Final = 4_096
"""Largest frame of who has not said hello: a hello."""

MAX_REQUEST: Final = 64 * 1024
"""Largest frame of a client: a request with the names of 100 nodes has 26,000 bytes."""

CHUNK: Final = 16 * 1024
"""Read at once; nothing more is read while a frame of it waits."""

_SO_PEERGROUPS: Final = 59
_room = memoryview(bytearray(CHUNK))
"""One for all: what is read is copied before the loop goes on."""


def peer_of(sock: socket.socket) -> Peer:
    """Who is at the other end, as the kernel says."""
    pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    groups: tuple[int, ...] = ()
    with contextlib.suppress(OSError):
        data = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * 1024)
        groups = struct.unpack(f"{len(data) // 4}I", data)
    return Peer("", uid, gid, pid, groups)


class Connection(asyncio.BufferedProtocol):
    """One end of a local socket. ``on_ready``: the other end is not trusted; called when a frame waits to be taken."""

    def __init__(
        self,
        codec: Codec,
        on_frame: Callable[[Connection, Frame], None],
        on_closed: Callable[[Connection], None],
        log: Callable[[Say], None],
        on_ready: Callable[[Connection], None] | None = None,
    ) -> None:
        self._codec = codec
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._on_ready = on_ready
        self._log = log
        self._splitter = Splitter(MAX_FRAME if on_ready is None else MAX_GREETING)
        self._backlog = MAX_IPC_BACKLOG
        self._transport: asyncio.Transport | None = None
        self.peer = Peer("", -1, -1, -1)
        self.name = "?"
        self.greeted = False
        self.process = ""
        self.clogged = False
        self._unwanted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the socket is connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            self.peer = peer_of(sock)
        if self._unwanted:
            transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's word
        """Asyncio: where bytes are to be put."""
        return _room

    def buffer_updated(self, nbytes: int) -> None:
        """Asyncio: bytes have come."""
        try:
            self._splitter.push(_room[:nbytes])
            if self._on_ready is None:
                self._take_all()
            elif self._splitter.complete and self._transport is not None:
                self._transport.pause_reading()
                self._on_ready(self)
        except WireError as error:
            self.drop("bad-frame", f"dropped {self.name}: {error}")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Asyncio: the other end is gone, or we closed."""
        self._transport = None
        self._on_closed(self)

    def pause_writing(self) -> None:
        """Asyncio: the other end does not read what is sent to it."""
        self.clogged = True

    def resume_writing(self) -> None:
        """Asyncio: it has read most of it."""
        self.clogged = False
        if self._on_ready is not None and self.open and self._splitter.complete:
            self._on_ready(self)

    # -- what was received ---------------------------------------------------------------------------------------

    def grant(self, *, trusted: bool) -> None:
        """It has said what it is: larger frames from now on, and of who is trusted as they come."""
        self.greeted = True
        self._splitter.limit = MAX_FRAME if trusted else MAX_REQUEST
        if trusted:
            self._on_ready = None

    def widen(self) -> None:
        """It is a process with which whole CIBs are exchanged."""
        self._splitter.limit, self._backlog = MAX_LINK_FRAME, MAX_LINK_BACKLOG

    def serve(self) -> bool:
        """Take one frame that waits; whether another does."""
        try:
            self._take()
            if self._on_ready is None:
                self._take_all()
            waits = self.open and self._splitter.complete
        except WireError as error:
            self.drop("bad-frame", f"dropped {self.name}: {error}")
            return False
        if not waits and self.open and self._transport is not None:
            self._transport.resume_reading()
        return waits

    def _take(self) -> bool:
        payload = self._splitter.next() if self._transport is not None else None
        if payload is not None:
            self._on_frame(self, self._codec.decode(payload))
        return payload is not None

    def _take_all(self) -> None:
        while self._take():
            pass

    # -- sending -------------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether it can be written to."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def unread(self) -> int:
        """Bytes that wait for the other end to read."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def send(self, frame: Frame) -> None:
        """Write one frame, or drop the connection when its reader is too far behind."""
        if not self.open:
            return
        try:
            data = self._codec.encode(frame)
        except WireError as error:
            self._log(Say(Severity.ERROR, SERVICE, "frame-refused", f"cannot send to {self.name}: {error}"))
            return
        self.write(data)

    def write(self, data: bytes) -> None:
        """The same with a frame that is encoded already."""
        if self._transport is None or self._transport.is_closing():
            return
        if self.unread + len(data) > self._backlog:
            self.drop_deaf()
            return
        self._transport.write(data)

    def drop_deaf(self) -> None:
        """Drop it because it does not read."""
        self.drop("reader-too-slow", f"dropped {self.name}: it does not read what is sent to it")

    def drop(self, code: str, text: str) -> None:
        """Close at once, saying why."""
        if self._transport is not None and not self._transport.is_closing():
            fields = (("pid", str(self.peer.pid)), ("uid", str(self.peer.uid)))
            self._log(Say(Severity.WARNING, SERVICE, code, text, fields))
            self._transport.abort()
        self._unwanted = True

    def close(self) -> None:
        """Close when everything is written."""
        if self._transport is not None:
            self._transport.close()
