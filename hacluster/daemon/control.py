"""Between the supervisor and the processes it started: a socket pair for each.

Downwards come messages for machines (``StopRequested``, ``ReloadKeys``, ``AnnounceRestart``), the question whether the
process lives, and the order to end; upwards how far a process has come. A channel that ends without that order means
that the supervisor is gone: see :mod:`orphan`.
"""

from __future__ import annotations

import contextlib
import functools
import socket
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.base.errors import WireError
from hacluster.msg.driver import StopRequested
from hacluster.msg.membership import AnnounceRestart, ReloadKeys
from hacluster.wire.ipc import Codec, Frame, Kind, Splitter

SUPERVISOR: Final = "supervisor"


class Stage(StrEnum):
    """How far a process has come."""

    READY = "ready"
    """Its sockets are open and its machines run."""

    COMM_UP = "comm-up"
    """This node is a full member: clients of ``respawn`` may start."""

    RELEASED = "released"
    """All resources are released, except those named; what is left is to fall silent."""

    BEGINS_ANEW = "begins-anew"
    """The same, and all of the node begins anew."""

    GIVEN_UP = "given-up"
    """What this node could not hold without a heartbeat is released."""

    ALIVE = "alive"
    """The answer to ``Ping``: its loop runs."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A process has come to a stage."""

    process: str
    stage: Stage
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ping:
    """Say that you live."""


@dataclass(frozen=True, slots=True)
class PassedBy:
    """A process was killed and cannot end: connections to it lead nowhere."""

    process: str


@dataclass(frozen=True, slots=True)
class End:
    """Let go of everything and end."""


@functools.cache
def control_codec() -> Codec:
    """The codec of these channels; always the same one."""
    return Codec([End, PassedBy, Ping, Progress, StopRequested, ReloadKeys, AnnounceRestart])


class Channel:
    """The supervisor's end: never waits."""

    def __init__(self, sock: socket.socket, codec: Codec) -> None:
        self.sock = sock
        self._codec = codec
        self._splitter = Splitter()
        sock.setblocking(False)

    def send(self, to: MachineName | None, body: object) -> None:
        """A message for a machine of that process, or for the process; lost if it is gone or does not read."""
        with contextlib.suppress(OSError):
            self.sock.send(self._codec.encode(Frame(Kind.SEND, body, to=to or "", by=SUPERVISOR)))

    def receive(self) -> list[Progress] | None:
        """What the process said; ``None`` when it is gone."""
        try:
            data = self.sock.recv(65_536)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        try:
            bodies = [self._codec.decode(payload).body for payload in self._splitter.feed(data)]
        except WireError:
            return None
        return [body for body in bodies if isinstance(body, Progress)]

    def close(self) -> None:
        """Close it. Without ``End`` before, the process takes that for the supervisor's death."""
        self.sock.close()
