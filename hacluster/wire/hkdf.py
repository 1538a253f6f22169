"""HKDF-SHA256 (RFC 5869): keys for one purpose each from one secret."""

from __future__ import annotations

import hmac
from typing import Final

_HASH_BYTES: Final = 32


def hkdf(secret: bytes, info: bytes, *, length: int = 32, salt: bytes = b"") -> bytes:
    """``length`` bytes (at most 8,160) derived from ``secret`` for what ``info`` says. ``salt`` may be empty."""
    assert 0 < length <= 255 * _HASH_BYTES, length
    pseudorandom = hmac.digest(salt or bytes(_HASH_BYTES), secret, "sha256")
    block, out = b"", b""
    for index in range(1, -(-length // _HASH_BYTES) + 1):
        block = hmac.digest(pseudorandom, block + info + bytes([index]), "sha256")
        out += block
    return out[:length]


def binding(*parts: bytes) -> bytes:
    """Parts joined so that no two different lists give the same bytes: each is preceded by its length (4 bytes)."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
