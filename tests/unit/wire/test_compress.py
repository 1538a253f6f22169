from __future__ import annotations

import bz2
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_MESSAGE
from hacluster.wire import netstring, text
from hacluster.wire.compress import ALGORITHM, PAYLOAD, expand
from hacluster.wire.frame import Opened, open_frame, sign
from hacluster.wire.hamsg import Field, FieldType, HaMessage, binary, string
from hacluster.wire.reject import Rejected, RejectReason
from tests.unit.wire.messages import STATUS, ring

PACK = {"zlib": zlib.compress, "bz2": bz2.compress}


def whole(data: bytes, algorithm: str = "zlib") -> HaMessage:
    return HaMessage((binary(PAYLOAD, data), string(ALGORITHM, algorithm)))


def part(data: bytes, algorithm: str = "zlib") -> HaMessage:
    return HaMessage((string("t", "x"), Field("cib", FieldType.COMPRESS, data), string(ALGORITHM, algorithm)))


def test_what_is_not_compressed_stays() -> None:
    assert expand(STATUS) is STATUS


@pytest.mark.parametrize("algorithm", PACK)
@pytest.mark.parametrize("encode", [netstring.encode, text.encode])
def test_both_styles(algorithm: str, encode: object) -> None:
    packed = PACK[algorithm](encode(STATUS))  # type: ignore[operator]
    assert expand(whole(packed, algorithm)) == STATUS
    expected = HaMessage((string("t", "x"), Field("cib", FieldType.STRUCT, STATUS)))
    assert expand(part(packed, algorithm)) == expected


def test_a_signed_compressed_message_opens_expanded() -> None:
    msg = whole(zlib.compress(netstring.encode(STATUS)))
    for inner in (True, False):
        opened = open_frame(sign(msg, ring(), inner=inner), ring())
        assert isinstance(opened, Opened), opened
        assert opened.message == STATUS


@pytest.mark.parametrize("algorithm", PACK)
@pytest.mark.parametrize("style", [whole, part])
def test_bombs(algorithm: str, style: object) -> None:
    bomb = PACK[algorithm](bytes(50_000_000))
    with pytest.raises(WireError, match="expands to more than"):
        expand(style(bomb, algorithm))  # type: ignore[operator]
    opened = open_frame(sign(style(bomb, algorithm), ring()), ring())  # type: ignore[operator]
    assert isinstance(opened, Rejected)
    assert opened.reason is RejectReason.MALFORMED


def test_many_small_bombs_share_one_bound() -> None:
    inner = netstring.encode(HaMessage((string("a", "x" * (MAX_MESSAGE // 3)),)))
    fields = [Field("c", FieldType.COMPRESS, zlib.compress(inner))] * 4
    with pytest.raises(WireError, match="expands to more than"):
        expand(HaMessage((*fields, string(ALGORITHM, "zlib"))))


def test_refused() -> None:
    packed = zlib.compress(netstring.encode(STATUS))
    nested = zlib.compress(netstring.encode(whole(packed)))
    cases = {
        whole(b"rubbish"): "not zlib data",
        whole(b"rubbish", "bz2"): "not bz2 data",
        whole(packed[:-5]): "cut off",
        whole(packed + b"x"): "has a tail",
        whole(packed, "lzma"): "unknown compression 'lzma'",
        whole(zlib.compress(b"hello")): "is no message",
        whole(zlib.compress(b"###\nx")): "neither a field",
        whole(nested): "inside a compressed message",
        whole(packed).with_fields(string("t", "x")): "has no other fields",
        HaMessage((Field("c", FieldType.COMPRESS, packed),)): "no algorithm is named",
    }
    for msg, expected in cases.items():
        with pytest.raises(WireError) as error:
            expand(msg)
        assert expected in str(error.value)


def test_nested_compressed_fields_are_expanded_and_bounded() -> None:
    deep = netstring.encode(HaMessage((Field("b", FieldType.COMPRESS, zlib.compress(netstring.encode(STATUS))),)))
    expanded = expand(part(zlib.compress(deep)))
    assert expanded.get_struct("cib") == HaMessage((Field("b", FieldType.STRUCT, STATUS),))
    data = netstring.encode(STATUS)
    for _ in range(40):
        data = netstring.encode(HaMessage((Field("b", FieldType.COMPRESS, zlib.compress(data)),)))
    with pytest.raises(WireError, match="nested deeper"):
        expand(part(zlib.compress(data)))


@given(st.binary(max_size=200), st.sampled_from(["zlib", "bz2", ""]))
def test_arbitrary_payloads(data: bytes, algorithm: str) -> None:
    for style in (whole, part):
        with pytest.raises(WireError):
            expand(style(data, algorithm))
