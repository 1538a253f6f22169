"""Which datagrams can be ours, told from their first bytes and their source, before any cryptography.

Two grades. In quiet times whatever begins like a message of ours is let in, so that a wrong key or a stranger on our
port is noticed and said. During a flood only what bears a key and a session that are known (sealed), or comes from an
address of a node that is heard (classic, which shows nothing else before its signature is checked). A node that begins
anew has a session that nobody knows: of what has the right key id but another session, and of classic datagrams from
elsewhere, some are let in (``SAMPLE``).

None of it proves anything: whoever hears our datagrams can imitate all this. It makes a flood by anybody else cheap.

:func:`judge` is the rule; the daemon has the kernel apply it (:mod:`hacluster.daemon.media.bpf`), the simulator calls
it.
"""

from __future__ import annotations

import ipaddress
from enum import Enum, auto
from typing import Final

from hacluster.base.effects import Screen
from hacluster.wire import netstring, text
from hacluster.wire.seal import MARKER

SHORTEST: Final = 40
"""Bytes of the payload; the shortest message of a real node is four times as long, our own longer still."""

SAMPLE: Final = 4
"""One in so many of what may be a node that begins anew."""

MAX_LISTED: Final = 100
"""Most keys, sessions or sources of a screen: as many as nodes."""

KEY_AT: Final = 4
BOOT_AT: Final = 32
WORD: Final = 4
"""Keys and boot nonces are told apart by four bytes, as the kernel reads them."""


class Entry(Enum):
    """What becomes of a datagram."""

    ADMITTED = auto()
    SAMPLED = auto()
    DROPPED = auto()


def source_word(source: str) -> bytes:
    """The last four bytes of an address, all of it for IPv4."""
    return ipaddress.ip_address(source.partition("%")[0]).packed[-WORD:]


def judge(screen: Screen, data: bytes, source: str) -> Entry:
    """The rule, for one datagram."""
    if len(data) < SHORTEST:
        return Entry.DROPPED
    if data.startswith(MARKER):
        if not screen.strict:
            return Entry.ADMITTED
        if data[KEY_AT : KEY_AT + WORD] not in screen.keys:
            return Entry.DROPPED
        return Entry.ADMITTED if data[BOOT_AT : BOOT_AT + WORD] in screen.boots else Entry.SAMPLED
    if data.startswith((netstring.START, text.START)):
        if not screen.strict:
            return Entry.ADMITTED
        if not screen.classic:
            return Entry.DROPPED
        return Entry.ADMITTED if source_word(source) in map(source_word, screen.sources) else Entry.SAMPLED
    return Entry.DROPPED
