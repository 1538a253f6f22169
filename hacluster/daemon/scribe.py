"""The process that writes the log of a node, so that nobody else ever waits for a file system, a terminal or syslogd.

All processes of the daemon share one socket to it, on which a line is one packet. Who finds it full drops the line and
counts it. The scribe ends when the last of them has ended: lines of orphans are written too. The supervisor keeps the
other end open, so that a scribe that dies has a successor, who goes on with what waits there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from dataclasses import replace
from typing import Final, NoReturn

import msgspec

from hacluster.daemon.log import CLOSE_S, Line, Sink, clean

NAME: Final = "ha-log"
BUFFER: Final = 1024 * 1024
"""Bytes of lines that wait; the kernel counts its own share, and gives less where it is told to (wmem_max)."""

YOUNG_S: Final = 1.0
_PACKET: Final = 64 * 1024
_POLL_S: Final = 0.01


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

    def close(self) -> None:
        """What was sent is with the scribe already."""


class Scribe:
    """The supervisor's view of one scribe: made before the others, which inherit :attr:`pen`."""

    def __init__(self, sinks: list[Sink]) -> None:
        self._sinks = sinks
        self._theirs, self._ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        self.pen = Pen(self._ours)
        self.pid = 0
        self._started = 0.0

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
            _keep_only(self._theirs.fileno())
            write_for_ever(self._theirs, self._sinks)
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

    def inherited(self) -> None:
        """In another process that was forked: its end of reading is the scribe's alone."""
        self._theirs.close()

    def release(self) -> None:
        """Nothing comes from here any more; processes that still live are written for as before."""
        self._ours.close()
        self._theirs.close()

    def close(self) -> None:
        """Let go of it, and wait until it has written what waits: for a second, and for no file system."""
        self.release()
        until = time.monotonic() + CLOSE_S
        while self.pid and time.monotonic() < until:
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(_POLL_S)


def write_for_ever(sock: socket.socket, sinks: list[Sink]) -> None:
    """Write what comes, until nobody is left who could send. This process is root, and those who send need not be."""
    decoder = msgspec.msgpack.Decoder(Line)
    while packet := sock.recv(_PACKET):
        with contextlib.suppress(msgspec.MsgspecError, ValueError, OverflowError):
            sent = decoder.decode(packet)
            line = replace(sent, service=clean(sent.service), text=clean(sent.text))
            for sink in sinks:
                sink.write(line)


def _keep_only(fd: int) -> None:
    """Hold nothing of what the supervisor has open: sockets and locks live as long as anybody has them."""
    os.closerange(3, fd)
    os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 20 else 1 << 20)
