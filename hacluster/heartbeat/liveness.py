"""Liveness: how long a node may be silent, and whether it was we who were not there.

The dead time of a node is what it advertises itself (``dt``), before its first word our own deadtime, and initdead for
everybody until each configured node was heard or declared dead (WIRE.md 7.2). A ping node's is deadping.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.machine import Instant, after
from hacluster.heartbeat.config import HeartbeatConfig


@dataclass(slots=True)
class Silence:
    """The timer of one node. ``since``: its last status, or when we began to wait for the first."""

    since: Instant
    dead_ms: int
    heard: bool = False

    def interval(self, now: Instant) -> int | None:
        """How long it was silent before a word that comes now; ``None`` for the first."""
        return now - self.since if self.heard else None

    def excuse(self, deaf_ms: int, now: Instant) -> None:
        """We did not listen for ``deaf_ms``: that was no silence of the node."""
        self.since = min(now, after(self.since, deaf_ms))

    def speak(self, now: Instant) -> None:
        """The node has given a sign of life."""
        self.since = now
        self.heard = True


@dataclass(frozen=True, slots=True)
class Patience:
    """Which dead time applies: ``accounted`` once every node was heard or declared dead."""

    config: HeartbeatConfig
    accounted: bool

    def dead_ms(self, silence: Silence) -> int:
        """The dead time of a node, in milliseconds."""
        return silence.dead_ms if self.accounted else self.config.initdead_ms

    def deadline(self, silence: Silence) -> Instant:
        """When the node is dead if it stays silent."""
        return after(silence.since, self.dead_ms(silence))


@dataclass(frozen=True, slots=True)
class Pause:
    """We did not run for ``lateness_ms`` beyond our own timer."""

    lateness_ms: int
    slept: bool


DRAIN_MS = 100
"""After being late by more than this, the datagrams that wait in the kernel are read before anyone is declared dead."""


def pause_of(config: HeartbeatConfig, wanted: Instant | None, now: Instant) -> Pause | None:
    """Whether we are late against the timer we asked for, and whether that is a sleep of our own."""
    if wanted is None or now - wanted <= DRAIN_MS:
        return None
    lateness = now - wanted
    return Pause(lateness, lateness > config.pause_floor_ms)
