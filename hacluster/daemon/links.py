"""Between the processes of a node: what one machine says to another that lives elsewhere.

Each process connects to those before it in the table of processes, and keeps trying. What is said before the first
connection waits, within bounds. When a process comes again, or was dropped because it did not read, something was
lost: the machines here are told (``MachineRestarted``) and say anew what the other side must know.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.effects import MachineName, Say
from hacluster.base.report import Severity
from hacluster.daemon.stream import SERVICE, Connection
from hacluster.wire.ipc import Codec, Frame, Hello, Kind, Welcome

MAX_EARLY: Final = 4_096
"""Messages that wait for a process that was never there yet."""

RETRY_S: Final = 0.1


@dataclass(slots=True)
class _Other:
    """Another process: its connection, its last incarnation, and what waits for the first connection."""

    connection: Connection | None = None
    incarnation: int | None = None
    early: deque[Frame] = field(default_factory=lambda: deque(maxlen=MAX_EARLY))


class Links:
    """This process's connections to the others of the node."""

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
    ) -> None:
        self._own = own
        self._incarnation = incarnation
        self._here = here
        self._codec = codec
        self._log = log
        self._on_message = on_message
        self._on_restarted = on_restarted
        self._others = {name: _Other() for name in others}
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
            known = self._others[connection.process].incarnation
            # We are new to it: it says anew what we must know. Only if it is new to us has it lost what we said.
            self._established(connection, frame.body.incarnation, restarted=known not in (None, frame.body.incarnation))
        else:
            self.spoke(connection, frame)

    def accepted(self, connection: Connection, hello: Hello) -> None:
        """Another process has connected to us."""
        other = self._others.get(hello.process)
        if other is None:
            connection.drop("impostor", f"dropped {connection.name}: there is no process of that name")
            return
        self._established(connection, hello.incarnation, restarted=other.incarnation is not None)

    def _established(self, connection: Connection, incarnation: int, *, restarted: bool) -> None:
        other = self._others[connection.process]
        if other.connection is not None and other.connection is not connection:
            other.connection.close()
        other.connection, other.incarnation = connection, incarnation
        if restarted:
            text = f"connected to the {connection.process} process again"
            self._log(Say(Severity.NOTICE, SERVICE, "link-again", text))
            self._on_restarted(connection.process)
        while other.early:
            connection.send(other.early.popleft())

    def lost(self, connection: Connection) -> None:
        """A connection to another process is gone."""
        other = self._others.get(connection.process)
        if other is not None and other.connection is connection:
            other.connection = None

    def spoke(self, connection: Connection, frame: Frame) -> None:
        """Another process says something to a machine here."""
        if frame.kind is not Kind.SEND:
            connection.drop("bad-frame", f"dropped {connection.name}: a process does not send {frame.kind}")
            return
        if frame.to not in self._here:
            connection.drop("bad-frame", f"dropped {connection.name}: machine {frame.to!r} does not live here")
            return
        self._on_message(MachineName(frame.to), frame.body)

    def send(self, by: MachineName, to: MachineName, body: object) -> None:
        """Perform a ``Send`` to a machine that lives elsewhere."""
        home = self._homes.get(to)
        if home is None:
            self._log(Say(Severity.ERROR, SERVICE, "no-such-machine", f"{by} speaks to {to}, which does not run here"))
            return
        other = self._others[home]
        frame = Frame(Kind.SEND, body, to=to, by=by)
        if other.connection is not None:
            other.connection.send(frame)
        elif other.incarnation is None:
            other.early.append(frame)

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
