"""One process of the node, as the supervisor sees it, until it is reaped, or given up because nothing ends it."""

from __future__ import annotations

import os
import signal
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.machine import Instant, after, earliest
from hacluster.config.media import Medium
from hacluster.daemon.control import Channel
from hacluster.daemon.media.broker import Broker, pair
from hacluster.node.layout import ProcessName
from hacluster.node.vigil import Vigil

GRACE_MS: Final = 5_000
"""How long a process has to end when it is told to; then it is killed, and when it has not ended then, passed by."""

EXIT_KEPT: Final = 7
"""Exit status: stopped, but not everything could be. Nobody should begin anew by himself then
(``RestartPreventExitStatus``)."""

MAX_CRASHES: Final = 5
"""More ends of one process in a window than this are too many."""


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

    def offer_sockets(self, media: Sequence[Medium]) -> socket.socket | None:
        """Begin to open the sockets of media for the pulse; its end, for the life that is about to be forked."""
        if self.name is not ProcessName.PULSE:
            return None
        ours, theirs = pair()
        self.broker = Broker(ours, media)
        return theirs

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
