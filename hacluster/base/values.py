"""How attribute values are read: booleans, integers, intervals, versions, and the order of node names.

The forms are those of Pacemaker Explained (1.4.2 "Boolean", "Integer", "Duration", "Version"); what cannot be read is
answered with ``None`` or the default, never with an exception: these values come from administrators.
"""

from __future__ import annotations

import re
from typing import Final

_TRUE: Final = frozenset({"true", "on", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "off", "no", "n", "0"})
_INT: Final = re.compile(r"\s*([+-]?\d+)")
_MSEC: Final = re.compile(r"[\t\n\r ]*([0-9]+)[\t\n\r ]*(.*)", re.DOTALL)
_DURATION_PART: Final = re.compile(r"(T)?(\d+)([YMWDHS])")
_MAX_INTERVAL: Final = (1 << 32) - 1
_INT_MAX: Final = (1 << 31) - 1
_UNITS: Final = (("ms", 1, 1), ("us", 1, 1000), ("s", 1000, 1), ("m", 60_000, 1), ("h", 3_600_000, 1))


def truth(text: str | None) -> bool | None:
    """What a boolean word says; ``None`` for anything else."""
    if text is None:
        return None
    word = text.lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def is_true(text: str | None) -> bool:
    """Whether ``text`` is one of the words for true."""
    return text is not None and text.lower() in _TRUE


def scan_int(text: str | None) -> int | None:
    """The integer that ``text`` begins with; ``None`` when it begins with none."""
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    match = _INT.match(text)
    return int(match[1]) if match else None


def min_int(text: str | None, minimum: int) -> int:
    """The integer at the start of ``text``, at least ``minimum``; ``minimum`` when there is none."""
    value = scan_int(text)
    return minimum if value is None else max(minimum, min(_INT_MAX, value))


def int_or(text: str | None, default: int) -> int:
    """The integer that ``text`` begins with; ``default`` if ``text`` is missing and -1 if it is no number."""
    if text is None:
        return default
    value = scan_int(text)
    return -1 if value is None else value


def msec(text: str | None) -> int:
    """Milliseconds of ``10``, ``10s``, ``2min``, ``1h``, ``500ms``, …; -1 for what is none of these."""
    match = _MSEC.match(text) if text is not None else None
    if match is None:
        return -1
    number, unit = int(match[1]), match[2].lower()
    if unit == "":
        return number * 1000
    for name, multiplier, divisor in _UNITS:
        if unit.startswith(name):
            return number * multiplier // divisor
    return -1


def duration_seconds(text: str) -> int | None:
    """Seconds of an ISO 8601 duration such as ``PT10M``; a month counts 30 days and a year 365."""
    total, clock, position = 0, False, 1
    if not text.startswith("P") or len(text) == 1:
        return None
    for match in _DURATION_PART.finditer(text, 1):
        if match.start() != position:
            return None
        clock = clock or match[1] is not None
        day = {"Y": 365 * 86400, "M": 30 * 86400, "W": 7 * 86400, "D": 86400, "H": 3600, "S": 1}
        total += int(match[2]) * (60 if clock and match[3] == "M" else day[match[3]])
        position = match.end()
    return total if position == len(text) else None


def interval_ms(text: str | None) -> int:
    """An interval specification in milliseconds: a number with a unit or an ISO 8601 duration; 0 if it is neither."""
    if text is None:
        return 0
    if text.startswith("P"):
        seconds = duration_seconds(text)
        return 0 if seconds is None else min(seconds * 1000, _MAX_INTERVAL)
    value = msec(text)
    return 0 if value < 0 else min(value, _MAX_INTERVAL)


def timeout_seconds(text: str | None) -> int:
    """An interval specification in whole seconds, rounded, but never to nothing."""
    ms = interval_ms(text)
    return max(1, (ms + 500) // 1000) if ms else 0


def readable_interval(interval: int) -> str:
    """Milliseconds as people write them: ``1d2h3m4.005s``, ``20ms``, ``0s``."""
    if interval == 0:
        return "0s"
    text = ""
    for letter, unit in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000)):
        if interval >= unit:
            text += f"{interval // unit}{letter}"
            interval %= unit
    seconds, rest = divmod(interval, 1000)
    if seconds:
        return f"{text}{seconds}{f'.{rest:03}' if rest else ''}s"
    return f"{text}{rest}ms" if rest else text


def valid_interval(text: str) -> bool:
    """Whether ``text`` is an interval specification at all."""
    return duration_seconds(text) is not None if text.startswith("P") else msec(text) >= 0


def version_parts(text: str | None) -> tuple[int, ...]:
    """A version as a tuple that compares as versions do; trailing zeroes do not count."""
    if text is None:
        return ()
    parts = [scan_int(part) or 0 for part in text.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def name_order(one: str, other: str) -> int:
    """-1, 0 or 1: names in the order people expect, ``node9`` before ``node10``, without regard to case."""
    i = j = 0
    while i < len(one) and j < len(other):
        if one[i].isdecimal() and other[j].isdecimal():
            start_i, start_j = i, j
            while i < len(one) and one[i].isdecimal():
                i += 1
            while j < len(other) and other[j].isdecimal():
                j += 1
            left = (int(one[start_i:i]), i - start_i)
            right = (int(other[start_j:j]), j - start_j)
            if left != right:
                return -1 if left < right else 1
        else:
            low, high = one[i].lower(), other[j].lower()
            if low != high:
                return -1 if low < high else 1
            i, j = i + 1, j + 1
    return (i < len(one)) - (j < len(other))


def same_text(one: str | None, other: str | None) -> bool:
    """Equal without regard to case; a missing text equals only a missing one."""
    if one is None or other is None:
        return one is other
    return one == other or one.lower() == other.lower()
