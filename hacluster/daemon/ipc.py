"""The local sockets of a process: clients ask here, and the other processes of the node speak here.

Who may: connecting is what the socket's mode and group allow (``socket_mode``, ``socket_group`` of hacluster.cf; by
default root and haclient). A request that changes something is taken only from root, the daemon's own user, and
members of that group, by SO_PEERCRED and SO_PEERGROUPS, whatever the mode of the socket is; and nothing is answered
to who may not sign on under the name it gives (:mod:`hacluster.daemon.signon`). The other processes of the
node must be root's or of the daemon's own user.

Nobody is waited for. What readers do not take is kept up to ``MAX_IPC_BACKLOG`` bytes, of all clients together; then
the connection with most of it is dropped, with a line of log. A frame that is not one drops the connection too.

No client harms the process behind the socket, which may be the heartbeat: connections that have not said hello, what
they and clients may send in one frame, and the clients are bounded in number; of all frames that clients send, a few
are taken at a time (``MAX_FRAMES`` each ``TURN_S``: 1,600 a second), and none of a client that does not read.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hacluster import __version__
from hacluster.base.effects import MachineName, Reply, Say
from hacluster.base.limits import MAX_IPC_BACKLOG
from hacluster.base.report import Severity
from hacluster.client.language import right_of
from hacluster.daemon.listener import Listener, group_id
from hacluster.daemon.signon import SignOn
from hacluster.daemon.stream import SERVICE, Connection
from hacluster.daemon.users import find_names
from hacluster.msg.driver import Peer, Refused, Request, RequesterGone
from hacluster.wire.ipc import PROTOCOL, Codec, Frame, Hello, Kind, Subscribe, Welcome

MAX_PENDING: Final = 64
"""Requests of one client that are not answered yet."""

BY_NAME: Final = frozenset({MachineName.CIBD, MachineName.CRMD, MachineName.ATTRD})
"""Machines for which rights go by the name of the user."""

MAX_TOPICS: Final = 16
MAX_STRANGERS: Final = 32
"""Connections that have not said hello."""

RESERVED: Final = 8
"""Clients of root, or of the daemon's own user, beyond ``max_clients``."""

MAX_FRAMES: Final = 8
"""Frames of all clients together that are taken at a time; the next ones ``TURN_S`` later. More than are let in at a
time (``listener.MAX_ACCEPTS``): who says hello at once is heard before others can take its place.
"""

TURN_S: Final = 0.005


class Host(Protocol):
    """What the sockets need of the driver behind them."""

    process: str
    incarnation: int
    machines: tuple[str, ...]

    def request(self, machine: str, event: Request | RequesterGone) -> None:
        """A client asks."""
        ...

    def process_connected(self, connection: Connection, hello: Hello) -> None:
        """Another process of this node says who it is."""
        ...

    def process_spoke(self, connection: Connection, frame: Frame) -> None:
        """It says something."""
        ...

    def process_gone(self, connection: Connection) -> None:
        """It is gone."""
        ...


@dataclass(slots=True)
class _Client:
    """What is known of one client: its pending requests (ours → its own number and machine) and its topics.

    ``unnamed``: requests that wait until it is known what this host calls the user.
    """

    pending: dict[int, tuple[int, str]] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    unnamed: list[Frame] = field(default_factory=list)


class LocalServer:
    """The listening sockets of one process, and its clients."""

    def __init__(
        self,
        codec: Codec,
        host: Host,
        log: Callable[[Say], None],
        *,
        mode: int = 0o660,
        group: str = "",
        max_clients: int = 64,
        sign_on: SignOn | None = None,
    ) -> None:
        self._codec = codec
        self._host = host
        self._log = log
        self._mode = mode
        self._group_name = group
        self._group = group_id(group)
        self._max_clients = max_clients
        self._sign_on = sign_on
        self._clients: dict[Connection, _Client] = {}
        self._requests: dict[int, Connection] = {}
        self._last_request = 0
        self._listeners: list[Listener] = []
        self._strangers: dict[Connection, None] = {}
        self._ready: deque[Connection] = deque()
        self._turn: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[tuple[asyncio.Transport, Connection]]] = set()
        self._naming: set[asyncio.Task[None]] = set()

    def bind(self, path: str) -> None:
        """Make the socket ``path``; nobody is let in before :meth:`start`. :class:`HaError`."""
        self._listeners.append(Listener(path, mode=self._mode, group=self._group_name, log=self._log))

    async def listen(self, path: str) -> None:
        """Both at once. :class:`HaError`."""
        self.bind(path)
        self._listeners[-1].start(self._accept)

    def adopt(self, listener: Listener) -> None:
        """One that was bound before."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Let clients in."""
        for listener in self._listeners:
            listener.start(self._accept)

    # -- who comes -----------------------------------------------------------------------------------------------

    def _accept(self, sock: socket.socket) -> None:
        connection = Connection(self._codec, self._on_frame, self._on_closed, self._log, self._on_ready)
        if len(self._strangers) >= MAX_STRANGERS:
            # Who means to ask says hello at once: the one that has been silent longest makes room.
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.drop("too-many-strangers", f"dropped a client that did not say hello: {MAX_STRANGERS} others wait")
        self._strangers[connection] = None
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(lambda: connection, sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_ready(self, connection: Connection) -> None:
        """A frame of a client waits. Few are taken at a time, whoever sent them: others have their turn between."""
        if connection.greeted:
            self._ready.append(connection)
        else:
            self._ready.appendleft(connection)  # a hello goes before all requests
        if self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        for _ in range(min(MAX_FRAMES, len(self._ready))):
            connection = self._ready.popleft()
            if connection.open and not connection.clogged and connection.serve():
                self._ready.append(connection)
        self._turn = asyncio.get_running_loop().call_later(TURN_S, self._rested)

    def _rested(self) -> None:
        self._turn = None
        if self._ready:
            self._work()

    def _on_frame(self, connection: Connection, frame: Frame) -> None:
        if not connection.greeted:
            self._greet(connection, frame)
        elif connection.process:
            self._host.process_spoke(connection, frame)
        elif frame.kind is Kind.REQUEST:
            self._on_request(connection, frame)
        elif frame.kind is Kind.SUBSCRIBE and isinstance(frame.body, Subscribe) and self._may_ask(connection.peer):
            topics = self._clients[connection].topics
            topics.add(frame.body.topic)
            if len(topics) > MAX_TOPICS:
                connection.drop("too-many-topics", f"dropped {connection.name}: it subscribed to too much")
        else:
            connection.drop("bad-frame", f"dropped {connection.name}: a client does not send {frame.kind}")

    def _greet(self, connection: Connection, frame: Frame) -> None:
        hello = frame.body
        if frame.kind is not Kind.HELLO or not isinstance(hello, Hello):
            connection.drop("bad-frame", "dropped a client that did not say hello")
            return
        peer, host = connection.peer, self._host
        connection.name = hello.name[:80] or "a client"
        welcome = Welcome(host.process, __version__, host.machines, host.incarnation)
        if hello.protocol != PROTOCOL:
            connection.send(Frame(Kind.WELCOME, welcome))
            connection.drop("other-protocol", f"dropped {connection.name}: it speaks protocol {hello.protocol}")
        elif hello.process:
            if peer.uid not in (0, os.geteuid()):
                connection.drop("impostor", f"dropped {connection.name}: it is no process of this node")
                return
            connection.process = hello.process
            self._strangers.pop(connection, None)
            connection.grant(trusted=True)
            connection.send(Frame(Kind.WELCOME, welcome))
            host.process_connected(connection, hello)
        elif len(self._clients) >= self._places(peer):
            connection.drop("too-many-clients", f"dropped {connection.name}: {len(self._clients)} clients are here")
        else:
            self._strangers.pop(connection, None)
            connection.grant(trusted=False)
            connection.peer = Peer(connection.name, peer.uid, peer.gid, peer.pid, peer.groups)
            self._clients[connection] = _Client()
            connection.send(Frame(Kind.WELCOME, welcome))

    def _on_request(self, connection: Connection, frame: Frame) -> None:
        client = self._clients[connection]
        right = right_of(type(frame.body))
        name = type(frame.body).__name__
        if right is None or right.machine not in self._host.machines:
            self._refuse(connection, frame, Refused("unknown-request", f"{name} cannot be asked here"))
        elif not self._may_ask(connection.peer):
            hint = f"apiauth {self._entry(connection.peer)} in ha.cf says who may"
            text = f"this user may not sign on as {connection.name}"
            self._refuse(connection, frame, Refused("not-permitted", text, hint))
            fields = (("uid", str(connection.peer.uid)), ("pid", str(connection.peer.pid)))
            self._log(Say(Severity.WARNING, SERVICE, "not-permitted", f"refused {name} of {connection.name}", fields))
        elif right.changes and not self._may_change(connection.peer):
            hint = "ask root to run this, or to add you to the group named by socket_group in hacluster.cf"
            self._refuse(connection, frame, Refused("not-permitted", "only root and the group may do this", hint))
            fields = (("uid", str(connection.peer.uid)), ("pid", str(connection.peer.pid)))
            self._log(Say(Severity.WARNING, SERVICE, "not-permitted", f"refused {name} of {connection.name}", fields))
        elif len(client.pending) + len(client.unnamed) >= MAX_PENDING:
            self._refuse(connection, frame, Refused("too-many-requests", f"{MAX_PENDING} requests are pending"))
        elif right.machine in BY_NAME and not connection.peer.user:
            self._name_first(connection, client, frame)
        else:
            self._last_request += 1
            client.pending[self._last_request] = (frame.id, right.machine)
            self._requests[self._last_request] = connection
            self._host.request(right.machine, Request(self._last_request, connection.peer, frame.body))

    def _name_first(self, connection: Connection, client: _Client, frame: Frame) -> None:
        """Take the request when it is known what this host calls the user; those after it wait with it."""
        client.unnamed.append(frame)
        if len(client.unnamed) > 1:
            return

        async def ask() -> None:
            connection.peer = await find_names(connection.peer)
            waiting, client.unnamed = client.unnamed, []
            for entry in waiting:
                if connection in self._clients:
                    self._on_request(connection, entry)

        task = asyncio.get_running_loop().create_task(ask())
        self._naming.add(task)
        task.add_done_callback(self._naming.discard)

    def _places(self, peer: Peer) -> int:
        return self._max_clients + (RESERVED if peer.uid in (0, os.geteuid()) else 0)

    def _may_ask(self, peer: Peer) -> bool:
        return self._sign_on is None or self._sign_on.permits(peer)

    def _entry(self, peer: Peer) -> str:
        return "" if self._sign_on is None else self._sign_on.entry_for(peer.name)

    def _may_change(self, peer: Peer) -> bool:
        if peer.uid in (0, os.geteuid()):
            return True
        return self._group is not None and self._group in (peer.gid, *peer.groups)

    @staticmethod
    def _refuse(connection: Connection, frame: Frame, refused: Refused) -> None:
        connection.send(Frame(Kind.REPLY, refused, frame.id))

    def reply(self, reply: Reply) -> None:
        """Perform ``Reply``; the answer to a client that is gone is dropped."""
        connection = self._requests.get(reply.request_id)
        if connection is None:
            return
        number, _ = self._clients[connection].pending[reply.request_id]
        if reply.last:
            self._forget(connection, reply.request_id)
        connection.send(Frame(Kind.REPLY, reply.body, number, last=reply.last))

    def publish(self, topic: str, body: object) -> None:
        """Perform ``Publish``."""
        for connection, client in list(self._clients.items()):
            if topic in client.topics:
                connection.send(Frame(Kind.EVENT, body, to=topic))
        unread = {connection: connection.unread for connection in self._clients if connection.clogged}
        while sum(unread.values()) > MAX_IPC_BACKLOG:
            worst = max(unread, key=unread.__getitem__)
            del unread[worst]
            worst.drop_deaf()

    def _forget(self, connection: Connection, request_id: int) -> None:
        del self._clients[connection].pending[request_id]
        del self._requests[request_id]

    def _on_closed(self, connection: Connection) -> None:
        self._strangers.pop(connection, None)
        if connection.process:
            self._host.process_gone(connection)
            return
        client = self._clients.get(connection)
        if client is None:
            return
        for request_id, (_, machine) in list(client.pending.items()):
            self._forget(connection, request_id)
            self._host.request(machine, RequesterGone(request_id))
        del self._clients[connection]

    async def close(self) -> None:
        """Stop listening and let every client go."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        if self._turn is not None:
            self._turn.cancel()
        for connection in list(self._strangers):
            connection.close()
        for connection in list(self._clients):
            connection.close()
