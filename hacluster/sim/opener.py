"""What a bystander who has the cluster's keys reads in a datagram, sealed or not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hacluster.wire.freshness import echo_of, split_echoes
from hacluster.wire.reject import Rejected
from hacluster.wire.seal import SealKeys, Session, Unsealer, is_sealed

MAX_KEPT: Final = 256
"""Opened datagrams that are remembered: what a host sends arrives soon, several times."""

_STATUS: Final = b"(0)t=status"
_GENERATION: Final = re.compile(rb"\(0\)hg=([0-9a-f]{1,16}),")
_SEQUENCE: Final = re.compile(rb"\(0\)seq=([0-9a-f]{1,16}),")


def status_order(plain: bytes) -> tuple[int, int] | None:
    """Generation and sequence number of a status; ``None`` for any other message."""
    if _STATUS not in plain:
        return None
    generation, sequence = _GENERATION.search(plain), _SEQUENCE.search(plain)
    return (int(generation[1], 16), int(sequence[1], 16)) if generation and sequence else None


@dataclass(frozen=True, slots=True)
class Opened:
    """A datagram's message as it was signed or sealed. ``session`` and ``echoes`` are those of a sealed one."""

    plain: bytes
    session: Session | None = None
    echoes: frozenset[bytes] = frozenset()

    @property
    def sealed(self) -> bool:
        """Whether it was sealed."""
        return self.session is not None

    def echoes_to(self, listener: Session | None) -> bool:
        """Whether it was made after ``listener`` began: only then the listener may believe it."""
        return listener is not None and echo_of(listener) in self.echoes


class Opener:
    """Opens datagrams with the secrets of the cluster."""

    def __init__(self, secrets: tuple[bytes, ...]) -> None:
        self._unsealer = Unsealer(SealKeys.of(*secrets)) if secrets else None
        self._kept: dict[bytes, Opened] = {}

    def open(self, data: bytes) -> Opened:
        """Never raises: what cannot be opened is its own content."""
        if self._unsealer is None or not is_sealed(data):
            return Opened(data)
        found = self._kept.get(data)
        if found is None:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            found = self._kept[data] = self._opened(self._unsealer, data)
        return found

    @staticmethod
    def _opened(unsealer: Unsealer, data: bytes) -> Opened:
        unsealed = unsealer.open(data)
        content = None if isinstance(unsealed, Rejected) else split_echoes(unsealed.plaintext)
        if content is None or isinstance(unsealed, Rejected):
            return Opened(data)
        echoes, plain = content
        return Opened(plain, unsealed.session, frozenset(echoes))
