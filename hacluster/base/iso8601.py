"""Dates and times as ISO 8601 writes them, for rules and for the effective "now" of a schedule.

A :class:`Moment` is a wall-clock time with its offset from UTC, so that date specifications look at the fields people
see while comparisons look at UTC. The pure rooms get their "now" as a Moment from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)
_FORMS: Final = (
    ("ymd", re.compile(r"(\d{1,4})-(\d{1,2})-(\d{1,2})")),
    ("week", re.compile(r"(\d{1,4})-W(\d{1,2})-(\d)")),
    ("ymd", re.compile(r"(\d{4})(\d{2})(\d{2})(?!\d)")),
    ("ordinal", re.compile(r"(\d{1,4})-(\d{1,3})(?!-)")),
)
_TIME: Final = re.compile(r"[T ]?\s*(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,]\d+)?)?)?")
_CLOCK: Final = re.compile(r"T?\d\d:\d\d")
_OFFSET: Final = re.compile(r"\s*(?:(Z)|([+-])(\d{2}):?(\d{2})?)")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as clocks show it (``wall``, naive) and how many seconds that is east of UTC (``offset``)."""

    wall: datetime
    offset: int = 0

    @classmethod
    def from_epoch(cls, seconds: int, offset: int = 0) -> Moment:
        """The moment ``seconds`` after 1970-01-01 UTC, as clocks ``offset`` seconds east of UTC show it."""
        return cls(_EPOCH + timedelta(seconds=seconds + offset), offset)

    @property
    def epoch(self) -> int:
        """Seconds since 1970-01-01 UTC."""
        return int((self.wall - _EPOCH).total_seconds()) - self.offset

    @property
    def year_day(self) -> int:
        """The day of the year, 1 to 366."""
        return self.wall.timetuple().tm_yday

    def plus(self, seconds: int) -> Moment:
        """This moment ``seconds`` later."""
        return Moment(self.wall + timedelta(seconds=seconds), self.offset)

    def plus_months(self, months: int) -> Moment:
        """This moment so many months later; a day that the month lacks becomes its last."""
        index = self.wall.year * 12 + self.wall.month - 1 + months
        year, month = divmod(index, 12)
        day = min(self.wall.day, _days_in_month(year, month + 1))
        return Moment(self.wall.replace(year=year, month=month + 1, day=day), self.offset)

    def ctime(self) -> str:
        """``Thu Jan 20 00:00:00 2005``, as asctime(3) has it."""
        return self.wall.ctime()

    def show(self) -> str:
        """``2005-01-20 00:00:00Z``, as crm_simulate prints it."""
        if self.offset == 0:
            return f"{self.wall:%Y-%m-%d %H:%M:%S}Z"
        sign, minutes = ("+" if self.offset > 0 else "-"), abs(self.offset) // 60
        return f"{self.wall:%Y-%m-%d %H:%M:%S} {sign}{minutes // 60:02}:{minutes % 60:02}"


def _days_in_month(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


def _read_date(text: str) -> tuple[date, int] | None:
    for form, pattern in _FORMS:
        match = pattern.match(text)
        if match is None:
            continue
        parts = [int(part) for part in match.groups()]
        try:
            if form == "ymd":
                day = date(parts[0], parts[1], parts[2])
            elif form == "week":
                day = date.fromisocalendar(parts[0], parts[1], parts[2])
            else:
                day = date(parts[0], 1, 1) + timedelta(days=parts[1] - 1)
                if day.year != parts[0]:
                    return None
        except ValueError:
            return None
        return day, match.end()
    return None


def parse_moment(text: str, offset: int = 0, today: Moment | None = None) -> Moment | None:
    """The moment that ``text`` says, or ``None``; ``offset`` holds for a text that names no zone.

    A time alone (``10:30``) is one of ``today``, if that is given.

    Accepted are ``epoch``, calendar (``2005-01-20``, ``20050120``), ordinal (``2005-020``) and week dates
    (``2005-W03-4``), each with an optional time (``T12:30:45``, ``123045``) and zone (``Z``, ``+01:00``).
    """
    text = text.strip()
    if text.lower() == "epoch":
        return Moment(_EPOCH)
    found = _read_date(text)
    if found is None and today is not None and _CLOCK.match(text):
        found = today.wall.date(), 0
    if found is None:
        return None
    day, position = found
    wall = datetime(day.year, day.month, day.day)
    time = _TIME.match(text, position)
    if time is not None:
        hour, minute, second = (int(part or 0) for part in time.groups())
        if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
            return None
        wall += timedelta(hours=hour, minutes=minute, seconds=second)
        position = time.end()
    zone = _OFFSET.match(text, position)
    if zone is not None:
        minutes = 0 if zone[1] else (int(zone[3]) * 60 + int(zone[4] or 0)) * (-1 if zone[2] == "-" else 1)
        offset, position = minutes * 60, zone.end()
    return Moment(wall, offset) if not text[position:].strip() else None
