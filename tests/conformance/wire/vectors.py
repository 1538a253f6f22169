"""The captured sessions as typed values."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.hamsg import Field, FieldType, HaMessage

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Packet:
    """One captured payload and what an independent decoder made of it."""

    t: float
    proto: str
    src: str
    dst: str
    payload: bytes
    message: HaMessage | None
    form: str | None
    auth: bool | None
    inner: bool | None


@dataclass(frozen=True, slots=True)
class Session:
    """One capture: its keys, what the operator did (seconds, text), and its packets in order."""

    name: str
    media: str
    keys: dict[int, Key]
    nodes: dict[str, str]
    note: str
    events: tuple[tuple[float, str], ...]
    packets: tuple[Packet, ...]

    def ring(self, sign_with: int | None = None) -> KeyRing:
        """The session's keys; signing with the lowest slot unless told."""
        return KeyRing(self.keys, min(self.keys) if sign_with is None else sign_with)


def names() -> list[str]:
    """Every session, sorted."""
    return sorted(path.name.removesuffix(".jsonl.gz") for path in DATA.glob("*.gz") if not path.name.startswith("sign"))


def message_of(fields: list[list[Any]]) -> HaMessage:
    """The message of ``[name, type, text or hex]`` rows."""
    return HaMessage(tuple(_field(name, FieldType(kind), value) for name, kind, value in fields))


def _field(name: str, kind: FieldType, value: str) -> Field:
    if kind is FieldType.BINARY:
        return Field(name, kind, bytes.fromhex(value))
    return Field(name, kind, value.encode("latin-1").decode("utf-8", "surrogateescape"))


def lines(name: str) -> Iterator[dict[str, Any]]:
    """The raw rows of one file, header first."""
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


@cache
def session(name: str) -> Session:
    """One session by name."""
    rows = lines(name)
    head = next(rows)
    keys = {
        int(slot): Key(int(slot), Method(method), secret.encode()) for slot, (method, secret) in head["keys"].items()
    }
    packets = tuple(
        Packet(
            row["t"],
            row["proto"],
            row["src"],
            row["dst"],
            bytes.fromhex(row["hex"]),
            message_of(row["fields"]) if "fields" in row else None,
            row.get("form"),
            row.get("auth"),
            row.get("inner"),
        )
        for row in rows
    )
    events = tuple((t, what) for t, what in head["events"])
    return Session(name, head["media"], keys, head["nodes"], head["note"], events, packets)
