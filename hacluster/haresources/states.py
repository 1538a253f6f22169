"""The state of the resource protocol on this node. Source: WIRE.md 9.1.

Everything here survives a crash of the process (``recovery``), so it is plain data. Instants are those of the host's
boot clock and stay valid as long as the host runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from hacluster.base.machine import Instant
from hacluster.msg.haresources import Hold

BOOT: Final = Instant(0)

SETTLE_MS: Final = 10_000
"""How long two nodes that start together wait before they take their own groups."""

ANSWER_MS: Final = 10_000
"""How long the giver waits for ``ask_resources other``."""

PATIENCE_MS: Final = 30_000
"""How long the taker waits for the giver to begin releasing: its answer time, and time for a slow delivery."""

RESUMED_MS: Final = 120_000
"""How long a taker whose process crashed waits for a ``done`` that it may have missed."""

JOIN_MS: Final = 3_000
"""Beside two keepalives, how long a living node may take to say what it holds."""

RELEASE_MS: Final = 3_600_000
"""How long either side waits for the other's agents in a handshake."""

HEAL_MS: Final = 2_000
"""From the news that a partition healed to giving everything up."""

ASK_HANDS_MS: Final = 5_000
"""How long a process that began anew waits for what the hands say before it asks them again."""

RETRY_MS: Final = 1_000
"""Between two looks whether an automatic failback is possible."""


class RState(StrEnum):
    """How far this node has joined."""

    INIT = "init"
    STARTING = "starting"
    BOTHSTARTING = "bothstarting"
    RSCRCVD = "rscrcvd"
    STABLE = "stable"
    SHUTDOWN = "shutdown"


JOINING: Final = frozenset({RState.STARTING, RState.BOTHSTARTING, RState.RSCRCVD})


class Standby(StrEnum):
    """Where the standby handshake is. ``ME``: we give; ``OTHER``: we wait to take; ``DONE``: released, being taken."""

    NOT = "not"
    ME = "me"
    OTHER = "other"
    DONE = "done"


@dataclass(slots=True)
class Handshake:
    """The handshake that is going on. ``which`` is relative to the giver; ``giver`` tells whether that is us."""

    state: Standby = Standby.NOT
    which: Hold = Hold.NONE
    giver: bool = False
    began: Instant = BOOT
    deadline: Instant | None = None
    releasing: bool = False
    resumed: bool = False
    lapsed: Hold = Hold.NONE
    lapsed_giver: bool = False

    @property
    def running(self) -> bool:
        """Whether a handshake is going on."""
        return self.state is not Standby.NOT


@dataclass(slots=True)
class Timers:
    """When which thing is due, ``None`` for not at all."""

    settle: Instant | None = None
    resend: Instant | None = None
    failback: Instant | None = None
    heal: Instant | None = None
    overlap_local: Instant | None = None
    overlap_foreign: Instant | None = None
    orphan_local: Instant | None = None
    orphan_foreign: Instant | None = None
    nudge: Instant | None = None
    double: Instant | None = None
    stop: Instant | None = None
    fence: Instant | None = None


@dataclass(slots=True)
class Leaving:
    """Why and how we leave. ``silent``: without ``shutdone``, because something could not be released."""

    wanted: bool = False
    restart: bool = False
    silent: bool = False
    reason: str = ""


@dataclass(slots=True)
class IpFailState:
    """What our ipfail knows. ``give_up`` falls due at ``give_up_at``; ``ask_again``: when the peer is stable again."""

    pings: dict[str, bool] = field(default_factory=dict)
    give_up: Hold = Hold.NONE
    give_up_at: Instant | None = None
    ask_again: bool = False
    ask_at: Instant | None = None


@dataclass(slots=True)
class Told:
    """What another hacluster node last said of its files and of what runs there (names of :mod:`identity`).

    ``stamp`` orders what it says. A real Heartbeat says nothing of the kind.
    """

    stamp: int = -1
    digest: str = ""
    local: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """All of it. ``kin``: the nodes that were found to be hacluster's in their present life, dead or not.

    ``fencing``: the dead node that is to be fenced before anything of it starts here.
    """

    rstate: RState = RState.INIT
    hold: Hold = Hold.NONE
    other_hold: Hold = Hold.NONE
    other_stable: bool = False
    need_failback: bool = False
    comm_up: bool = False
    rejoining: bool = False
    mute: bool = False
    nudged: bool = False
    alive: dict[str, bool] = field(default_factory=dict)
    heard: dict[str, bool] = field(default_factory=dict)
    last_full: dict[str, int] = field(default_factory=dict)
    handshake: Handshake = field(default_factory=Handshake)
    timers: Timers = field(default_factory=Timers)
    leaving: Leaving = field(default_factory=Leaving)
    ipfail: IpFailState = field(default_factory=IpFailState)
    legacy_wanted: list[str] = field(default_factory=list)
    moves: dict[str, Instant] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    kin: list[str] = field(default_factory=list)
    said_runs: list[str] = field(default_factory=list)
    fencing: str = ""
    fence_number: int = 0

    @property
    def stable(self) -> bool:
        """What our ``isstable`` says."""
        return self.rstate is RState.STABLE
