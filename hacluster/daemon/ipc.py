"""The local sockets of a process: clients ask here, and the other processes of the node speak here.

Who may: connecting is what the socket's mode and group allow (``socket_mode``, ``socket_group`` of hacluster.cf; by
default root and haclient). A request that changes something is taken only from root, the daemon's own user, and
members of that group, by SO_PEERCRED and SO_PEERGROUPS, whatever the mode of the socket is; and nothing is answered
to who may not sign on under the name it gives (:mod:`hacluster.daemon.signon`). The other processes of the
node must be of the daemon's own user.

Nobody is waited for. What a reader does not take is kept up to ``MAX_IPC_BACKLOG`` bytes; then its connection is
dropped, with a line of log. A frame that is not one drops the connection too.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import os
import socket
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from hacluster import __version__
from hacluster.base.effects import Reply, Say
from hacluster.base.errors import HaError, WireError
from hacluster.base.limits import MAX_IPC_BACKLOG
from hacluster.base.report import Severity
from hacluster.client.language import REQUESTS
from hacluster.daemon.signon import SignOn
from hacluster.msg.driver import Peer, Refused, Request, RequesterGone
from hacluster.wire.ipc import PROTOCOL, Codec, Frame, Hello, Kind, Splitter, Subscribe, Welcome

SERVICE: Final = "ipc"
MAX_PENDING: Final = 64
"""Requests of one client that are not answered yet."""

MAX_TOPICS: Final = 16
_SO_PEERGROUPS: Final = 59


def peer_of(sock: socket.socket) -> Peer:
    """Who is at the other end, as the kernel says."""
    pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    groups: tuple[int, ...] = ()
    with contextlib.suppress(OSError):
        data = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * 1024)
        groups = struct.unpack(f"{len(data) // 4}I", data)
    return Peer("", uid, gid, pid, groups)


class Connection(asyncio.Protocol):
    """One end of a local socket: frames in, frames out."""

    def __init__(
        self,
        codec: Codec,
        on_frame: Callable[[Connection, Frame], None],
        on_closed: Callable[[Connection], None],
        log: Callable[[Say], None],
    ) -> None:
        self._codec = codec
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._log = log
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self.peer = Peer("", -1, -1, -1)
        self.name = "?"
        self.greeted = False
        self.process = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the socket is connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        with contextlib.suppress(OSError):
            self.peer = peer_of(sock)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes have come."""
        try:
            for payload in self._splitter.feed(data):
                if self._transport is None:
                    return
                self._on_frame(self, self._codec.decode(payload))
        except WireError as error:
            self.drop("bad-frame", f"dropped {self.name}: {error}")

    def connection_lost(self, _exc: Exception | None) -> None:
        """Asyncio: the other end is gone, or we closed."""
        self._transport = None
        self._on_closed(self)

    @property
    def open(self) -> bool:
        """Whether it can be written to."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, frame: Frame) -> None:
        """Write one frame, or drop the connection when its reader is too far behind."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            data = self._codec.encode(frame)
        except WireError as error:
            self._log(Say(Severity.ERROR, SERVICE, "frame-refused", f"cannot send to {self.name}: {error}"))
            return
        if self._transport.get_write_buffer_size() + len(data) > MAX_IPC_BACKLOG:
            self.drop("reader-too-slow", f"dropped {self.name}: it does not read what is sent to it")
            return
        self._transport.write(data)

    def drop(self, code: str, text: str) -> None:
        """Close at once, saying why."""
        if self._transport is not None and not self._transport.is_closing():
            fields = (("pid", str(self.peer.pid)), ("uid", str(self.peer.uid)))
            self._log(Say(Severity.WARNING, SERVICE, code, text, fields))
            self._transport.abort()

    def close(self) -> None:
        """Close when everything is written."""
        if self._transport is not None:
            self._transport.close()


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
    """What is known of one client: its pending requests (ours → its own number and machine) and its topics."""

    pending: dict[int, tuple[int, str]] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)


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
        self._group = _group_id(group)
        self._max_clients = max_clients
        self._sign_on = sign_on
        self._clients: dict[Connection, _Client] = {}
        self._requests: dict[int, Connection] = {}
        self._last_request = 0
        self._servers: list[tuple[asyncio.Server, str, tuple[int, int]]] = []

    async def listen(self, path: str) -> None:
        """Listen at ``path``, taking the place of a socket that nobody listens at any more. :class:`HaError`."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove_socket(path)
            # Nobody can connect before mode and group are as configured: that begins with listen(2).
            sock.bind(path)
            os.chmod(path, self._mode)
            self._give_to_group(path)
            info = os.lstat(path)
            server = await asyncio.get_running_loop().create_unix_server(self._accept, sock=sock)
        except OSError as error:
            sock.close()
            raise HaError(f"cannot listen at {path}: {error.strerror or error}") from error
        self._servers.append((server, path, (info.st_dev, info.st_ino)))

    def _give_to_group(self, path: str) -> None:
        """Open the socket to ``socket_group``; a user namespace may not know it: then it is for our own user alone."""
        if self._group is None or os.geteuid() != 0:
            return
        try:
            os.chown(path, -1, self._group)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EPERM}:
                raise
            text = f"group {self._group} cannot have {path}: only the daemon's own user may ask"
            self._log(Say(Severity.WARNING, SERVICE, "no-socket-group", text, (("error", str(error.strerror)),)))

    def _accept(self) -> Connection:
        return Connection(self._codec, self._on_frame, self._on_closed, self._log)

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
            if peer.uid != os.geteuid():
                connection.drop("impostor", f"dropped {connection.name}: it is no process of this node")
                return
            connection.greeted, connection.process = True, hello.process
            connection.send(Frame(Kind.WELCOME, welcome))
            host.process_connected(connection, hello)
        elif len(self._clients) >= self._max_clients:
            connection.drop("too-many-clients", f"dropped {connection.name}: {self._max_clients} clients are here")
        else:
            connection.greeted = True
            connection.peer = Peer(connection.name, peer.uid, peer.gid, peer.pid, peer.groups)
            self._clients[connection] = _Client()
            connection.send(Frame(Kind.WELCOME, welcome))

    def _on_request(self, connection: Connection, frame: Frame) -> None:
        client = self._clients[connection]
        right = REQUESTS.get(type(frame.body))
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
        elif len(client.pending) >= MAX_PENDING:
            self._refuse(connection, frame, Refused("too-many-requests", f"{MAX_PENDING} requests are pending"))
        else:
            self._last_request += 1
            client.pending[self._last_request] = (frame.id, right.machine)
            self._requests[self._last_request] = connection
            self._host.request(right.machine, Request(self._last_request, connection.peer, frame.body))

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

    def _forget(self, connection: Connection, request_id: int) -> None:
        del self._clients[connection].pending[request_id]
        del self._requests[request_id]

    def _on_closed(self, connection: Connection) -> None:
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
        for server, path, inode in self._servers:
            server.close()
            with contextlib.suppress(OSError):
                # A successor may listen there already; its socket is not ours to remove.
                info = os.lstat(path)
                if (info.st_dev, info.st_ino) == inode:
                    os.unlink(path)
        self._servers.clear()
        for connection in list(self._clients):
            connection.close()


def _remove_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(0, f"{path} is in the way and is not a socket")
        os.unlink(path)


def _group_id(name: str) -> int | None:
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
