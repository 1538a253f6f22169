from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_FIELDS, MAX_MESSAGE
from hacluster.wire.hamsg import Field, FieldType, HaMessage, binary, string
from hacluster.wire.text import DEPTH_NEWLINES, body, decode, encode
from tests.unit.wire.messages import CLASSIC_MESSAGES, MESSAGES


def struct(name: str, msg: HaMessage) -> Field:
    return Field(name, FieldType.STRUCT, msg)


def test_the_form() -> None:
    inner = HaMessage((string("a", "b"), struct("d", HaMessage.of(e="f\ng"))))
    msg = HaMessage(
        (
            string("info", "two\nlines"),
            binary("u", b"abcd"),
            Field("l", FieldType.LIST, ("x", "yz")),
            struct("s", inner),
        )
    )
    deep = b">>>\x15e=f\x13g\x15<<<\x15"
    data = (
        b">>>\ninfo=two\x13lines\n(1)u=YWJjZA==\n(3)l=1:x,2:yz,\n(2)s=>>>\x14a=b\x14(2)d="
        + deep
        + b"\x14<<<\x14\n<<<\n\0"
    )
    assert encode(msg) == data
    assert decode(data) == msg


def test_the_fifo_has_no_nul() -> None:
    msg = HaMessage.of(t="ask_resources", rsc_hold="all", info="me")
    assert decode(b">>>\nt=ask_resources\nrsc_hold=all\ninfo=me\n<<<\n") == msg
    assert decode(b">>>\n<<<\n") == HaMessage()
    assert decode(b">>>\n(0)t=x\ninfo=\n<<<\n") == HaMessage.of(t="x", info="")


@given(CLASSIC_MESSAGES)
def test_round_trip(msg: HaMessage) -> None:
    try:
        data = encode(msg)
    except WireError:
        # A struct whose newlines meet a binary's or a list's bytes cannot be had; leaves always can.
        assert any(field.type is FieldType.STRUCT for field in msg.fields)
        return
    assert decode(data) == msg


@given(MESSAGES)
def test_what_it_encodes_comes_back(msg: HaMessage) -> None:
    try:
        data = encode(msg)
    except WireError:
        return
    assert decode(data) == msg


@given(st.binary(max_size=300).map(lambda data: b">>>\n" + data + b"\n<<<\n\0"))
def test_arbitrary_lines(data: bytes) -> None:
    try:
        decode(data)
    except WireError:
        return


BAD = {
    b"": "no start marker",
    b">>>\nt=x\n": "no end marker",
    b">>>\nt=x\n<<<\n\0\0": "no end marker",
    b">>>\nt=x\n<<<\nx=y\n<<<\n": "a line that is no field at byte 8",
    b">>>\n\n<<<\n": "a line that is no field at byte 4",
    b">>>\nno equals\n<<<\n": "a line that is no field",
    b">>>\n(5)t=x\n<<<\n": "a line that is no field",
    b">>>\nt=a\0b\n<<<\n": "NUL byte",
    b">>>\n(1)u=YWJj!\n<<<\n": "not base64",
    b">>>\n(1)u=YWJjZB==\n<<<\n": "stray bits",
    b">>>\n(2)s=x\n<<<\n": "no start marker",
    b">>>\n(3)l=1:xy,\n<<<\n": "list item length",
}


@pytest.mark.parametrize(("data", "text"), BAD.items(), ids=[repr(data) for data in BAD])
def test_refused(data: bytes, text: str) -> None:
    with pytest.raises(WireError) as error:
        decode(data)
    assert text in str(error.value)


UNSPEAKABLE = {
    "empty": string("info", ""),
    "newline byte": string("info", "a\x13b"),
    "depth byte": struct("s", HaMessage.of(a="x\x14y")),
    "newline in a list": Field("l", FieldType.LIST, ("a\nb",)),
    "wrong type": Field("u", FieldType.BINARY, "text"),
}


@pytest.mark.parametrize("field", UNSPEAKABLE.values(), ids=UNSPEAKABLE.keys())
def test_what_has_no_classic_form(field: Field) -> None:
    with pytest.raises(WireError):
        encode(HaMessage((field,)))


def test_the_inner_signature_covers_what_a_real_node_would_render() -> None:
    """The body of a netstring message may hold what a classic message cannot."""
    assert body([string("info", ""), string("x", "\x13")]) == b"info=\nx=\x13\n"


def test_bounds() -> None:
    with pytest.raises(WireError, match="more than 1000 fields"):
        decode(b">>>\n" + b"a=b\n" * (MAX_FIELDS + 1) + b"<<<\n")
    with pytest.raises(WireError, match="more than 1000 fields and list items"):
        decode(b">>>\n" + (b"(3)l=" + b"0:," * 600 + b"\n") * 2 + b"<<<\n")
    with pytest.raises(WireError, match="is larger than"):
        decode(b">" * (MAX_MESSAGE + 2))
    msg = HaMessage.of(a="b")
    for _ in range(16):
        msg = HaMessage((struct("s", msg),))
    assert decode(encode(msg)) == msg
    with pytest.raises(WireError, match="nested deeper"):
        encode(HaMessage((struct("s", msg),)))
    with pytest.raises(WireError, match="nested deeper"):
        body([struct("s", msg)])
    with pytest.raises(WireError, match="is larger than"):
        encode(HaMessage.of(info="x" * MAX_MESSAGE))
    with pytest.raises(WireError, match="not a field name"):
        encode(HaMessage((string("a b", "c"),)))


def test_decoding_ends_where_the_depth_bytes_end() -> None:
    data = b">>>\na=b\n<<<\n"
    for newline in reversed(DEPTH_NEWLINES):
        data = b">>>\n(2)s=" + data.replace(b"\n", newline) + b"\n<<<\n"
    assert encode(decode(data)) == data + b"\0"
    for code in range(32):
        deeper = data.replace(b"a=b", b"(2)s=>>>%ba=b%b<<<%b" % ((bytes([code]),) * 3))
        with pytest.raises(WireError):
            decode(deeper)
