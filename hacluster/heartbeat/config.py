"""What the heartbeat machine needs of the configuration, and who it speaks as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from hacluster.base.effects import MachineName
from hacluster.config.media import Bcast, Medium, Ping, Ping6, PingGroup, described
from hacluster.config.settings import GenerationMethod, HaclusterConfig, HaConfig, MessageFormat, Seal
from hacluster.wire.auth import KeyRing

MIN_DEAD_MS: Final = 1_000
"""A peer's advertised ``dt`` below this (and below our own deadtime) is not believed."""

MAX_DEAD_MS: Final = 120_000
"""A peer's advertised ``dt`` above this (and above ten times our own deadtime) is not believed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this node is: its name (lower case), its 16 byte UUID, and bytes drawn anew for each start."""

    node: str
    uuid: bytes
    boot_nonce: bytes

    def __post_init__(self) -> None:
        assert len(self.uuid) == 16, self.uuid
        assert self.node == self.node.lower(), self.node
        assert len(self.boot_nonce) >= 16, len(self.boot_nonce)


@dataclass(frozen=True, slots=True)
class MediumSpec:
    """One medium: the name of its link; for a ping medium also the name of the ping node and its ``info`` word.

    ``hears_itself`` is true where what we send comes back to us (broadcast): our own link then has a state. ``text`` is
    what a person calls it: ``bcast eth0``.
    """

    link: str
    ping: str | None = None
    info: str = ""
    hears_itself: bool = False
    text: str = ""

    @classmethod
    def of(cls, medium: Medium) -> Self:
        """The specification of a configured medium."""
        text = described(medium)
        match medium:
            case PingGroup(name=name):
                return cls(name, ping=name.lower(), info="ping_group", text=text)
            case Ping(host=host) | Ping6(host=host):
                return cls(host, ping=host.lower(), info="ping" if isinstance(medium, Ping) else "ping6", text=text)
            case _:
                return cls(medium.link, hears_itself=isinstance(medium, Bcast), text=text)


@dataclass(frozen=True, slots=True)
class HeartbeatConfig:
    """Settings of the machine. ``media`` are in the order of ha.cf: their indices are those of ``Transmit``."""

    nodes: tuple[str, ...]
    media: tuple[MediumSpec, ...]
    keys: KeyRing
    keepalive_ms: int = 1_000
    deadtime_ms: int = 30_000
    warntime_ms: int = 15_000
    initdead_ms: int = 30_000
    deadping_ms: int = 30_000
    hopfudge: int = 1
    max_rexmit_delay_ms: int = 250
    inner_auth: bool = True
    generation_method: GenerationMethod = GenerationMethod.FILE
    seal: Seal = Seal.OFF
    seal_keys: tuple[bytes, ...] = ()
    replay_skew_ms: int = 300_000
    allow_source: tuple[str, ...] = ()
    log_rate_limit: int = 20
    log_badpack: bool = True
    pause_notice_ms: int | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    listeners: tuple[MachineName, ...] = (MachineName.HARESOURCES,)
    """The machines of this node that are told what this one knows."""

    crm: bool = False
    """Whether this node has a cluster resource manager: streams, and what statuses carry for ccm.

    ccm and speech are then told what is theirs (:mod:`hacluster.heartbeat.streaming`), also when no listeners.
    """

    def __post_init__(self) -> None:
        assert self.nodes, "no nodes"
        assert not self.crm or self.seal is Seal.ON, "a cluster resource manager, but datagrams are not sealed"
        assert 0 < self.keepalive_ms < self.deadtime_ms, (self.keepalive_ms, self.deadtime_ms)
        assert self.seal is not Seal.ON or self.seal_keys, "seal on, but there is no secret to seal with"

    @classmethod
    def of(
        cls,
        ha: HaConfig,
        own: HaclusterConfig,
        keys: KeyRing,
        seal_keys: tuple[bytes, ...] = (),
        listeners: tuple[MachineName, ...] = (MachineName.HARESOURCES,),
        *,
        crm: bool = False,
    ) -> Self:
        """The settings that ha.cf, hacluster.cf, authkeys and the layout give."""
        return cls(
            nodes=tuple(name.lower() for name in ha.nodes),
            media=tuple(MediumSpec.of(medium) for medium in ha.media),
            keys=keys,
            keepalive_ms=ha.keepalive_ms,
            deadtime_ms=ha.deadtime_ms,
            warntime_ms=ha.warntime_ms,
            initdead_ms=ha.initdead_ms,
            deadping_ms=ha.deadping_ms,
            hopfudge=ha.hopfudge,
            max_rexmit_delay_ms=ha.max_rexmit_delay_ms,
            inner_auth=ha.msgfmt is MessageFormat.CLASSIC,
            generation_method=ha.generation_method,
            seal=own.seal,
            seal_keys=seal_keys,
            replay_skew_ms=own.max_replay_skew_ms,
            allow_source=own.allow_source,
            log_rate_limit=own.log_rate_limit,
            log_badpack=ha.log.log_badpack,
            pause_notice_ms=own.pause_notice_ms,
            parameters=tuple(ha.parameters().items()),
            listeners=listeners,
            crm=crm,
        )

    @property
    def ping_nodes(self) -> tuple[str, ...]:
        """Names of the ping nodes, in the order of ha.cf."""
        return tuple(medium.ping for medium in self.media if medium.ping is not None)

    @property
    def links(self) -> tuple[str, ...]:
        """Names of the links to other nodes, without duplicates, in the order of ha.cf."""
        return tuple(dict.fromkeys(medium.link for medium in self.media if medium.ping is None))

    @property
    def pause_floor_ms(self) -> int:
        """How late our own timer must be to count as a pause of this node."""
        return max(self.deadtime_ms // 2, 500) if self.pause_notice_ms is None else self.pause_notice_ms

    def bounded_dead_ms(self, advertised_ms: int) -> int:
        """The dead time to apply to a peer that advertises ``dt``: its own word, within reason."""
        low = min(self.deadtime_ms, MIN_DEAD_MS)
        high = max(10 * self.deadtime_ms, MAX_DEAD_MS)
        return min(max(advertised_ms, low), high)
