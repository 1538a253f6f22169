"""Date expressions: ranges, durations and date specifications (Pacemaker Explained, "Rules", "Date/Time Expressions").

Each test answers whether the time fits and when the answer will change next, as far as that can be told.
"""

from __future__ import annotations

from typing import Final

from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.base.values import scan_int
from hacluster.cib.document import XML

Verdict = tuple[bool, Moment | None]

_SECONDS: Final = {"weeks": 7 * 86400, "days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def _side(spec: str, value: int) -> int | None:
    """-1, 0, 1: ``value`` is before, in, after ``N``, ``N-M``, ``N-``, ``-M``; ``None`` if ``spec`` is neither."""
    low_text, dash, high_text = spec.partition("-")
    if not dash:
        low = scan_int(spec)
        return None if low is None or not spec.strip().isdecimal() else (value > low) - (value < low)
    low, high = scan_int(low_text), scan_int(high_text)
    if (low_text and low is None) or (high_text and high is None) or (low is None and high is None):
        return None
    if low is not None and value < low:
        return -1
    return int(high is not None and value > high)


def spec_side(now: Moment, spec: XML) -> int:
    """-1, 0, 1: by the first field that ``now`` does not fit, it is before, in, after a ``date_spec``.

    A field that cannot be read does not count, nor does ``moon``, which 3.0 has dropped.
    """
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


def add_duration(start: Moment, spec: XML) -> Moment:
    """``start`` plus a ``duration`` element."""
    months = 12 * (scan_int(spec.get("years")) or 0) + (scan_int(spec.get("months")) or 0)
    end = start.plus_months(months) if months else start
    return end.plus(sum((scan_int(spec.get(name)) or 0) * seconds for name, seconds in _SECONDS.items()))


def _range(now: Moment, start: Moment | None, end: Moment | None) -> Verdict:
    if start is None and end is None:
        return False, None
    if start is not None and now.epoch < start.epoch:
        return False, start
    if end is not None and now.epoch > end.epoch:
        return False, None
    return True, end.plus(1) if end is not None else None


def bounds(now: Moment, expression: XML) -> tuple[Moment | None, Moment | None]:
    """Start and end of a ``date_expression``; a time without an offset has that of ``now``."""
    start_text, end_text = expression.get("start"), expression.get("end")
    start = parse_moment(start_text, now.offset, now) if start_text is not None else None
    end = parse_moment(end_text, now.offset, now) if end_text is not None else None
    duration = expression.find("duration")
    if start is not None and end is None and duration is not None:
        end = add_duration(start, duration)
    return start, end


def test_date(now: Moment, expression: XML) -> Verdict:
    """Whether ``now`` fits a ``date_expression``, and when that may change."""
    start, end = bounds(now, expression)
    operation = expression.get("operation", "in_range").lower()
    if operation == "in_range":
        return _range(now, start, end)
    if operation == "date_spec":
        spec = expression.find("date_spec")
        return spec is not None and not spec_side(now, spec), None
    if operation == "gt" and start is not None:
        later = now.epoch > start.epoch
        return later, None if later else start.plus(1)
    if operation == "lt" and end is not None:
        earlier = now.epoch < end.epoch
        return earlier, end if earlier else None
    return False, None
