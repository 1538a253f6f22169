from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.errors import WireError
from hacluster.wire.hamsg import (
    Field,
    FieldType,
    HaMessage,
    binary,
    bytes_text,
    is_name,
    string,
    text_bytes,
)

MSG = HaMessage((string("t", "status"), binary("u", b"x" * 16), string("t", "second"), string("u", "text")))


def test_of_keeps_the_order_of_keywords() -> None:
    msg = HaMessage.of(t="status", st="active", dt="1")
    assert msg.names() == ("t", "st", "dt")
    assert msg == HaMessage((string("t", "status"), string("st", "active"), string("dt", "1")))


def test_accessors_see_the_first_field_of_name_and_type() -> None:
    assert MSG.type == "status"
    assert MSG.get("t") == "status"
    assert MSG.get("u") == "text"
    assert MSG.get_binary("u") == b"x" * 16
    assert MSG.get("none") is None
    assert MSG.get_binary("t") is None
    assert HaMessage().type == ""
    assert "u" in MSG
    assert "v" not in MSG


def test_other_types() -> None:
    nested = HaMessage.of(a="b")
    msg = HaMessage(
        (
            Field("l", FieldType.LIST, ("a", "b")),
            Field("s", FieldType.STRUCT, nested),
            Field("c", FieldType.COMPRESS, b"zz"),
        )
    )
    assert msg.get_list("l") == ("a", "b")
    assert msg.get_struct("s") == nested
    assert msg.get_binary("c") is None
    assert msg.get_list("s") is None
    assert msg.get_struct("l") is None
    assert repr(msg) == "HaMessage(l=['a', 'b'] s={a=b} c=<2 bytes>)"


def test_changes_make_new_messages() -> None:
    changed = MSG.replace(t="starting", info="new")
    assert changed.names() == ("t", "u", "u", "info")
    assert changed.get("t") == "starting"
    assert MSG.get("t") == "status"
    assert MSG.without("t", "none").names() == ("u", "u")
    assert MSG.with_fields(string("z", "1")).names()[-1] == "z"
    assert hash(MSG) == hash(HaMessage(MSG.fields))


def test_repr_is_compact_and_shows_uuids() -> None:
    assert repr(HaMessage.of(t="x", ld="1 2")) == "HaMessage(t=x ld='1 2')"
    assert f"{HaMessage((binary('u', bytes(16)),))}" == f"u=<{'00' * 16}>"


@pytest.mark.parametrize("name", ["", "a=b", "(0)t", "a b", "a\n", "ä", "x" * 256, "<<<", "###", "%%%", "\0"])
def test_names_that_cannot_travel(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("name", ["t", "_compressed_payload", "ip-request", "x" * 255, "a.b:c/d"])
def test_names_that_can(name: str) -> None:
    assert is_name(name)


@given(st.binary())
def test_every_byte_but_nul_survives(data: bytes) -> None:
    if 0 in data:
        with pytest.raises(WireError, match="NUL byte"):
            bytes_text(data, field="x")
    else:
        assert text_bytes(bytes_text(data)) == data


def test_text_that_cannot_be_encoded() -> None:
    with pytest.raises(WireError, match="cannot be encoded in field 'info' at byte 1"):
        text_bytes("a\ud800", field="info")
    with pytest.raises(WireError, match="NUL byte in a string in field 'info' at byte 1"):
        text_bytes("a\0", field="info")
