from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.wire import netstring, text
from hacluster.wire.hamsg import HaMessage
from hacluster.wire.offer import build, parse, verify
from hacluster.wire.seal import SealKeys, Session

KEYS = SealKeys.of(b"secret", b"next secret")
ALPHA = Session(b"A" * 16, 0x6B029843, b"a" * 16)


def test_round_trip() -> None:
    field = build(KEYS, "alpha", ALPHA)
    assert field.name == "hx"
    msg = HaMessage.of(t="status").with_fields(field)
    for form in (netstring, text):
        value = form.decode(form.encode(msg)).get("hx")
        assert value is not None
        offer = parse(value)
        assert offer.boot == ALPHA.boot
        assert verify(offer, KEYS, "alpha", ALPHA.node, ALPHA.generation) == ALPHA


def test_any_accepted_secret_will_do() -> None:
    offer = parse(str(build(SealKeys.of(b"next secret"), "alpha", ALPHA).value))
    assert verify(offer, KEYS, "alpha", ALPHA.node, ALPHA.generation) == ALPHA
    assert verify(offer, SealKeys.of(b"secret"), "alpha", ALPHA.node, ALPHA.generation) is None


def test_it_binds_name_uuid_generation_and_nonce() -> None:
    offer = parse(str(build(KEYS, "alpha", ALPHA).value))
    assert verify(offer, KEYS, "beta", ALPHA.node, ALPHA.generation) is None
    assert verify(offer, KEYS, "alpha", b"B" * 16, ALPHA.generation) is None
    assert verify(offer, KEYS, "alpha", ALPHA.node, ALPHA.generation + 1) is None
    other = parse(str(build(KEYS, "alpha", Session(ALPHA.node, ALPHA.generation, b"b" * 16)).value))
    mixed = type(offer)(other.boot, offer.mac)
    assert verify(mixed, KEYS, "alpha", ALPHA.node, ALPHA.generation) is None


@given(st.text(max_size=80) | st.from_regex(r"1:[0-9a-f]{30,33}:[0-9a-f]{30,33}"))
def test_arbitrary_text(value: str) -> None:
    try:
        offer = parse(value)
    except WireError:
        return
    assert value == f"1:{offer.boot.hex()}:{offer.mac.hex()}"


def test_other_versions_are_named() -> None:
    with pytest.raises(WireError, match="offer of version 2, not 1"):
        parse("2:whatever")
    with pytest.raises(WireError, match="not an offer"):
        parse("1:abcdef")
