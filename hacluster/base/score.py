"""Scores: integers with two infinities, as Pacemaker Explained ("Scores") defines them.

A score lies between -1,000,000 and 1,000,000; both ends are infinite. Minus infinity wins every sum, then infinity.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hacluster.base.values import scan_int

INFINITY: Final = 1_000_000
"""The score that means "must"; its negative means "must not"."""

_WORDS: Final = {"INFINITY": INFINITY, "+INFINITY": INFINITY, "-INFINITY": -INFINITY}


def add_scores(one: int, other: int) -> int:
    """The sum of two scores: minus infinity is absorbing, infinity absorbs what is finite."""
    if one <= -INFINITY or other <= -INFINITY:
        return -INFINITY
    if one >= INFINITY or other >= INFINITY:
        return INFINITY
    return clamp(one + other)


def clamp(value: int) -> int:
    """``value`` within both infinities."""
    return max(-INFINITY, min(INFINITY, value))


def parse_score(text: str | None, words: dict[str, int] | None = None) -> int:
    """The score that ``text`` says: an integer, ``[+-]INFINITY`` or one of ``words`` (lower case); 0 if none."""
    if text is None:
        return 0
    known = _WORDS.get(text)
    if known is not None:
        return known
    if words is not None and text.lower() in words:
        return words[text.lower()]
    return clamp(scan_int(text) or 0)


def is_score(text: str, words: Collection[str] = ()) -> bool:
    """Whether ``text`` says a score at all."""
    return text in _WORDS or text.lower() in words or scan_int(text) is not None


def show_score(value: int) -> str:
    """The text that people see: ``INFINITY``, ``-INFINITY`` or the number."""
    if value >= INFINITY:
        return "INFINITY"
    if value <= -INFINITY:
        return "-INFINITY"
    return str(value)
