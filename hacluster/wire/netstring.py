"""The netstring form of a message: what Heartbeat 3.0.6 with cluster-glue 1.0.12 sends.

    message = "###\\n" *field "%%%\\n"
    field   = LEN ":" "(" TYPE ")" NAME "=" VALUE ","      LEN counts from "(" to the end of VALUE

Strings, binaries and compressed fields are raw bytes; a struct is a nested message; a list is a run of ``LEN:TEXT,``.
The signature token that follows in a datagram is :mod:`hacluster.wire.frame`'s.

The decoder is strict: one message has one encoding, so whatever decodes encodes to the same bytes again. It is bounded
by :mod:`hacluster.base.limits` in size, fields, name length and depth, and raises nothing but :class:`WireError`.
"""

from __future__ import annotations

import re
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DEPTH, MAX_FIELDS, MAX_MESSAGE
from hacluster.wire.hamsg import NAME_PATTERN, Field, FieldType, HaMessage, bytes_text, is_name, text_bytes

START: Final = b"###\n"
END: Final = b"%%%\n"

_HEAD: Final = re.compile(rb"([1-9][0-9]{0,6}):\(([0-4])\)(%b)=" % NAME_PATTERN.encode())
_ITEM: Final = re.compile(rb"(0|[1-9][0-9]{0,6}):")
_TYPES: Final = tuple(FieldType)
_COMMA: Final = ord(",")


def encode(msg: HaMessage) -> bytes:
    """The unsigned netstring form, ``###\\n`` to ``%%%\\n`` inclusive; :class:`WireError` if it cannot be had."""
    data = _encode(msg, 0)
    if len(data) > MAX_MESSAGE:
        raise WireError(f"message of {len(data)} bytes is larger than {MAX_MESSAGE}")
    return data


def _encode(msg: HaMessage, depth: int) -> bytes:
    if depth > MAX_DEPTH:
        raise WireError(f"structs nested deeper than {MAX_DEPTH}")
    if len(msg.fields) > MAX_FIELDS:
        raise WireError(f"more than {MAX_FIELDS} fields")
    parts = [START]
    for field in msg.fields:
        if not is_name(field.name):
            raise WireError("not a field name", field=field.name)
        if field.type is FieldType.STRING and isinstance(field.value, str):
            body = f"(0){field.name}=".encode() + text_bytes(field.value, field=field.name)
        else:
            body = b"(%d)%b=%b" % (field.type, field.name.encode(), _encode_value(field, depth))
        parts.append(b"%d:%b," % (len(body), body))
    parts.append(END)
    return b"".join(parts)


def _encode_value(field: Field, depth: int) -> bytes:
    match field.type, field.value:
        case FieldType.BINARY | FieldType.COMPRESS, bytes(data):
            return data
        case FieldType.STRUCT, HaMessage() as nested:
            return _encode(nested, depth + 1)
        case FieldType.LIST, tuple(items):
            return encode_list(items, field.name)
    raise WireError(f"a {type(field.value).__name__} is no value for type {field.type}", field=field.name)


def encode_list(items: tuple[str, ...], name: str) -> bytes:
    """A list value: ``LEN:TEXT,`` for each item; the same in both forms."""
    if len(items) > MAX_FIELDS:
        raise WireError(f"more than {MAX_FIELDS} list items", field=name)
    texts = [text_bytes(item, field=name) for item in items]
    return b"".join(b"%d:%b," % (len(text), text) for text in texts)


def decode(data: bytes) -> HaMessage:
    """The message of an unsigned netstring form. Every byte must belong to it."""
    if len(data) > MAX_MESSAGE:
        raise WireError(f"message of {len(data)} bytes is larger than {MAX_MESSAGE}")
    return _Decoder(data).message(0, len(data), 0)


class _Decoder:
    """One decoding: the bytes, and how many more fields and list items the message may have, nested ones included."""

    __slots__ = ("data", "left")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MAX_FIELDS

    def message(self, start: int, end: int, depth: int) -> HaMessage:
        """The message in ``data[start:end]``."""
        data = self.data
        if depth > MAX_DEPTH:
            raise WireError(f"structs nested deeper than {MAX_DEPTH}", offset=start)
        if not data.startswith(START, start, end):
            raise WireError("no start marker", offset=start)
        fields: list[Field] = []
        pos = start + len(START)
        while head := _HEAD.match(data, pos, end):
            self._spend(1, pos)
            length, digit, raw_name = head.groups()
            name = raw_name.decode("ascii")
            stop = head.start(2) - 1 + int(length)
            if stop >= end or data[stop] != _COMMA:
                raise WireError("field length does not lead to a comma", field=name, offset=pos)
            if stop < head.end():
                raise WireError("field length ends inside the name", field=name, offset=pos)
            kind = _TYPES[digit[0] - 48]
            fields.append(Field(name, kind, self._value(name, kind, head.end(), stop, depth)))
            pos = stop + 1
        if not data.startswith(END, pos, end):
            raise WireError("neither a field nor the end marker", offset=pos)
        if pos + len(END) != end:
            raise WireError("bytes after the end marker", offset=pos + len(END))
        return HaMessage(tuple(fields))

    def _value(
        self, name: str, kind: FieldType, start: int, stop: int, depth: int
    ) -> str | bytes | HaMessage | tuple[str, ...]:
        if kind is FieldType.STRING:
            return bytes_text(self.data[start:stop], field=name)
        if kind is FieldType.STRUCT:
            return self.message(start, stop, depth + 1)
        if kind is FieldType.LIST:
            items = decode_list(self.data[start:stop], name)
            self._spend(len(items), start)
            return items
        return self.data[start:stop]

    def _spend(self, count: int, offset: int) -> None:
        self.left -= count
        if self.left < 0:
            raise WireError(f"more than {MAX_FIELDS} fields and list items", offset=offset)


def decode_list(data: bytes, name: str) -> tuple[str, ...]:
    """The items of a list value; offsets in errors count from the start of the value."""
    items: list[str] = []
    pos = 0
    while pos < len(data):
        head = _ITEM.match(data, pos)
        if head is None:
            raise WireError("no length of a list item", field=name, offset=pos)
        stop = head.end() + int(head[1])
        if stop >= len(data) or data[stop] != _COMMA:
            raise WireError("list item length does not lead to a comma", field=name, offset=pos)
        if len(items) >= MAX_FIELDS:
            raise WireError(f"more than {MAX_FIELDS} list items", field=name, offset=pos)
        items.append(bytes_text(data[head.end() : stop], field=name))
        pos = stop + 1
    return tuple(items)
