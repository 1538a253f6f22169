from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DEPTH, MAX_FIELDS, MAX_MESSAGE
from hacluster.wire.hamsg import Field, FieldType, HaMessage, string
from hacluster.wire.netstring import decode, encode
from tests.unit.wire.messages import MESSAGES


def test_the_form() -> None:
    msg = HaMessage(
        (
            string("t", "status"),
            Field("u", FieldType.BINARY, b"\0,\n"),
            Field("s", FieldType.STRUCT, HaMessage.of(a="b")),
            Field("l", FieldType.LIST, ("x", "")),
            string("info", ""),
        )
    )
    data = b"###\n11:(0)t=status,8:(1)u=\0,\n,21:(2)s=###\n6:(0)a=b,%%%\n,12:(3)l=1:x,0:,,8:(0)info=,%%%\n"
    assert encode(msg) == data.replace(b"21:(2)s", b"%d:(2)s" % (5 + 17)).replace(b"8:(1)u", b"8:(1)u")
    assert decode(encode(msg)) == msg


@given(MESSAGES)
def test_round_trip(msg: HaMessage) -> None:
    assert decode(encode(msg)) == msg


@given(MESSAGES, st.data())
def test_what_decodes_has_no_other_encoding(msg: HaMessage, data: st.DataObject) -> None:
    good = bytearray(encode(msg))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(good) - 1))
        good[at] = data.draw(st.integers(0, 255))
    try:
        decoded = decode(bytes(good))
    except WireError:
        return
    assert encode(decoded) == bytes(good)


@given(st.binary(max_size=300))
def test_arbitrary_bytes(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


@given(MESSAGES, st.integers(0, 10_000))
def test_truncated(msg: HaMessage, cut: int) -> None:
    data = encode(msg)
    with pytest.raises(WireError):
        decode(data[: cut % len(data)])


BAD = {
    b"": "no start marker at byte 0",
    b"###\n": "neither a field nor the end marker at byte 4",
    b"###\n%%%": "neither a field nor the end marker",
    b"###\n%%%\nx": "bytes after the end marker at byte 8",
    b"###\n06:(0)a=b,%%%\n": "neither a field",
    b"###\n6:(5)a=b,%%%\n": "neither a field",
    b"###\n6:(0)=bb,%%%\n": "neither a field",
    b"###\n6:[0)a=b,%%%\n": "neither a field",
    b"###\n5:(0)a=b,%%%\n": "does not lead to a comma in field 'a' at byte 4",
    b"###\n7:(0)a=b,%%%\n": "does not lead to a comma",
    b"###\n6:(0)a=b": "does not lead to a comma",
    b"###\n9999999:(0)a=b,%%%\n": "does not lead to a comma",
    b"###\n4:(0),,=b,%%%\n": "ends inside the name",
    b"###\n7:(0)a=b\0,%%%\n": "NUL byte in a string in field 'a' at byte 1",
    b"###\n6:(2)a=b,%%%\n": "no start marker",
    b"###\n6:(3)a=b,%%%\n": "no length of a list item in field 'a'",
    b"###\n8:(3)a=2:b,%%%\n": "list item length",
    b"###\n9:(3)a=01:b,,%%%\n": "no length of a list item",
}


@pytest.mark.parametrize(("data", "text"), BAD.items(), ids=[repr(data) for data in BAD])
def test_refused(data: bytes, text: str) -> None:
    with pytest.raises(WireError) as error:
        decode(data)
    assert text in str(error.value)


def nest(levels: int) -> bytes:
    data = b"###\n%%%\n"
    for _ in range(levels):
        body = b"(2)s=" + data
        data = b"###\n%d:%b,%%%%%%\n" % (len(body), body)
    return data


def test_depth_is_bounded() -> None:
    assert encode(decode(nest(MAX_DEPTH))) == nest(MAX_DEPTH)
    for levels in (MAX_DEPTH + 1, 2_000):
        with pytest.raises(WireError, match="nested deeper"):
            decode(nest(levels))
    msg = HaMessage()
    for _ in range(MAX_DEPTH + 1):
        msg = HaMessage((Field("s", FieldType.STRUCT, msg),))
    with pytest.raises(WireError, match="nested deeper"):
        encode(msg)


def test_fields_are_bounded_nested_ones_included() -> None:
    many = b"6:(0)a=b," * (MAX_FIELDS // 2)
    nested = b"(2)s=###\n" + many + b"%%%\n"
    with pytest.raises(WireError, match="more than 1000"):
        decode(b"###\n" + many + b"%d:%b," % (len(nested), nested) + b"%%%\n")
    items = b"(3)l=" + b"0:," * (MAX_FIELDS + 1)
    with pytest.raises(WireError, match="more than 1000"):
        decode(b"###\n%d:%b,%%%%%%\n" % (len(items), items))
    items = b"(3)l=" + b"0:," * 600
    decode(b"###\n%d:%b,%%%%%%\n" % (len(items), items))
    with pytest.raises(WireError, match="more than 1000"):
        decode(b"###\n" + b"%d:%b," % (len(items), items) * 2 + b"%%%\n")
    with pytest.raises(WireError, match="more than 1000 fields"):
        encode(HaMessage((string("a", "b"),) * (MAX_FIELDS + 1)))
    with pytest.raises(WireError, match="more than 1000 list items"):
        encode(HaMessage((Field("l", FieldType.LIST, ("",) * (MAX_FIELDS + 1)),)))


def test_size_is_bounded() -> None:
    with pytest.raises(WireError, match="is larger than"):
        decode(b"#" * (MAX_MESSAGE + 1))
    with pytest.raises(WireError, match="is larger than"):
        encode(HaMessage((string("a", "x" * MAX_MESSAGE),)))


def test_values_must_be_of_their_type() -> None:
    with pytest.raises(WireError, match="a str is no value for type 1 in field 'u'"):
        encode(HaMessage((Field("u", FieldType.BINARY, "text"),)))
    with pytest.raises(WireError, match="a bytes is no value for type 0"):
        encode(HaMessage((Field("u", FieldType.STRING, b"data"),)))
    with pytest.raises(WireError, match="not a field name"):
        encode(HaMessage((string("a=b", "c"),)))
