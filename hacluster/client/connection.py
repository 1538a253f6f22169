"""A connection to a running node for programs that wait; :mod:`hacluster.client.asynchronous` is for the others.

It keeps one socket for each process that was asked. All calls have a time limit; :class:`TimedOutError` when it passes.
This module and what it imports are what a one-shot command pays for at its start: keep asyncio out of it.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import Final, Self

from hacluster.base.effects import MachineName
from hacluster.client.conversation import Answer, Conversation, Event, circle_of, home_of
from hacluster.client.errors import ConnectionLostError, TimedOutError
from hacluster.client.greeting import DEFAULT_RUN_DIR, connect, failure
from hacluster.client.language import SOCKETS
from hacluster.wire.ipc import Welcome

DEFAULT_TIMEOUT_S: Final = 5.0
CHUNK: Final = 65_536
"""Bytes read at once."""


def socket_path(run_dir: str, machine: MachineName) -> str:
    """Where a machine's process listens."""
    return os.path.join(run_dir, SOCKETS[machine])


class _Line:
    """One socket and what was heard on it but not yet taken."""

    def __init__(self, sock: socket.socket, conversation: Conversation) -> None:
        self.sock = sock
        self.conversation = conversation
        self.heard: deque[Answer | Event] = deque()

    def next(self, deadline: float) -> Answer | Event:
        """The next answer or event."""
        while not self.heard:
            self._receive(deadline)
        return self.heard.popleft()

    def welcome(self, deadline: float) -> Welcome:
        """The other end's first word."""
        while self.conversation.welcome is None:
            self._receive(deadline)
        return self.conversation.welcome

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOutError("no answer from the cluster software")
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(CHUNK)
        except TimeoutError as error:
            raise TimedOutError("no answer from the cluster software") from error
        except OSError as error:
            raise ConnectionLostError(f"the cluster software hung up: {error.strerror}") from error
        self.heard.extend(self.conversation.heard(data))


class Connection:
    """A node as a program that waits sees it."""

    def __init__(self, run_dir: str = DEFAULT_RUN_DIR, *, name: str, timeout_s: float | None = None) -> None:
        self._run_dir = run_dir
        self._name = name
        self._timeout_s = DEFAULT_TIMEOUT_S if timeout_s is None else timeout_s
        self._lines: dict[MachineName, _Line] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self, machine: MachineName) -> _Line:
        line = self._lines.get(machine)
        if line is None:
            path = socket_path(self._run_dir, machine)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            conversation = Conversation(self._name, circle_of(machine))
            try:
                connect(sock, path, self._timeout_s)
                sock.sendall(conversation.hello())
            except OSError as error:
                sock.close()
                raise failure(error, path) from error
            line = self._lines[machine] = _Line(sock, conversation)
        return line

    def version(self, machine: MachineName) -> str:
        """The version of the process that hosts ``machine``."""
        return self._line(machine).welcome(time.monotonic() + self._timeout_s).version

    def follow(self, body: object, *, timeout_s: float | None = None) -> Iterator[object]:
        """Every answer to a request, the last one included. ``timeout_s``: for each answer."""
        line = self._line(home_of(body))
        number, data = line.conversation.request(body)
        limit = self._timeout_s if timeout_s is None else timeout_s
        try:
            line.sock.settimeout(limit)
            line.sock.sendall(data)
        except OSError as error:
            raise ConnectionLostError(f"the cluster software hung up: {error.strerror}") from error
        while True:
            heard = line.next(time.monotonic() + limit)
            if isinstance(heard, Answer) and heard.number == number:
                yield heard.body
                if heard.last:
                    return

    def ask(self, body: object, *, timeout_s: float | None = None) -> object:
        """The last answer to a request."""
        answer: object = None
        for answer in self.follow(body, timeout_s=timeout_s):  # noqa: B007 - the last one counts
            pass
        return answer

    def subscribe(self, machine: MachineName, topic: str) -> None:
        """Have what ``machine`` publishes under ``topic`` sent here from now on."""
        line = self._line(machine)
        try:
            line.sock.sendall(line.conversation.subscribe(topic))
        except OSError as error:
            raise ConnectionLostError(f"the cluster software hung up: {error.strerror}") from error

    def event(self, machine: MachineName, timeout_s: float) -> object:
        """The next thing that was published; :class:`TimedOutError` when nothing comes."""
        deadline = time.monotonic() + timeout_s
        while True:
            heard = self._line(machine).next(deadline)
            if isinstance(heard, Event):
                return heard.body

    def close(self) -> None:
        """Hang up."""
        for line in self._lines.values():
            line.sock.close()
        self._lines.clear()
