"""ISO 8601 durations and periods, in the forms that Pacemaker's rules and iso8601(8) have.

A duration keeps years, months, days and seconds apart, because a month has no fixed length. Weeks become days.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hacluster.base.iso8601 import Moment, parse_moment

_PART: Final = re.compile(r"(T)?(-?\d{1,9})([YMWDHS])")
_YEAR_MAX: Final = 9999


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time; each part may be negative."""

    years: int = 0
    months: int = 0
    days: int = 0
    seconds: int = 0

    def negated(self) -> Duration:
        """The same length backwards."""
        return Duration(-self.years, -self.months, -self.days, -self.seconds)

    def after(self, start: Moment) -> Moment | None:
        """``start`` plus this: years and months first, then days and seconds; ``None`` beyond the years 1 to 9999."""
        months = start.wall.year * 12 + start.wall.month - 1 + self.years * 12 + self.months
        if not 1 <= months // 12 <= _YEAR_MAX:
            return None
        try:
            return start.plus_months(self.years * 12 + self.months).plus(self.days * 86400 + self.seconds)
        except (OverflowError, ValueError):
            return None

    def show(self) -> str:
        """As iso8601(8) prints it: ``   1 year  2 months 90 seconds (1 minute 30 seconds)``."""
        wide = ((self.years, 4, "year"), (self.months, 2, "month"), (self.days, 2, "day"))
        text = "".join(f"{number:{width}d} {_counted(number, word)} " for number, width, word in wide if number)
        if self.seconds or not text:
            text += f"{self.seconds} {_counted(self.seconds, 'second')}"
        if abs(self.seconds) >= 60:
            minutes, second = divmod(abs(self.seconds), 60)
            hour, minute = divmod(minutes, 60)
            clock = ((hour, "hour"), (minute, "minute"), (second, "second"))
            inside = " ".join(f"{number} {_counted(number, word)}" for number, word in clock if number)
            text += f" ({'-' if self.seconds < 0 else ''}{inside})"
        return text


def _counted(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def parse_duration(text: str) -> Duration | None:
    """The duration that ``text`` says (``P1Y2M3DT4H5M6S``, ``P2W``); ``None`` when it says none.

    What follows white space is ignored, and the last of several values of one unit counts.
    """
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    if not word.startswith("P") or len(word) == 1:
        return None
    units: dict[str, int] = {}
    position, clock = 1, False
    for match in _PART.finditer(word, 1):
        if match.start() != position:
            return None
        clock = clock or match[1] is not None
        unit = "minutes" if clock and match[3] == "M" else match[3]
        units[unit] = int(match[2])
        position = match.end()
    if position != len(word):
        return None
    get = units.get
    seconds = get("H", 0) * 3600 + get("minutes", 0) * 60 + get("S", 0)
    return Duration(get("Y", 0), get("M", 0), get("D", 0) + 7 * get("W", 0), seconds)


def parse_period(text: str, now: Moment) -> tuple[Moment, Moment] | None:
    """Start and end of ``START/END``, ``START/DURATION``, ``DURATION/END`` or ``DURATION``, which begins now."""
    first, slash, second = text.partition("/")
    if first.startswith("P"):
        length = parse_duration(first)
        if length is None:
            return None
        if not slash:
            start, end = now, length.after(now)
            return None if end is None else (start, end)
        last = parse_moment(second, now.offset)
        begin = None if last is None else length.negated().after(last)
        return None if last is None or begin is None else (begin, last)
    opened = parse_moment(first, now.offset)
    if opened is None or not slash:
        return None
    if second.startswith("P"):
        length = parse_duration(second)
        end = None if length is None else length.after(opened)
    else:
        end = parse_moment(second, now.offset)
    return None if end is None else (opened, end)


def week_text(wall: datetime) -> str:
    """The date as a week date: ``2004-W53-6``."""
    year, week, day = wall.isocalendar()
    return f"{year:04d}-W{week:02d}-{day}"
