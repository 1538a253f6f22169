"""The order in which Pacemaker meets the nodes of a score table.

Where equal candidates tie and nothing else decides, the first one met wins there. Its tables are GLib's open-addressing
ones over a 31-based string hash; the order follows from the ids alone, so that it can be reproduced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SMALLEST: Final = 3
_WORD: Final = 0xFFFFFFFF
_FACTOR: Final = 11
_PRIMES: Final = (
    1, 2, 3, 7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071, 262139, 524287,
)  # fmt: skip
"""The largest prime below each power of two."""


def _hash(text: str) -> int:
    value = 0
    for byte in text.encode():
        value = (value * 31 + (byte - 256 if byte > 127 else byte)) & _WORD
    return max(value, 2)


def _place(key: str, size: int) -> int:
    return (_hash(key) * _FACTOR & _WORD) % _PRIMES[size.bit_length() - 1]


def _put(table: list[str | None], key: str) -> None:
    place, step = _place(key, len(table)), 0
    while table[place] is not None:
        step += 1
        place = (place + step) & (len(table) - 1)
    table[place] = key


def _grow(table: list[str | None], size: int) -> None:
    """Make room. Keys move within the table: who comes where another one waits for its turn sends it on at once."""
    table.extend([None] * (size - len(table)))
    settled = [False] * size
    for turn in range(size):
        if settled[turn]:
            continue
        key, table[turn] = table[turn], None
        while key is not None:
            place, step = _place(key, size), 0
            while settled[place]:
                step += 1
                place = (place + step) & (size - 1)
            settled[place] = True
            key, table[place] = table[place], key


def table_order(keys: Iterable[str]) -> list[str]:
    """Keys, put into a table one after the other, in the table's order."""
    table: list[str | None] = [None] * (1 << _SMALLEST)
    for count, key in enumerate(keys, 1):
        _put(table, key)
        if len(table) <= count + count // 16:
            _grow(table, 1 << max(_SMALLEST, int(count * 1.333).bit_length()))
    return [key for key in table if key is not None]
