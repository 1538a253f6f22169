"""The files that make a node the same node after a restart: generation, UUID, and what it has heard from its peers.

``hb_generation`` and ``hb_uuid`` are Heartbeat's own formats (WIRE.md section 12), so that a host can change from
Heartbeat to hacluster in place and back. ``replay-floor`` is ours: one line per peer, at most one line with the record
of sealed sessions, a version line before and a count after them, so that a torn or foreign file is recognised and not
believed in part.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hacluster.base.limits import MAX_NODES
from hacluster.config.settings import GenerationMethod

GENERATION_KEY: Final = "hb_generation"
FLOOR_KEY: Final = "replay-floor"

_WIDTH: Final = 15
MAX_GENERATION: Final = 10**15 - 2
"""One more, and ``hb_generation`` has no room for the next. No node counts so far: a number beyond is damage."""

_GENERATION: Final = re.compile(rb"(?=.{16}\Z) {0,14}([1-9][0-9]{0,14}|0)\n", re.ASCII | re.DOTALL)
_MAGIC: Final = b"hacluster-replay-floor 1"
_LINE: Final = re.compile(
    rb"([!-~]{1,255}) ([0-9a-f]{32}|-) ([0-9]{1,20}) ([0-9]{1,20}) ([0-9]{1,20}) ([0-9]{1,20}) (sealed|classic)"
)
_SEAL: Final = re.compile(rb"seal ((?:[0-9a-f]{2})+)")
_MAX_FILE: Final = 64 * 1024


def decode_generation(data: bytes) -> int | None:
    """The number in ``hb_generation``; ``None`` when it is not such a file, whole and of a number that can be.

    Heartbeat writes 16 bytes always: what is shorter was cut, and would be believed to be a small number.
    """
    found = _GENERATION.fullmatch(data)
    return int(found[1]) if found and int(found[1]) <= MAX_GENERATION else None


def encode_generation(generation: int) -> bytes:
    """The 16 bytes of ``hb_generation``: decimal, right-aligned in 15 columns, newline."""
    data = f"{generation:>{_WIDTH}}\n".encode()
    assert len(data) == _WIDTH + 1, generation
    return data


def next_generation(stored: int | None, unix_ms: int, method: GenerationMethod) -> int:
    """The generation of this start: above the stored one, and the Unix time plus one where none is stored.

    With ``hbgenmethod time`` it is the Unix time, unless the clock is behind what was already used.
    """
    from_clock = unix_ms // 1000 + 1
    if stored is None:
        return from_clock
    return max(stored + 1, from_clock) if method is GenerationMethod.TIME else stored + 1


def decode_uuid(data: bytes) -> bytes | None:
    """The UUID in ``hb_uuid`` (16 raw bytes); ``None`` when it is not such a file, or all zero."""
    return data if len(data) == 16 and any(data) else None


def uuid_of_name(node: str) -> bytes:
    """The UUID of ``uuidfrom nodename``: 16 bytes that depend on the (lower-case) node name alone."""
    digest = bytearray(hashlib.sha256(b"hacluster node " + node.lower().encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


@dataclass(frozen=True, slots=True)
class Floor:
    """What was last believed of a peer: nothing at or below (generation, seq) is ever believed again.

    ``ts`` is the highest time stamp the peer sent (its clock, Unix seconds), ``wall`` our own clock when we noted it.
    ``sealed``: the peer has proven that it can seal, and classic datagrams from it no longer count.
    """

    node: str
    uuid: bytes
    generation: int
    seq: int
    ts: int
    wall: int
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Floors:
    """The whole ``replay-floor`` file: floors by node name, and the record of sealed sessions (may be empty)."""

    nodes: dict[str, Floor]
    seal: bytes = b""


def encode_floors(floors: Iterable[Floor], seal: bytes = b"") -> bytes:
    """The ``replay-floor`` file."""
    lines = [_MAGIC]
    for floor in floors:
        uuid = floor.uuid.hex() or "-"
        word = "sealed" if floor.sealed else "classic"
        text = f"{floor.node} {uuid} {floor.generation} {floor.seq} {floor.ts} {floor.wall} {word}"
        lines.append(text.encode())
    if seal:
        lines.append(b"seal " + seal.hex().encode())
    lines.append(b"end %d" % (len(lines) - 1))
    return b"\n".join(lines) + b"\n"


def decode_floors(data: bytes) -> Floors | None:
    """The content of the file; ``None`` when it is torn, of another version, or anything else."""
    if len(data) > _MAX_FILE:
        return None
    lines = data.split(b"\n")
    if len(lines) < 3 or lines[0] != _MAGIC or lines[-1] or len(lines) - 3 > 2 * MAX_NODES + 1:
        return None
    if lines[-2] != b"end %d" % (len(lines) - 3):
        return None
    body = lines[1:-2]
    seal = b""
    if body and (last := _SEAL.fullmatch(body[-1])) is not None:
        seal = bytes.fromhex(last[1].decode())
        body.pop()
    floors: dict[str, Floor] = {}
    for line in body:
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        name, uuid, generation, seq, ts, wall, word = found.groups()
        node = name.decode()
        raw = b"" if uuid == b"-" else bytes.fromhex(uuid.decode())
        floors[node] = Floor(node, raw, int(generation), int(seq), int(ts), int(wall), word == b"sealed")
    return Floors(floors, seal)
