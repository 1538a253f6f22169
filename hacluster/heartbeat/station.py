"""The state that all parts of the heartbeat machine share, and the acts they have in common.

Nothing here decides what a message means; :mod:`reception` decides what is believed, :mod:`delivery` what it means, and
:mod:`machine` when something is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Persist, Publish, Say, Send
from hacluster.base.errors import WireError
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.config.settings import Seal
from hacluster.heartbeat import setback
from hacluster.heartbeat.admission import FLOOR_INTERVAL_MS, FLOOR_MARGIN
from hacluster.heartbeat.api import ClientApi
from hacluster.heartbeat.clocks import clock_fields, words
from hacluster.heartbeat.config import HeartbeatConfig, Identity
from hacluster.heartbeat.flood import FLOOD_PER_S, Flood
from hacluster.heartbeat.generation import FLOOR_KEY, encode_floors
from hacluster.heartbeat.link import Links
from hacluster.heartbeat.liveness import Patience
from hacluster.heartbeat.outbox import Outbox
from hacluster.heartbeat.peer import Peer, PeerTable
from hacluster.heartbeat.ping import Pings
from hacluster.heartbeat.quiet import Quiet
from hacluster.heartbeat.rexmit import LAG_WARNING
from hacluster.heartbeat.sealing import Sealing
from hacluster.heartbeat.setback import Known
from hacluster.heartbeat.startup import Handshake, Phase
from hacluster.msg.membership import (
    LinkStateChanged,
    MembershipView,
    MessageReceived,
    NodeState,
    NodeStateChanged,
    NodeType,
    NodeView,
    SealState,
)
from hacluster.wire.fields import MessageType, Stamp
from hacluster.wire.hamsg import HaMessage

if TYPE_CHECKING:
    from hacluster.heartbeat.streaming import Streaming

SERVICE: Final = "heartbeat"
TOPIC: Final = "membership"
START_BUMP_MS: Final = 5_000
"""For so long after the start we ask for more patience."""

START_EXTRA_MS: Final = 2_000
RESTART_EXTRA_MS: Final = 30_000


class Station:
    """State and common acts. Effects are collected in ``out`` and taken by the machine after each step."""

    def __init__(self, config: HeartbeatConfig, identity: Identity, dice: Dice) -> None:
        self.config = config
        self.identity = identity
        self.peers = PeerTable(config, identity.node, dice)
        self.sealing = Sealing(config, identity, self.peers)
        self.outbox = Outbox(config, identity, self.sealing)
        self.quiet = Quiet(config.log_rate_limit)
        self.flood = Flood(self.peers, self.sealing)
        self.pings = Pings(config, identity)
        self.api = ClientApi()
        self.handshake = Handshake()
        self.phase = Phase.LOADING
        self.state = NodeState.INIT
        self.weight = 100
        self.site = ""
        self.self_links = Links(tuple(m.link for m in config.media if m.hears_itself))
        self.started = Instant(0)
        self.accounted = False
        self.restart_announced = False
        self.was_member = False
        self.last_status = Instant(0)
        self.floor_due: Instant | None = None
        self.deleted: dict[str, None] = {}
        self.token = 0
        self.streaming = self._make_streaming() if config.crm else None
        self.light = False
        """What the event of this step touched is streams alone: nothing else can have become due by it."""
        self.touched: set[str] | None = None
        """The nodes of which something may have changed in this step; ``None``: any."""
        self.overtaken: Known | None = None
        """Another node knows more of us than we have said: what."""

        self.out: list[Effect] = []
        self._saved: dict[str, tuple[int, int]] = {}

    def _make_streaming(self) -> Streaming:
        # Imported here: a node without a cluster resource manager needs nothing of it.
        from hacluster.heartbeat.streaming import Streaming  # noqa: PLC0415

        def send(to: MachineName, body: object) -> None:
            self.out.append(Send(to, body))

        return Streaming(self.config, self.identity, self.outbox, send)

    # -- talking to this node ------------------------------------------------------------------------------------

    def say(self, severity: Severity, code: str, text: str, **fields: str) -> None:
        """One line of log."""
        self.out.append(Say(severity, SERVICE, code, text, tuple(fields.items())))

    def murmur(self, severity: Severity, code: str, about: str, text: str, now: Instant, **fields: str) -> None:
        """One line of log that others can cause: limited per code and ``about`` (a node of ha.cf, or empty)."""
        if self.quiet.may_say(f"{code} {about}", now):
            self.say(severity, code, text, **fields)

    def tell(self, body: object) -> None:
        """Tell the machines that listen."""
        self.out += [Send(listener, body) for listener in self.config.listeners]
        if self.streaming is not None:
            self.streaming.tell(body)

    def announce(self, body: object) -> None:
        """Tell the machines that listen and every subscribed client."""
        self.tell(body)
        self.out.append(Publish(TOPIC, body))

    def persist(self, key: str, data: bytes) -> int:
        """Ask for a durable write; the token that its answer will carry."""
        self.token += 1
        self.out.append(Persist(key, data, self.token))
        return self.token

    def view(self) -> MembershipView:
        """The whole picture."""
        own = NodeView(
            name=self.identity.node,
            type=NodeType.NORMAL,
            state=self.state,
            links=self.self_links.view(),
            generation=self.outbox.generation,
            uuid=self.identity.uuid,
            weight=self.weight,
            site=self.site,
        )
        others = {peer.name: peer.view(self.seal_state(peer)) for peer in self.peers}
        members = [own if name == own.name else others.pop(name) for name in self.peers.names()]
        signer = self.outbox.keys.signer
        return MembershipView(
            own_node=own.name,
            own_state=self.state,
            comm_up=self.phase is Phase.ACTIVE,
            nodes=(*members, *others.values()),
            seal_mode=self.sealing.mode.value,
            seal_key=self.sealing.key_id,
            generation=self.outbox.generation,
            sign_slot=signer.slot,
            sign_method=signer.method.value,
        )

    def seal_state(self, peer: Peer) -> SealState:
        """How datagrams travel between us and ``peer``."""
        if peer.sealed and self.sealing.mode is not Seal.OFF:
            return SealState.SEALED
        if peer.offered:
            return SealState.OFFERED
        return SealState.CLASSIC if peer.current else SealState.UNKNOWN

    def told_of_keys(self, text: str) -> None:
        """Say what became of the keys of the seal; nothing when nothing did."""
        if text:
            self.say(Severity.INFO, "seal-key", text)

    # -- talking to the cluster ----------------------------------------------------------------------------------

    def cast(self, message: HaMessage, now: Instant, *, loop: bool = False) -> bool:
        """Send a sequenced message to all nodes; with ``loop`` the resource machine gets it back first."""
        try:
            full, transmits = self.outbox.cast(message, self._destuuid(message), now)
        except WireError as error:
            self.say(Severity.ERROR, "unsendable", f"a {message.type or '?'} message cannot be sent: {error}")
            return False
        if loop:
            self.tell(MessageReceived(self.identity.node, full, own=True))
        self.out += transmits
        lag, slowest = self.outbox.history.lag(peer.name for peer in self.peers.alive())
        if lag >= LAG_WARNING:
            text = f"node {slowest} has not acknowledged the last {lag} messages"
            self.murmur(Severity.WARNING, "history-filling", slowest, text, now)
        return True

    def whisper(self, message: HaMessage, now: Instant) -> None:
        """Send a delivery control message."""
        self.out += self.outbox.whisper(message, self._destuuid(message), now)

    def _destuuid(self, message: HaMessage) -> bytes | None:
        dest = (message.get("dest") or "").lower()
        if dest == self.identity.node:
            return self.identity.uuid
        peer = self.peers.get(dest)
        return peer.uuid if peer is not None and peer.uuid else None

    def advertised_ms(self, now: Instant) -> int:
        """The dead time that we ask the others to apply to us."""
        extra = START_EXTRA_MS if now < after(self.started, START_BUMP_MS) else 0
        return self.config.deadtime_ms + extra + (RESTART_EXTRA_MS if self.restart_announced else 0)

    def send_status(self, now: Instant) -> None:
        """Our heartbeat: a status on every medium, an echo to every ping node."""
        dt = f"{self.advertised_ms(now):x}"
        status = HaMessage.of(t=MessageType.STATUS, st=self.state.value, dt=dt, protocol="1")
        refused = setback.fields(self.peers, self.config.deadtime_ms, now)
        carried = () if self.streaming is None else self.streaming.fields()
        clock = () if self.sealing.mode is Seal.OFF else clock_fields(self.outbox.clock.milliseconds(now))
        self.cast(status.with_fields(*self.sealing.fields(), *refused, *carried, *clock), now)
        self.last_status = now
        ts = self.outbox.clock.stamp(now)
        for index, medium in self.pings.media:
            self.out.append(self.outbox.echo(index, self.pings.echo(medium, ts)))

    def compare_clocks(self, peer: Peer, message: HaMessage, stamp: Stamp, now: Instant) -> None:
        """A status of ``peer``: what its clock says beside ours."""
        clock = peer.clock
        if not clock.hear(message, stamp, self.outbox.clock.milliseconds(now), now):
            return
        assert clock.ms is not None
        if clock.apart:
            text = f"the clock of node {peer.name} is {words(clock.ms)}: set the clocks of both nodes, best by NTP"
            self.murmur(Severity.WARNING, "clocks-apart", peer.name, text, now)
        else:
            text = f"the clock of node {peer.name} agrees with ours again"
            self.murmur(Severity.INFO, "clocks-agree", peer.name, text, now)

    def forget_clocks(self) -> None:
        """Our own clock was set."""
        for peer in self.peers:
            peer.clock.forget()

    def set_own_state(self, state: NodeState, now: Instant) -> None:
        """Our own state changed: everybody is told at once."""
        old, self.state = self.state, state
        self.say(Severity.INFO, "own-state", f"Local status now set to: '{state}'")
        self.announce(NodeStateChanged(self.identity.node, old, state))
        self.send_status(now)

    def touch(self, name: str) -> None:
        """Something of this node may change in this step."""
        if self.touched is not None:
            self.touched.add(name)

    # -- states of the others ------------------------------------------------------------------------------------

    def patience(self) -> Patience:
        """Which dead times apply now."""
        return Patience(self.config, self.accounted)

    def set_state(self, peer: Peer, state: NodeState) -> None:
        """A node's state is (now) ``state``."""
        old, peer.state = peer.state, state
        if old is not state:
            self.say(Severity.INFO, "node-state", f"Status update for node {peer.name}: status {state}")
            self.announce(NodeStateChanged(peer.name, old, state, peer.type))

    def link_heard(self, peer: Peer, link: str, now: Instant) -> None:
        """A packet of ``peer`` came over ``link``."""
        if peer.links.heard(link, now):
            self.say(Severity.INFO, "link-up", f"Link {peer.name}:{link} up.")
            self.announce(LinkStateChanged(peer.name, link, up=True))

    def links_dead(self, peer: Peer, names: list[str]) -> None:
        """Links of ``peer`` have died."""
        for name in names:
            self.say(Severity.WARNING, "link-dead", f"Link {peer.name}:{name} dead.")
            self.announce(LinkStateChanged(peer.name, name, up=False))

    def declare_dead(self, peer: Peer, now: Instant) -> None:
        """A node has been silent for its dead time."""
        heard = peer.silence.heard
        silent = now - peer.silence.since
        old, peer.state = peer.state, NodeState.DEAD
        peer.current = False
        peer.challenge = None
        peer.proven = -1
        peer.receiver.forget()
        peer.held.clear()
        self.outbox.history.forget(peer.name)
        severity = Severity.WARNING
        self.say(severity, "node-dead", f"node {peer.name}: is dead", silent_ms=str(silent), heard=str(heard).lower())
        self.links_dead(peer, peer.links.cut())
        if self.streaming is not None:
            self.streaming.silent(peer)
        self.announce(NodeStateChanged(peer.name, old, NodeState.DEAD, peer.type, ever_heard=heard))
        if peer.type is NodeType.NORMAL and heard:
            self.save_floors(now)

    # -- floods --------------------------------------------------------------------------------------------------

    def refused(self, now: Instant) -> None:
        """A datagram was refused unread: one of many?"""
        if self.flood.refused(now):
            text = (
                f"flooded: more than {FLOOD_PER_S} datagrams a second are refused; only what looks like our nodes is"
                " let in for a while, and a node that starts meanwhile is heard a little later"
            )
            self.murmur(Severity.WARNING, "flooded", "", text, now)
            self.screen(now)

    def screen(self, now: Instant) -> None:
        """Have the screen changed if keys, sessions or addresses have."""
        screen = self.flood.change(now)
        if screen is not None:
            self.out.append(screen)

    # -- the replay floor ----------------------------------------------------------------------------------------

    def save_floors(self, now: Instant) -> int:
        """Write the floors to disk now."""
        self.floor_due = None
        self._saved = {peer.name: (peer.generation, peer.top_seq) for peer in self.peers.normal()}
        floors = self.peers.floors(self.outbox.clock.seconds(now))
        return self.persist(FLOOR_KEY, encode_floors(floors, self.sealing.record()))

    def floor_moved(self, peer: Peer, now: Instant) -> None:
        """More is believed of ``peer`` than is on disk; write it soon, and now if it is much more."""
        generation, seq = self._saved.get(peer.name, (0, 0))
        if generation != peer.generation or peer.top_seq - seq >= FLOOR_MARGIN:
            self.save_floors(now)
        elif self.floor_due is None:
            self.floor_due = after(now, FLOOR_INTERVAL_MS)
