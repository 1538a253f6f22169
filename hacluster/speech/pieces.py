"""Pieces: how a message of any size is handed to the heartbeat, which knows nothing of what it carries.

    offset  bytes
         0      1  flags: 1 first piece of a message, 2 last, 4 the data of this piece is compressed
         1      4  number of the message (big endian), so that a piece whose beginning was lost is known
         5         data

A piece is compressed when it is its turn and never before, so that a large message costs its sender a little at a time.
"""

from __future__ import annotations

import zlib
from typing import Final

from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_PIECE, MAX_STREAM_MESSAGE

_FIRST: Final = 1
_LAST: Final = 2
_PACKED: Final = 4
_HEAD: Final = 5
_COMPRESS_FROM: Final = 4_096
"""Below this a piece is a few datagrams anyway, and compressing costs more than it saves."""


class Piece:
    """One piece of an outgoing message, shared by the lines to all its receivers."""

    __slots__ = ("_data", "_flags", "_number", "_ready", "size")

    def __init__(self, number: int, data: bytes, *, first: bool, last: bool) -> None:
        self._number = number
        self._data = data
        self._flags = _FIRST * first | _LAST * last
        self._ready: bytes | None = None
        self.size = len(data) + _HEAD

    def ready(self) -> bytes:
        """Its bytes as they travel."""
        if self._ready is None:
            flags, data = self._flags, self._data
            if len(data) >= _COMPRESS_FROM:
                packed = zlib.compress(data, 1)
                if len(packed) < len(data) - len(data) // 8:
                    flags, data = flags | _PACKED, packed
            self._ready = bytes([flags]) + self._number.to_bytes(4, "big") + data
            self._data = b""
        return self._ready


def cut(number: int, message: bytes) -> list[Piece]:
    """The pieces of a message."""
    if len(message) <= MAX_PIECE:
        return [Piece(number, message, first=True, last=True)]
    last = (len(message) - 1) // MAX_PIECE
    return [
        Piece(number, message[at * MAX_PIECE : (at + 1) * MAX_PIECE], first=at == 0, last=at == last)
        for at in range(last + 1)
    ]


class Assembly:
    """Puts the pieces of one sender together again."""

    __slots__ = ("_number", "_parts", "_size")

    def __init__(self) -> None:
        self._number = -1
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> bytes | None:
        """One more piece; the message that is whole now. A piece without its beginning is passed over.

        Raises :class:`WireError` when it is nonsense; what was there of its message is forgotten then.
        """
        try:
            return self._add(piece)
        except WireError:
            self._forget()
            raise

    def _add(self, piece: bytes) -> bytes | None:
        if len(piece) < _HEAD or piece[0] > _FIRST | _LAST | _PACKED:
            raise WireError("not a piece of a message")
        flags, number = piece[0], int.from_bytes(piece[1:_HEAD], "big")
        if flags & _FIRST:
            self._forget()
            self._number = number
        elif number != self._number:
            return None
        data = _unpacked(piece[_HEAD:]) if flags & _PACKED else piece[_HEAD:]
        self._size += len(data)
        if self._size > MAX_STREAM_MESSAGE:
            raise WireError(f"a message of more than {MAX_STREAM_MESSAGE} bytes")
        self._parts.append(data)
        if not flags & _LAST:
            return None
        message = b"".join(self._parts)
        self._forget()
        return message

    def _forget(self) -> None:
        self._number, self._parts, self._size = -1, [], 0


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(data, MAX_PIECE + 1)
    except zlib.error as error:
        raise WireError(f"a compressed piece cannot be unpacked: {error}") from None
    if len(found) > MAX_PIECE:
        raise WireError(f"a piece of more than {MAX_PIECE} bytes")
    return found
