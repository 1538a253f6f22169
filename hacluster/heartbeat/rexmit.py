"""Reliable delivery: what was sent and may be asked for again, what was received and what is missing.

Delivery is exactly-once and unordered (WIRE.md 6.1 to 6.3). A sender keeps its last 500 sequenced messages and resends
what a peer names. A receiver delivers what arrives at once, asks for each gap after a short random wait (senders put
messages on the wire out of order), and acknowledges cumulatively at the numbers whose last digit is its residue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Generic, TypeVar

from hacluster.base.dice import Dice
from hacluster.base.limits import MAX_HISTORY, MAX_MISSING
from hacluster.base.machine import Instant, after, earliest

EntryT = TypeVar("EntryT")

MAX_RESEND: Final = 50
"""Most messages that are resent for one request."""

RESEND_HOLD_MS: Final = 240
"""A message that was resent less than this ago is not resent again."""

ACK_MODULUS: Final = 10
"""A receiver acknowledges at every tenth number."""

LAG_WARNING: Final = MAX_HISTORY // 2
"""Unacknowledged messages of a live peer from which on it is a slow one."""


@dataclass(frozen=True, slots=True)
class Resend(Generic[EntryT]):
    """The answer to one ``NS_rexmit``: what to resend, and the numbers that cannot be had any more."""

    entries: tuple[EntryT, ...]
    refused: tuple[tuple[int, str], ...]


class SentHistory(Generic[EntryT]):
    """Our own sequence numbers, the last 500 messages, and how far each peer has acknowledged."""

    def __init__(self) -> None:
        self._last = 0
        self._kept: OrderedDict[int, EntryT] = OrderedDict()
        self._resent: dict[int, Instant] = {}
        self._acked: dict[str, int] = {}
        self._owed: dict[str, int] = {}

    @property
    def last(self) -> int:
        """The highest number used so far; 0 before the first message."""
        return self._last

    def keep(self, entry: EntryT) -> int:
        """Take the next number for ``entry`` and remember it."""
        self._last += 1
        self._kept[self._last] = entry
        if len(self._kept) > MAX_HISTORY:
            old, _ = self._kept.popitem(last=False)
            self._resent.pop(old, None)
        return self._last

    def acknowledged(self, peer: str, seq: int) -> bool:
        """Note a cumulative acknowledgement; false when it says nothing new or what we never sent."""
        if seq > self._last or seq <= self._acked.get(peer, 0):
            return False
        self._acked[peer] = seq
        return True

    def joined(self, peer: str) -> None:
        """A peer began (anew): it is expected to acknowledge only what comes from now on."""
        self._acked.pop(peer, None)
        self._owed[peer] = self._last

    def forget(self, peer: str) -> None:
        """A peer is gone."""
        self._acked.pop(peer, None)
        self._owed.pop(peer, None)

    def lag(self, peers: Iterable[str]) -> tuple[int, str]:
        """How many messages the slowest of ``peers`` has not acknowledged, and its name; (0, "") for none."""
        known = ((max(self._acked.get(peer, 0), self._owed.get(peer, 0)), peer) for peer in peers)
        return max(((self._last - seen, peer) for seen, peer in known), default=(0, ""))

    def resend(self, peer: str, first: int, last: int, now: Instant) -> Resend[EntryT]:
        """What to do about a request for ``first`` to ``last``: at most 50 numbers, none twice within 240 ms."""
        first = max(first, self._acked.get(peer, 0) + 1)
        last = min(last, self._last)
        entries: list[EntryT] = []
        refused: list[tuple[int, str]] = []
        oldest = next(iter(self._kept), self._last + 1)
        for seq in range(first, min(last, first + MAX_RESEND - 1) + 1):
            entry = self._kept.get(seq)
            if entry is None:
                refused.append((seq, "seqno too low" if seq < oldest else "seqno not found"))
                continue
            recent = self._resent.get(seq)
            if recent is None or now - recent >= RESEND_HOLD_MS:
                self._resent[seq] = now
                entries.append(entry)
        return Resend(tuple(entries), tuple(refused))

    def check(self) -> None:
        """Assert that the history is the contiguous end of what was sent, and nothing unsent is acknowledged."""
        assert len(self._kept) == min(self._last, MAX_HISTORY), (len(self._kept), self._last)
        if self._kept:
            assert next(iter(self._kept)) == self._last - len(self._kept) + 1
            assert next(reversed(self._kept)) == self._last
        assert self._resent.keys() <= self._kept.keys()
        assert all(0 <= seq <= self._last for seq in self._acked.values()), self._acked


class Arrival(Enum):
    """What an arriving sequence number is."""

    NEW = auto()
    GAP = auto()
    FILLED = auto()
    RESYNC = auto()
    DUPLICATE = auto()
    OLD = auto()

    @property
    def deliver(self) -> bool:
        """Whether the message has not been delivered before."""
        return self not in {Arrival.DUPLICATE, Arrival.OLD}


@dataclass(slots=True)
class Receiver:
    """What has arrived from one peer. ``residue`` (0..9) is fixed for the peer; delays are milliseconds."""

    dice: Dice
    max_delay_ms: int
    residue: int
    last: int | None = None
    missing: dict[int, Instant] = field(default_factory=dict)
    acked: int = 0

    def forget(self) -> None:
        """The peer restarted or died: numbers begin anew."""
        self.last = None
        self.missing.clear()
        self.acked = 0

    def arrive(self, seq: int, now: Instant) -> Arrival:
        """Take a number in (rules 3 to 6 of WIRE.md 6.2)."""
        last = self.last
        if last is None:
            self.last = seq
            self.acked = seq - 1
            return Arrival.NEW
        if seq == last + 1:
            self.last = seq
            return Arrival.NEW
        if seq > last:
            return self._gap(last, seq, now)
        if seq in self.missing:
            del self.missing[seq]
            return Arrival.FILLED
        return Arrival.DUPLICATE if seq == last else Arrival.OLD

    def _gap(self, last: int, seq: int, now: Instant) -> Arrival:
        self.last = seq
        if len(self.missing) + seq - last - 1 > MAX_MISSING:
            self.missing.clear()
            self.acked = seq - 1
            return Arrival.RESYNC
        due = after(now, self._first_delay())
        for lost in range(last + 1, seq):
            self.missing[lost] = due
        return Arrival.GAP

    def _first_delay(self) -> int:
        low = 50 if self.max_delay_ms >= 100 else 1
        return self.dice.between(min(low, self.max_delay_ms), max(low, self.max_delay_ms))

    def give_up(self, seq: int) -> bool:
        """The sender cannot resend ``seq``; whether it was missing."""
        return self.missing.pop(seq, None) is not None

    def requests(self, now: Instant) -> list[tuple[int, int]]:
        """The ranges (first, last) to ask for now; each number is due again after the maximum delay."""
        due = sorted(seq for seq, when in self.missing.items() if when <= now)
        again = after(now, max(self.max_delay_ms, 1))
        ranges: list[tuple[int, int]] = []
        for seq in due:
            self.missing[seq] = again
            if ranges and ranges[-1][1] == seq - 1 and seq - ranges[-1][0] < MAX_RESEND:
                ranges[-1] = (ranges[-1][0], seq)
            else:
                ranges.append((seq, seq))
        return ranges

    def acknowledge(self) -> int | None:
        """The number to acknowledge now: the highest of our residue with nothing missing below; ``None`` if known."""
        if self.last is None:
            return None
        complete = min(self.missing) - 1 if self.missing else self.last
        seq = complete - (complete - self.residue) % ACK_MODULUS
        if seq <= self.acked:
            return None
        self.acked = seq
        return seq

    def deadline(self) -> Instant | None:
        """When the next request is due."""
        return earliest(*self.missing.values())

    def check(self) -> None:
        """Assert that what is missing lies below what has arrived and is bounded."""
        assert 0 <= self.residue < ACK_MODULUS
        assert len(self.missing) <= MAX_MISSING
        if self.last is None:
            assert not self.missing
        else:
            assert all(0 < seq < self.last for seq in self.missing), (self.last, self.missing)
            assert self.acked <= self.last
            assert not self.missing or self.acked < min(self.missing), (self.acked, self.missing)
