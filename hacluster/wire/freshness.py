"""Which sealed datagrams may be believed: the replay protection of a node, as a pure state machine.

Theory of operation
===================

A seal proves who made a datagram, not when. A counter window proves that a datagram was not seen before, but only for
as long as the receiver remembers, and a receiver that wrote every counter to disk would wait for its disk at every
heartbeat. So freshness is proven by an echo instead:

* At its start a node draws a boot nonce and says it in the header of all it sends (:mod:`hacluster.wire.seal`).
* Each sealed datagram carries inside an 8-byte *echo* for every peer that the sender has heard: a hash of that peer's
  UUID and boot nonce.
* A datagram that echoes *our* boot nonce was made after our start, because the nonce did not exist before. Within this
  life of ours, its counter decides: the window of its session takes each counter once.

So a datagram is **fresh** when it echoes our boot nonce, its session is its sender's newest, and its counter is new.
All that this needs is in memory; our own restart forgets it together with the nonce that the old datagrams echo.

A datagram that opens but does not echo us is **unproven**: its sender has started and not heard us yet, or it is a
recording. Nothing in it may be believed, but two things follow. Its boot nonce is echoed from now on, which is
harmless: an echo lets the sender believe *us*. And the first one of a session asks for an answer (``answer``), so that
the sender hears us at once and not only at the next heartbeat. Two nodes that start together prove each other within
two datagrams each.

Sessions of one sender are ordered by generation, which is authenticated. A proven session replaces one of a lower
generation; what comes with a lower one, or with the same one and another nonce, is refused (``old-session``):
recordings of the sender's earlier lives echo us as well if we were up then.

An unproven session never replaces a proven one. Among unproven ones the highest generation is echoed, so recordings of
earlier lives cannot push a live sender out.

Refused sessions are echoed all the same. A node that was set back (a snapshot, a state directory of last week) comes
with a generation that we believed long ago; it cannot be told from a recording, so nothing it says is believed. But an
echo costs us nothing, and by it that node knows that we live and can hear what we say of it: that its generation is
below the one that we know (:mod:`hacluster.heartbeat.setback`), and it begins anew above that.

What is on disk (:meth:`SealState.to_bytes`) is the newest proven session of each peer. It is written when a peer proved
a new session, once per start of a peer. It says which peers have ever proven that they seal (``seal offer`` does not
fall back to the classic wire for them), and keeps recordings of older sessions from being echoed or answered after our
restart. It does not bind proven datagrams: a peer whose disk was set back is believed again once it echoes us, which
after our restart it must; within one life of ours :meth:`SealState.forget` is for the administrator.

What meets which attack:

* A recorded session replayed to a node that has just started: it echoes an earlier boot nonce, so it stays unproven.
* A datagram of this life sent again: ``replay`` by the counter window, ``old-session`` if the sender restarted since.
* The same after its sender was declared dead: the window outlives the death; liveness is not asked here.
* A datagram held back and delivered later: taken once, if no more than 1,024 newer ones came before it. The sequence
  protocol above has had it resent meanwhile, and drops it.
* Our own datagrams sent back to us: refused by UUID (``own``).
* A flood of sealed rubbish: one key derivation each, and no state.
* A flood of senders: only key holders can make one, and more than ``MAX_PEERS`` are refused.

What it does not do: it keeps no time, sends nothing and decides nothing about membership. Whoever sends must seal each
transmission anew, a resent message and the same message on another medium alike: then a ``replay`` is always somebody
else's doing, and every medium shows its own life.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_NODES
from hacluster.wire.reject import Rejected, RejectReason
from hacluster.wire.replay import ReplayWindow
from hacluster.wire.seal import MAX_PLAINTEXT, Sealer, SealKeys, Session, Unsealed, Unsealer

ECHO_BYTES: Final = 8
MAX_REFUSED: Final = 4
"""Refused sessions of one peer that are echoed, the newest ones."""

MAX_PEERS: Final = MAX_NODES
"""Most peers that are remembered; sealing carries an echo for each."""

_RECORD: Final = Struct(">16sQ16s")
_STATE_MAGIC: Final = b"HAXP1\n"


class Freshness(StrEnum):
    """How far an authentic datagram can be believed."""

    FRESH = "fresh"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An authentic datagram.

    Believe ``plaintext`` only when ``fresh``. ``answer``: say something sealed at once, the sender waits to hear us.
    ``persist``: the sender proved a new session; write :meth:`SealState.to_bytes`. ``key_id``: which key sealed it.
    """

    freshness: Freshness
    session: Session
    counter: int
    plaintext: bytes
    key_id: bytes
    answer: bool = False
    persist: bool = False

    @property
    def fresh(self) -> bool:
        """Whether the content may be believed."""
        return self.freshness is Freshness.FRESH


def echo_of(session: Session) -> bytes:
    """The 8 bytes that tell a node that its boot nonce was heard."""
    return hashlib.sha256(b"hacluster echo 1" + session.node + session.boot).digest()[:ECHO_BYTES]


class _Peer:
    """What is known of one sender."""

    __slots__ = ("heard", "proven", "refused", "stored", "window")

    def __init__(self, stored: Session | None = None) -> None:
        self.proven: Session | None = None
        """Newest session that echoed us in this life."""
        self.window = ReplayWindow()
        self.heard: Session | None = None
        """Unproven session of the highest generation, while it is newer than the proven one."""
        self.stored = stored
        """Newest proven session of our earlier lives, from disk."""
        self.refused: tuple[Session, ...] = ()
        """Sessions that were refused as old ones, the latest last."""

    def echoed(self) -> Session | None:
        """The session whose boot nonce we echo first."""
        return self.proven or self.heard

    def refuse(self, session: Session) -> bool:
        """Note a refused session; whether it was not noted before."""
        if session in self.refused:
            return False
        self.refused = (*self.refused, session)[-MAX_REFUSED:]
        return True


class SealState:
    """Seals what this node says and judges what it hears. One per daemon; pure but for its own state."""

    __slots__ = ("_echoes", "_own_echo", "_peers", "_sealer", "_unsealer")

    def __init__(self, keys: SealKeys, session: Session, stored: bytes = b"") -> None:
        """``session`` is this node's, with a boot nonce that was never used before; ``stored`` is from ``to_bytes``.

        Raises :class:`WireError` when ``stored`` is damaged. To go on without it is safe: only the memory of which
        peers have sealed before is lost.
        """
        self._sealer = Sealer(keys, session)
        self._unsealer = Unsealer(keys)
        self._own_echo = echo_of(session)
        self._peers: dict[bytes, _Peer] = _parse(stored) if stored else {}
        self._echoes: bytes | None = None

    @property
    def session(self) -> Session:
        """This node's own session."""
        return self._sealer.session

    def use(self, keys: SealKeys) -> None:
        """Rotate: seal with and accept these keys from now on. Sessions and windows go on."""
        self._sealer.use(keys)
        self._unsealer.use(keys)

    def seal(self, plaintext: bytes) -> bytes:
        """One datagram for all peers, echoes inside; :class:`WireError` when it would be too long."""
        return self._sealer.seal(self._head() + plaintext)

    def room(self) -> int:
        """How many bytes one datagram can hold now."""
        return MAX_PLAINTEXT - len(self._head())

    def _head(self) -> bytes:
        if self._echoes is None:
            heard = [echo_of(session) for peer in self._peers.values() if (session := peer.echoed()) is not None]
            refused = [echo_of(session) for peer in self._peers.values() for session in peer.refused]
            echoes = (heard + refused)[:MAX_PEERS]
            self._echoes = bytes([len(echoes)]) + b"".join(echoes)
        return self._echoes

    def open(self, data: bytes) -> Verdict | Rejected:
        """Judge one datagram. Never raises, whatever the bytes are."""
        if self._sealer.made(data):
            return _OUR_OWN
        opened = self._unsealer.open(data)
        if isinstance(opened, Rejected):
            return opened
        session = opened.session
        if session.node == self.session.node:
            known = session == self.session
            return _OUR_OWN if known else Rejected(RejectReason.OWN, "our UUID with another boot nonce")
        content = split_echoes(opened.plaintext)
        if content is None:
            return Rejected(RejectReason.MALFORMED, "echoes are cut off")
        echoes, plaintext = content
        peer = self._peers.get(session.node)
        if peer is not None and peer.proven is session and self._own_echo in echoes:
            # Nearly all of them: a session that is believed goes on.
            if peer.window.accept(opened.counter):
                return Verdict(Freshness.FRESH, session, opened.counter, plaintext, opened.key_id)
            return _repeated(opened)
        peer = self._peer(session.node)
        if peer is None:
            return Rejected(RejectReason.TOO_MANY, f"more than {MAX_PEERS} peers")
        before = (peer.echoed(), peer.refused)
        verdict = self._judge(peer, opened, plaintext, self._own_echo in echoes)
        if isinstance(verdict, Rejected) and verdict.reason is RejectReason.OLD_SESSION:
            peer.refuse(session)
        elif isinstance(verdict, Verdict) and verdict.persist:
            peer.refused = ()
        if (peer.echoed(), peer.refused) != before:
            self._echoes = None
        return verdict

    def _peer(self, node: bytes) -> _Peer | None:
        peer = self._peers.get(node)
        if peer is not None:
            return peer
        if len(self._peers) >= MAX_PEERS:
            # A peer that is only on disk may be long gone; one that was heard in this life keeps its place.
            gone = next((name for name, each in self._peers.items() if each.echoed() is None), None)
            if gone is None:
                return None
            del self._peers[gone]
        self._peers[node] = _Peer()
        return self._peers[node]

    @staticmethod
    def _judge(peer: _Peer, opened: Unsealed, plaintext: bytes, echoes_us: bool) -> Verdict | Rejected:
        session = opened.session
        proven = peer.proven
        if proven is not None and session != proven and session.generation <= proven.generation:
            return _old(session, f"generation {session.generation:x} after {proven.generation:x}")
        return _proven(peer, opened, plaintext) if echoes_us else _unproven(peer, opened, plaintext)

    def forget(self, node: bytes) -> bool:
        """Drop what is known of a peer, for a node whose disk was set back; whether there was anything."""
        self._echoes = None
        return self._peers.pop(node, None) is not None

    def heard(self) -> tuple[Session, ...]:
        """The session of each peer that is heard now: the proven one, and one that may take its place."""
        found = ((peer.proven, peer.heard) for peer in self._peers.values())
        return tuple(session for both in found for session in both if session is not None)

    def is_proven(self, node: bytes) -> bool:
        """Whether this peer has proven a session in this life of ours."""
        peer = self._peers.get(node)
        return peer is not None and peer.proven is not None

    def has_sealed(self, node: bytes) -> bool:
        """Whether this peer has ever proven a session, in this life or one on disk."""
        peer = self._peers.get(node)
        return peer is not None and (peer.proven or peer.stored) is not None

    def to_bytes(self) -> bytes:
        """The newest proven session of each peer, for the disk; 40 bytes each, with a digest against damage."""
        sessions = [session for peer in self._peers.values() if (session := peer.proven or peer.stored) is not None]
        rows = b"".join(_RECORD.pack(each.node, each.generation, each.boot) for each in sessions)
        return _STATE_MAGIC + hashlib.sha256(rows).digest() + rows

    def check(self) -> None:
        """Assert every invariant."""
        assert len(self._peers) <= MAX_PEERS
        assert self.session.node not in self._peers
        for node, peer in self._peers.items():
            for session in (peer.proven, peer.heard, peer.stored):
                assert session is None or session.node == node
            if peer.proven is not None:
                assert peer.window.highest >= 1
                assert peer.heard is None or peer.heard.generation > peer.proven.generation


_OUR_OWN: Final = Rejected(RejectReason.OWN, "our own datagram")


def _old(session: Session, detail: str) -> Rejected:
    return Rejected(RejectReason.OLD_SESSION, detail, session.node, session.boot)


def _unproven(peer: _Peer, opened: Unsealed, plaintext: bytes) -> Verdict | Rejected:
    session = opened.session
    if peer.stored is not None and session.generation < peer.stored.generation:
        return _old(session, f"generation {session.generation:x} is below the one on disk")
    if peer.heard is not None and session.generation < peer.heard.generation:
        return _old(session, f"generation {session.generation:x} is below one that was heard")
    # A known session needs no answer: it will hear our next datagram anyway, and recordings must not make us talk.
    answer = session not in (peer.heard, peer.proven)
    if session != peer.proven:
        peer.heard = session
    return Verdict(Freshness.UNPROVEN, session, opened.counter, plaintext, opened.key_id, answer=answer)


def _repeated(opened: Unsealed) -> Rejected:
    session = opened.session
    detail = f"counter {opened.counter} of {session.node.hex()}"
    return Rejected(RejectReason.REPLAY, detail, session.node, session.boot)


def _proven(peer: _Peer, opened: Unsealed, plaintext: bytes) -> Verdict | Rejected:
    session = opened.session
    new = session != peer.proven
    peer.proven = session
    if new:
        peer.window = ReplayWindow()
        if peer.heard is not None and peer.heard.generation <= session.generation:
            peer.heard = None
    if not peer.window.accept(opened.counter):
        return _repeated(opened)
    # The sender could hear us, but we may have echoed another session of it until now.
    return Verdict(Freshness.FRESH, session, opened.counter, plaintext, opened.key_id, answer=new, persist=new)


def split_echoes(plaintext: bytes) -> tuple[list[bytes], bytes] | None:
    """The echoes and the message of what was sealed; ``None`` when the echoes are cut off."""
    if not plaintext:
        return None
    end = 1 + plaintext[0] * ECHO_BYTES
    if plaintext[0] > MAX_PEERS or len(plaintext) < end:
        return None
    return [plaintext[at : at + ECHO_BYTES] for at in range(1, end, ECHO_BYTES)], plaintext[end:]


def _parse(stored: bytes) -> dict[bytes, _Peer]:
    start = len(_STATE_MAGIC) + 32
    rows = stored[start:]
    if not stored.startswith(_STATE_MAGIC) or hashlib.sha256(rows).digest() != stored[len(_STATE_MAGIC) : start]:
        raise WireError("the record of sealed peers is damaged")
    if len(rows) % _RECORD.size or len(rows) // _RECORD.size > MAX_PEERS:
        raise WireError("the record of sealed peers has a wrong length")
    peers: dict[bytes, _Peer] = {}
    for node, generation, boot in _RECORD.iter_unpack(rows):
        peers[node] = _Peer(Session(node, generation, boot))
    return peers
