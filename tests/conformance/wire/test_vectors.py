"""Every packet that real Heartbeat nodes sent verifies, decodes and encodes to the same bytes again."""

from __future__ import annotations

import pytest

from hacluster.wire import netstring, text
from hacluster.wire.auth import Key, KeyRing, Method, digest
from hacluster.wire.fields import TAIL, FieldName, MessageType, read_resend_range, read_stamp, stamped
from hacluster.wire.frame import Form, Opened, open_frame, sign
from hacluster.wire.hamsg import HaMessage
from hacluster.wire.reject import Rejected, RejectReason
from tests.conformance.wire import vectors
from tests.conformance.wire.vectors import Packet, Session

NAMES = vectors.names()
SIGNED = list(vectors.lines("signing"))[1:]


def test_all_sessions_are_here() -> None:
    assert len(NAMES) == 53
    assert sum(len(vectors.session(name).packets) for name in NAMES) == 5063


@pytest.mark.parametrize("name", NAMES)
def test_session(name: str) -> None:
    session = vectors.session(name)
    for packet in session.packets:
        opened = open_frame(packet.payload, session.ring())
        if packet.message is None:
            assert opened == Rejected(RejectReason.NOT_OURS, "unknown start marker")
        elif packet.auth is False:
            assert isinstance(opened, Rejected), packet
            assert opened.reason is RejectReason.BAD_DIGEST
        else:
            check_authentic(session, packet, opened)


def check_authentic(session: Session, packet: Packet, opened: Opened | Rejected) -> None:
    assert packet.message is not None
    assert opened == Opened(packet.message, Form(packet.form or ""), slot_of(opened)), packet
    ring = session.ring(slot_of(opened))
    # A classic datagram has no outer token; its auth field is the signature.
    inner = packet.inner is not None
    payload = packet.payload
    if packet.form == "netstring":
        signed = payload[: payload.rindex(b"%%%\n") + 4]
        assert netstring.encode(packet.message) == signed
        assert netstring.decode(signed) == packet.message
        assert sign(packet.message, ring, inner=inner) == payload
    else:
        assert text.decode(payload) == packet.message
        assert text.encode(packet.message) == payload
        assert sign(packet.message, ring, form=Form.CLASSIC) == payload
    if inner:
        body = text.body(packet.message.without("auth").fields)
        slot, _, claimed = (packet.message.get("auth") or "").partition(" ")
        assert digest(session.keys[int(slot)], body) == claimed


def slot_of(opened: Opened | Rejected) -> int:
    assert isinstance(opened, Opened), opened
    return opened.slot


@pytest.mark.parametrize("row", SIGNED, ids=[f"{row['name']}-{row['method']}-{row['slot']}" for row in SIGNED])
def test_signing(row: dict[str, object]) -> None:
    message = vectors.message_of(row["fields"])  # type: ignore[arg-type]
    key = Key(int(str(row["slot"])), Method(str(row["method"])), str(row["key"]).encode())
    ring = KeyRing({key.slot: key}, key.slot)
    body = text.body(message.fields)
    assert body.hex() == row["classic_body_hex"]
    assert digest(key, body) == row["inner_digest"]
    assert sign(message, ring).hex() == row["netstring_hex"]
    assert sign(message, ring, inner=False).hex() == row["netstring_without_inner_hex"]
    classic = sign(message, ring, form=Form.CLASSIC)
    assert classic.hex() == row["classic_datagram_hex"]
    opened = open_frame(classic, ring)
    assert isinstance(opened, Opened)
    assert opened.message.without("auth") == message
    assert opened.form is Form.CLASSIC


@pytest.mark.parametrize("name", ["extra-33_mixed_methods", "extra-31_two_keys"])
def test_key_text_of_the_outbound_slot_is_accepted(name: str) -> None:
    """A real node verifies with the text of its own outbound slot, so its peers must sign with that text."""
    session = vectors.session(name)
    for sign_with, key in session.keys.items():
        other = next(slot for slot in session.keys if slot != sign_with)
        text_of_other = Key(other, session.keys[other].method, key.secret)
        packet = next(packet for packet in session.packets if packet.message is not None)
        assert packet.message is not None
        data = sign(packet.message, KeyRing({other: text_of_other}, other))
        assert isinstance(open_frame(data, session.ring(sign_with)), Opened)
        strict = open_frame(data, session.ring(sign_with), quirk=False)
        assert isinstance(strict, Opened) == (session.keys[other].secret == key.secret)


@pytest.mark.parametrize("name", NAMES)
def test_stamp_of_every_packet_can_be_read_and_rebuilt(name: str) -> None:
    for packet in vectors.session(name).packets:
        if packet.message is None:
            continue
        stamp = read_stamp(packet.message)
        plain = packet.message.without("auth")
        own = list(plain.fields)
        while own and own[-1].name in TAIL:
            own.pop()
        assert stamped(HaMessage(tuple(own)), stamp) == plain
        if packet.message.type == MessageType.REXMIT:
            first, last = read_resend_range(packet.message)
            assert first <= last


def test_known_words_cover_every_capture() -> None:
    types, names = set(), set()
    for name in NAMES:
        for packet in vectors.session(name).packets:
            if packet.message is not None:
                types.add(packet.message.type)
                names.update(packet.message.names())
    assert names <= set(FieldName)
    assert types <= set(MessageType), types - set(MessageType)
