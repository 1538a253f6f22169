"""What we say: stamped, numbered, signed, remembered for resending, and put on every medium (WIRE.md 4 and 6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hacluster.base.effects import Transmit
from hacluster.base.machine import Instant
from hacluster.config.settings import Seal
from hacluster.heartbeat.config import HeartbeatConfig, Identity
from hacluster.heartbeat.rexmit import SentHistory
from hacluster.heartbeat.sealing import Sealing
from hacluster.wire.auth import KeyRing
from hacluster.wire.fields import Stamp, stamped
from hacluster.wire.frame import sign
from hacluster.wire.hamsg import HaMessage

_NO_LOAD: Final = "0.00 0.00 0.00 1/1 1"
_MAX_LOAD: Final = 64
SET_MS: Final = 100
"""A wall clock that jumps by more than this between two samples was set."""


@dataclass(slots=True)
class WallClock:
    """The wall clock as the driver last told it. What we stamp never goes back, even if the clock is set back."""

    unix_ms: int = 0
    told: int = 0
    loadavg: str = _NO_LOAD
    highest: int = 1

    def tell(self, unix_ms: int, loadavg: str, now: Instant) -> bool:
        """Take a sample in; whether the clock was set since the last one."""
        was_set = abs(unix_ms - self.milliseconds(now)) > SET_MS
        self.unix_ms = unix_ms
        self.told = now
        words = loadavg.split()
        self.loadavg = " ".join(words)[:_MAX_LOAD] or _NO_LOAD
        return was_set

    def milliseconds(self, now: Instant) -> int:
        """Unix milliseconds now."""
        return self.unix_ms + now - self.told

    def seconds(self, now: Instant) -> int:
        """Unix seconds now."""
        return self.milliseconds(now) // 1000

    def stamp(self, now: Instant) -> int:
        """The ``ts`` of a message sent now."""
        self.highest = max(self.highest, self.seconds(now))
        return self.highest


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it went out: signed for the classic wire, and as it is sealed. Either may not be needed."""

    classic: bytes | None
    plain: bytes | None


class Outbox:
    """The sending side. Every method returns the effects that put something on the wire."""

    def __init__(self, config: HeartbeatConfig, identity: Identity, sealing: Sealing) -> None:
        self._config = config
        self._sealing = sealing
        self._identity = identity
        self._media = tuple(index for index, medium in enumerate(config.media) if medium.ping is None)
        self.keys: KeyRing = config.keys
        self.clock = WallClock()
        self.generation = 0
        self.nodes = len(config.nodes) + len(config.ping_nodes)
        self.history: SentHistory[Sent] = SentHistory()

    def _stamp(self, destuuid: bytes | None, seq: int | None, now: Instant) -> Stamp:
        return Stamp(
            src=self._identity.node,
            ts=self.clock.stamp(now),
            srcuuid=self._identity.uuid,
            destuuid=destuuid,
            seq=seq,
            hg=self.generation,
            ld=None if seq is None else self.clock.loadavg,
            ttl=self._config.hopfudge + self.nodes,
        )

    def cast(self, message: HaMessage, destuuid: bytes | None, now: Instant) -> tuple[HaMessage, list[Transmit]]:
        """Send a sequenced message; also returns it as sent. :class:`WireError` if it cannot be written."""
        full = stamped(message, self._stamp(destuuid, self.history.last + 1, now))
        sent = self._prepare(full)
        self.history.keep(sent)
        return full, self.put(sent)

    def whisper(self, message: HaMessage, destuuid: bytes | None, now: Instant) -> list[Transmit]:
        """Send a delivery control message (``NS_``), which is neither numbered nor kept."""
        full = stamped(message, self._stamp(destuuid, None, now))
        return self.put(self._prepare(full))

    def _prepare(self, message: HaMessage) -> Sent:
        mode = self._sealing.mode
        classic = None if mode is Seal.ON else sign(message, self.keys, inner=self._config.inner_auth)
        plain = None if mode is Seal.OFF else self._sealing.plaintext(message)
        return Sent(classic, plain)

    def put(self, sent: Sent) -> list[Transmit]:
        """Put a message on every medium: byte for byte as it was signed, or sealed anew for each."""
        forms = self._sealing.forms()
        out: list[Transmit] = []
        for index in self._media:
            if forms.sealed and sent.plain is not None:
                out.append(Transmit(index, self._sealing.seal(sent.plain)))
            if forms.classic and sent.classic is not None:
                out.append(Transmit(index, sent.classic))
        return out

    def put_streamed(self, plain: bytes, media: Iterable[int]) -> list[Transmit]:
        """Seal what belongs to streams, anew for each medium; it is neither numbered nor kept."""
        return [Transmit(index, self._sealing.seal(plain)) for index in media]

    def begin(self, generation: int) -> None:
        """A new generation: numbers begin at 1."""
        self.generation = generation
        self.history = SentHistory()

    def echo(self, medium: int, message: HaMessage) -> Transmit:
        """Sign the data of an ICMP echo."""
        return Transmit(medium, sign(message, self.keys, inner=self._config.inner_auth))
