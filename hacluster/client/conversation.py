"""What a client says on a local socket and what it hears, without the socket: bytes in, frames out.

A client says hello, is welcomed, and asks; each request has a number, and its answers carry it. Between answers may
come events of topics it subscribed to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hacluster.base.effects import MachineName
from hacluster.base.errors import WireError
from hacluster.client.errors import ConnectionLostError
from hacluster.client.language import REQUESTS, Circle, codec, right_of
from hacluster.wire.ipc import PROTOCOL, Frame, Hello, Kind, Splitter, Subscribe, Welcome


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the request of that number; ``last`` is false when more will come."""

    number: int
    body: object
    last: bool


@dataclass(frozen=True, slots=True)
class Event:
    """Something published under a topic."""

    topic: str
    body: object


class Conversation:
    """One connection's state."""

    def __init__(self, name: str, circle: Circle | None = None) -> None:
        self._codec = codec(circle=circle)
        self._splitter = Splitter()
        self._name = name
        self._number = 0
        self.welcome: Welcome | None = None

    def hello(self) -> bytes:
        """The first bytes to send."""
        return self._codec.encode(Frame(Kind.HELLO, Hello(self._name)))

    def request(self, body: object) -> tuple[int, bytes]:
        """A request's number and its bytes."""
        self._number += 1
        return self._number, self._codec.encode(Frame(Kind.REQUEST, body, self._number))

    def subscribe(self, topic: str) -> bytes:
        """The bytes that subscribe to a topic."""
        return self._codec.encode(Frame(Kind.SUBSCRIBE, Subscribe(topic)))

    def heard(self, data: bytes) -> Iterable[Answer | Event]:
        """What the bytes say. :class:`ConnectionLostError` when they make no sense, or are of another protocol."""
        if not data:
            raise ConnectionLostError("the cluster software hung up")
        try:
            frames = [self._codec.decode(payload) for payload in self._splitter.feed(data)]
        except WireError as error:
            raise ConnectionLostError(f"cannot understand the cluster software: {error}") from error
        found: list[Answer | Event] = []
        for frame in frames:
            if isinstance(frame.body, Welcome):
                self._on_welcome(frame.body)
            elif frame.kind is Kind.REPLY:
                found.append(Answer(frame.id, frame.body, frame.last))
            elif frame.kind is Kind.EVENT:
                found.append(Event(frame.to, frame.body))
        return found

    def _on_welcome(self, welcome: Welcome) -> None:
        if welcome.protocol != PROTOCOL:
            text = f"the running cluster software is version {welcome.version} and speaks protocol {welcome.protocol}"
            raise ConnectionLostError(f"{text}, this command speaks {PROTOCOL}")
        self.welcome = welcome


def home_of(body: object) -> MachineName:
    """The machine that answers a request."""
    right = right_of(type(body))
    assert right is not None, f"nobody can be asked a {type(body).__name__}"
    return right.machine


def circle_of(machine: MachineName) -> Circle | None:
    """What is spoken with a machine beyond v1's messages."""
    return None if machine in {right.machine for right in REQUESTS.values()} else Circle.CLIENT
