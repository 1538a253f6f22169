"""Arbitrary messages, for the properties of both encodings."""

from __future__ import annotations

from hypothesis import strategies as st

from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.hamsg import Field, FieldType, HaMessage

NAMES = st.from_regex(r"[!-\"$&'*-;?-~]{1,12}", fullmatch=True)

# Every byte but NUL, as the wire would bring it: what UTF-8 cannot read comes back through surrogateescape.
ANY_TEXT = st.binary(max_size=40).map(lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
# What the classic form can carry: not empty, and none of the bytes that stand for newlines.
CLASSIC_TEXT = (
    st.binary(min_size=1, max_size=40)
    .map(lambda data: bytes(byte for byte in data if byte == 10 or byte >= 32) or b" ")
    .map(lambda data: data.decode("utf-8", "surrogateescape"))
)


def _message(fields: st.SearchStrategy[Field], size: int) -> st.SearchStrategy[HaMessage]:
    return st.lists(fields, max_size=size).map(lambda found: HaMessage(tuple(found)))


def _leaves(texts: st.SearchStrategy[str], items: st.SearchStrategy[str], smallest: int) -> st.SearchStrategy[Field]:
    data = st.binary(min_size=smallest, max_size=40)
    return st.one_of(
        st.builds(Field, NAMES, st.just(FieldType.STRING), texts),
        st.builds(Field, NAMES, st.just(FieldType.BINARY), data),
        st.builds(Field, NAMES, st.just(FieldType.COMPRESS), data),
        st.builds(Field, NAMES, st.just(FieldType.LIST), st.lists(items, min_size=smallest, max_size=4).map(tuple)),
    )


def _nested(leaves: st.SearchStrategy[Field]) -> st.SearchStrategy[HaMessage]:
    fields = st.recursive(
        leaves,
        lambda inner: st.builds(Field, NAMES, st.just(FieldType.STRUCT), _message(inner, 3)),
        max_leaves=8,
    )
    return _message(fields, 8)


MESSAGES = _nested(_leaves(ANY_TEXT, ANY_TEXT, 0))
CLASSIC_MESSAGES = _nested(_leaves(CLASSIC_TEXT, CLASSIC_TEXT.map(lambda text: text.replace("\n", " ")), 1))
STATUS = HaMessage.of(
    t="status", st="active", dt="1770", protocol="1", src="alpha", seq="a", hg="6b029843", ts="6b029844"
)

KEYS = {
    0: Key(0, Method.CRC),
    1: Key(1, Method.SHA1, b"one"),
    2: Key(2, Method.MD5, b"two"),
    15: Key(15, Method.SHA1, b"k" * 80),
}


def ring(sign_with: int = 1) -> KeyRing:
    """The test keys, signing with one of them."""
    return KeyRing(KEYS, sign_with)
