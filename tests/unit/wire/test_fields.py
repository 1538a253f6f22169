from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.wire.fields import (
    Stamp,
    read_decimal,
    read_hex,
    read_names,
    read_resend_range,
    read_stamp,
    read_uuid,
    stamped,
    write_names,
)
from hacluster.wire.hamsg import HaMessage, binary

U1, U2 = bytes(range(16)), bytes(range(16, 32))
WORDS = st.from_regex(r"[!-~]{1,20}", fullmatch=True)
BIG = st.integers(1, (1 << 64) - 1)


@given(st.integers(0, (1 << 64) - 1))
def test_hex_round_trip(value: int) -> None:
    assert read_hex(HaMessage.of(n=f"{value:x}"), "n") == value
    assert read_decimal(HaMessage.of(n=str(value)), "n", high=(1 << 64) - 1) == value


@pytest.mark.parametrize("text", ["", "0x1", "01", "A", "-1", "+1", " 1", "1 ", "1\n", "1_0", "g", "١", "1" * 21])
def test_bad_numbers(text: str) -> None:
    for read in (read_hex, read_decimal):
        with pytest.raises(WireError) as error:
            read(HaMessage.of(n=text), "n")
        assert error.value.field == "n"


def test_ranges() -> None:
    assert read_hex(HaMessage.of(n="ffffffff"), "n", bits=32) == 0xFFFFFFFF
    with pytest.raises(WireError, match=r"4294967296 is not in 0\.\.4294967295 in field 'n'"):
        read_hex(HaMessage.of(n="100000000"), "n", bits=32)
    with pytest.raises(WireError, match=r"is not in 0\.\.1"):
        read_decimal(HaMessage.of(isstable="2"), "isstable", high=1)
    with pytest.raises(WireError, match="missing in field 'n'"):
        read_hex(HaMessage.of(m="1"), "n")


def test_uuids() -> None:
    assert read_uuid(HaMessage((binary("u", U1),)), "u") == U1
    with pytest.raises(WireError, match="15 bytes instead of 16"):
        read_uuid(HaMessage((binary("u", U1[1:]),)), "u")
    with pytest.raises(WireError, match="missing"):
        read_uuid(HaMessage.of(u="text"), "u")


@given(st.lists(WORDS, max_size=5).map(tuple))
def test_node_lists(names: tuple[str, ...]) -> None:
    assert read_names(HaMessage.of(nodelist=write_names(names)), "nodelist") == names


def test_node_list_forms() -> None:
    assert write_names(()) == " "
    assert write_names(("alpha", "beta")) == "alpha beta "
    with pytest.raises(WireError, match="not a node name"):
        read_names(HaMessage.of(nodelist="alpha b\x01 "), "nodelist")


def test_resend_range_is_decimal() -> None:
    assert read_resend_range(HaMessage.of(firstseq="10", lastseq="12")) == (10, 12)
    for first, last in (("a", "b"), ("12", "10"), ("0", "1")):
        with pytest.raises(WireError):
            read_resend_range(HaMessage.of(firstseq=first, lastseq=last))


STAMPS = st.builds(
    Stamp,
    src=WORDS,
    ts=BIG,
    srcuuid=st.binary(min_size=16, max_size=16),
    dest=st.none() | WORDS,
    destuuid=st.none() | st.binary(min_size=16, max_size=16),
    seq=BIG,
    hg=BIG,
    ld=st.none() | WORDS,
    ttl=st.integers(0, 65_535),
)


@given(STAMPS)
def test_stamp_round_trip(stamp: Stamp) -> None:
    assert read_stamp(stamped(HaMessage.of(t="status"), stamp)) == stamp


@given(STAMPS, STAMPS)
def test_nothing_of_an_old_stamp_survives(old: Stamp, new: Stamp) -> None:
    first = stamped(HaMessage.of(t="status", auth="1 00"), old)
    assert read_stamp(stamped(first.without("dest"), new)) == new


def test_unsequenced_messages_have_neither_seq_nor_load() -> None:
    stamp = Stamp(src="alpha", ts=1, srcuuid=U1, dest="beta", destuuid=U2, hg=5, ttl=3)
    msg = stamped(HaMessage.of(t="NS_ackmsg", dest="x", ackseq="a"), stamp)
    assert msg.names() == ("t", "dest", "ackseq", "destuuid", "src", "srcuuid", "hg", "ts", "ttl")
    assert read_stamp(msg) == stamp


def test_ping_nodes_say_little() -> None:
    assert read_stamp(HaMessage.of(t="NS_st", st="ping", src="10.0.0.1", ts="1")) == Stamp("10.0.0.1", 1)


@pytest.mark.parametrize("lost", ["t", "src", "ts", "seq", "hg"])
def test_required_fields(lost: str) -> None:
    msg = HaMessage.of(t="status", src="alpha", seq="1", hg="1", ts="1").without(lost)
    with pytest.raises(WireError) as error:
        read_stamp(msg)
    assert error.value.field == lost


@pytest.mark.parametrize(("name", "value"), [("ts", "0"), ("seq", "0"), ("src", "a b"), ("src", ""), ("ttl", "-1")])
def test_stamps_that_cannot_be(name: str, value: str) -> None:
    msg = HaMessage.of(t="status", src="alpha", seq="1", hg="1", ts="1", ttl="3").replace(**{name: value})
    with pytest.raises(WireError) as error:
        read_stamp(msg)
    assert error.value.field == name
