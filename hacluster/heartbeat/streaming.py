"""What the heartbeat does for a cluster resource manager: streams between nodes, and what each status carries for ccm.

Only where a layout has one; a v1 node has no object of this kind, sends nothing of it and pays nothing for it.

* *Carried.* ccm says what each status shall carry (``Carry``); one status leaves at once when that changes. What the
  statuses of others carry is told to ccm when it is new, of every node whose word is believed. Who we are on the
  streams is (name, generation, life): the life comes with what is carried, so nobody speaks before ccm is somebody, and
  what is carried is forgotten when ccm has begun anew.
* *Streams* (:mod:`hacluster.heartbeat.stream`) travel in sealed datagrams of kinds of their own, which are neither
  numbered nor kept as the messages of v1 are. Only what a node says whose present life is known and heard is taken.
  Acknowledgements ride in statuses, too.
* *Ways.* As with messages, every datagram leaves on every medium.
* *Two measures.* The brain hands over as much as the receivers take: ``Gone`` says how much that was. When the brain
  does not deal with what was heard (``Taken``), nothing more is heard until it does; the senders repeat it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from hacluster.base.effects import MachineName, Transmit
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_UNTAKEN
from hacluster.base.machine import Instant
from hacluster.base.members import Member
from hacluster.heartbeat.config import HeartbeatConfig, Identity
from hacluster.heartbeat.outbox import Outbox
from hacluster.heartbeat.peer import Peer
from hacluster.heartbeat.sealing import STREAMED
from hacluster.heartbeat.stream import Streams, Vector, decode_fragment, decode_vector, encode
from hacluster.msg.hearing import Carried, Carry, Hearing, PulseStarted, StatusSeen
from hacluster.msg.membership import NodeStateChanged, Slept
from hacluster.msg.stream import BreakStream, Gone, Speak, Spoken, Taken
from hacluster.wire.hamsg import Field, HaMessage, binary

CARRIED: Final = "hc"
"""Field of a status: what it carries for ccm."""

HEARD: Final = "hv"
"""Field of a status: what its sender has of the streams to it."""

_FRAGMENT, _VECTOR = STREAMED
_TELL_GONE: Final = 48 * 1024
_CARRIED: Final = msgspec.msgpack.Decoder(Carried)

FOR_CCM: Final = (Slept, NodeStateChanged)
"""Of what the heartbeat tells the machines that listen, what ccm hears as well."""


def _decode_carried(data: bytes) -> Carried:
    try:
        return _CARRIED.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise WireError(f"not what a status can carry: {error}", field=CARRIED) from None


class Streaming:
    """See the module. ``send`` hands something to another machine of this node."""

    def __init__(
        self,
        config: HeartbeatConfig,
        identity: Identity,
        outbox: Outbox,
        send: Callable[[MachineName, object], None],
    ) -> None:
        self._identity, self._outbox, self._send = identity, outbox, send
        self._streams: Streams | None = None
        self._carried: Carried | None = None
        self._encoded = b""
        self._told = Vector(Member("", 0, 0), ())
        self._seen: dict[str, Carried] = {}
        self._heard: dict[str, int] = {}
        self._untaken = 0
        self._media = tuple(index for index, medium in enumerate(config.media) if medium.ping is None)
        self.status_due = False
        """What we carry has changed: a status is to leave at once."""

    # -- ccm -----------------------------------------------------------------------------------------------------

    def tell(self, body: object) -> None:
        """What the heartbeat tells whoever listens."""
        if isinstance(body, FOR_CCM):
            self._tell_ccm(body)

    def _tell_ccm(self, body: object) -> None:
        self._send(MachineName.CCM, body)

    def _tell_speech(self, body: object) -> None:
        self._send(MachineName.SPEECH, body)

    def begin(self) -> None:
        """A generation of ours begins, or ccm does: it is told everything, and has to say what we carry."""
        self._carried, self._encoded = None, b""
        self._untaken = 0
        started = PulseStarted(self._outbox.generation)
        self._tell_ccm(started)
        self._tell_speech(started)
        for node, generation in self._heard.items():
            self._tell_ccm(Hearing(node, generation, heard=True))
        for carried in self._seen.values():
            self._tell_ccm(StatusSeen(carried))

    def carry(self, carry: Carry) -> None:
        """Every status carries this from now on, and one leaves at once."""
        carried = carry.carried
        if carried.member.generation != self._outbox.generation:
            return
        if self._streams is None or self._streams.own != carried.member:
            self._streams = Streams(carried.member)
            for node in self._heard:
                self._meet(node)
        elif self._carried is None:
            # The same life: what was said between it and us has a hole.
            self._streams.break_all()
        self._carried, self._encoded = carried, msgspec.msgpack.encode(carried)
        self.status_due = True

    def fields(self) -> tuple[Field, ...]:
        """What our status says."""
        if self._carried is None or self._streams is None:
            return ()
        found = (binary(CARRIED, self._encoded),)
        owed = self._streams.owes_acknowledgement
        vector = self._streams.vector()
        if vector == self._told and not owed:
            return found
        self._told = vector
        return (*found, binary(HEARD, encode(vector)))

    # -- the others ----------------------------------------------------------------------------------------------

    def heard(self, peer: Peer) -> None:
        """A generation of a node is heard from now on."""
        self._heard[peer.name] = peer.generation
        self._tell_ccm(Hearing(peer.name, peer.generation, heard=True))
        self._meet(peer.name)

    def silent(self, peer: Peer) -> None:
        """A node is not heard any more."""
        generation = self._heard.pop(peer.name, None)
        if generation is None:
            return
        if self._streams is not None:
            self._streams.on_peer_gone(peer.name)
        self._tell_ccm(Hearing(peer.name, generation, heard=False))

    def status(self, peer: Peer, message: HaMessage, now: Instant) -> None:
        """The newest status of a node that is believed. Raises :class:`WireError` if it carries nonsense."""
        data = message.get_binary(CARRIED)
        if data is None:
            return
        carried = _decode_carried(data)
        if (carried.member.name, carried.member.generation) != (peer.name, peer.generation):
            raise WireError("another node's", field=CARRIED)
        if carried != self._seen.get(peer.name):
            self._seen[peer.name] = carried
            self._tell_ccm(StatusSeen(carried))
            self._meet(peer.name)
        heard = message.get_binary(HEARD)
        if heard is not None:
            self._acknowledged(peer, decode_vector(heard), now)

    def _meet(self, node: str) -> None:
        carried = self._seen.get(node)
        if self._streams is not None and carried is not None and self._heard.get(node) == carried.member.generation:
            self._streams.on_peer(carried.member)

    def _member(self, peer: Peer) -> Member | None:
        """The life of a node whose streams count."""
        carried = self._seen.get(peer.name)
        if carried is None or self._heard.get(peer.name) != carried.member.generation:
            return None
        return carried.member

    # -- streams -------------------------------------------------------------------------------------------------

    def speak(self, speak: Speak, now: Instant) -> None:
        """Put something into the streams."""
        streams, own = self._streams, self._identity.node
        known = [name for name in speak.to if streams is not None and streams.knows(name)]
        if streams is not None and known:
            streams.send(known, speak.data, now)
        for name in speak.to:
            if name == own and streams is not None:
                self._hand_over(streams.own, speak.data)
            if name not in known:
                self._tell_speech(Gone(name, len(speak.data)))

    def _hand_over(self, sender: Member, data: bytes) -> None:
        self._untaken += len(data)
        self._tell_speech(Spoken(sender, data))

    def taken(self, taken: Taken) -> None:
        """The brain has dealt with what it was handed."""
        self._untaken = max(0, self._untaken - taken.size)

    def break_stream(self, order: BreakStream) -> None:
        """The brain had to drop something."""
        if self._streams is not None:
            self._streams.break_stream(order.node)

    def receive(self, peer: Peer, plaintext: bytes, now: Instant) -> None:
        """A datagram of streams, of this generation of a node. Raises :class:`WireError` if it is nonsense."""
        if plaintext.startswith(_VECTOR):
            self._acknowledged(peer, decode_vector(plaintext[1:]), now)
        elif self._untaken < MAX_UNTAKEN:
            fragment = decode_fragment(plaintext[1:])
            if self._streams is None or self._carried is None or fragment.sender != self._member(peer):
                return
            whole = self._streams.on_fragment(fragment, now)
            self._tell_broken(self._streams)  # what is missing comes before what comes after it
            for delivered in whole:
                self._hand_over(delivered.sender, delivered.body)

    def _acknowledged(self, peer: Peer, vector: Vector, now: Instant) -> None:
        if self._streams is not None and vector.receiver == self._member(peer):
            self._streams.on_vector(vector, now)

    def work(self, now: Instant) -> list[Transmit]:
        """What is to leave now."""
        streams = self._streams
        if streams is None or self._carried is None:
            return []
        out: list[Transmit] = []
        due = streams.deadline()
        if due is not None and due <= now:
            for fragment in streams.pump(now):
                out += self._outbox.put_streamed(_FRAGMENT + encode(fragment), self._media)
        if streams.wants_to_acknowledge(now):
            self._told = streams.vector()
            out += self._outbox.put_streamed(_VECTOR + encode(self._told), self._media)
        for node, size in streams.freed(_TELL_GONE):
            self._tell_speech(Gone(node, size))
        self._tell_broken(streams)
        return out

    def _tell_broken(self, streams: Streams) -> None:
        for broken in streams.events:
            self._tell_speech(broken)
        streams.events.clear()

    def deadline(self) -> Instant | None:
        """When something is to be done."""
        return None if self._streams is None or self._carried is None else self._streams.deadline()
