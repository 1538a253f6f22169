"""The sealed envelope: a datagram that only key holders can read or make.

    offset  bytes
         0      4  "HAX1": start marker and version; a real Heartbeat node ignores it
         4      4  key id: tells which secret sealed it, so that several can be accepted while keys are rotated
         8     16  UUID of the sender
        24      8  generation of the sender (big endian), higher after each start of its daemon
        32     16  boot nonce: random, new at each start of the daemon
        48      8  counter (big endian): 1, 2, 3 … within the session
        56         ciphertext of the plaintext, then 16 bytes of tag

Sessions. (sender, generation, boot nonce) names a session. Its key is HKDF-SHA256 of the secret with all three and the
purpose in the info string; the AEAD is ChaCha20-Poly1305 (RFC 8439) with the counter as nonce and the header as
associated data. A nonce is used once per key because the counter only goes up and a session's key is never derived
again: a start makes a new boot nonce. Who may have been set back to an older state of memory (a virtual machine that
returns to a snapshot) must start a new session, which the daemon does when it notices that it slept.

What it stops: reading (resource names, load, node names), changing, making a datagram without the secret, passing one
node's datagram off as another's by editing it. A datagram that does not open costs one key derivation and no memory: a
session's key is kept only after a datagram opened with it.

What it does not: a node that has the secret can derive every session's key, so the cluster trusts its members. Sizes
and times of datagrams stay visible. Replay is :mod:`hacluster.wire.freshness`'s.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING, Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DATAGRAM, MAX_NODES
from hacluster.wire.hkdf import binding, hkdf
from hacluster.wire.reject import Rejected, RejectReason

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

MARKER: Final = b"HAX1"
UUID_BYTES: Final = 16
BOOT_BYTES: Final = 16
TAG_BYTES: Final = 16
MAX_COUNTER: Final = (1 << 64) - 1
MAX_CACHED_SESSIONS: Final = 2 * MAX_NODES
"""Session keys an unsealer keeps; the longest unused goes first."""

_TAGS_KEPT: Final = 1_024
"""Of so many datagrams of our own it is known without opening them that they are ours."""

_HEADER: Final = Struct(">4s4s16sQ16sQ")
_WHO: Final = slice(4, 48)
"""Key, node, generation and boot nonce in the header: everything that a cipher depends on."""

OVERHEAD: Final = _HEADER.size + TAG_BYTES
MAX_PLAINTEXT: Final = MAX_DATAGRAM - OVERHEAD


@dataclass(frozen=True, slots=True)
class SealKey:
    """One secret. ``id`` (4 bytes, derived) is what stands in the datagram, so key slots need not agree."""

    secret: bytes = field(repr=False)
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        assert self.secret, "an empty secret seals nothing"
        object.__setattr__(self, "id", hkdf(self.secret, b"hacluster seal 1 key id", length=4))


@dataclass(frozen=True, slots=True)
class SealKeys:
    """Every secret that is accepted, and the one that seals.

    Rotation without downtime: a node goes on sealing with the old secret until the others have shown that they have the
    new one (:mod:`hacluster.heartbeat.sealing`). Who wants no hurry adds the new secret on every node, makes it the
    sealing one on every node, and then drops the old.
    """

    accepted: tuple[SealKey, ...]
    sealing: SealKey

    def __post_init__(self) -> None:
        assert self.sealing in self.accepted

    @classmethod
    def of(cls, *secrets: bytes) -> SealKeys:
        """Keys of these secrets; the first one seals."""
        keys = tuple(dict.fromkeys(SealKey(secret) for secret in secrets))
        return cls(keys, keys[0])

    def find(self, key_id: bytes) -> SealKey | None:
        """The accepted key of this id."""
        return next((key for key in self.accepted if key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class Session:
    """Who speaks and since when: UUID, generation (0 <= n < 2**64), boot nonce."""

    node: bytes
    generation: int
    boot: bytes

    def __post_init__(self) -> None:
        assert len(self.node) == UUID_BYTES, len(self.node)
        assert len(self.boot) == BOOT_BYTES, len(self.boot)
        assert 0 <= self.generation <= MAX_COUNTER, self.generation

    def key(self, secret: bytes) -> bytes:
        """The 32 bytes that seal this session's datagrams."""
        info = binding(b"hacluster seal 1 datagram", self.node, self.generation.to_bytes(8, "big"), self.boot)
        return hkdf(secret, info)


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What an authentic datagram holds, and the id of the key that sealed it."""

    session: Session
    counter: int
    plaintext: bytes
    key_id: bytes


def _cipher(key: bytes) -> ChaCha20Poly1305:
    # Imported here: a cluster that says ``seal off`` does not load the library.
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305  # noqa: PLC0415

    return ChaCha20Poly1305(key)


def is_sealed(data: bytes) -> bool:
    """Whether the datagram claims to be a sealed one."""
    return data.startswith(MARKER)


class Sealer:
    """Seals what one session of this node says. The counter survives :meth:`use`, so it never repeats."""

    __slots__ = ("_cipher", "_counter", "_key_id", "_tags", "session")

    def __init__(self, keys: SealKeys, session: Session) -> None:
        self.session = session
        self._counter = 0
        self._tags = [bytes(TAG_BYTES + 1)] * _TAGS_KEPT
        self.use(keys)

    def use(self, keys: SealKeys) -> None:
        """Seal with another secret from now on."""
        self._key_id = keys.sealing.id
        self._cipher = _cipher(self.session.key(keys.sealing.secret))

    def seal(self, plaintext: bytes) -> bytes:
        """One datagram, ``OVERHEAD`` bytes longer than ``plaintext``; :class:`WireError` when that is too long."""
        if len(plaintext) > MAX_PLAINTEXT:
            raise WireError(f"{len(plaintext)} bytes to seal are more than {MAX_PLAINTEXT}")
        assert self._counter < MAX_COUNTER
        self._counter += 1
        session = self.session
        header = _HEADER.pack(MARKER, self._key_id, session.node, session.generation, session.boot, self._counter)
        data = header + self._cipher.encrypt(_nonce(self._counter), plaintext, header)
        self._tags[self._counter % _TAGS_KEPT] = data[-TAG_BYTES:]
        return data

    def made(self, data: bytes) -> bool:
        """Whether this sealer made this datagram lately: a broadcast medium brings back everything that is sent.

        Nobody else can make one with that tag, which this session has used for this number only.
        """
        counter = int.from_bytes(data[48:56], "big")
        return data[-TAG_BYTES:] == self._tags[counter % _TAGS_KEPT]


class Unsealer:
    """Opens datagrams of any session whose secret is known."""

    __slots__ = ("_ciphers", "_keys")

    def __init__(self, keys: SealKeys) -> None:
        self._ciphers: OrderedDict[bytes, tuple[ChaCha20Poly1305, Session]] = OrderedDict()
        self._keys = keys

    def use(self, keys: SealKeys) -> None:
        """Accept these secrets from now on, and no other."""
        self._keys = keys
        self._ciphers.clear()

    def open(self, data: bytes) -> Unsealed | Rejected:
        """Check and decrypt. Never raises, whatever the bytes are."""
        if not data.startswith(MARKER):
            return Rejected(RejectReason.NOT_OURS, "unknown start marker")
        if len(data) > MAX_DATAGRAM:
            return Rejected(RejectReason.OVERSIZED, f"{len(data)} bytes")
        if len(data) < OVERHEAD:
            return Rejected(RejectReason.MALFORMED, f"{len(data)} bytes are no sealed datagram")
        counter = int.from_bytes(data[48:56], "big")
        if counter == 0:
            return Rejected(RejectReason.MALFORMED, "counters begin at 1")
        who = data[_WHO]
        known = self._ciphers.get(who)
        if known is None:
            _, key_id, node, generation, boot, _ = _HEADER.unpack_from(data)
            key = self._keys.find(key_id)
            if key is None:
                return Rejected(RejectReason.UNKNOWN_KEY, f"key id {key_id.hex()}")
            session = Session(node, generation, boot)
            cipher = _cipher(session.key(key.secret))
        else:
            cipher, session = known
        # Known here because the caller has paid for it already: see _cipher.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        try:
            plaintext = cipher.decrypt(_nonce(counter), data[_HEADER.size :], data[: _HEADER.size])
        except InvalidTag:
            return Rejected(RejectReason.FORGED, "the seal is broken")
        if known is None:
            self._keep(who, (cipher, session))
        else:
            self._ciphers.move_to_end(who)
        return Unsealed(session, counter, plaintext, data[4:8])

    def _keep(self, who: bytes, cipher: tuple[ChaCha20Poly1305, Session]) -> None:
        self._ciphers[who] = cipher
        if len(self._ciphers) > MAX_CACHED_SESSIONS:
            self._ciphers.popitem(last=False)

    @property
    def cached_sessions(self) -> int:
        """How many session keys are kept now."""
        return len(self._ciphers)


def _nonce(counter: int) -> bytes:
    return counter.to_bytes(12, "big")
