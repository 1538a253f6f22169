"""Signed datagrams of the classic wire: a message and its signature, checked before it is read.

    netstring:  "###\\n" … "%%%\\n" LEN ":" SLOT " " HEX ","         the outer token signs everything before it
    classic:    ">>>\\n" … "auth=" SLOT " " HEX "\\n" "<<<\\n" NUL    the auth line signs the lines before it

A real node parses first and verifies then, so a malformed datagram from anybody can stop it. Here the signature is
found from the *end* of the datagram with one anchored pattern, checked in constant time over the raw bytes, and only
then a byte is parsed. The parser must then end exactly where the signature began, so nothing unsigned is ever read.

A netstring datagram of a node with ``msgfmt classic`` holds an inner ``auth`` field as well: the digest of its classic
lines. The outer token covers it; receivers ignore it; we send it because real nodes do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.wire import compress, netstring, text
from hacluster.wire.auth import KeyRing, digest, verify
from hacluster.wire.hamsg import HaMessage, string
from hacluster.wire.reject import Rejected, RejectReason

AUTH: Final = "auth"
"""Name of the field that holds the inner signature."""

_TOKEN: Final = re.compile(rb"%%%\n([1-9][0-9]?):((0|[1-9][0-9]{0,5}) ([0-9a-f]{1,40})),\0?\Z")
_TOKEN_WINDOW: Final = 64
_AUTH_LINE: Final = re.compile(rb"\nauth=(0|[1-9][0-9]{0,5}) ([0-9a-f]{1,40})\n<<<\n\0?\Z")
_AUTH_WINDOW: Final = 64


class Form(StrEnum):
    """The two encodings; a receiver tells them apart by the first four bytes."""

    NETSTRING = "netstring"
    CLASSIC = "classic"


@dataclass(frozen=True, slots=True)
class Opened:
    """An authentic message (expanded if it was compressed), the form it came in, the key slot it names."""

    message: HaMessage
    form: Form
    slot: int


def sign(msg: HaMessage, ring: KeyRing, *, inner: bool = True, form: Form = Form.NETSTRING) -> bytes:
    """The datagram for ``msg``; an ``auth`` field it already has is replaced.

    ``inner`` adds the inner signature of the netstring form, as a real node with ``msgfmt classic`` (its default)
    does; the classic form always has it. Raises :class:`WireError` when the message has no such form or is larger than
    a datagram can be.
    """
    key = ring.signer
    if AUTH in msg:
        msg = msg.without(AUTH)
    if inner or form is Form.CLASSIC:
        msg = msg.with_fields(string(AUTH, f"{key.slot} {digest(key, text.body(msg.fields))}"))
    if form is Form.CLASSIC:
        data = text.encode(msg)
    else:
        signed = netstring.encode(msg)
        token = f"{key.slot} {digest(key, signed)}"
        data = signed + f"{len(token)}:{token},".encode()
    if len(data) > MAX_DATAGRAM:
        raise WireError(f"datagram of {len(data)} bytes is larger than {MAX_DATAGRAM}")
    return data


def open_frame(data: bytes, ring: KeyRing, *, quirk: bool = True) -> Opened | Rejected:
    """Verify, then decode one datagram. Never raises, whatever the bytes are. ``quirk``: see ``KeyRing.verifiers``."""
    if len(data) > MAX_DATAGRAM:
        return Rejected(RejectReason.OVERSIZED, f"{len(data)} bytes")
    if data.startswith(netstring.START):
        return _open_netstring(data, ring, quirk)
    if data.startswith(text.START):
        return _open_classic(data, ring, quirk)
    return Rejected(RejectReason.NOT_OURS, "unknown start marker")


def _open_netstring(data: bytes, ring: KeyRing, quirk: bool) -> Opened | Rejected:
    found = _TOKEN.search(data, max(0, len(data) - _TOKEN_WINDOW))
    if found is None:
        marker = data.rfind(netstring.END, max(0, len(data) - _TOKEN_WINDOW))
        if marker < 0 or marker + len(netstring.END) == len(data):
            return Rejected(RejectReason.NO_TOKEN, "nothing follows the end marker, or there is none")
        return Rejected(RejectReason.BAD_TOKEN, "what follows the end marker is no signature")
    length, token, slot_text, claimed = found.groups()
    if int(length) != len(token):
        return Rejected(RejectReason.BAD_TOKEN, "the signature's length is wrong")
    signed = data[: found.start() + len(netstring.END)]
    slot = int(slot_text)
    refused = _check(signed, ring, slot, claimed, quirk)
    if refused is not None:
        return refused
    try:
        return Opened(compress.expand(netstring.decode(signed)), Form.NETSTRING, slot)
    except WireError as error:
        return Rejected(RejectReason.MALFORMED, str(error))


def _open_classic(data: bytes, ring: KeyRing, quirk: bool) -> Opened | Rejected:
    found = _AUTH_LINE.search(data, max(0, len(data) - _AUTH_WINDOW))
    if found is None:
        return Rejected(RejectReason.NO_TOKEN, "the last line is no signature")
    slot = int(found[1])
    signed = data[len(text.START) : found.start() + 1]
    refused = _check(signed, ring, slot, found[2], quirk)
    if refused is not None:
        return refused
    try:
        return Opened(compress.expand(text.decode(data)), Form.CLASSIC, slot)
    except WireError as error:
        return Rejected(RejectReason.MALFORMED, str(error))


def _check(signed: bytes, ring: KeyRing, slot: int, claimed: bytes, quirk: bool) -> Rejected | None:
    keys = ring.verifiers(slot, quirk=quirk)
    if not keys:
        return Rejected(RejectReason.UNKNOWN_SLOT, f"slot {slot}")
    for key in keys:
        if verify(key, signed, claimed):
            return None
    return Rejected(RejectReason.BAD_DIGEST, f"slot {slot} {keys[0].method}")
