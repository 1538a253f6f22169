"""Delivery: what a believed message means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_CLIENT_NAME, MAX_HELD, MAX_NODES
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.heartbeat.peer import Peer
from hacluster.heartbeat.setback import told_of
from hacluster.heartbeat.startup import Phase
from hacluster.heartbeat.station import Station
from hacluster.msg.membership import CommUp, MessageReceived, NodesChanged, NodeState
from hacluster.wire.fields import FieldName, MessageType, Stamp, read_hex, read_names, read_resend_range, write_names
from hacluster.wire.hamsg import HaMessage

_STATES: Final = {state.value: state for state in (NodeState.INIT, NodeState.UP, NodeState.ACTIVE)}


def read_status(message: HaMessage) -> tuple[NodeState, int | None]:
    """State and advertised dead time (milliseconds, if given) of a ``status``; :class:`WireError` if it is nonsense."""
    state = _STATES.get(message.get(FieldName.ST) or "")
    if state is None:
        raise WireError("not a state that a status can have", field=FieldName.ST)
    return state, read_hex(message, FieldName.DT) if FieldName.DT in message else None


class Delivery:
    """Acts on what the other nodes say."""

    def __init__(self, core: Station) -> None:
        self._core = core
        self._handlers: dict[str, Callable[[Peer, HaMessage, Instant], None]] = {
            MessageType.REQNODES: self._on_reqnodes,
            MessageType.REPNODES: self._on_repnodes,
            MessageType.ADDNODE: self._on_addnode,
            MessageType.DELNODE: self._on_delnode,
            MessageType.SETWEIGHT: self._on_attribute,
            MessageType.SETSITE: self._on_attribute,
            MessageType.QUERY_CSTATUS: self._on_query,
            MessageType.RESPOND_CSTATUS: self._on_answer,
            MessageType.ACKMSG: self._on_ack,
            MessageType.REXMIT: self._on_rexmit,
            MessageType.NAK_REXMIT: self._on_nak,
        }

    def for_us(self, stamp: Stamp) -> bool:
        """Whether we are addressed. A UUID decides alone; control messages go by name."""
        if stamp.seq is not None and stamp.destuuid is not None:
            return stamp.destuuid == self._core.identity.uuid
        return stamp.dest is None or stamp.dest.lower() == self._core.identity.node

    def deliver(self, peer: Peer, message: HaMessage, stamp: Stamp, now: Instant) -> None:
        """Act on a message that was believed and not delivered before. Raises :class:`WireError` if it is nonsense."""
        if not self.for_us(stamp):
            return
        handler = self._handlers.get(message.type)
        if message.type == MessageType.STATUS:
            assert stamp.seq is not None
            self._on_status(peer, message, stamp.seq, now)
        elif handler is not None:
            handler(peer, message, now)
        elif message.type == MessageType.CLIENT_STATUS:
            self._hold(peer, message, stamp)
        elif stamp.seq is not None:
            self._core.tell(MessageReceived(peer.name, message, own=False))

    # -- membership ----------------------------------------------------------------------------------------------

    def _on_status(self, peer: Peer, message: HaMessage, seq: int, now: Instant) -> None:
        """Any status is a sign of life; what it says counts only if it is the newest: datagrams overtake each other."""
        core = self._core
        state, advertised = read_status(message)
        interval = peer.silence.interval(now)
        peer.silence.speak(now)
        self._overtaken(message)
        if seq < peer.status_seq:
            return
        peer.status_seq = seq
        if advertised is not None:
            dead_ms = core.config.bounded_dead_ms(advertised)
            if dead_ms not in {advertised, peer.silence.dead_ms}:
                text = f"node {peer.name} asks for a deadtime of {advertised} ms; {dead_ms} ms is applied"
                core.murmur(Severity.WARNING, "odd-deadtime", peer.name, text, now)
            peer.silence.dead_ms = dead_ms
        if core.streaming is not None:
            core.streaming.status(peer, message, now)
        if interval is not None and interval > core.config.warntime_ms and peer.state is not NodeState.DEAD:
            text = f"Late heartbeat: Node {peer.name}: interval {interval} ms"
            core.murmur(Severity.WARNING, "late-heartbeat", peer.name, text, now)
        core.set_state(peer, state)

    def _overtaken(self, message: HaMessage) -> None:
        outbox, state = self._core.outbox, self._core.sealing.state
        boot = b"" if state is None else state.session.boot
        known = told_of(message, self._core.identity.node, outbox.generation, outbox.history.last, boot)
        if known is not None:
            self._core.overtaken = known

    def _on_reqnodes(self, peer: Peer, _message: HaMessage, now: Instant) -> None:
        core = self._core
        core.cast(
            HaMessage.of(
                dest=peer.name,
                t=MessageType.REPNODES,
                nodelist=write_names(core.peers.names()),
                delnodelist=write_names(tuple(core.deleted)),
            ),
            now,
        )

    def _on_repnodes(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        core = self._core
        theirs = [name.lower() for name in read_names(message, FieldName.NODELIST)]
        if core.phase is not Phase.ASKING:
            return
        for name in theirs:
            self._add(name, peer.name, now)
        for name in core.peers.names():
            known = core.peers.get(name)
            if name not in theirs and known is not None and known is not peer:
                self._remove(name, peer.name, now)
        self.comm_up(now)

    def comm_up(self, now: Instant) -> None:
        """The handshake is over: we are a member."""
        core = self._core
        core.phase = Phase.ACTIVE
        core.was_member = True
        core.say(Severity.INFO, "comm-up", "Comm_now_up(): updating status to active")
        core.set_own_state(NodeState.ACTIVE, now)
        core.announce(CommUp())
        for news in core.api.roll_call():
            core.cast(news, now, loop=True)

    def _add(self, name: str, by: str, now: Instant) -> None:
        core = self._core
        core.touched = None
        if core.peers.add(name, now) is not None:
            core.deleted.pop(name, None)
            core.outbox.nodes += 1
            core.say(Severity.WARNING, "node-added", f"node {name} was added to the cluster by {by}")

    def _remove(self, name: str, by: str, now: Instant) -> None:
        core = self._core
        peer = core.peers.get(name)
        if peer is None or peer.current:
            return
        core.touched = None
        if core.peers.remove(name, core.outbox.clock.seconds(now)) is not None:
            if len(core.deleted) < MAX_NODES:
                core.deleted[name] = None
            core.outbox.nodes -= 1
            core.outbox.history.forget(name)
            core.say(Severity.WARNING, "node-removed", f"node {name} was taken out of the cluster by {by}")

    def _on_addnode(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        self.change_nodes(read_names(message, FieldName.NODELIST), peer.name, now, add=True)

    def _on_delnode(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        self.change_nodes(read_names(message, FieldName.NODELIST), peer.name, now, add=False)

    def change_nodes(self, names: tuple[str, ...], by: str, now: Instant, *, add: bool) -> None:
        """Add or remove members at run time."""
        for name in names:
            (self._add if add else self._remove)(name.lower(), by, now)
        self._core.announce(self._core.view())
        if self._core.streaming is not None:
            present = self._core.peers.names()
            done = tuple(name for name in (entry.lower() for entry in names) if (name in present) is add)
            self._core.tell(NodesChanged(done, add))

    def _on_attribute(self, _peer: Peer, message: HaMessage, _now: Instant) -> None:
        name = FieldName.WEIGHT if message.type == MessageType.SETWEIGHT else FieldName.SITE
        self.set_attribute((message.get(FieldName.NODE) or "").lower(), name, message.get(name) or "")

    def set_attribute(self, node: str, name: str, value: str) -> bool:
        """Note a node's weight or site; whether node and value are such."""
        core = self._core
        target = core if node == core.identity.node else core.peers.get(node)
        if target is None or len(value) > MAX_CLIENT_NAME:
            return False
        if name == FieldName.SITE:
            target.site = value
            return True
        if not value.isascii() or not value.isdecimal() or len(value) > 9:
            return False
        target.weight = int(value)
        return True

    # -- clients -------------------------------------------------------------------------------------------------

    def _on_query(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        answer = self._core.api.answer(peer.name, message)
        if answer is not None:
            self._core.cast(answer, now)

    def _on_answer(self, peer: Peer, message: HaMessage, _now: Instant) -> None:
        reply = self._core.api.answered(peer.name, message)
        if reply is not None:
            self._core.out.append(reply)

    def _hold(self, peer: Peer, message: HaMessage, stamp: Stamp) -> None:
        assert stamp.seq is not None
        peer.held.append((stamp.seq, message))
        if len(peer.held) > MAX_HELD:
            self._release(peer, peer.held.pop(0)[1])

    def release(self, peer: Peer) -> None:
        """Hand on the client messages before which nothing is missing any more, in sequence."""
        if not peer.held:
            return
        gap = min(peer.receiver.missing, default=None)
        ready = sorted((item for item in peer.held if gap is None or item[0] < gap), key=lambda item: item[0])
        peer.held = [item for item in peer.held if gap is not None and item[0] > gap]
        for _, message in ready:
            self._release(peer, message)

    def _release(self, peer: Peer, message: HaMessage) -> None:
        self._core.tell(MessageReceived(peer.name, message, own=False))

    # -- delivery control ----------------------------------------------------------------------------------------

    def _on_ack(self, peer: Peer, message: HaMessage, _now: Instant) -> None:
        if message.get(FieldName.DEST) is not None:
            self._core.outbox.history.acknowledged(peer.name, read_hex(message, FieldName.ACKSEQ))

    def _on_rexmit(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        if message.get(FieldName.DEST) is None:
            return
        core = self._core
        first, last = read_resend_range(message)
        answer = core.outbox.history.resend(peer.name, first, last, now)
        for sent in answer.entries:
            core.out += core.outbox.put(sent)
        for seq, reason in answer.refused:
            core.whisper(
                HaMessage.of(t=MessageType.NAK_REXMIT, firstseq=f"{seq:x}", dest=peer.name, info=reason),
                now,
            )

    def _on_nak(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        seq = read_hex(message, FieldName.FIRSTSEQ)
        if message.get(FieldName.DEST) is not None and peer.receiver.give_up(seq):
            text = f"node {peer.name} cannot resend message {seq}; it is lost"
            self._core.murmur(Severity.ERROR, "message-lost", peer.name, text, now)
            self.release(peer)
