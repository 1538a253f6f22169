"""Frames of the local sockets: between the processes of a node, and between a node and its clients.

A frame is a length of four bytes (big endian, of what follows) and a MessagePack array
``[kind, id, to, by, last, type, body]``. ``type`` is the name of a registered dataclass and ``body`` its MessagePack
form; a name that is not registered, a body that does not fit its type, and a frame beyond ``MAX_FRAME`` are
:class:`WireError`, after which a connection cannot be used any more.

A :class:`HaMessage` inside a body travels in its netstring form: its strings may hold bytes that are no UTF-8, which
MessagePack strings cannot carry.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_FRAME
from hacluster.wire import netstring
from hacluster.wire.hamsg import HaMessage

PROTOCOL: Final = 1
"""Version of this protocol; processes and clients of different versions do not talk."""

_PREFIX: Final = 4


class Kind(StrEnum):
    """What a frame is. ``SEND`` is one machine's word to another; the rest is between a client and a process."""

    HELLO = "hello"
    WELCOME = "welcome"
    REQUEST = "request"
    REPLY = "reply"
    SUBSCRIBE = "subscribe"
    EVENT = "event"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Hello:
    """The first frame of who connects. ``process`` names a process of the node, and is empty for a client.

    ``incarnation`` tells one run of a process from the next.
    """

    name: str
    process: str = ""
    incarnation: int = 0
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to ``Hello``: who is here, in which version, and which machines can be asked."""

    process: str
    version: str
    machines: tuple[str, ...]
    incarnation: int = 0
    protocol: int = PROTOCOL


@dataclass(frozen=True, slots=True)
class Subscribe:
    """From now on, hand over what is published under ``topic``."""

    topic: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. ``id`` pairs replies with requests; ``to`` and ``by`` name machines, ``to`` of an event the topic."""

    kind: Kind
    body: object
    id: int = 0
    to: str = ""
    by: str = ""
    last: bool = True


class _Envelope(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    kind: Kind
    id: int
    to: str
    by: str
    last: bool
    type: str
    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class _Carrier:
    """A registered type: the decoder of its form on the wire, which of its fields are messages, and which hold a value
    of any registered type."""

    type: type[Any]
    decoder: msgspec.msgpack.Decoder[Any]
    messages: tuple[str, ...]
    bodies: tuple[str, ...] = ()


def _carrier(type_: type[Any]) -> _Carrier:
    hints = typing.get_type_hints(type_)
    fields = [field.name for field in dataclasses.fields(type_)]
    messages = tuple(name for name in fields if hints[name] is HaMessage)
    bodies = tuple(name for name in fields if hints[name] is object)
    if not messages and not bodies:
        return _Carrier(type_, msgspec.msgpack.Decoder(type_), ())
    forms = dict.fromkeys(messages, bytes) | dict.fromkeys(bodies, tuple[str, msgspec.Raw])
    shape = [(name, forms.get(name, hints[name])) for name in fields]
    shadow = msgspec.defstruct(type_.__name__, shape, forbid_unknown_fields=True)
    return _Carrier(type_, msgspec.msgpack.Decoder(shadow), messages, bodies)


class Codec:
    """Encodes and decodes frames whose bodies are of the given dataclasses; names must differ."""

    def __init__(self, types: Iterable[type[Any]]) -> None:
        self._types: dict[str, type[Any]] = {}
        self._carriers: dict[str, _Carrier] = {}
        for type_ in (*types, Hello, Welcome, Subscribe):
            name = type_.__name__
            assert dataclasses.is_dataclass(type_), type_
            assert self._types.get(name, type_) is type_, f"two types are called {name}"
            self._types[name] = type_
        self._encoder = msgspec.msgpack.Encoder()
        self._envelope = msgspec.msgpack.Decoder(_Envelope)

    def _carry(self, name: str) -> _Carrier:
        """Decoders are built when first needed: a one-shot command needs three of them, not sixty."""
        found = self._carriers.get(name)
        if found is None:
            found = self._carriers[name] = _carrier(self._types[name])
        return found

    def build(self) -> None:
        """Build all decoders now, for processes that will be forked."""
        for name in self._types:
            self._carry(name)

    def encode(self, frame: Frame, limit: int = MAX_FRAME) -> bytes:
        """The frame with its length before it; :class:`WireError` when it is too large to send."""
        name = type(frame.body).__name__
        assert self._types.get(name) is type(frame.body), f"{type(frame.body)} is not a registered type"
        try:
            packed = msgspec.Raw(self._encoder.encode(self._form(name, frame.body)))
        except UnicodeEncodeError as error:
            raise WireError(f"text that is no UTF-8: {error}", field=name) from error
        envelope = _Envelope(frame.kind, frame.id, frame.to, frame.by, frame.last, name, packed)
        data = self._encoder.encode(envelope)
        if len(data) > limit:
            raise WireError(f"frame of {len(data)} bytes is larger than {limit}", field=name)
        return len(data).to_bytes(_PREFIX, "big") + data

    def _form(self, name: str, body: object) -> object:
        """The body, with what MessagePack cannot carry as it is in another form."""
        carrier = self._carry(name)
        if not carrier.messages and not carrier.bodies:
            return body
        found: dict[str, object] = {}
        for field in dataclasses.fields(typing.cast(Any, body)):
            value = getattr(body, field.name)
            if field.name in carrier.messages:
                value = netstring.encode(value)
            elif field.name in carrier.bodies:
                kind = type(value).__name__
                assert self._types.get(kind) is type(value), f"{type(value)} is not a registered type"
                value = (kind, self._form(kind, value))
            found[field.name] = value
        return found

    def _value(self, name: str, data: bytes | msgspec.Raw) -> object:
        """The body of a registered type that ``data`` holds."""
        if name not in self._types:
            raise WireError(f"unknown type {name[:80]!r}")
        carrier = self._carry(name)
        found = carrier.decoder.decode(data)
        if not carrier.messages and not carrier.bodies:
            return found
        values = {}
        for field in dataclasses.fields(carrier.type):
            value = getattr(found, field.name)
            if field.name in carrier.messages:
                value = _message(value)
            elif field.name in carrier.bodies:
                value = self._value(*value)
            values[field.name] = value
        return carrier.type(**values)

    def decode(self, payload: bytes) -> Frame:
        """The frame in ``payload`` (without its length); :class:`WireError` if it is not one."""
        try:
            envelope = self._envelope.decode(payload)
            body = self._value(envelope.type, envelope.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WireError(f"not a frame: {error}") from error
        return Frame(envelope.kind, body, envelope.id, envelope.to, envelope.by, envelope.last)


def _message(data: bytes) -> HaMessage:
    return netstring.decode(data)


class Splitter:
    """Cuts a stream of bytes into payloads. After a :class:`WireError` the stream has lost its step: close it.

    ``limit`` may be changed at any time: what a stranger may send in one frame is less than what a friend may.
    """

    __slots__ = ("_buffer", "_start", "limit")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._start = 0
        self.limit = limit

    def push(self, data: bytes | memoryview) -> None:
        """More of the stream; no more than an unfinished frame waits if :meth:`next` is asked until it has none."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def _end(self) -> int | None:
        """Where the first frame ends, if all of it is here."""
        if self.pending < _PREFIX:
            return None
        size = int.from_bytes(self._buffer[self._start : self._start + _PREFIX], "big")
        if size > self.limit:
            raise WireError(f"frame of {size} bytes is larger than {self.limit}")
        end = self._start + _PREFIX + size
        return end if end <= len(self._buffer) else None

    @property
    def complete(self) -> bool:
        """Whether a whole frame waits; :class:`WireError` when it, or what is to come of it, is too large."""
        return self._end() is not None

    def next(self) -> bytes | None:
        """The first payload that is complete, if there is one."""
        end = self._end()
        if end is None:
            return None
        payload = bytes(self._buffer[self._start + _PREFIX : end])
        self._start = end
        if end == len(self._buffer):
            self._buffer.clear()
            self._start = 0
        return payload

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that ``data`` completes; what is left waits, and is never more than one frame."""
        self.push(data)
        payloads = []
        while (payload := self.next()) is not None:
            payloads.append(payload)
        return payloads

    @property
    def pending(self) -> int:
        """Bytes that wait: of an unfinished frame, or of frames that nobody took yet."""
        return len(self._buffer) - self._start
