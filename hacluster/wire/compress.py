"""Compressed messages: accepted in both of Heartbeat's styles, never sent.

* Traditional: the message is exactly ``_compressed_payload`` (binary, the whole unsigned wire form compressed) and
  ``_compression_algorithm``; an inner signature beside them is ignored as everywhere.
* Default: a struct field travels as a field of type 4 holding its compressed wire form, and the message names the
  algorithm in ``_compression_algorithm``.

:func:`expand` undoes either. The output of one message, all its fields together, is bounded by ``MAX_MESSAGE``: a few
bytes that unpack into gigabytes are refused after that many.
"""

from __future__ import annotations

from typing import Final, Protocol

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DEPTH, MAX_MESSAGE
from hacluster.wire import netstring, text
from hacluster.wire.hamsg import Field, FieldType, HaMessage

ALGORITHM: Final = "_compression_algorithm"
PAYLOAD: Final = "_compressed_payload"


class _Decompressor(Protocol):
    """What zlib's and bz2's decompressors have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def expand(msg: HaMessage) -> HaMessage:
    """The message as it was before compression; the same object when nothing in it is compressed."""
    algorithm = msg.get(ALGORITHM)
    if algorithm is None:
        for field in msg.fields:
            if field.type is FieldType.COMPRESS:
                raise WireError("a compressed field, but no algorithm is named", field=field.name)
        return msg
    payload = msg.get_binary(PAYLOAD)
    if payload is not None:
        if sorted(set(msg.names()) - {"auth"}) != [PAYLOAD, ALGORITHM]:
            raise WireError("a compressed message has no other fields", field=PAYLOAD)
        expanded = _message(_inflate(payload, algorithm, PAYLOAD, MAX_MESSAGE), PAYLOAD)
        if ALGORITHM in expanded:
            raise WireError("a compressed message inside a compressed message", field=PAYLOAD)
        return expanded
    left = [MAX_MESSAGE]
    fields = [_expand_field(field, algorithm, left, 0) for field in msg.fields if field.name != ALGORITHM]
    return HaMessage(tuple(fields))


def _expand_field(field: Field, algorithm: str, left: list[int], depth: int) -> Field:
    if depth > MAX_DEPTH:
        raise WireError(f"structs nested deeper than {MAX_DEPTH}", field=field.name)
    if isinstance(field.value, HaMessage):
        fields = tuple(_expand_field(inner, algorithm, left, depth + 1) for inner in field.value.fields)
        return Field(field.name, FieldType.STRUCT, HaMessage(fields))
    if field.type is not FieldType.COMPRESS or not isinstance(field.value, bytes):
        return field
    data = _inflate(field.value, algorithm, field.name, left[0])
    left[0] -= len(data)
    nested = HaMessage((Field(field.name, FieldType.STRUCT, _message(data, field.name)),))
    return _expand_field(nested.fields[0], algorithm, left, depth + 1)


def _decompressor(algorithm: str) -> _Decompressor:
    # Imported here: a cluster that never compresses, which is nearly every one, does not load them.
    if algorithm == "zlib":
        import zlib  # noqa: PLC0415

        return zlib.decompressobj()
    if algorithm == "bz2":
        import bz2  # noqa: PLC0415

        return bz2.BZ2Decompressor()
    raise WireError(f"unknown compression {algorithm[:20]!r}", field=ALGORITHM)


def _inflate(data: bytes, algorithm: str, name: str, limit: int) -> bytes:
    inflater = _decompressor(algorithm)
    try:
        out = inflater.decompress(data, limit + 1)
    except Exception as error:  # zlib.error, OSError, ValueError, EOFError: each library has its own
        raise WireError(f"not {algorithm} data: {error}", field=name) from None
    if len(out) > limit:
        raise WireError(f"expands to more than {limit} bytes", field=name)
    if not inflater.eof or inflater.unused_data:
        raise WireError(f"{algorithm} data is cut off or has a tail", field=name)
    return out


def _message(data: bytes, name: str) -> HaMessage:
    data = data.removesuffix(b"\0")
    if data.startswith(netstring.START):
        return netstring.decode(data)
    if data.startswith(text.START):
        return text.decode(data)
    raise WireError("what was compressed is no message", field=name)
