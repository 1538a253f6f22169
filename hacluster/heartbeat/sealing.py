"""Sealing policy: which datagrams are sealed, and which classic ones still count (``seal on|offer|off``).

``on``: only sealed datagrams are sent and count. ``off``: the classic wire alone. ``offer``, for clusters that have
real Heartbeat nodes: each status carries an offer (``hx``) that real nodes ignore; who has made one gets sealed
datagrams; who has answered with a fresh one is pinned, on disk, and its classic datagrams count no more. Classic
datagrams are sent as long as a live node is not pinned, and while nobody is live. A node that gets both forms of a
message drops the second.

Which sealed datagrams are fresh is :class:`hacluster.wire.freshness.SealState`'s to say.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.machine import Instant, after
from hacluster.config.settings import Seal
from hacluster.heartbeat.config import HeartbeatConfig, Identity
from hacluster.heartbeat.peer import PeerTable
from hacluster.wire import offer
from hacluster.wire.fields import Stamp
from hacluster.wire.freshness import SealState
from hacluster.wire.hamsg import Field, HaMessage
from hacluster.wire.netstring import encode
from hacluster.wire.seal import BOOT_BYTES, SealKeys, Session

_ECHO_ROOM: Final = 1_024
"""Bytes kept free in a sealed datagram: the echoes of peers that are heard later."""


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
        self._grace_ms = config.deadtime_ms
        self.mode = config.seal if config.seal_keys else Seal.OFF
        self._secrets = config.seal_keys
        self._keys: SealKeys | None = SealKeys.of(*config.seal_keys) if self.mode is not Seal.OFF else None
        self._drop_old: Instant | None = None
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

    def rotate(self, secrets: tuple[bytes, ...], now: Instant) -> None:
        """Seal with new secrets; what old ones sealed counts for one more deadtime."""
        if self.mode is Seal.OFF or self.state is None or not secrets:
            return
        before = self._secrets
        self._secrets = secrets
        self._keys = SealKeys.of(*secrets, *before)
        self._drop_old = after(now, self._grace_ms)
        self.state.use(self._keys)

    def expire(self, now: Instant) -> None:
        """The grace of old secrets may be over."""
        if self._drop_old is not None and self._drop_old <= now and self.state is not None:
            self._drop_old = None
            self._keys = SealKeys.of(*self._secrets)
            self.state.use(self._keys)

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

    def offer(self) -> tuple[Field, ...]:
        """The offer in our status."""
        if self.mode is not Seal.OFFER or self._keys is None or self.state is None:
            return ()
        return (offer.build(self._keys, self._identity.node, self.state.session),)

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
