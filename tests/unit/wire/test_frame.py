from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.wire.auth import digest
from hacluster.wire.frame import Form, Opened, open_frame, sign
from hacluster.wire.hamsg import HaMessage, string
from hacluster.wire.reject import Rejected, RejectReason
from tests.unit.wire.messages import KEYS, MESSAGES, STATUS, ring

FORMS = list(Form)


def reason(data: bytes) -> RejectReason:
    opened = open_frame(data, ring())
    assert isinstance(opened, Rejected), opened
    return opened.reason


def resign(body: bytes, slot: int = 1) -> bytes:
    """A netstring datagram of any body, well signed."""
    token = f"{slot} {digest(KEYS[slot], body)}"
    return body + f"{len(token)}:{token},".encode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("slot", KEYS)
@pytest.mark.parametrize("inner", [True, False])
def test_round_trip(form: Form, slot: int, inner: bool) -> None:
    data = sign(STATUS, ring(slot), inner=inner, form=form)
    opened = open_frame(data, ring())
    assert isinstance(opened, Opened)
    assert opened.message.without("auth") == STATUS
    assert ("auth" in opened.message) == (inner or form is Form.CLASSIC)
    assert (opened.form, opened.slot) == (form, slot)


@given(MESSAGES)
def test_round_trip_of_any_message(msg: HaMessage) -> None:
    msg = msg.without("_compression_algorithm", "auth")
    opened = open_frame(sign(msg, ring(), inner=False), ring())
    if isinstance(opened, Rejected):
        assert "compressed" in opened.detail
    else:
        assert opened.message == msg


@pytest.mark.parametrize("form", FORMS)
def test_signing_replaces_an_old_signature(form: Form) -> None:
    forged = STATUS.with_fields(string("auth", "1 00"))
    assert sign(forged, ring(), form=form) == sign(STATUS, ring(), form=form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("slot", [1, 2, 15])
def test_no_bit_flip_is_accepted(form: Form, slot: int) -> None:
    good = sign(STATUS, ring(slot), form=form)
    for bit in range(8 * len(good)):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        opened = open_frame(bytes(data), ring())
        assert isinstance(opened, Rejected), (bit, opened)


@pytest.mark.parametrize("form", FORMS)
def test_no_truncation_is_accepted(form: Form) -> None:
    good = sign(STATUS, ring(), form=form).removesuffix(b"\0")
    for cut in range(len(good)):
        assert isinstance(open_frame(good[:cut], ring()), Rejected), cut


@given(
    st.binary(max_size=400), st.sampled_from([b"", b"###\n", b">>>\n"]), st.sampled_from([b"", b"%%%\n", b"\n<<<\n\0"])
)
def test_arbitrary_bytes_are_rejected(data: bytes, head: bytes, tail: bytes) -> None:
    assert isinstance(open_frame(head + data + tail, ring()), Rejected)


@given(st.binary(max_size=200))
def test_authentic_rubbish_is_malformed(data: bytes) -> None:
    opened = open_frame(resign(b"###\n" + data + b"%%%\n"), ring())
    if data:
        assert opened.reason is RejectReason.MALFORMED  # type: ignore[union-attr]
    else:
        assert opened == Opened(HaMessage(), Form.NETSTRING, 1)


def test_one_trailing_nul_is_harmless() -> None:
    data = sign(STATUS, ring())
    assert isinstance(open_frame(data + b"\0", ring()), Opened)
    assert reason(data + b"\0\0") is RejectReason.BAD_TOKEN
    assert reason(data + b"x") is RejectReason.BAD_TOKEN


def test_reasons() -> None:
    data = sign(STATUS, ring(), inner=False)
    body = data[: data.index(b"%%%\n") + 4]
    hexes = digest(KEYS[1], body)
    cases = {
        b"": RejectReason.NOT_OURS,
        b"HAX1" + bytes(60): RejectReason.NOT_OURS,
        b"##": RejectReason.NOT_OURS,
        bytes(MAX_DATAGRAM + 1): RejectReason.OVERSIZED,
        body: RejectReason.NO_TOKEN,
        body[:-4]: RejectReason.NO_TOKEN,
        body + b"42:1 xyz,": RejectReason.BAD_TOKEN,
        body + f"41:1 {hexes},".encode(): RejectReason.BAD_TOKEN,
        body + f"042:1 {hexes},".encode(): RejectReason.BAD_TOKEN,
        body + f"42:1 {hexes.upper()},".encode(): RejectReason.BAD_TOKEN,
        body + f"43:01 {hexes},".encode(): RejectReason.BAD_TOKEN,
        body + f"42:1 {hexes}".encode(): RejectReason.BAD_TOKEN,
        body + f"42:3 {hexes},".encode(): RejectReason.UNKNOWN_SLOT,
        body + f"43:16 {hexes},".encode(): RejectReason.UNKNOWN_SLOT,
        body + f"42:1 {hexes[::-1]},".encode(): RejectReason.BAD_DIGEST,
        body + f"42:2 {hexes},".encode(): RejectReason.BAD_DIGEST,
        b">>>\nt=x\n<<<\n\0": RejectReason.NO_TOKEN,
        b">>>\nt=x\nauth=1 aa\n<<<\n\0": RejectReason.BAD_DIGEST,
        b">>>\nt=x\nauth=9 aa\n<<<\n\0": RejectReason.UNKNOWN_SLOT,
        b">>>\nauth=1 aa\nt=x\n<<<\n\0": RejectReason.NO_TOKEN,
    }
    assert {data[-60:]: reason(data) for data in cases} == {data[-60:]: why for data, why in cases.items()}


def test_an_end_marker_inside_the_message_does_not_end_it() -> None:
    inner = b"%%%\n42:1 " + b"0" * 40 + b","
    msg = STATUS.with_fields(string("info", inner.decode()))
    opened = open_frame(sign(msg, ring(), inner=False), ring())
    assert isinstance(opened, Opened)
    assert opened.message == msg


def test_signed_bytes_must_be_one_message() -> None:
    body = sign(STATUS, ring(), inner=False)
    assert reason(resign(body + b"%%%\n")) is RejectReason.MALFORMED


def test_a_classic_message_with_two_signatures_is_signed_with_both() -> None:
    """A real node leaves every ``auth`` field out of the digest; here an earlier one is content like any other."""
    lines = b"t=x\nauth=1 00\n"
    data = b">>>\n" + lines + f"auth=1 {digest(KEYS[1], lines)}\n".encode() + b"<<<\n"
    assert isinstance(open_frame(data, ring()), Opened)
    bare = b">>>\n" + lines + f"auth=1 {digest(KEYS[1], b't=x' + bytes([10]))}\n".encode() + b"<<<\n"
    assert reason(bare) is RejectReason.BAD_DIGEST


def test_what_is_too_large_for_a_datagram_is_not_signed() -> None:
    with pytest.raises(WireError, match="is larger than 65507"):
        sign(STATUS.with_fields(string("info", "x" * MAX_DATAGRAM)), ring(), inner=False)


def test_details_do_not_quote_keys() -> None:
    for slot in KEYS:
        data = re.sub(rb"active", b"closed", sign(STATUS, ring(slot)))
        opened = open_frame(data, ring())
        assert isinstance(opened, Rejected)
        assert opened.detail == f"slot {slot} {KEYS[slot].method}"
