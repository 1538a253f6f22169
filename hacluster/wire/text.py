"""The classic text form of a message: what older Heartbeats send, what the FIFO takes, what the inner signature covers.

    datagram = ">>>\\n" *line "<<<\\n" NUL                  the FIFO has the same without the NUL
    line     = ["(" TYPE ")"] NAME "=" TEXT "\\n"           no prefix for strings

A newline inside a string travels as byte 19. Binaries are base64. A struct is its own classic form whose newlines are
replaced by a byte that tells the depth. What these replacements cannot carry (byte 19 in a string, the depth bytes in a
struct, an empty value, which makes a real node hand a missing value on) :func:`encode` refuses; :func:`decode` takes an
empty value for an empty string, since shell scripts write such lines into the FIFO.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DEPTH, MAX_FIELDS, MAX_MESSAGE
from hacluster.wire.hamsg import NAME_PATTERN, Field, FieldType, HaMessage, bytes_text, is_name, text_bytes
from hacluster.wire.netstring import decode_list, encode_list

START: Final = b">>>\n"
END: Final = b"<<<\n"
NEWLINE: Final = b"\n"
STRING_NEWLINE: Final = b"\x13"
DEPTH_NEWLINES: Final = tuple(bytes([code]) for code in (*range(20, 32), *range(15, 19)))
"""What stands for a newline of a struct at depth 0..15."""

_LINE: Final = re.compile(rb"(?:\(([0-4])\))?(%b)=([^\n]*)" % NAME_PATTERN.encode())
_RESERVED: Final = re.compile(rb"[\x0f-\x12\x14-\x1f]")
_TYPES: Final = tuple(FieldType)


def encode(msg: HaMessage) -> bytes:
    """The classic form with its final NUL; :class:`WireError` if this message has none."""
    for field in msg.fields:
        _check(field, nested=False)
    data = START + body(msg.fields) + END + b"\0"
    if len(data) > MAX_MESSAGE:
        raise WireError(f"message of {len(data)} bytes is larger than {MAX_MESSAGE}")
    return data


def _check(field: Field, *, nested: bool, depth: int = 0) -> None:
    """Refuse what would come back as something else. Depth is bounded by :func:`body` as well."""
    if depth > MAX_DEPTH:
        raise WireError(f"structs nested deeper than {MAX_DEPTH}", field=field.name)
    value = field.value
    if isinstance(value, HaMessage):
        for inner in value.fields:
            _check(inner, nested=True, depth=depth + 1)
        return
    if not value:
        raise WireError("the classic form has no empty value", field=field.name)
    for item in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
        data = text_bytes(item, field=field.name)
        if STRING_NEWLINE in data or (nested and _RESERVED.search(data)):
            raise WireError("a byte that stands for a newline in the classic form", field=field.name)


def body(fields: Iterable[Field]) -> bytes:
    """The lines of the fields, without markers: what the inner signature covers (of all fields but ``auth``)."""
    return _body(fields, 0)


def _body(fields: Iterable[Field], depth: int) -> bytes:
    return b"".join([_line(field, depth) for field in fields])


def _line(field: Field, depth: int) -> bytes:
    name = field.name
    if not is_name(name):
        raise WireError("not a field name", field=name)
    if field.type is FieldType.STRING and isinstance(field.value, str):
        return f"{name}=".encode() + text_bytes(field.value, field=name).replace(NEWLINE, STRING_NEWLINE) + NEWLINE
    match field.type, field.value:
        case FieldType.BINARY | FieldType.COMPRESS, bytes(data):
            return b"(%d)%b=%b\n" % (field.type, name.encode(), binascii.b2a_base64(data, newline=False))
        case FieldType.LIST, tuple(items):
            raw = encode_list(items, name)
            if NEWLINE in raw:
                raise WireError("a newline in a list item has no classic form", field=name)
            return b"(3)%b=%b\n" % (name.encode(), raw)
        case FieldType.STRUCT, HaMessage() as nested:
            if depth >= len(DEPTH_NEWLINES):
                raise WireError(f"structs nested deeper than {len(DEPTH_NEWLINES)}", field=name)
            inner = START + _body(nested.fields, depth + 1) + END
            return b"(2)%b=%b\n" % (name.encode(), inner.replace(NEWLINE, DEPTH_NEWLINES[depth]))
    raise WireError(f"a {type(field.value).__name__} is no value for type {field.type}", field=name)


def decode(data: bytes) -> HaMessage:
    """The message of a classic form; one NUL after the end marker is allowed and not needed."""
    if len(data) > MAX_MESSAGE:
        raise WireError(f"message of {len(data)} bytes is larger than {MAX_MESSAGE}")
    return HaMessage(tuple(_decode(data.removesuffix(b"\0"), 0, [MAX_FIELDS])))


def _decode(data: bytes, depth: int, budget: list[int]) -> list[Field]:
    if not data.startswith(START):
        raise WireError("no start marker", offset=0)
    if not data.endswith(NEWLINE + END):
        raise WireError("no end marker", offset=len(data))
    fields: list[Field] = []
    pos = len(START)
    stop = len(data) - len(END)
    while pos < stop:
        _spend(budget, 1)
        line = _LINE.match(data, pos, stop)
        if line is None:
            raise WireError("a line that is no field", offset=pos)
        digit, name, value = line.groups()
        kind = _TYPES[digit[0] - 48] if digit else FieldType.STRING
        fields.append(_field(name.decode("ascii"), kind, value, depth, budget))
        pos = line.end() + 1
    return fields


def _spend(budget: list[int], count: int) -> None:
    budget[0] -= count
    if budget[0] < 0:
        raise WireError(f"more than {MAX_FIELDS} fields and list items")


def _field(name: str, kind: FieldType, value: bytes, depth: int, budget: list[int]) -> Field:
    match kind:
        case FieldType.STRING:
            return Field(name, kind, bytes_text(value.replace(STRING_NEWLINE, NEWLINE), field=name))
        case FieldType.LIST:
            items = decode_list(value, name)
            _spend(budget, len(items))
            return Field(name, kind, items)
        case FieldType.STRUCT:
            if depth >= len(DEPTH_NEWLINES):
                raise WireError(f"structs nested deeper than {len(DEPTH_NEWLINES)}", field=name)
            nested = _decode(value.replace(DEPTH_NEWLINES[depth], NEWLINE), depth + 1, budget)
            return Field(name, kind, HaMessage(tuple(nested)))
        case _:
            return Field(name, kind, _unbase64(value, name))


def _unbase64(value: bytes, name: str) -> bytes:
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except binascii.Error as error:
        raise WireError(f"not base64: {error}", field=name) from None
    if binascii.b2a_base64(data, newline=False) != value:
        raise WireError("base64 with stray bits", field=name)
    return data
