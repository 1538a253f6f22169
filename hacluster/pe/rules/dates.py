"""Date expressions: ranges, durations and date specifications (Pacemaker Explained, "Rules", "Date/Time Expressions").

Each is judged by where the time is, and when the answer will change next, as far as that can be told. As in 3.0 an
expression of which a part cannot be read does not hold.
"""

from __future__ import annotations

import re
from typing import Final

from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.base.values import scan_int
from hacluster.cib.document import XML

Verdict = tuple[int | None, Moment | None]
"""-1, 0, 1: the time is before, in, after what an expression says (``None``: it cannot be read); the next change."""

_SECONDS: Final = {"weeks": 7 * 86400, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}
_INTEGER: Final = re.compile(r"[ \t\n\r\f\v]*[+-]?[0-9]{1,19}")
_LONGEST: Final = 2**31
_LARGEST: Final = 2**63 - 1
_UNREADABLE: Final[Verdict] = None, None


class _UnreadableError(Exception):
    """A part of an expression says nothing."""


def _bound(text: str) -> int | None:
    """One side of a range; ``None`` if it is open, which -1 is as well."""
    if not text:
        return None
    match = _INTEGER.fullmatch(text)
    if match is None or abs(int(text)) > _LARGEST:
        raise _UnreadableError
    return None if int(text) == -1 else int(text)


def _side(spec: str, value: int) -> int:
    """-1, 0, 1: ``value`` is before, in, after ``N``, ``N-M``, ``N-``, ``-M``."""
    low_text, dash, high_text = spec.partition("-")
    if not low_text and not high_text:
        raise _UnreadableError
    low = _bound(low_text)
    high = _bound(high_text) if dash else low
    if low is not None and value < low:
        return -1
    return int(high is not None and value > high)


def _spec_side(now: Moment, spec: XML | None) -> int:
    """By the first field that ``now`` does not fit. ``moon`` does not count, 3.0 has dropped it."""
    if spec is None or not spec.get("id"):
        raise _UnreadableError
    iso = now.wall.isocalendar()
    fields = {
        "years": now.wall.year,
        "months": now.wall.month,
        "monthdays": now.wall.day,
        "hours": now.wall.hour,
        "minutes": now.wall.minute,
        "seconds": now.wall.second,
        "yeardays": now.year_day,
        "weekyears": iso[0],
        "weeks": iso[1],
        "weekdays": iso[2],
    }
    sides = (_side(spec.get(name, ""), value) for name, value in fields.items() if spec.get(name) is not None)
    return next((side for side in sides if side), 0)


def _length(spec: XML, name: str) -> int:
    text = spec.get(name)
    value = 0 if text is None else scan_int(text)
    if value is None or not -_LONGEST <= value < _LONGEST:
        raise _UnreadableError
    return value


def _add_duration(start: Moment, spec: XML) -> Moment:
    """``start`` plus a ``duration`` element."""
    if not spec.get("id"):
        raise _UnreadableError
    months = 12 * _length(spec, "years") + _length(spec, "months")
    end = start.plus_months(months) if months else start
    return end.plus(sum(_length(spec, name) * seconds for name, seconds in _SECONDS.items()))


def _time(now: Moment, expression: XML, name: str) -> Moment | None:
    """A time that an expression names; without an offset it has that of ``now``."""
    text = expression.get(name)
    moment = None if text is None else parse_moment(text, now.offset, now)
    if text is not None and moment is None:
        raise _UnreadableError
    return moment


def _in_range(now: Moment, expression: XML) -> Verdict:
    start, end = _time(now, expression, "start"), _time(now, expression, "end")
    if start is None and end is None:
        return _UNREADABLE
    duration = expression.find("duration")
    if start is not None and end is None and duration is not None:
        end = _add_duration(start, duration)
    if start is not None and now.epoch < start.epoch:
        return -1, start
    if end is not None and now.epoch > end.epoch:
        return 1, None
    return 0, end.plus(1) if end is not None else None


def _after(now: Moment, expression: XML) -> Verdict:
    start = _time(now, expression, "start")
    if start is None:
        return _UNREADABLE
    return (0, None) if now.epoch > start.epoch else (-1, start.plus(1))


def _before(now: Moment, expression: XML) -> Verdict:
    end = _time(now, expression, "end")
    if end is None:
        return _UNREADABLE
    return (0, end) if now.epoch < end.epoch else (1, None)


def _specified(now: Moment, expression: XML) -> Verdict:
    return _spec_side(now, expression.find("date_spec")), None


_OPERATIONS: Final = {"in_range": _in_range, "gt": _after, "lt": _before, "date_spec": _specified}


def judge_date(now: Moment, expression: XML) -> Verdict:
    """Where ``now`` is by a ``date_expression``, and when that may change."""
    judge = _OPERATIONS.get(expression.get("operation", "in_range").lower())
    if judge is None or not expression.get("id"):
        return _UNREADABLE
    try:
        return judge(now, expression)
    except _UnreadableError:
        return _UNREADABLE


def test_date(now: Moment, expression: XML) -> tuple[bool, Moment | None]:
    """Whether ``now`` fits a ``date_expression``, and when that may change."""
    side, change = judge_date(now, expression)
    return side == 0, change
