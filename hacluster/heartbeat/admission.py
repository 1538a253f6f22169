"""Admission: which authentic message is believed to be said now, and by whom.

A real Heartbeat believes any authentic status of a node it does not know yet, so a recorded session holds up its start,
and any message of a node it holds dead, so a recorded ``hb_takeover`` moves resources (WIRE.md section 14). Here:

* Per peer, the highest (generation, seq) believed is a floor, kept on disk. Nothing at or below it is believed again.
* A node that we have not heard in this run, or hold dead, is believed again only from a *status* above the floor on.
* What cannot be told from a recording (a status just above a floor that may be some seconds old, or one whose time
  stamp is far behind our clock) is *doubtful*: it counts for nothing, and the node is asked a question with a nonce in
  it (``query-cstatus``, which real nodes answer too). An answer proves that it lives, and the next status is believed.

So wrong clocks cost one round trip, not a membership, and a recording costs nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from hacluster.heartbeat.config import HeartbeatConfig
from hacluster.heartbeat.peer import Peer
from hacluster.wire.fields import MessageType, Stamp

FLOOR_MARGIN: Final = 32
"""The floor on disk may be this many messages behind what was believed (and ``FLOOR_INTERVAL_MS`` in time)."""

FLOOR_INTERVAL_MS: Final = 10_000
CLOCK_SLACK_S: Final = 5


class Verdict(Enum):
    """What an authentic message of a known node is."""

    CURRENT = auto()
    FIRST = auto()
    RESTARTED = auto()
    RETURNED = auto()
    PROOF = auto()
    DOUBTFUL = auto()
    OLD_GENERATION = auto()
    OLD_SEQUENCE = auto()
    OLD_TIME = auto()
    NOT_YET_HEARD = auto()

    @property
    def believed(self) -> bool:
        """Whether the message is taken as said now."""
        return self in {Verdict.CURRENT, Verdict.FIRST, Verdict.RESTARTED, Verdict.RETURNED}


def judge(peer: Peer, kind: str, stamp: Stamp, wall: int, config: HeartbeatConfig, *, fresh: bool = False) -> Verdict:
    """Whether ``stamp`` (of a message of type ``kind``) is believed. ``wall``: our clock, Unix seconds.

    ``fresh``: it came in a seal that proves that it was made in this life of ours; then only its order is asked for.
    """
    generation = stamp.hg
    if generation is None or (generation < peer.generation and not fresh):
        return Verdict.OLD_GENERATION
    skew = config.replay_skew_ms // 1000
    if stamp.seq is None:
        if not peer.current or generation != peer.generation:
            return Verdict.NOT_YET_HEARD
        return Verdict.OLD_TIME if skew and not fresh and stamp.ts + skew < peer.top_ts else Verdict.CURRENT
    if peer.current and generation == peer.generation:
        return Verdict.CURRENT
    if generation == peer.generation and stamp.seq <= peer.top_seq:
        return Verdict.OLD_SEQUENCE
    if kind == MessageType.RESPOND_CSTATUS and peer.challenge is not None:
        return Verdict.PROOF
    if kind != MessageType.STATUS:
        return Verdict.NOT_YET_HEARD
    if not fresh and peer.proven != generation and _doubtful(peer, stamp, generation, wall, skew):
        return Verdict.DOUBTFUL
    if generation == peer.generation:
        return Verdict.RETURNED if peer.met else Verdict.FIRST
    return Verdict.RESTARTED if peer.met else Verdict.FIRST


def _doubtful(peer: Peer, stamp: Stamp, generation: int, wall: int, skew: int) -> bool:
    assert stamp.seq is not None
    if skew and max(wall, peer.top_ts) > stamp.ts + skew:
        return True
    floor = peer.restored
    if floor is None or peer.met or generation != floor.generation:
        return False
    return stamp.seq <= floor.seq + FLOOR_MARGIN and lateness(peer, stamp, wall) > CLOCK_SLACK_S


def lateness(peer: Peer, stamp: Stamp, wall: int) -> int:
    """How many seconds ``stamp`` is behind what the node's clock should say by now, as far as we know it."""
    floor = peer.restored
    expected = wall if floor is None else floor.ts + max(0, wall - floor.wall)
    return max(expected, peer.top_ts) - stamp.ts


class SourceFilter:
    """The ``allow_source`` list: addresses or networks that datagrams may come from; empty lets all in."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(text, strict=False) for text in allowed)

    def admits(self, source: str) -> bool:
        """Whether ``source`` (an address as text, a zone or port after it does not count) may speak to us."""
        if not self._networks:
            return True
        try:
            address = ipaddress.ip_address(source.partition("%")[0].strip("[]"))
        except ValueError:
            return False
        return any(address in network for network in self._networks if network.version == address.version)
