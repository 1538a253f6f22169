"""One process of the node, as the supervisor sees it, until it is reaped, or given up because nothing ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.machine import Instant, after, earliest
from hacluster.config.media import Medium
from hacluster.daemon import clock
from hacluster.daemon.control import Channel
from hacluster.daemon.media.broker import Broker, pair
from hacluster.node.layout import ProcessName
from hacluster.node.vigil import Vigil
from hacluster.wire.ipc import Codec

GRACE_MS: Final = 5_000
"""How long a process has to end when it is told to; then it is killed, and when it has not ended then, passed by."""

EXIT_KEPT: Final = 7
"""Exit status: stopped, but not everything could be. Nobody should begin anew by himself then
(``RestartPreventExitStatus``)."""

MAX_CRASHES: Final = 5
"""More ends of one process in a window than this are too many."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What a new process has of the supervisor: its channel, and for the pulse where it asks for sockets."""

    channel: socket.socket
    asking: socket.socket | None


@dataclass(slots=True)
class Process:
    """Its number while it runs (0: it does not), its channel, and what is to become of it."""

    name: ProcessName
    pid: int = 0
    channel: Channel | None = None
    broker: Broker | None = None
    ready: bool = False
    due: Instant | None = None
    vigil: Vigil | None = None
    kill_at: Instant | None = None
    pass_by_at: Instant | None = None
    crashes: deque[Instant] = field(default_factory=lambda: deque(maxlen=MAX_CRASHES + 1))
    expected: bool = False

    def deadline(self) -> Instant | None:
        """When somebody must look at it."""
        look = None if self.vigil is None or self.expected else self.vigil.deadline()
        return earliest(self.due, self.kill_at, self.pass_by_at, look)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; its number is its own as long as it is not reaped."""
        if self.pid:
            os.kill(self.pid, number)

    def kill(self, now: Instant) -> None:
        """End it at once; it may take its time all the same."""
        self.kill_at, self.pass_by_at = None, after(now, GRACE_MS)
        self.signal(signal.SIGKILL)

    def fork(self, codec: Codec, media: Sequence[Medium], hang_timeout_ms: int) -> Ends | None:
        """Begin a life of it: ``Ends`` in the new process, ``None`` in the supervisor.

        OSError when the system has no room for it (fork(2), socketpair(2)); then nothing has begun.
        """
        self.due, self.ready, self.expected = None, False, False
        with contextlib.ExitStack() as on_failure, contextlib.ExitStack() as theirs:
            mine, its = socket.socketpair()
            on_failure.callback(mine.close)
            theirs.callback(its.close)
            asked, asking = pair() if self.name is ProcessName.PULSE else (None, None)
            if asked is not None and asking is not None:
                on_failure.callback(asked.close)
                theirs.callback(asking.close)
            pid = os.fork()
            on_failure.pop_all()
            if pid == 0:
                theirs.pop_all()
                mine.close()
                if asked is not None:
                    asked.close()
                return Ends(its, asking)
        self.pid, self.channel = pid, Channel(mine, codec)
        self.broker = None if asked is None else Broker(asked, media)
        self.vigil = Vigil(hang_timeout_ms, clock.now()) if hang_timeout_ms else None
        self.kill_at = self.pass_by_at = None
        return None

    def open_socket(self) -> None:
        """It asks for one."""
        if self.broker is not None and not self.broker.serve():
            self._let_go()

    def _let_go(self) -> None:
        if self.broker is not None:
            self.broker.close()
            self.broker = None

    def close_channel(self) -> None:
        """No more words, and no more sockets."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        self._let_go()

    def forget(self) -> int:
        """It has ended, or does not count any more; its number."""
        pid, self.pid = self.pid, 0
        self.vigil = self.kill_at = self.pass_by_at = None
        self.close_channel()
        return pid

    @property
    def half_dead(self) -> bool:
        """Its first thread is gone, and another one cannot go: it waits for a disk (state D in proc(5))."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                return file.read().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return False
