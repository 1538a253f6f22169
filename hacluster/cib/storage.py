"""The CIB as files: a snapshot that people and the original's tools can read, and a journal of what came after it.

A snapshot is the XML of the configuration with one comment before it, which has position, requests and a digest of the
whole. A journal is lines of ``CRC-32 JSON``, added at the end: a record, or the stamp that a sync gave to a content
that stands before it. Whatever a crash leaves of the last line is no fault: it was not acknowledged. Everything else
that is not whole is damage.

A snapshot is written before the journal is emptied, so lines of an older snapshot may stand at the beginning of the
journal; their digests do not follow from the snapshot's, and they are passed over.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import Final

import msgspec

from hacluster.base.errors import HaError
from hacluster.base.members import ViewId
from hacluster.cib.store import Position, Record, Remembered, Snapshot, chained

MARK: Final = b"<!-- hacluster cib 1 "
"""What the file of a snapshot begins with."""
_CLOSE: Final = b" -->\n"


class StorageError(HaError):
    """A file that is not what it should be."""


class _Head(msgspec.Struct):
    position: Position
    digest: str
    requests: list[Remembered]
    forgotten: tuple[ViewId, int]
    damaged: bool


class Stamped(msgspec.Struct, frozen=True, tag="stamped"):
    """The content with this digest has this position now."""

    position: Position
    digest: str
    damaged: bool = False


class Recorded(msgspec.Struct, frozen=True, tag="recorded"):
    """A record of the journal."""

    record: Record


Line = Stamped | Recorded

_HEADS: Final = msgspec.json.Decoder(_Head)
_LINES: Final[msgspec.json.Decoder[Line]] = msgspec.json.Decoder(Line)


def _json(item: object) -> bytes:
    return msgspec.json.encode(item).replace(b"--", b"\\u002d\\u002d")


def snapshot_bytes(snapshot: Snapshot) -> bytes:
    """The file of a snapshot."""
    head = _json(
        _Head(snapshot.position, snapshot.digest, list(snapshot.requests), snapshot.forgotten, snapshot.damaged)
    )
    body = snapshot.content.encode()
    seal = hashlib.sha256(head + b"\n" + body).hexdigest().encode()
    return MARK + seal + b" " + head + _CLOSE + body + b"\n"


def read_snapshot(data: bytes) -> Snapshot:
    """The snapshot of a file. Raises :class:`StorageError` when a byte of it is not as it was written."""
    end = data.find(_CLOSE)
    if not data.startswith(MARK) or end < 0:
        raise StorageError("the file does not begin with the comment of a CIB written by hacluster")
    seal, _, head = data[len(MARK) : end].partition(b" ")
    body = data[end + len(_CLOSE) : -1]
    if hashlib.sha256(head + b"\n" + body).hexdigest().encode() != seal or data[-1:] != b"\n":
        raise StorageError("the file's digest is not that of its content: it was changed or is incomplete")
    try:
        said = _HEADS.decode(head)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StorageError(f"the comment of the file cannot be read: {error}") from None
    return Snapshot(
        said.position, said.digest, body.decode(), tuple(said.requests), said.forgotten, damaged=said.damaged
    )


def line_bytes(line: Line) -> bytes:
    """A line of the journal."""
    text = _json(line)
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read_line(data: bytes) -> Line | None:
    crc, _, text = data.partition(b" ")
    try:
        if int(crc, 16) != zlib.crc32(text):
            return None
        return _LINES.decode(text)
    except (ValueError, msgspec.DecodeError, msgspec.ValidationError):
        return None


@dataclass(frozen=True, slots=True)
class Journal:
    """What a journal says after a snapshot: lines, how many bytes of the file are whole, and what is wrong with it."""

    lines: tuple[Line, ...]
    whole: int
    damage: str


def read_journal(data: bytes, digest: str) -> Journal:
    """The lines that follow the snapshot with ``digest``.

    A last line that is not whole is cut off (``whole``); a broken line before the end, or one that does not follow
    from the one before it, is damage, and nothing behind it counts.
    """
    found: list[Line] = []
    whole = 0
    for number, text in enumerate(data.splitlines(keepends=True), 1):
        line = _read_line(text.rstrip(b"\n")) if text.endswith(b"\n") else None
        if line is None:
            is_last = whole + len(text) == len(data)
            return Journal(tuple(found), whole, "" if is_last else f"line {number} is not as it was written")
        if isinstance(line, Recorded) and line.record.digest == chained(digest, line.record):
            digest = line.record.digest
            found.append(line)
        elif isinstance(line, Stamped) and line.digest == digest:
            found.append(line)
        elif any(isinstance(known, Recorded) for known in found):
            return Journal(tuple(found), whole, f"line {number} does not follow from the line before it")
        whole += len(text)
    return Journal(tuple(found), whole, "")


def history_name(number: int, kept: int) -> str:
    """The file of an older snapshot: numbers begin anew after ``kept``."""
    return f"cib-{number % kept}.xml"
