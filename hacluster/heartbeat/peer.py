"""What is known of one other node, and the table of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hacluster.base.dice import Dice
from hacluster.base.limits import MAX_HELD, MAX_NODES
from hacluster.base.machine import Instant
from hacluster.heartbeat.clocks import Difference
from hacluster.heartbeat.config import HeartbeatConfig
from hacluster.heartbeat.generation import Floor
from hacluster.heartbeat.link import Links
from hacluster.heartbeat.liveness import Silence
from hacluster.heartbeat.rexmit import ACK_MODULUS, Receiver
from hacluster.msg.membership import NodeState, NodeType, NodeView, SealState
from hacluster.wire.fields import Stamp
from hacluster.wire.hamsg import HaMessage


@dataclass(frozen=True, slots=True)
class Said:
    """An authentic message, its stamp, the link and address it came from; ``fresh``: sealed in this life of ours."""

    message: HaMessage
    stamp: Stamp
    link: str
    fresh: bool
    source: str = ""


@dataclass(slots=True)
class Challenge:
    """A question that only a node which lives now can answer.

    ``sent``: when it was last asked; ``doubted``: the newest status that was not believed.
    """

    nonce: str
    sent: Instant
    doubted: Said


@dataclass(slots=True)
class Peer:
    """One other node.

    ``generation``, ``top_seq``, ``top_ts`` are the highest believed (restored from the replay floor at start);
    ``status_seq`` is the newest status. ``current``: a fresh status of that generation was believed, and the node has
    not been declared dead since. ``met``: it was current once in this run. ``proven``: the generation for which the
    node answered our challenge. ``sealed``: pinned, it has proven that it seals; ``offered``: it says that it can.
    ``seal_key``: id of the key that made its newest sealed datagram; ``seal_keys``: ids of all keys it has on file.
    """

    name: str
    type: NodeType
    links: Links
    silence: Silence
    receiver: Receiver
    state: NodeState = NodeState.INIT
    uuid: bytes = b""
    generation: int = 0
    top_seq: int = 0
    top_ts: int = 0
    status_seq: int = 0
    restored: Floor | None = None
    current: bool = False
    met: bool = False
    proven: int = -1
    challenge: Challenge | None = None
    answered: Instant | None = None
    sealed: bool = False
    offered: bool = False
    seal_key: str = ""
    seal_keys: frozenset[str] = frozenset()
    weight: int = 100
    site: str = ""
    clock: Difference = field(default_factory=Difference)
    held: list[tuple[int, HaMessage]] = field(default_factory=list)
    refusals: dict[str, tuple[Instant, Instant]] = field(default_factory=dict)
    """Sessions of it that were refused as old ones: when first, when last (:mod:`hacluster.heartbeat.setback`)."""

    sources: dict[str, str] = field(default_factory=dict)
    """By link, the address that its newest believed message came from."""

    @property
    def accounted(self) -> bool:
        """Heard, or declared dead."""
        return self.silence.heard or self.state is NodeState.DEAD

    @property
    def alive(self) -> bool:
        """A normal node whose word counts now."""
        return self.type is NodeType.NORMAL and self.current

    def has_key(self, key_id: str) -> bool:
        """Whether it has shown that it has this key of the seal."""
        return key_id == self.seal_key or key_id in self.seal_keys

    def floor(self, wall: int) -> Floor:
        """What is to be remembered of it."""
        return Floor(self.name, self.uuid, self.generation, self.top_seq, self.top_ts, wall, self.sealed)

    def adopt(self, floor: Floor) -> None:
        """Take over what was remembered."""
        self.uuid = floor.uuid
        self.generation, self.top_seq, self.top_ts = floor.generation, floor.seq, floor.ts
        self.sealed = floor.sealed
        self.restored = floor

    def view(self, seal: SealState) -> NodeView:
        """What clients and machines see."""
        return NodeView(
            name=self.name,
            type=self.type,
            state=self.state,
            links=self.links.view(),
            generation=self.generation,
            uuid=self.uuid,
            weight=self.weight,
            site=self.site,
            seal=seal,
            seal_key=self.seal_key if seal is SealState.SEALED else "",
            clock_ms=self.clock.ms if self.current else None,
            clock_apart=self.current and self.clock.apart,
        )

    def check(self) -> None:
        """Assert what always holds of one node."""
        self.receiver.check()
        assert len(self.held) <= MAX_HELD
        if self.current:
            assert self.met
            assert self.state not in {NodeState.DEAD, NodeState.PING}, self.state
        if self.receiver.last is not None:
            assert self.current, self.name
            assert self.top_seq >= self.receiver.last, (self.top_seq, self.receiver.last)
        if self.type is NodeType.PING:
            assert not self.current


class PeerTable:
    """All nodes but ourselves, in the order of ha.cf, ping nodes last."""

    def __init__(self, config: HeartbeatConfig, own: str, dice: Dice) -> None:
        self._config = config
        self._dice = dice
        self._own = own
        self._peers: dict[str, Peer] = {}
        self.leftovers: dict[str, Floor] = {}
        for name in config.nodes:
            if name != own:
                self._peers[name] = self._make(name, NodeType.NORMAL, config.links, config.deadtime_ms)
        for medium in config.media:
            if medium.ping is not None and medium.ping not in self._peers:
                self._peers[medium.ping] = self._make(medium.ping, NodeType.PING, (medium.link,), config.deadping_ms)

    def _make(self, name: str, kind: NodeType, links: tuple[str, ...], dead_ms: int) -> Peer:
        dice = self._dice.fork()
        receiver = Receiver(dice, self._config.max_rexmit_delay_ms, dice.below(ACK_MODULUS))
        return Peer(name, kind, Links(links), Silence(Instant(0), dead_ms), receiver)

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._peers.values()))

    def get(self, name: str) -> Peer | None:
        """The node of that lower-case name."""
        return self._peers.get(name)

    def normal(self) -> list[Peer]:
        """The nodes that are cluster members."""
        return [peer for peer in self._peers.values() if peer.type is NodeType.NORMAL]

    def alive(self) -> list[Peer]:
        """The members whose word counts now."""
        return [peer for peer in self._peers.values() if peer.alive]

    def names(self) -> tuple[str, ...]:
        """All members, ourselves included, in the order of ha.cf as far as it names them."""
        others = {peer.name for peer in self.normal()}
        listed = [name for name in self._config.nodes if name == self._own or name in others]
        return (*listed, *(name for name in sorted(others) if name not in listed))

    def __len__(self) -> int:
        return len(self._peers)

    def add(self, name: str, now: Instant) -> Peer | None:
        """A member was added at run time; ``None`` when it is known or the table is full."""
        if name == self._own or name in self._peers or len(self.normal()) + 1 >= MAX_NODES:
            return None
        peer = self._make(name, NodeType.NORMAL, self._config.links, self._config.deadtime_ms)
        peer.silence.since = now
        floor = self.leftovers.pop(name, None)
        if floor is not None:
            peer.adopt(floor)
        self._peers[name] = peer
        return peer

    def remove(self, name: str, wall: int) -> Peer | None:
        """A member was taken out at run time; what was heard of it stays remembered."""
        peer = self._peers.get(name)
        if peer is None or peer.type is NodeType.PING:
            return None
        if len(self.leftovers) < MAX_NODES:
            self.leftovers[name] = peer.floor(wall)
        return self._peers.pop(name)

    def restore(self, floors: dict[str, Floor]) -> None:
        """Take over the replay floor file."""
        for name, floor in floors.items():
            peer = self._peers.get(name)
            if peer is not None and peer.type is NodeType.NORMAL:
                peer.adopt(floor)
            elif len(self.leftovers) < MAX_NODES:
                self.leftovers[name] = floor

    def floors(self, wall: int) -> list[Floor]:
        """What is to be written to the replay floor file."""
        known = [peer.floor(wall) for peer in self.normal() if peer.generation or peer.sealed]
        return known + list(self.leftovers.values())
