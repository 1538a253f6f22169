"""Keys and digests of the classic wire: crc, md5, sha1.

``md5`` and ``sha1`` are HMACs. ``crc`` is the CRC-32 of POSIX cksum without its length: polynomial 0x04C11DB7, most
significant bit first, initial value 0, complemented at the end, hex without leading zeros. It detects damage and
authenticates nobody.
"""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MAX_SLOT: Final = 15
"""Highest key slot of authkeys; the lowest is 0."""

_MIRROR: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Method(StrEnum):
    """The authentication methods of authkeys."""

    CRC = "crc"
    MD5 = "md5"
    SHA1 = "sha1"

    @property
    def keyed(self) -> bool:
        """Whether the method needs a key, that is, authenticates."""
        return self is not Method.CRC


@dataclass(frozen=True, slots=True)
class Key:
    """One slot of authkeys: slot number 0..15, method, and the key's bytes (empty for crc)."""

    slot: int
    method: Method
    secret: bytes = field(repr=False, default=b"")

    def __post_init__(self) -> None:
        assert 0 <= self.slot <= MAX_SLOT, self.slot
        assert bool(self.secret) == self.method.keyed, f"slot {self.slot}: {self.method} with key {bool(self.secret)}"


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All slots, and the one that signs. Every slot verifies."""

    keys: Mapping[int, Key]
    sign_with: int

    def __post_init__(self) -> None:
        assert self.sign_with in self.keys, self.sign_with
        assert all(slot == key.slot for slot, key in self.keys.items())

    @property
    def signer(self) -> Key:
        """The key that signs what we send."""
        return self.keys[self.sign_with]

    def verifiers(self, slot: int, *, quirk: bool = True) -> tuple[Key, ...]:
        """The keys that may have signed a message that names ``slot``; empty when the slot is.

        With ``quirk``, second, the slot's method with the key text of our own outbound slot: a real 3.0.6 node looks
        the method up in the named slot but takes the text of the slot it signs with itself.
        """
        key = self.keys.get(slot)
        if key is None:
            return ()
        text = self.signer.secret
        if not quirk or not key.method.keyed or not text or text == key.secret:
            return (key,)
        return (key, Key(slot, key.method, text))


def crc(data: bytes) -> int:
    """Heartbeat's CRC-32 of ``data``.

    zlib computes the mirror image: the same polynomial, least significant bit first. Mirroring each byte on the way in
    and the word on the way out makes one the other, at the speed of C (0.7 µs for 300 bytes).
    """
    word = zlib.crc32(data.translate(_MIRROR), 0xFFFFFFFF)
    return int.from_bytes(word.to_bytes(4, "little").translate(_MIRROR), "big")


def digest(key: Key, data: bytes) -> str:
    """The digest as it stands on the wire: lower-case hex; 40 digits sha1, 32 md5, 1 to 8 crc."""
    if key.method is Method.CRC:
        return f"{crc(data):x}"
    return hmac.digest(key.secret, data, key.method.value).hex()


def verify(key: Key, data: bytes, claimed: bytes) -> bool:
    """Whether ``claimed`` (hex) is the digest of ``data``, compared in constant time."""
    return hmac.compare_digest(digest(key, data).encode(), claimed)
