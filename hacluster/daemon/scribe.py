"""The process that writes the log, so that nobody else ever waits for a file system, a terminal or syslogd.

Each process has a channel of its own here, and sends its lines without ever waiting: what it can say is bounded by a
buffer in the kernel, and what does not fit is dropped by the sender, who counts it and says so later. A file system
that hangs holds up this process alone. Who has been taken over can silence or flood its own channel and no other, and
the lines that come by it are its own: the kernel says which process sent them, and the name of another process or of a
machine of another is not taken from it.

Lines of several processes are written in the order in which they were said, as far as they are there. The process ends
when nobody is left who could send. The supervisor keeps all ends open, so that a scribe that dies has a successor, who
goes on with what waits there.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, NoReturn

import msgspec

from hacluster.daemon.log import CLOSE_S, Line, Sink, clean

NAME: Final = "ha-log"
BUFFER: Final = 1024 * 1024
"""Bytes of lines of one process that wait; the kernel counts its own share, and gives less where it is told to
(wmem_max)."""

YOUNG_S: Final = 1.0
_PACKET: Final = 64 * 1024
_POLL_S: Final = 0.01
_CREDENTIALS: Final = struct.Struct("iII")
"""Process, user and group (unix(7), SCM_CREDENTIALS)."""


class Pen:
    """A process's end: lines go to the scribe, or are not taken."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._encoder = msgspec.msgpack.Encoder()

    def put(self, line: Line) -> bool:
        """One line; false when the scribe is behind or gone."""
        try:
            self._sock.send(self._encoder.encode(line), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._sock.fileno()

    def close(self) -> None:
        """What was sent is with the scribe already."""


@dataclass(frozen=True, slots=True)
class _Channel:
    """The two ends of one process's channel, and the names that are its own."""

    theirs: socket.socket
    ours: socket.socket
    names: frozenset[str]


class Scribe:
    """The supervisor's view of one scribe: made before the others, which inherit their pens.

    ``writers``: who may write, by name, with the names under which its lines come. OSError when there is no room.
    """

    def __init__(self, sinks: list[Sink], writers: Mapping[str, frozenset[str]]) -> None:
        self._sinks = sinks
        self._channels: dict[str, _Channel] = {}
        with contextlib.ExitStack() as on_failure:
            for name, names in writers.items():
                theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                on_failure.callback(theirs.close)
                on_failure.callback(ours.close)
                theirs.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
                self._channels[name] = _Channel(theirs, ours, names)
            on_failure.pop_all()
        self.pid = 0
        self._started = 0.0

    def pen(self, name: str) -> Pen:
        """The end of one of them."""
        return Pen(self._channels[name].ours)

    def start(self) -> None:
        """Fork it, and again when it is gone; where there is no room for it, :meth:`revive` tries again."""
        self._started = time.monotonic()
        with contextlib.suppress(OSError):
            self.pid = os.fork()
            if self.pid == 0:
                self._become()

    def _become(self) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                # For the supervisor: this process ends after the last of those that it writes for.
                signal.signal(number, signal.SIG_IGN)
            with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as file:
                file.write(NAME)
            _keep_only({channel.theirs.fileno() for channel in self._channels.values()})
            _Desk(self._channels, self._sinks).write_for_ever()
        finally:
            os._exit(0)

    def revive(self) -> bool:
        """Start another when it has ended, though not at once when it did not live; whether that was so."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self.pid = 0
        if self.pid or time.monotonic() - self._started < YOUNG_S:
            return False
        self.start()
        return self.pid != 0

    def inherited(self, name: str) -> Pen:
        """In another process that was forked: its own pen, and nothing else."""
        for other, channel in self._channels.items():
            channel.theirs.close()
            if other != name:
                channel.ours.close()
        return self.pen(name)

    def release(self) -> None:
        """Nothing comes from here any more; processes that still live are written for as before."""
        for channel in self._channels.values():
            channel.ours.close()
            channel.theirs.close()

    def close(self) -> None:
        """Let go of it, and wait until it has written what waits: for a second, and for no file system."""
        self.release()
        until = time.monotonic() + CLOSE_S
        while self.pid and time.monotonic() < until:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(_POLL_S)


class _Desk:
    """Where the scribe's lines come in: from each channel the next one lies here, and the oldest is written.

    This process is root, and those who send need not be.
    """

    def __init__(self, channels: Mapping[str, _Channel], sinks: list[Sink]) -> None:
        self._sinks = sinks
        self._channels = {channel.theirs.fileno(): (name, channel) for name, channel in channels.items()}
        everybody = frozenset[str]().union(*(channel.names for channel in channels.values()))
        self._foreign = {name: everybody - channel.names for name, channel in channels.items()}
        self._next: dict[int, Line] = {}
        self._decoder = msgspec.msgpack.Decoder(Line)

    def write_for_ever(self) -> None:
        """Write what comes, until nobody is left who could send."""
        while self._channels or self._next:
            self._take_in()
            if self._next:
                fd = min(self._next, key=lambda each: self._next[each].when)
                line = self._next.pop(fd)
                for sink in self._sinks:
                    with contextlib.suppress(ValueError, OverflowError):
                        sink.write(line)

    def _take_in(self) -> None:
        """One line of each channel that has none here; waits only when none is here at all."""
        poll = select.poll()
        for fd in self._channels:
            if fd not in self._next:
                poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(0 if self._next else None):
            name, channel = self._channels[fd]
            try:
                packet, ancillary, _, _ = channel.theirs.recvmsg(_PACKET, socket.CMSG_SPACE(_CREDENTIALS.size))
            except OSError:
                packet, ancillary = b"", []
            if not packet:
                del self._channels[fd]
                continue
            with contextlib.suppress(msgspec.MsgspecError):
                line = self._decoder.decode(packet)
                if math.isfinite(line.when):
                    self._next[fd] = self._judged(line, name, ancillary)

    def _judged(self, line: Line, name: str, ancillary: list[tuple[int, int, bytes]]) -> Line:
        for level, kind, data in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                line = replace(line, pid=_CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0])
        service, text = clean(line.service), clean(line.text)
        if service in self._foreign[name]:
            service, text = name, f"(under the name of {service}) {text}"
        return replace(line, service=service, text=text)


def _keep_only(kept: set[int]) -> None:
    """Hold nothing of what the supervisor has open: sockets and locks live as long as anybody has them."""
    limit = os.sysconf("SC_OPEN_MAX")
    first = 3
    for fd in [*sorted(kept), limit if limit < 1 << 20 else 1 << 20]:
        os.closerange(first, fd)
        first = fd + 1
