"""Between the processes of a node: what one machine says to another that lives elsewhere.

Each process connects to those before it in the table of processes, and keeps trying. What one life of a process says
to one life of another is numbered; it is kept until the other has said that it has it, and a connection that breaks is
taken up again where it broke. So a break loses nothing, and is no event. Both ends open a connection with ``Resume``.

Something is lost in three cases, and then the machines of *both* ends are told (``MachineRestarted``) and say anew what
the other must know: one of the two began anew; more was said to it, while it was away, than is kept; or a message does
not fit into a frame.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.effects import MachineName, Say
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_FRAME, MAX_IPC_BACKLOG, MAX_LINK_FRAME
from hacluster.base.report import Severity
from hacluster.daemon.stream import SERVICE, Connection
from hacluster.wire.ipc import Codec, Frame, Hello, Kind, Welcome

MAX_KEPT: Final = 4_096
MAX_KEPT_BYTES: Final = MAX_IPC_BACKLOG // 2
"""Messages, and their bytes, that are kept for another process: it is not there yet, or has not said that it has them.
Half of what a connection takes at once, so that all of it can be said when there is one again."""

ACK_EVERY: Final = 64
"""Messages after which the other is told that they have arrived."""

RETRY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Resume:
    """The first word on a connection, of both ends: of the life ``knows`` (0: of none) the sender has ``received``."""

    knows: int
    received: int


@dataclass(frozen=True, slots=True)
class Ack:
    """Messages up to this number have arrived."""

    received: int


@dataclass(frozen=True, slots=True)
class Gap:
    """In place of a message that could not be sent."""


TYPES: Final = (Resume, Ack, Gap)
"""What the codec of these connections must know besides the messages of machines."""


@dataclass(slots=True)
class _Other:
    """Another process: its connection, its last life, and what was said either way in the present lives."""

    connection: Connection | None = None
    incarnation: int | None = None
    sent: int = 0
    received: int = 0
    kept: deque[tuple[int, bytes]] = field(default_factory=deque)
    kept_bytes: int = 0

    def keep(self, number: int, data: bytes) -> None:
        self.kept.append((number, data))
        self.kept_bytes += len(data)
        while len(self.kept) > MAX_KEPT or self.kept_bytes > MAX_KEPT_BYTES:
            self._drop()

    def arrived(self, number: int) -> None:
        while self.kept and self.kept[0][0] <= number:
            self._drop()

    def _drop(self) -> None:
        _, data = self.kept.popleft()
        self.kept_bytes -= len(data)

    def begin_anew(self) -> None:
        self.sent = self.received = self.kept_bytes = 0
        self.kept.clear()


class Links:
    """This process's connections to the others of the node. With those that are ``wide`` whole CIBs are exchanged."""

    def __init__(
        self,
        own: str,
        codec: Codec,
        log: Callable[[Say], None],
        *,
        incarnation: int,
        here: Collection[MachineName],
        others: Mapping[str, tuple[MachineName, ...]],
        on_message: Callable[[MachineName, object], None],
        on_restarted: Callable[[str], None],
        wide: Collection[str] = (),
    ) -> None:
        self._wide = wide
        self._own = own
        self._incarnation = incarnation
        self._here = here
        self._codec = codec
        self._log = log
        self._on_message = on_message
        self._on_restarted = on_restarted
        self._others = {name: _Other() for name in others}
        self._lives: dict[Connection, int] = {}
        self._homes = {machine: name for name, machines in others.items() for machine in machines}
        self._tasks: list[asyncio.Task[None]] = []

    def connect(self, process: str, path: str) -> None:
        """Connect to another process at its socket, now and whenever the connection breaks."""
        self._tasks.append(asyncio.get_running_loop().create_task(self._keep(process, path)))

    async def _keep(self, process: str, path: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            closed = asyncio.Event()
            new = Connection(self._codec, self._on_frame, functools.partial(self._on_closed, closed), self._log)
            try:
                _, connection = await loop.create_unix_connection(functools.partial(_itself, new), path)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            connection.name = connection.process = process
            connection.send(Frame(Kind.HELLO, Hello(self._own, self._own, self._incarnation)))
            await closed.wait()
            await asyncio.sleep(RETRY_S)

    def _on_closed(self, closed: asyncio.Event, connection: Connection) -> None:
        self.lost(connection)
        closed.set()

    def _on_frame(self, connection: Connection, frame: Frame) -> None:
        if not connection.greeted and isinstance(frame.body, Welcome):
            connection.greeted = True
            self._greeted(connection, frame.body.incarnation)
        else:
            self.spoke(connection, frame)

    def accepted(self, connection: Connection, hello: Hello) -> None:
        """Another process has connected to us."""
        if hello.process not in self._others:
            connection.drop("impostor", f"dropped {connection.name}: there is no process of that name")
            return
        self._greeted(connection, hello.incarnation)

    def _greeted(self, connection: Connection, incarnation: int) -> None:
        """Both know who the other is: say what of its present life we have."""
        other = self._others[connection.process]
        self._lives[connection] = incarnation
        if connection.process in self._wide:
            connection.widen()
        known = other.incarnation == incarnation
        resume = Resume(incarnation, other.received) if known else Resume(0, 0)
        connection.send(Frame(Kind.SEND, resume))

    def _established(self, connection: Connection, resume: Resume) -> None:
        other, incarnation = self._others[connection.process], self._lives[connection]
        if other.connection is not None and other.connection is not connection:
            other.connection.close()
        other.connection = connection
        anew = other.incarnation not in (None, incarnation)
        if anew:
            other.begin_anew()
        other.incarnation = incarnation
        has = resume.received if resume.knows == self._incarnation else 0
        other.arrived(has)
        first = other.kept[0][0] if other.kept else other.sent + 1
        for _, data in other.kept:
            connection.write(data)
        if anew:
            self._tell_lost(connection.process, f"connected to the {connection.process} process again")
        elif first > has + 1:
            self._tell_lost(connection.process, f"the {connection.process} process has missed what was said to it")

    def _tell_lost(self, process: str, text: str) -> None:
        self._log(Say(Severity.NOTICE, SERVICE, "link-again", text))
        self._on_restarted(process)

    def lost(self, connection: Connection) -> None:
        """A connection to another process is gone."""
        self._lives.pop(connection, None)
        other = self._others.get(connection.process)
        if other is not None and other.connection is connection:
            other.connection = None

    def spoke(self, connection: Connection, frame: Frame) -> None:
        """Another process says something: to a machine here, or about the connection."""
        if frame.kind is not Kind.SEND:
            connection.drop("bad-frame", f"dropped {connection.name}: a process does not send {frame.kind}")
            return
        other, body = self._others[connection.process], frame.body
        if isinstance(body, Resume):
            self._established(connection, body)
        elif isinstance(body, Ack):
            other.arrived(body.received)
        elif other.connection is not connection:
            connection.drop("bad-frame", f"dropped {connection.name}: it did not say where to go on")
        elif not isinstance(body, Gap) and frame.to not in self._here:
            connection.drop("bad-frame", f"dropped {connection.name}: machine {frame.to!r} does not live here")
        else:
            self._arrived(connection, other, frame)

    def _arrived(self, connection: Connection, other: _Other, frame: Frame) -> None:
        if frame.id <= other.received:
            return
        jumped = frame.id != other.received + 1
        other.received = frame.id
        if jumped or isinstance(frame.body, Gap):
            self._tell_lost(connection.process, f"something that the {connection.process} process said is lost")
        if not isinstance(frame.body, Gap):
            self._on_message(MachineName(frame.to), frame.body)
        if other.received % ACK_EVERY == 0:
            connection.send(Frame(Kind.SEND, Ack(other.received)))

    def send(self, by: MachineName, to: MachineName, body: object) -> None:
        """Perform a ``Send`` to a machine that lives elsewhere."""
        home = self._homes.get(to)
        if home is None:
            self._log(Say(Severity.ERROR, SERVICE, "no-such-machine", f"{by} speaks to {to}, which does not run here"))
            return
        other = self._others[home]
        number = other.sent = other.sent + 1
        try:
            limit = MAX_LINK_FRAME if home in self._wide else MAX_FRAME
            data = self._codec.encode(Frame(Kind.SEND, body, number, to=to, by=by), limit)
        except WireError as error:
            text = f"cannot send to the {home} process: {error}"
            self._log(Say(Severity.ERROR, SERVICE, "frame-refused", text))
            data = self._codec.encode(Frame(Kind.SEND, Gap(), number))
            asyncio.get_running_loop().call_soon(self._on_restarted, home)
        other.keep(number, data)
        if other.connection is not None:
            other.connection.write(data)

    def pass_by(self, process: str) -> None:
        """A process that is dead and cannot end still holds its ends: let go of ours, and look for the next life."""
        other = self._others.get(process)
        for connection in [c for c in self._lives if c.process == process]:
            connection.drop("passed-by", f"let go of the {process} process that cannot end")
        if other is not None:
            other.connection = None

    def connected(self) -> frozenset[str]:
        """The processes we are connected to."""
        return frozenset(name for name, other in self._others.items() if other.connection is not None)

    def close(self) -> None:
        """Let go of all."""
        for task in self._tasks:
            task.cancel()
        for other in self._others.values():
            if other.connection is not None:
                other.connection.close()


def _itself(connection: Connection) -> Connection:
    return connection
