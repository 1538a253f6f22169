from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.wire import seal
from hacluster.wire.reject import Rejected, RejectReason
from hacluster.wire.seal import (
    MAX_CACHED_SESSIONS,
    MAX_PLAINTEXT,
    OVERHEAD,
    Sealer,
    SealKey,
    SealKeys,
    Session,
    Unsealed,
    Unsealer,
)

OLD, NEW = b"old secret", b"new secret"
ALPHA = Session(b"A" * 16, 7, b"a" * 16)


def reason(unsealer: Unsealer, data: bytes) -> RejectReason:
    opened = unsealer.open(data)
    assert isinstance(opened, Rejected), opened
    return opened.reason


@given(st.binary(max_size=500))
def test_round_trip(plaintext: bytes) -> None:
    keys = SealKeys.of(OLD)
    data = Sealer(keys, ALPHA).seal(plaintext)
    assert len(data) == len(plaintext) + OVERHEAD
    assert Unsealer(keys).open(data) == Unsealed(ALPHA, 1, plaintext, keys.sealing.id)


def test_the_header() -> None:
    sealer = Sealer(SealKeys.of(OLD), ALPHA)
    sealer.seal(b"")
    data = sealer.seal(b"secret words")
    assert data[:4] == b"HAX1"
    assert data[4:8] == SealKey(OLD).id
    assert data[8:24] == b"A" * 16
    assert data[24:32] == (7).to_bytes(8, "big")
    assert data[32:48] == b"a" * 16
    assert data[48:56] == (2).to_bytes(8, "big")
    assert b"secret" not in data


def test_no_bit_flip_and_no_truncation_is_accepted() -> None:
    keys = SealKeys.of(OLD)
    unsealer = Unsealer(keys)
    good = Sealer(keys, ALPHA).seal(b"message")
    assert isinstance(unsealer.open(good), Unsealed)
    for bit in range(8 * len(good)):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        assert isinstance(unsealer.open(bytes(data)), Rejected), bit
    for cut in range(len(good)):
        assert isinstance(unsealer.open(good[:cut]), Rejected), cut
    assert reason(unsealer, good + b"\0") is RejectReason.FORGED
    assert unsealer.cached_sessions == 1


@given(st.binary(max_size=300), st.booleans())
def test_arbitrary_bytes(data: bytes, known: bool) -> None:
    keys = SealKeys.of(OLD)
    head = b"HAX1" + (keys.sealing.id if known else b"")
    assert isinstance(Unsealer(keys).open(head + data), Rejected)


def test_reasons() -> None:
    keys = SealKeys.of(OLD)
    unsealer = Unsealer(keys)
    good = Sealer(keys, ALPHA).seal(b"message")
    assert reason(unsealer, b"###\n") is RejectReason.NOT_OURS
    assert reason(unsealer, b"HAX2" + good[4:]) is RejectReason.NOT_OURS
    assert reason(unsealer, b"HAX1") is RejectReason.MALFORMED
    assert reason(unsealer, good + bytes(MAX_DATAGRAM)) is RejectReason.OVERSIZED
    assert reason(unsealer, good[:48] + bytes(8) + good[56:]) is RejectReason.MALFORMED
    assert reason(unsealer, Sealer(SealKeys.of(NEW), ALPHA).seal(b"x")) is RejectReason.UNKNOWN_KEY
    assert reason(unsealer, good[:4] + b"\0\0\0\0" + good[8:]) is RejectReason.UNKNOWN_KEY


def test_rotation_without_downtime() -> None:
    alpha, beta = Sealer(SealKeys.of(OLD), ALPHA), Unsealer(SealKeys.of(OLD))
    assert isinstance(beta.open(alpha.seal(b"1")), Unsealed)
    beta.use(SealKeys.of(OLD, NEW))
    assert isinstance(beta.open(alpha.seal(b"2")), Unsealed)
    alpha.use(SealKeys.of(NEW, OLD))
    assert beta.open(alpha.seal(b"3")) == Unsealed(ALPHA, 3, b"3", SealKeys.of(NEW).sealing.id)
    beta.use(SealKeys.of(NEW))
    assert beta.open(alpha.seal(b"4")) == Unsealed(ALPHA, 4, b"4", SealKeys.of(NEW).sealing.id)
    alpha.use(SealKeys.of(OLD))
    assert reason(beta, alpha.seal(b"5")) is RejectReason.UNKNOWN_KEY


def test_no_two_datagrams_share_key_and_nonce() -> None:
    """Same plaintext, same counter: any difference in the session changes the whole ciphertext."""
    keys = SealKeys.of(OLD)
    sessions = [
        ALPHA,
        Session(b"B" * 16, 7, b"a" * 16),
        Session(b"A" * 16, 8, b"a" * 16),
        Session(b"A" * 16, 7, b"b" * 16),
    ]
    assert len({Sealer(keys, session).seal(bytes(32))[56:] for session in sessions}) == len(sessions)
    sealer = Sealer(keys, ALPHA)
    assert len({sealer.seal(bytes(32))[56:] for _ in range(50)}) == 50


def test_the_cache_is_bounded_and_holds_only_what_opened() -> None:
    keys = SealKeys.of(OLD)
    unsealer = Unsealer(keys)
    for number in range(MAX_CACHED_SESSIONS + 10):
        data = Sealer(keys, Session(number.to_bytes(16, "big"), 1, b"a" * 16)).seal(b"x")
        assert isinstance(unsealer.open(data), Unsealed)
        assert reason(unsealer, data[:-1] + bytes([data[-1] ^ 1])) is RejectReason.FORGED
    assert unsealer.cached_sessions == MAX_CACHED_SESSIONS
    before = unsealer.cached_sessions
    for number in range(20):
        forged = data[:8] + (number + 10**6).to_bytes(16, "big") + data[24:]
        assert reason(unsealer, forged) is RejectReason.FORGED
    assert unsealer.cached_sessions == before


def test_sizes() -> None:
    sealer = Sealer(SealKeys.of(OLD), ALPHA)
    assert len(sealer.seal(bytes(MAX_PLAINTEXT))) == MAX_DATAGRAM
    with pytest.raises(WireError, match="bytes to seal are more than"):
        sealer.seal(bytes(MAX_PLAINTEXT + 1))


def test_a_secret_counts_once_and_is_not_shown() -> None:
    assert SealKeys.of(OLD, OLD) == SealKeys.of(OLD)
    assert "secret" not in repr(SealKeys.of(OLD)).replace("SealKey", "")


def test_the_library_is_loaded_only_when_something_is_sealed() -> None:
    code = (
        "import sys, hacluster.wire.seal, hacluster.wire.freshness, hacluster.wire.offer, hacluster.wire.frame;"
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert seal.is_sealed(b"HAX1...")
    assert not seal.is_sealed(b"###\n")
