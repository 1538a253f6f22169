"""Sealing policy: which datagrams are sealed, and which classic ones still count (``seal on|offer|off``).

``on``: only sealed datagrams are sent and count. ``off``: the classic wire alone. ``offer``, for clusters that have
real Heartbeat nodes: each status carries an offer (``hx``) that real nodes ignore; who has made one gets sealed
datagrams; who has answered with a fresh one is pinned, on disk, and its classic datagrams count no more. Classic
datagrams are sent as long as a live node is not pinned, and while nobody is live. A node that gets both forms of a
message drops the second.

Which sealed datagrams are fresh is :class:`hacluster.wire.freshness.SealState`'s to say.

Keys change while nodes talk. Each status says which keys its sender has on file (``hk``, their public ids), and each
sealed datagram which one made it. A node that has read new keys opens both kinds at once, but goes on sealing with the
old key until every living peer has shown that it has the new one. An old key that is no longer on file is held no
longer than :func:`hold_ms`; then it neither seals nor opens, on all nodes that read the files at about the same time:
a node that has not read them by then is cut off in both directions until it does. An old key that is still on file is
held as long as it takes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.machine import Instant, after
from hacluster.config.settings import Seal
from hacluster.heartbeat.config import HeartbeatConfig, Identity
from hacluster.heartbeat.peer import Peer, PeerTable
from hacluster.wire import offer
from hacluster.wire.fields import Stamp
from hacluster.wire.freshness import SealState
from hacluster.wire.hamsg import Field, HaMessage, string
from hacluster.wire.netstring import encode
from hacluster.wire.screen import WORD
from hacluster.wire.seal import BOOT_BYTES, SealKey, SealKeys, Session

_ECHO_ROOM: Final = 1_024
"""Bytes kept free in a sealed datagram: the echoes of peers that are heard later."""


KEYS_ON_FILE: Final = "hk"
"""Field of a status: ids of the keys on file, hexadecimal, the one that shall seal first; real nodes ignore it."""

MAX_ANNOUNCED: Final = 16
"""As many keys as authkeys has slots; what is announced beyond that is not looked at."""


STREAMED: Final = (b"F", b"V")
"""First byte of what is sealed when it belongs to streams (:mod:`hacluster.heartbeat.streaming`): a fragment, an
acknowledgement. A message begins with ``#``."""


def hold_ms(deadtime_ms: int) -> int:
    """How long a key that was taken off the file goes on: shorter than a death, long enough to reload every node."""
    return deadtime_ms * 3 // 4


@dataclass(frozen=True, slots=True)
class Forms:
    """In which forms a message is sent now."""

    sealed: bool
    classic: bool


class Sealing:
    """The policy and the state of the seal of this run."""

    def __init__(self, config: HeartbeatConfig, identity: Identity, peers: PeerTable) -> None:
        self._identity = identity
        self._peers = peers
        self._hold_ms = hold_ms(config.deadtime_ms)
        self._settle_ms = config.keepalive_ms
        self.mode = config.seal if config.seal_keys else Seal.OFF
        self._keys: SealKeys | None = SealKeys.of(*config.seal_keys) if self.mode is not Seal.OFF else None
        self._on_file: tuple[SealKey, ...] = self._keys.accepted if self._keys is not None else ()
        self._held_until: Instant | None = None
        self._told = False
        self.state: SealState | None = None
        self.stored = b""

    def begin(self, generation: int) -> str:
        """Open the session of this generation; the text of an error that makes us forget whom we sealed with, or ""."""
        if self._keys is None:
            return ""
        if self.state is not None:
            self.stored = self.state.to_bytes()
        seed = self._identity.boot_nonce + generation.to_bytes(8, "big")
        session = Session(self._identity.uuid, generation, hashlib.sha256(b"session" + seed).digest()[:BOOT_BYTES])
        try:
            self.state = SealState(self._keys, session, self.stored)
        except WireError as error:
            self.state = SealState(self._keys, session)
            return str(error)
        return ""

    def record(self) -> bytes:
        """What is to be kept on disk."""
        return self.stored if self.state is None else self.state.to_bytes()

    def forget(self, uuid: bytes) -> None:
        """Forget which sessions a node had."""
        if self.state is not None:
            self.state.forget(uuid)

    # -- keys ----------------------------------------------------------------------------------------------------

    @property
    def key_id(self) -> str:
        """The id (hexadecimal) of the key that seals now; empty with ``seal off``."""
        return "" if self._keys is None else self._keys.sealing.id.hex()

    def key_ids(self) -> tuple[bytes, ...]:
        """The ids of all keys whose datagrams we open."""
        return () if self._keys is None else tuple(key.id for key in self._keys.accepted)

    def boots(self) -> tuple[bytes, ...]:
        """The beginnings of the boot nonces of all sessions that are heard."""
        return () if self.state is None else tuple(session.boot[:WORD] for session in self.state.heard())

    def rotate(self, secrets: tuple[bytes, ...], now: Instant) -> str:
        """The keys on file are these from now on, the first one to seal; what is to be said of it, or ""."""
        if self._keys is None or self.state is None or not secrets:
            return ""
        self._on_file = SealKeys.of(*secrets).accepted
        self._held_until, self._told = after(now, self._hold_ms), False
        accepted = tuple(dict.fromkeys((*self._on_file, *self._keys.accepted)))
        self._use(SealKeys(accepted, self._keys.sealing))
        return self.settle(now)

    def heard(self, peer: Peer, key_id: bytes, message: HaMessage, now: Instant) -> str:
        """A fresh sealed message of ``peer``: which keys it has; what is to be said of the consequence, or ""."""
        text = message.get(KEYS_ON_FILE)
        known = peer.seal_keys
        if text is not None:
            known = frozenset(text.split(" ", MAX_ANNOUNCED)[:MAX_ANNOUNCED])
        if (peer.seal_key, peer.seal_keys) == (key_id.hex(), known):
            return ""
        peer.seal_key, peer.seal_keys = key_id.hex(), known
        return self.settle(now)

    def settle(self, now: Instant) -> str:
        """Go over to the key that shall seal, and forget old ones, if it is time; what is to be said of it, or ""."""
        if self._keys is None or self._held_until is None:
            return ""
        wanted = self._on_file[0]
        others = [peer for peer in self._peers.alive() if peer.sealed]
        lacking = [peer.name for peer in others if not peer.has_key(wanted.id.hex())]
        over = self._held_until <= now
        held = self._keys.sealing in self._on_file
        said = ""
        if self._keys.sealing != wanted and (not lacking or (over and not held)):
            said = f"sealing with key {wanted.id.hex()} from now on"
            self._use(SealKeys(self._keys.accepted, wanted))
        if over:
            if self._keys.sealing == wanted:
                self._held_until = None
            elif not self._told:
                said = f"still sealing with the key before: {', '.join(lacking)} has not read key {wanted.id.hex()}"
            self._told = True
            if self._keys.accepted != self._on_file:
                self._use(SealKeys(self._on_file, self._keys.sealing))
        elif others and all(peer.seal_key == wanted.id.hex() for peer in others):
            # What was sealed with the old key may still be under way.
            self._held_until = min(self._held_until, after(now, self._settle_ms))
        return said

    def _use(self, keys: SealKeys) -> None:
        assert self.state is not None
        self._keys = keys
        self.state.use(keys)

    # -- sending -------------------------------------------------------------------------------------------------

    def forms(self) -> Forms:
        """How to send now."""
        match self.mode:
            case Seal.OFF:
                return Forms(sealed=False, classic=True)
            case Seal.ON:
                return Forms(sealed=True, classic=False)
            case Seal.OFFER:
                alive = self._peers.alive()
                capable = any(peer.sealed or peer.offered for peer in self._peers.normal())
                return Forms(sealed=capable, classic=not alive or any(not peer.sealed for peer in alive))

    def plaintext(self, message: HaMessage) -> bytes:
        """What is sealed; :class:`WireError` when it does not fit."""
        plain = encode(message)
        if self.state is not None and len(plain) > self.state.room() - _ECHO_ROOM:
            raise WireError(f"{len(plain)} bytes do not fit in a sealed datagram")
        return plain

    def seal(self, plaintext: bytes) -> bytes:
        """One sealed datagram; the same plaintext twice makes two."""
        assert self.state is not None
        return self.state.seal(plaintext)

    def fields(self) -> tuple[Field, ...]:
        """What our status says of the seal: the keys on file, and the offer."""
        if self._keys is None or self.state is None:
            return ()
        on_file = string(KEYS_ON_FILE, " ".join(key.id.hex() for key in self._on_file[:MAX_ANNOUNCED]))
        if self.mode is not Seal.OFFER:
            return (on_file,)
        return (on_file, offer.build(self._keys, self._identity.node, self.state.session))

    # -- receiving -----------------------------------------------------------------------------------------------

    def offered(self, message: HaMessage, stamp: Stamp) -> bool:
        """Whether a classic status carries a valid offer."""
        text = message.get(offer.OFFER)
        if self.mode is not Seal.OFFER or self._keys is None or text is None:
            return False
        if stamp.srcuuid is None or stamp.hg is None:
            return False
        try:
            made = offer.parse(text)
        except WireError:
            return False
        return offer.verify(made, self._keys, stamp.src, stamp.srcuuid, stamp.hg) is not None
