"""Reception: from a datagram to a message that is believed.

In this order: source filter, signature, decoding, who says so, whether it is said now (:mod:`admission`), sequence
numbers. What fails a step leaves no trace but a rate-limited line of log.
"""

from __future__ import annotations

import hashlib
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_NODES
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.config.settings import Seal
from hacluster.heartbeat.admission import SourceFilter, Verdict, judge, lateness
from hacluster.heartbeat.api import PROBE, question
from hacluster.heartbeat.config import MediumSpec
from hacluster.heartbeat.delivery import Delivery, read_status
from hacluster.heartbeat.peer import Challenge, Peer, Said
from hacluster.heartbeat.sealing import STREAMED
from hacluster.heartbeat.setback import refuse
from hacluster.heartbeat.station import Station
from hacluster.msg.driver import DatagramReceived, StopRequested
from hacluster.msg.membership import NodeRestarted, NodeState, NodeType, PeerReturned
from hacluster.wire.auth import KeyRing
from hacluster.wire.fields import FieldName, MessageType, Stamp, read_stamp
from hacluster.wire.frame import Opened, open_frame
from hacluster.wire.freshness import Verdict as Unsealed
from hacluster.wire.hamsg import HaMessage
from hacluster.wire.netstring import decode
from hacluster.wire.reject import Rejected, RejectReason
from hacluster.wire.seal import Session, is_sealed

CHALLENGE_MS: Final = 1_000
MAX_OLD_RINGS: Final = 4
LIFE_SIGN_S: Final = 5
"""A repeated message counts as a sign of life of its link when it was sent less than this before the newest."""

_OTHER_KEYS: Final = frozenset(
    {RejectReason.BAD_DIGEST, RejectReason.UNKNOWN_SLOT, RejectReason.UNKNOWN_KEY, RejectReason.FORGED}
)
_LOST_GENERATION: Final = (
    "refused a message of node {node} of generation {hg}, below {known}: it is recorded, or that host was set back"
    " (a snapshot, an old state directory) and begins anew when it hears this; if it does not, 'hacluster forget"
    " {node}' lets it in again"
)
_OLD_SESSION: Final = (
    "refused datagrams of node {node} that are older than what is known of it: they are recorded, or that host was set"
    " back (a snapshot, an old state directory) and begins anew when it hears this; if it does not, 'hacluster forget"
    " {node}' lets it in again"
)
_REFUSALS: Final = {
    Verdict.OLD_GENERATION: ("replay-generation", _LOST_GENERATION),
    Verdict.OLD_SEQUENCE: ("replay-sequence", "refused a message of node {node} that was believed before (seq {seq})"),
    Verdict.OLD_TIME: ("replay-time", "refused a message of node {node} that is older than the newest by too much"),
}


class Reception:
    """Takes datagrams in."""

    def __init__(self, core: Station, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery
        self._sources = SourceFilter(core.config.allow_source)
        self._old_rings: list[tuple[KeyRing, Instant]] = []
        self._challenges = 0
        self._speakers: dict[bytes, Peer] = {}
        self._leaves = False

    def change_keys(self, ring: KeyRing, now: Instant) -> None:
        """Sign with ``ring`` from now on; what the old one signed counts for one more deadtime."""
        self._old_rings.append((self._core.outbox.keys, after(now, self._core.config.deadtime_ms)))
        del self._old_rings[:-MAX_OLD_RINGS]
        self._core.outbox.keys = ring

    def receive(self, event: DatagramReceived, now: Instant) -> None:
        """Take one datagram in."""
        core = self._core
        if not self._sources.admits(event.source):
            text = f"refused a datagram from {event.source}, which allow_source does not list"
            core.murmur(Severity.WARNING, "source-refused", "", text, now)
            core.refused(now)
            return
        medium = core.config.media[event.medium]
        try:
            if medium.ping is not None:
                self._echoed(medium, event, now)
            elif is_sealed(event.data):
                self._sealed(medium, event, now)
            else:
                self._classic(medium, event, now)
        except WireError as error:
            if not core.config.log_badpack:
                return
            text = f"a message that one of our keys made makes no sense: {error}"
            core.murmur(Severity.WARNING, "bad-message", "", text, now, source=event.source)

    def _classic(self, medium: MediumSpec, event: DatagramReceived, now: Instant) -> None:
        opened = self._open(event.data, now)
        if isinstance(opened, Rejected):
            self._rejected(opened, event, now)
            return
        said = Said(opened.message, read_stamp(opened.message), medium.link, fresh=False, source=event.source)
        peer = self._speaker(said, event.source, now)
        if peer is not None and self._classic_counts(peer, said, now):
            self._take(peer, said, now)

    def _classic_counts(self, peer: Peer, said: Said, now: Instant) -> bool:
        core = self._core
        if core.sealing.mode is Seal.ON:
            text = (
                f"refused a classic datagram of node {peer.name}, because this node has 'seal on'; for a cluster with"
                " Heartbeat nodes write 'seal offer' into hacluster.cf on all hacluster nodes"
            )
            core.murmur(Severity.WARNING, "classic-refused", peer.name, text, now)
            return False
        if core.sealing.mode is Seal.OFFER and peer.sealed:
            # While it is heard, these are the copies that it sends for the Heartbeat nodes of the cluster.
            if not peer.current:
                text = (
                    f"refused a classic datagram of node {peer.name}, which has proven that it can seal; if it runs"
                    f" Heartbeat now, 'hacluster unpin {peer.name}' lets it in"
                )
                core.murmur(Severity.WARNING, "downgrade-refused", peer.name, text, now)
            return False
        if said.message.type == MessageType.STATUS and not peer.offered:
            peer.offered = core.sealing.offered(said.message, said.stamp)
        return True

    def _sealed(self, medium: MediumSpec, event: DatagramReceived, now: Instant) -> None:
        core = self._core
        state = core.sealing.state
        if state is None:
            text = "refused a sealed datagram, because this node has 'seal off'"
            core.murmur(Severity.WARNING, "sealed-refused", "", text, now, source=event.source)
            core.refused(now)
            return
        opened = state.open(event.data)
        if isinstance(opened, Rejected):
            if opened.reason is RejectReason.OWN and opened.detail == "our own datagram":
                core.light = True
                core.self_links.heard(medium.link, now)
            else:
                self._rejected(opened, event, now)
            return
        if opened.plaintext[:1] in STREAMED:
            self._streamed(opened, now)
            return
        message = decode(opened.plaintext)
        stamp = read_stamp(message)
        if (stamp.srcuuid, stamp.hg) != (opened.session.node, opened.session.generation):
            raise WireError("not the sender of the seal", field=FieldName.SRCUUID)
        said = Said(message, stamp, medium.link, fresh=True, source=event.source)
        peer = self._speaker(said, event.source, now)
        if peer is not None and opened.fresh:
            if opened.persist or not peer.sealed:
                self._pin(peer, now)
            core.told_of_keys(core.sealing.heard(peer, opened.key_id, message, now))
            self._take(peer, said, now)
        if peer is None and opened.fresh:
            self._twin(said, now)
        if peer is not None and opened.answer:
            core.send_status(now)

    def _streamed(self, opened: Unsealed, now: Instant) -> None:
        """What belongs to streams counts when it comes from a generation whose statuses are believed now."""
        core = self._core
        core.light = not (opened.answer or opened.persist)
        if opened.answer:
            core.send_status(now)
        if not opened.fresh or core.streaming is None:
            return
        if opened.persist:
            core.save_floors(now)
        peer = self._peer_of(opened.session)
        if peer is not None:
            core.streaming.receive(peer, opened.plaintext, now)

    def _peer_of(self, session: Session) -> Peer | None:
        """The node whose present generation speaks in this session."""
        known = self._speakers.get(session.boot)
        if known is None or known.uuid != session.node or self._core.peers.get(known.name) is not known:
            known = next((peer for peer in self._core.peers.normal() if peer.uuid == session.node), None)
            if known is None:
                return None
            if len(self._speakers) >= MAX_NODES:
                self._speakers.clear()
            self._speakers[session.boot] = known
        return known if known.current and known.generation == session.generation else None

    def _pin(self, peer: Peer, now: Instant) -> None:
        peer.seal_key, peer.seal_keys = "", frozenset()
        if not peer.sealed:
            peer.sealed = True
            text = f"node {peer.name} has proven that it seals: its classic datagrams count no more"
            self._core.say(Severity.INFO, "pinned", text)
        self._core.save_floors(now)

    def _open(self, data: bytes, now: Instant) -> Opened | Rejected:
        opened = open_frame(data, self._core.outbox.keys)
        if isinstance(opened, Rejected) and opened.reason in {RejectReason.BAD_DIGEST, RejectReason.UNKNOWN_SLOT}:
            self._old_rings = [(ring, until) for ring, until in self._old_rings if until > now]
            for ring, _ in self._old_rings:
                again = open_frame(data, ring)
                if isinstance(again, Opened):
                    return again
        return opened

    def _rejected(self, rejected: Rejected, event: DatagramReceived, now: Instant) -> None:
        self._core.refused(now)
        if rejected.sender and self._old(rejected, now):
            return
        if rejected.reason is RejectReason.NOT_OURS or not self._core.config.log_badpack:
            return
        text = f"refused a datagram from {event.source}: {rejected.reason}"
        if rejected.reason in _OTHER_KEYS:
            text += (
                "; if that is a node of this cluster, its authkeys differ from ours, else another cluster uses our port"
            )
        self._core.murmur(
            Severity.WARNING,
            "datagram-refused",
            rejected.reason,
            text,
            now,
            detail=rejected.detail,
            medium=str(event.medium),
        )

    def _old(self, rejected: Rejected, now: Instant) -> bool:
        """An old datagram of a node that we know: it may be the only thing that this node can say."""
        core = self._core
        peer = next((peer for peer in core.peers.normal() if peer.uuid == rejected.sender), None)
        if peer is None or (rejected.reason is RejectReason.REPLAY and peer.current):
            return False
        # What is repeated bears the session of the living, too: only the numbers tell then whether it was set back.
        self._refuse(peer, b"" if rejected.reason is RejectReason.REPLAY else rejected.boot, now)
        core.murmur(Severity.WARNING, rejected.reason.value, peer.name, _OLD_SESSION.format(node=peer.name), now)
        return True

    def _refuse(self, peer: Peer, boot: bytes, now: Instant) -> None:
        if refuse(peer, boot, now) and not peer.current:
            self._core.send_status(now)

    def _echoed(self, medium: MediumSpec, event: DatagramReceived, now: Instant) -> None:
        core = self._core
        opened = self._open(event.data, now)
        if isinstance(opened, Rejected):
            self._rejected(opened, event, now)
            return
        stamp = read_stamp(opened.message)
        name = stamp.src.lower()
        wall = core.outbox.clock.stamp(now)
        peer = core.peers.get(name)
        if peer is None or not core.pings.answers(medium, opened.message, name, stamp.ts, wall):
            return
        core.touch(name)
        peer.silence.speak(now)
        core.link_heard(peer, medium.link, now)
        core.set_state(peer, NodeState.PING)

    def _speaker(self, said: Said, source: str, now: Instant) -> Peer | None:
        """The other member that an authentic message names as its sender."""
        core = self._core
        name = said.stamp.src.lower()
        if name == core.identity.node:
            self._own(said, source, now)
            return None
        peer = core.peers.get(name)
        if peer is None or peer.type is NodeType.PING:
            text = f"ignored a message of {name!r}, which is no node of this cluster; ha.cf must name it on all nodes"
            core.murmur(Severity.WARNING, "unknown-node", "", text, now, source=source)
            return None
        core.touch(name)
        if said.stamp.srcuuid == core.identity.uuid:
            text = f"node {name} uses our own UUID; one of the two hosts is a copy: remove hb_uuid there and restart"
            core.murmur(Severity.CRIT, "uuid-twice", name, text, now, source=source)
            return None
        return peer

    def _take(self, peer: Peer, said: Said, now: Instant) -> None:
        if said.message.type == MessageType.STATUS:
            read_status(said.message)
        core = self._core
        if self._other_host(peer, said, now):
            return
        wall = core.outbox.clock.seconds(now)
        verdict = judge(peer, said.message.type, said.stamp, wall, core.config, fresh=said.fresh)
        if verdict.believed:
            self._believed(peer, said, verdict, now)
        else:
            self._not_believed(peer, said, verdict, now)

    def _own(self, said: Said, source: str, now: Instant) -> None:
        core = self._core
        stamp, ours = said.stamp, core.outbox
        if stamp.srcuuid != core.identity.uuid:
            text = "another host sends under our node name: the node name must be unique in the cluster"
            core.murmur(Severity.CRIT, "name-twice", "", text, now, source=source)
        elif stamp.hg is not None and (stamp.hg, stamp.seq or 0) > (ours.generation, ours.history.last):
            text = "another host sends under our node name and UUID: it is a copy of this one or of its state directory"
            core.murmur(Severity.CRIT, "host-twice", "", text, now, source=source)
        elif stamp.hg == ours.generation:
            core.self_links.heard(said.link, now)

    def _twin(self, said: Said, now: Instant) -> None:
        """A living host with our name: whoever has come up just now leaves, before it takes what the other holds."""
        core = self._core
        stamp = said.stamp
        if stamp.src.lower() != core.identity.node or stamp.srcuuid == core.identity.uuid or self._leaves:
            return
        if now < after(core.started, core.config.initdead_ms):
            self._leaves = True
            text = "another host that is up has our node name: this node leaves before it takes resources"
            core.say(Severity.CRIT, "twin-leaves", text)
            core.tell(StopRequested("another host has our node name"))

    def _other_host(self, peer: Peer, said: Said, now: Instant) -> bool:
        """Whether a second host speaks under the name of a node that is here: while it is, only the first counts."""
        uuid = said.stamp.srcuuid
        if not peer.current or not peer.uuid or uuid is None or uuid == peer.uuid:
            return False
        text = (
            f"refused a message of a second host under the name of node {peer.name}, UUID {uuid.hex()} instead of"
            f" {peer.uuid.hex()}: names must be unique; if the node was set up anew, it counts once the old one is dead"
        )
        self._core.murmur(Severity.ERROR, "name-shared", peer.name, text, now)
        return True

    # -- what is not believed ------------------------------------------------------------------------------------

    def _not_believed(self, peer: Peer, said: Said, verdict: Verdict, now: Instant) -> None:
        core = self._core
        message, stamp = said.message, said.stamp
        if verdict is Verdict.DOUBTFUL:
            self._challenge(peer, said, now)
        elif verdict is Verdict.PROOF:
            self._proof(peer, said, now)
        elif verdict is Verdict.NOT_YET_HEARD and message.get(FieldName.FROM_ID) == PROBE:
            self._answer_probe(peer, said, now)
        elif verdict in _REFUSALS:
            if verdict in {Verdict.OLD_GENERATION, Verdict.OLD_SEQUENCE}:
                self._refuse(peer, b"", now)
            code, text = _REFUSALS[verdict]
            words = text.format(node=peer.name, hg=stamp.hg, known=peer.generation, seq=stamp.seq)
            core.murmur(Severity.WARNING, code, peer.name, words, now, type=message.type)

    def _challenge(self, peer: Peer, said: Said, now: Instant) -> None:
        """Ask a node that may be a recording something that only a living one can answer."""
        core = self._core
        known = peer.challenge
        if known is not None:
            known.doubted = said
        if known is not None and now < after(known.sent, CHALLENGE_MS):
            return
        if known is None:
            self._challenges += 1
            seed = core.identity.boot_nonce + peer.name.encode() + self._challenges.to_bytes(8, "big")
            known = Challenge("hx-" + hashlib.sha256(b"challenge" + seed).hexdigest()[:24], now, said)
        known.sent = now
        peer.challenge = known
        behind = lateness(peer, said.stamp, core.outbox.clock.seconds(now))
        text = (
            f"a status of node {peer.name} may be a recording, {behind} s behind that node's clock: asking the node"
            " whether it lives; if this comes back, set the clocks of both nodes"
        )
        core.murmur(Severity.WARNING, "doubtful-status", peer.name, text, now)
        core.cast(question(peer.name, known.nonce, PROBE), now)

    def _answer_probe(self, peer: Peer, said: Said, now: Instant) -> None:
        """Tell a node that doubts us that we live, though we do not believe it yet: two may doubt each other."""
        recent = peer.answered is not None and now < after(peer.answered, CHALLENGE_MS // 2)
        if recent or said.message.type != MessageType.QUERY_CSTATUS or not self._delivery.for_us(said.stamp):
            return
        answer = self._core.api.answer(peer.name, said.message)
        if answer is not None:
            peer.answered = now
            self._core.cast(answer, now)

    def _proof(self, peer: Peer, said: Said, now: Instant) -> None:
        """The node lives: what it said before is believed, and then its answer has its place in the sequence."""
        message, stamp, challenge = said.message, said.stamp, peer.challenge
        if (
            challenge is not None
            and stamp.hg is not None
            and self._delivery.for_us(stamp)
            and message.get(FieldName.CN) == challenge.nonce
            and message.get(FieldName.TO_ID) == PROBE
        ):
            peer.challenge = None
            peer.proven = stamp.hg
            self._core.say(Severity.INFO, "node-proven", f"node {peer.name} has proven that it lives")
            if challenge.doubted.stamp.hg == stamp.hg:
                self._take(peer, challenge.doubted, now)
                if peer.current:
                    self._take(peer, said, now)

    # -- what is believed ----------------------------------------------------------------------------------------

    def _believed(self, peer: Peer, said: Said, verdict: Verdict, now: Instant) -> None:
        core = self._core
        message, stamp = said.message, said.stamp
        if verdict is not Verdict.CURRENT:
            self._begins(peer, stamp, verdict)
        self._learn_uuid(peer, stamp, now)
        peer.sources[said.link] = said.source
        if stamp.seq is None:
            core.link_heard(peer, said.link, now)
            self._delivery.deliver(peer, message, stamp, now)
            return
        arrival = peer.receiver.arrive(stamp.seq, now)
        if arrival.deliver or stamp.ts + LIFE_SIGN_S >= peer.top_ts:
            core.link_heard(peer, said.link, now)
        if not arrival.deliver:
            return
        peer.top_seq = max(peer.top_seq, stamp.seq)
        peer.top_ts = max(peer.top_ts, stamp.ts)
        core.floor_moved(peer, now)
        if message.type == MessageType.STATUS:
            core.compare_clocks(peer, message, stamp, now)
        try:
            self._delivery.deliver(peer, message, stamp, now)
        finally:
            self._acknowledge(peer, now)
            self._delivery.release(peer)
        if verdict is Verdict.RETURNED:
            core.send_status(now)

    def _begins(self, peer: Peer, stamp: Stamp, verdict: Verdict) -> None:
        """The first believed status of a generation, or after the node's death."""
        core = self._core
        assert stamp.hg is not None
        known, peer.generation = peer.generation, stamp.hg
        if stamp.hg != known:
            peer.clock.forget()
            peer.top_seq = 0
            peer.top_ts = 0
        peer.status_seq = 0
        peer.receiver.forget()
        peer.held.clear()
        core.outbox.history.joined(peer.name)
        peer.current = peer.met = True
        if core.streaming is not None:
            core.streaming.heard(peer)
        peer.challenge = None
        peer.refusals.clear()
        if peer.state is NodeState.DEAD:
            peer.silence.heard = False
        if verdict is Verdict.RESTARTED:
            core.say(Severity.INFO, "node-restarted", f"node {peer.name}: restarted, generation {stamp.hg}")
            core.announce(NodeRestarted(peer.name, stamp.hg))
        elif verdict is Verdict.RETURNED:
            text = f"node {peer.name} returned after a partition: it was held dead and has not restarted"
            core.say(Severity.CRIT, "peer-returned", text)
            core.announce(PeerReturned(peer.name))

    def _learn_uuid(self, peer: Peer, stamp: Stamp, now: Instant) -> None:
        if stamp.srcuuid is None or stamp.srcuuid == peer.uuid:
            return
        core = self._core
        for other in core.peers:
            if other is not peer and other.uuid == stamp.srcuuid:
                text = f"nodes {peer.name} and {other.name} use the same UUID; remove hb_uuid on one and restart it"
                core.murmur(Severity.ERROR, "uuid-shared", peer.name, text, now)
        if peer.uuid:
            text = f"node {peer.name} has a new UUID {stamp.srcuuid.hex()}; before it was {peer.uuid.hex()}"
            core.murmur(Severity.WARNING, "uuid-changed", peer.name, text, now)
        peer.uuid = stamp.srcuuid

    def _acknowledge(self, peer: Peer, now: Instant) -> None:
        seq = peer.receiver.acknowledge()
        if seq is not None:
            self._core.whisper(HaMessage.of(t=MessageType.ACKMSG, dest=peer.name, ackseq=f"{seq:x}"), now)
