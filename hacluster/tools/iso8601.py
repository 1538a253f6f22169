"""``iso8601``: read and show dates, durations and periods. Options and texts are those of Pacemaker's iso8601(8)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hacluster.base.duration import Duration, parse_duration, parse_period, week_text
from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool
from hacluster.tools.output import Failed, Output, run

TOOL: Final = Tool(
    "iso8601",
    "Read and show ISO 8601 dates, durations and periods.",
    (
        Group("commands", "Commands:", (
            Option("now", "n", help="Display the current date/time"),
            Option("date", "d", "DATE", "Read a date/time ('2019-09-24 00:30:00 +01:00', '2019-040')"),
            Option("period", "p", "PERIOD", "Read a period with start time ('2005-040/2005-043')"),
            Option("duration", "D", "DURATION", "Read a duration ('P1M')"),
            Option("expected", "E", "TEXT", "Exit with 1 if the result of -n or -d is not this text"),
        )),
        Group("modifiers", "Output modifiers:", (
            Option("seconds", "s", help="Show seconds since 0000-001 00:00:00Z"),
            Option("epoch", "S", help="Show seconds since 1970-001 00:00:00Z"),
            Option("local", "L", help="Show the local date/time"),
            Option("ordinal", "O", help="Show an ordinal date"),
            Option("week", "W", help="Show a week date"),
        )),
    ),
    notes="Exit status: 0 fine, 1 not what was expected, 2 a text that cannot be read, 64 wrong usage.",
)  # fmt: skip

OK: Final = 0
ERROR: Final = 1
INVALID: Final = 2

YEAR_ONE: Final = 62_135_596_800
"""Seconds from the beginning of the year 1 to that of 1970, which ``--seconds`` counts from."""


class InvalidError(Exception):
    """A text that says no date, duration or period."""


@dataclass(frozen=True, slots=True)
class Style:
    """How moments are shown; without any flag as a calendar date in UTC."""

    seconds: bool = False
    epoch: bool = False
    local: bool = False
    ordinal: bool = False
    week: bool = False

    def show(self, moment: Moment) -> str:
        """The text of a moment."""
        if self.seconds:
            return str(moment.epoch + YEAR_ONE)
        if self.epoch:
            return str(moment.epoch)
        shown = moment if self.local else Moment.from_epoch(moment.epoch)
        calendar = shown.show()
        if self.week:
            return week_text(shown.wall) + calendar[10:]
        if self.ordinal:
            return f"{shown.wall.year:04d}-{shown.year_day:03d}" + calendar[10:]
        return calendar


@dataclass(frozen=True, slots=True)
class Request:
    """One call: what to show, and how."""

    now: bool = False
    date: str | None = None
    period: str | None = None
    duration: str | None = None
    expected: str | None = None
    style: Style = Style()


def _date(request: Request, present: Moment) -> Moment | None:
    if request.date is None:
        return present if request.now else None
    moment = parse_moment(request.date, present.offset, present)
    if moment is None:
        raise InvalidError(f"Invalid date/time specified: {request.date}")
    return moment


def _duration(request: Request) -> Duration | None:
    if request.duration is None:
        return None
    duration = parse_duration(request.duration)
    if duration is None:
        raise InvalidError(f"Invalid duration specified: {request.duration}")
    return duration


def answer(request: Request, present: Moment) -> Iterator[tuple[str, str | None]]:
    """Lines as label and text, in the order of the original; the last with the label of a date is what is expected.

    ``present`` is the present time with the offset that a text without a zone has. Raises :class:`InvalidError`.
    """
    show = request.style.show
    moment = _date(request, present)
    if moment is not None:
        yield ("Current date/time" if request.date is None else "Date"), show(moment)
    duration = _duration(request)
    if duration is not None:
        yield "Duration", duration.show()
    if request.period is not None:
        period = parse_period(request.period, present)
        if period is None:
            raise InvalidError(f"Invalid interval specified: {request.period}")
        yield "Period", f"{show(period[0])} to {show(period[1])}"
    if moment is not None and duration is not None:
        end = duration.after(moment)
        if end is None:
            raise InvalidError(f"Invalid duration specified: {request.duration}")
        yield "Duration ends at", show(end)


def _present() -> Moment:
    """Now, with the zone's offset outside of daylight saving, as the original takes it."""
    return Moment.from_epoch(int(time.time()), -time.timezone)


def respond(request: Request) -> tuple[int, list[tuple[str, str | None]]]:
    """The exit status, which is 1 when the result is not the expected text, and the answer."""
    lines = list(answer(request, _present()))
    results = [text for label, text in lines if label not in ("Duration", "Period")]
    wrong = request.expected is not None and results and results[-1] != request.expected
    return (ERROR if wrong else OK), lines


_ELEMENTS: Final = {
    "Current date/time": "date",
    "Date": "date",
    "Duration": "duration",
    "Duration ends at": "duration_ends",
}


def _tree(label: str, text: str) -> Tree:
    if label != "Period":
        return Tree(_ELEMENTS[label], text=text)
    ends = zip(("start", "end"), text.split(" to "), strict=False)
    return Tree("period", children=[Tree(name, text=end) for name, end in ends])


def main(given: Given, out: Output) -> int:
    """Read and show what was given; words that are no options are passed over, as the original does."""
    style = Style(*(name in given for name in ("seconds", "epoch", "local", "ordinal", "week")))
    words = {name: given.get(name) for name in ("date", "period", "duration", "expected")}
    try:
        code, lines = respond(Request(now="now" in given, style=style, **words))
    except InvalidError as error:
        raise Failed(str(error), INVALID) from None
    for label, text in lines:
        out.line(f"{label}: {text}")
        out.tree(_tree(label, text or ""))
    return code


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
