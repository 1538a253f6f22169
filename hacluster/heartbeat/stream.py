"""Ordered streams between nodes: both ends, without clock, network or heartbeat.

Theory of operation
-------------------
From each life of a sender there is one stream to each receiver. A message is cut into *fragments* that fit a datagram;
fragments of a stream are numbered without gaps, and are handed over in order. A cast numbers its fragments for each
receiver and sends them once, so that on a broadcast medium one datagram serves all.

* *Window.* At most so many fragments and bytes of a stream are under way unacknowledged. What does not fit waits in the
  backlog of its receiver; a slow receiver holds up nobody else's stream.
* *Acknowledgement* is a vector ``{sender: (next, ranges)}``: the first number that is missing, and what came beyond
  it. It travels in each status for nothing; while fragments arrive one goes by itself after every few of them, or
  after a moment.
* *Repair.* What the ranges show to be missing is sent again, not sooner than a round trip after its last time; without
  any acknowledgement the first missing one is sent again after a time that doubles.
* *Loss.* A stream either delivers everything in order, or ``StreamBroken`` is said once at each end. The sender gives
  up when the receiver is gone while something is under way, or when its backlog is full; then the next fragment has a
  higher *run*, by which the receiver learns that something is missing between this and what it had.

Nothing here delays a status: :meth:`Streams.pump` hands out at most ``burst`` datagrams in ``pause_ms`` and says when
to ask again. Nothing is compressed here: who hands a message over knows whether that pays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from hacluster.base.errors import WireError
from hacluster.base.limits import (
    MAX_STREAM_BACKLOG,
    MAX_STREAM_FRAGMENTS,
    MAX_STREAM_MESSAGE,
    MAX_STREAM_WINDOW,
)
from hacluster.base.machine import Instant, after
from hacluster.base.members import Member
from hacluster.msg.stream import StreamBroken

FRAGMENT: Final = 1_200
"""Bytes of a message in one fragment: with headers and seal, to a few receivers, it fits an Ethernet frame."""

_RANGES: Final = 32
_ACK_EVERY: Final = 16
_ACK_AFTER_MS: Final = 10
_FIRST_RTT_MS: Final = 30
_LEAST_RTO_MS: Final = 20
_MOST_RTO_MS: Final = 1_000


class Place(NamedTuple):
    """Where a fragment stands in the stream to one life of a receiver."""

    to: Member
    run: int
    number: int


class Fragment(msgspec.Struct, frozen=True, array_like=True):
    """One datagram's worth; ``first`` and ``last`` bound the message."""

    sender: Member
    places: tuple[Place, ...]
    data: bytes
    first: bool
    last: bool


class Heard(NamedTuple):
    """What a receiver has of one stream: everything below ``next``, and the ranges beyond it (first, last)."""

    life: Member
    run: int
    next: int
    ranges: tuple[tuple[int, int], ...]


class Vector(msgspec.Struct, frozen=True, array_like=True):
    """What one node has of the streams to it."""

    receiver: Member
    heard: tuple[Heard, ...]


_FRAGMENTS: Final = msgspec.msgpack.Decoder(Fragment)
_VECTORS: Final = msgspec.msgpack.Decoder(Vector)


def encode(item: Fragment | Vector) -> bytes:
    """The bytes of a fragment or vector."""
    return msgspec.msgpack.encode(item)


def decode_fragment(data: bytes) -> Fragment:
    """The fragment that these bytes are. Raises :class:`WireError`."""
    try:
        return _FRAGMENTS.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WireError(f"not a fragment of a stream: {error}") from None


def decode_vector(data: bytes) -> Vector:
    """The vector that these bytes are. Raises :class:`WireError`."""
    try:
        return _VECTORS.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WireError(f"not an acknowledgement of streams: {error}") from None


@dataclass(slots=True)
class _Piece:
    data: bytes
    first: bool
    last: bool


@dataclass(slots=True)
class _Under:
    """A fragment under way. ``at``: when it was last handed out, and how often."""

    piece: _Piece
    at: Instant
    times: int = 1


@dataclass(slots=True)
class _Outgoing:
    """The stream to one receiver. ``base`` is the first number that is not acknowledged, ``next`` the next to give."""

    peer: Member
    run: int = 0
    base: int = 0
    next: int = 0
    window: dict[int, _Under] = field(default_factory=dict)
    window_bytes: int = 0
    backlog: deque[_Piece] = field(default_factory=deque)
    backlog_bytes: int = 0
    again: deque[int] = field(default_factory=deque)
    rtt_ms: float = _FIRST_RTT_MS
    rto_ms: int = 4 * _FIRST_RTT_MS
    repair_at: Instant | None = None
    freed: int = 0

    @property
    def is_idle(self) -> bool:
        return not self.window and not self.backlog


@dataclass(slots=True)
class _Incoming:
    """The stream from one life of a sender."""

    run: int
    next: int = 0
    early: dict[int, Fragment] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    size: int = 0
    since_ack: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """A whole message of ``sender``, in its turn."""

    sender: Member
    body: bytes


class Streams:
    """All streams of one node. ``burst``: most datagrams that one :meth:`pump` hands out."""

    def __init__(self, own: Member, *, burst: int = 32, pause_ms: int = 2) -> None:
        self.own = own
        self._burst, self._pause_ms = burst, pause_ms
        self._budget, self._budget_until = burst, Instant(0)
        self._out: dict[str, _Outgoing] = {}
        self._in: dict[Member, _Incoming] = {}
        self._ack_at: Instant | None = None
        self._ack_now = False
        self._pump_at: Instant | None = None
        self.events: list[StreamBroken] = []

    # ---- who is there

    def on_peer(self, member: Member) -> None:
        """This life of a node is heard: streams to its former life are over."""
        known = self._out.get(member.name)
        if known is None or known.peer != member:
            if known is not None and not known.is_idle:
                self._say_broken(known.peer)
            freed = 0 if known is None else known.freed + known.window_bytes + known.backlog_bytes
            self._out[member.name] = _Outgoing(member, freed=freed)
            for life in [life for life in self._in if life.name == member.name and life < member]:
                del self._in[life]

    def on_peer_gone(self, name: str) -> None:
        """A node is not heard any more: what is under way to it will not be sent again."""
        known = self._out.get(name)
        if known is not None and not known.is_idle:
            self._break(known)

    def break_stream(self, name: str) -> None:
        """What was to go to a node is given up: whoever hands it over has lost some of it."""
        known = self._out.get(name)
        if known is not None:
            self._break(known)

    def break_all(self) -> None:
        """What was said and heard between this node and the others has holes, which nobody else may know of."""
        for stream in list(self._out.values()):
            self._break(stream)

    def _break(self, stream: _Outgoing) -> None:
        self._say_broken(stream.peer)
        freed = stream.freed + stream.window_bytes + stream.backlog_bytes
        self._out[stream.peer.name] = _Outgoing(stream.peer, stream.run + 1, freed=freed)

    def _say_broken(self, peer: Member) -> None:
        self.events.append(StreamBroken(peer.name, peer.generation, peer.life))

    # ---- sending

    def knows(self, name: str) -> bool:
        """Whether there is a stream to a node."""
        return name in self._out

    def send(self, to: Iterable[str], body: bytes, now: Instant) -> None:
        """Put a message into the streams to these nodes; to a node that was never heard it is lost."""
        assert len(body) <= MAX_STREAM_MESSAGE, f"a message of {len(body)} bytes"
        if len(body) <= FRAGMENT:
            pieces = [_Piece(body, True, True)]
        else:
            cuts = [body[at : at + FRAGMENT] for at in range(0, len(body), FRAGMENT)]
            pieces = [_Piece(cut, place == 0, place == len(cuts) - 1) for place, cut in enumerate(cuts)]
        for name in to:
            stream = self._out.get(name)
            if stream is None:
                continue
            if stream.backlog_bytes + len(body) > MAX_STREAM_BACKLOG:
                stream.freed += len(body)
                self._break(stream)
                continue
            stream.backlog += pieces
            stream.backlog_bytes += len(body)
        self._pump_at = max(now, self._budget_until) if self._budget <= 0 else now

    def freed(self, least: int = 0) -> list[tuple[str, int]]:
        """By receiver, how many bytes of what was sent are under way or wait no more, if it is more than ``least``."""
        found = []
        for name, stream in self._out.items():
            if stream.freed > least:
                found.append((name, stream.freed))
                stream.freed = 0
        return found

    def pump(self, now: Instant) -> list[Fragment]:
        """Fragments to transmit now, each once on every way that leads to its receivers."""
        self._find_late(now)
        if self._budget_until <= now:
            self._budget, self._budget_until = self._burst, after(now, self._pause_ms)
        found: list[Fragment] = []
        while len(found) < self._budget:
            fragment = self._repair(now) or self._fresh(now)
            if fragment is None:
                break
            found.append(fragment)
        self._budget -= len(found)
        self._pump_at = None if self._budget else self._budget_until
        return found

    def _find_late(self, now: Instant) -> None:
        for stream in self._out.values():
            if stream.repair_at is not None and stream.repair_at <= now:
                stream.rto_ms = min(2 * stream.rto_ms, _MOST_RTO_MS)
                stream.repair_at = after(now, stream.rto_ms)
                if stream.base not in stream.again:
                    stream.again.appendleft(stream.base)

    def _repair(self, now: Instant) -> Fragment | None:
        for stream in self._out.values():
            while stream.again:
                number = stream.again.popleft()
                under = stream.window.get(number)
                if under is not None:
                    under.at, under.times = now, under.times + 1
                    return self._fragment(under.piece, (Place(stream.peer, stream.run, number),))
        return None

    def _fresh(self, now: Instant) -> Fragment | None:
        """The next piece that some stream may send, with the place in every other stream that sends the same next."""
        first = next((stream for stream in self._out.values() if self._may_send(stream)), None)
        if first is None:
            return None
        piece = first.backlog[0]
        places = []
        for stream in self._out.values():
            if stream is first or (self._may_send(stream) and stream.backlog[0] is piece):
                places.append(Place(stream.peer, stream.run, stream.next))
                self._begin(stream, now)
        return self._fragment(piece, tuple(places))

    def _may_send(self, stream: _Outgoing) -> bool:
        return (
            bool(stream.backlog)
            and len(stream.window) < MAX_STREAM_FRAGMENTS
            and stream.window_bytes + len(stream.backlog[0].data) <= MAX_STREAM_WINDOW
        )

    def _begin(self, stream: _Outgoing, now: Instant) -> None:
        piece = stream.backlog.popleft()
        stream.backlog_bytes -= len(piece.data)
        stream.window[stream.next] = _Under(piece, now)
        stream.window_bytes += len(piece.data)
        stream.next += 1
        if stream.repair_at is None:
            stream.repair_at = after(now, stream.rto_ms)

    def _fragment(self, piece: _Piece, places: tuple[Place, ...]) -> Fragment:
        return Fragment(self.own, places, piece.data, piece.first, piece.last)

    def on_vector(self, vector: Vector, now: Instant) -> None:
        """A receiver says what it has."""
        stream = self._out.get(vector.receiver.name)
        if stream is None or stream.peer != vector.receiver:
            return
        for heard in vector.heard:
            if heard.life == self.own and heard.run == stream.run and heard.next <= stream.next:
                self._acknowledged(stream, heard, now)

    def _acknowledged(self, stream: _Outgoing, heard: Heard, now: Instant) -> None:
        moved = heard.next > stream.base
        for number in range(stream.base, heard.next):
            self._done(stream, number, now)
        stream.base = max(stream.base, heard.next)
        highest = heard.next - 1
        for low, high in heard.ranges:
            highest = max(highest, high)
            for number in range(max(low, stream.base), min(high + 1, stream.next)):
                self._done(stream, number, now)
        waiting = set(stream.again)
        for number in range(stream.base, min(highest, stream.next)):
            under = stream.window.get(number)
            if under is not None and number not in waiting and now - under.at >= stream.rtt_ms:
                stream.again.append(number)
        if moved:
            stream.rto_ms = max(_LEAST_RTO_MS, int(3 * stream.rtt_ms))
        stream.repair_at = after(now, stream.rto_ms) if stream.window else None
        if stream.again or (stream.backlog and self._may_send(stream)):
            self._pump_at = now if self._budget else max(now, self._budget_until)

    def _done(self, stream: _Outgoing, number: int, now: Instant) -> None:
        under = stream.window.pop(number, None)
        if under is None:
            return
        stream.window_bytes -= len(under.piece.data)
        stream.freed += len(under.piece.data)
        if under.times == 1:
            stream.rtt_ms += (max(now - under.at, 1) - stream.rtt_ms) / 8

    # ---- receiving

    def on_fragment(self, fragment: Fragment, now: Instant) -> list[Delivered]:
        """A fragment has come; the messages that are whole now, in order."""
        place = next((place for place in fragment.places if place.to == self.own), None)
        if place is None:
            return []
        stream = self._in.get(fragment.sender)
        if stream is None:
            if any(life.name == fragment.sender.name and life > fragment.sender for life in self._in):
                return []
            stream = self._in[fragment.sender] = _Incoming(place.run)
            if place.run:
                self._say_broken(fragment.sender)
        elif place.run > stream.run:
            stream = self._in[fragment.sender] = _Incoming(place.run)
            self._say_broken(fragment.sender)
        elif place.run < stream.run:
            return []
        stream.since_ack += 1
        is_gap = place.number != stream.next
        if place.number < stream.next or place.number in stream.early:
            self._ack_soon(now, at_once=stream.since_ack >= _ACK_EVERY)
            return []
        if place.number - stream.next > MAX_STREAM_FRAGMENTS:
            return []
        stream.early[place.number] = fragment
        self._ack_soon(now, at_once=stream.since_ack >= _ACK_EVERY or (is_gap and len(stream.early) == 1))
        return self._take(fragment.sender, stream)

    def _take(self, sender: Member, stream: _Incoming) -> list[Delivered]:
        found = []
        while stream.next in stream.early:
            fragment = stream.early.pop(stream.next)
            stream.next += 1
            if fragment.first:
                stream.parts, stream.size = [], 0
            stream.parts.append(fragment.data)
            stream.size += len(fragment.data)
            if stream.size > MAX_STREAM_MESSAGE:
                raise WireError(f"a message of a stream is larger than {MAX_STREAM_MESSAGE} bytes")
            if fragment.last:
                found.append(Delivered(sender, b"".join(stream.parts)))
                stream.parts, stream.size = [], 0
        return found

    def _ack_soon(self, now: Instant, *, at_once: bool) -> None:
        if at_once:
            self._ack_now = True
        elif self._ack_at is None:
            self._ack_at = after(now, _ACK_AFTER_MS)

    def vector(self) -> Vector:
        """What this node has: for the status, and for a datagram of its own when :meth:`wants_to_acknowledge`."""
        heard = []
        for life, stream in self._in.items():
            stream.since_ack = 0
            heard.append(Heard(life, stream.run, stream.next, _ranges(stream.early)))
        self._ack_at, self._ack_now = None, False
        return Vector(self.own, tuple(heard))

    def wants_to_acknowledge(self, now: Instant) -> bool:
        """Whether the vector should not wait for the next status."""
        return self._ack_now or (self._ack_at is not None and self._ack_at <= now)

    @property
    def owes_acknowledgement(self) -> bool:
        """Whether something has come since the last vector."""
        return self._ack_now or self._ack_at is not None

    def deadline(self) -> Instant | None:
        """When to ask :meth:`pump` or :meth:`wants_to_acknowledge` again."""
        first = self._pump_at
        if self._ack_at is not None and (first is None or self._ack_at < first):
            first = self._ack_at
        for stream in self._out.values():
            if stream.repair_at is not None and (first is None or stream.repair_at < first):
                first = stream.repair_at
        return first

    @property
    def backlog(self) -> int:
        """Bytes that wait or are under way, of the fullest stream."""
        return max((stream.backlog_bytes + stream.window_bytes for stream in self._out.values()), default=0)


def _ranges(early: Iterable[int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for number in sorted(early):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        elif len(found) < _RANGES:
            found.append((number, number))
        else:
            break
    return tuple(found)
