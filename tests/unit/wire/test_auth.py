from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.wire.auth import Key, KeyRing, Method, crc, digest, verify
from tests.unit.wire.messages import KEYS, ring


def crc_bit_by_bit(data: bytes) -> int:
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if register >> 31 else register << 1
    return register ^ 0xFFFFFFFF


@given(st.binary(max_size=400))
def test_crc_is_the_textbook_loop(data: bytes) -> None:
    assert crc(data) == crc_bit_by_bit(data)


def test_crc_check_values() -> None:
    assert digest(KEYS[0], b"123456789") == "765e7680"
    assert digest(KEYS[0], b"8") == "dc57fd7"


@given(st.binary(max_size=100))
def test_keyed_methods_are_hmacs(data: bytes) -> None:
    assert digest(KEYS[15], data) == hmac.new(b"k" * 80, data, hashlib.sha1).hexdigest()
    assert digest(KEYS[2], data) == hmac.new(b"two", data, hashlib.md5).hexdigest()


def test_verify() -> None:
    for key in KEYS.values():
        good = digest(key, b"data").encode()
        assert verify(key, b"data", good)
        assert not verify(key, b"date", good)
        assert not verify(key, b"data", good[:-1])
        assert not verify(key, b"data", b"")


def test_secrets_do_not_show() -> None:
    assert "one" not in repr(KEYS[1])
    assert "one" not in repr(ring())


def test_verifiers() -> None:
    assert ring(1).verifiers(7) == ()
    assert ring(1).verifiers(1) == (KEYS[1],)
    assert ring(1).verifiers(2) == (KEYS[2], Key(2, Method.MD5, b"one"))
    assert ring(1).verifiers(2, quirk=False) == (KEYS[2],)
    assert ring(1).verifiers(0) == (KEYS[0],)
    assert ring(0).verifiers(1) == (KEYS[1],)


@pytest.mark.parametrize(
    ("slot", "method", "secret"),
    [(16, Method.SHA1, b"x"), (-1, Method.SHA1, b"x"), (1, Method.MD5, b""), (1, Method.CRC, b"x")],
)
def test_impossible_keys(slot: int, method: Method, secret: bytes) -> None:
    with pytest.raises(AssertionError):
        Key(slot, method, secret)


def test_a_ring_must_hold_its_signer() -> None:
    with pytest.raises(AssertionError):
        KeyRing(KEYS, 3)
