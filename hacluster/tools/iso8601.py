"""``iso8601``: read and show dates, durations and periods. Options and texts are those of Pacemaker's iso8601(8)."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from hacluster import __version__
from hacluster.base.duration import Duration, parse_duration, parse_period, week_text
from hacluster.base.iso8601 import Moment, parse_moment

OK: Final = 0
ERROR: Final = 1
INVALID: Final = 2
USAGE: Final = 64

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


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"iso8601: {text}", err=True)
    sys.exit(code)


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
_MESSAGES: Final = {OK: "OK", ERROR: "Error occurred", INVALID: "Invalid parameter"}


def _as_xml(code: int, lines: list[tuple[str, str | None]], error: str | None) -> str:
    from lxml import etree  # noqa: PLC0415 - only XML needs it

    from hacluster.tools.result import API_VERSION  # noqa: PLC0415

    request = shlex.join(["iso8601", *sys.argv[1:]])
    root = etree.Element("pacemaker-result", {"api-version": API_VERSION, "request": request})
    for label, text in lines:
        if label == "Period":
            period = etree.SubElement(root, "period")
            for name, end in zip(("start", "end"), (text or "").split(" to "), strict=False):
                etree.SubElement(period, name).text = end
        else:
            etree.SubElement(root, _ELEMENTS[label]).text = text
    status = etree.SubElement(root, "status", {"code": str(code), "message": _MESSAGES[code]})
    if error is not None:
        etree.SubElement(etree.SubElement(status, "errors"), "error").text = f"iso8601: {error}"
    return etree.tostring(root, pretty_print=True, encoding="unicode")


def _put(text: str, output_to: str | None) -> None:
    if output_to is None or output_to == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(output_to).write_text(text)
    except OSError as error:
        _fail(f"{output_to}: {error.strerror}", ERROR)


@click.command("iso8601", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-n", "--now", is_flag=True, help="Display the current date/time.")
@click.option("-d", "--date", metavar="DATE", help="Parse a date/time ('2019-09-24 00:30:00 +01:00', '2019-040').")
@click.option("-p", "--period", metavar="PERIOD", help="Parse a period with start time ('2005-040/2005-043').")
@click.option("-D", "--duration", metavar="DURATION", help="Parse a duration ('P1M').")
@click.option("-E", "--expected", metavar="TEXT", help="Exit with 1 if the result of -n or -d is not this text.")
@click.option("-s", "--seconds", is_flag=True, help="Show seconds since 0000-001 00:00:00Z.")
@click.option("-S", "--epoch", is_flag=True, help="Show seconds since 1970-001 00:00:00Z.")
@click.option("-L", "--local", is_flag=True, help="Show the local date/time.")
@click.option("-O", "--ordinal", is_flag=True, help="Show an ordinal date.")
@click.option("-W", "--week", is_flag=True, help="Show a week date.")
@click.option("--output-as", type=click.Choice(("text", "xml")), default="text", show_default=True)
@click.option("--output-to", metavar="DEST", help='The file that takes the output ("-" for standard output).')
@click.option("-V", "--verbose", count=True, help="Accepted for compatibility.")
@click.version_option(__version__, "-$", "--version", prog_name="iso8601")
def iso8601(**options: Any) -> None:
    """Read and show ISO 8601 dates, durations and periods.

    Exit status: 0 fine, 1 not what was expected, 2 a text that cannot be read, 64 wrong usage.
    """
    style = Style(*(options[name] for name in ("seconds", "epoch", "local", "ordinal", "week")))
    words = {name: options[name] for name in ("now", "date", "period", "duration", "expected")}
    lines: list[tuple[str, str | None]] = []
    fault: str | None = None
    try:
        code, lines = respond(Request(**words, style=style))
    except InvalidError as error:
        code, fault = INVALID, str(error)
    if options["output_as"] == "xml":
        _put(_as_xml(code, lines, fault), options["output_to"])
    elif fault is not None:
        _fail(fault, code)
    else:
        _put("".join(f"{label}: {text}\n" for label, text in lines), options["output_to"])
    sys.exit(code)


def script() -> None:
    """The stand-alone command: usage errors exit with 64, as sysexits(3) has it."""
    try:
        iso8601.main(prog_name="iso8601", standalone_mode=False)
    except click.ClickException as error:
        _fail(error.format_message(), USAGE)
    except click.exceptions.Abort:
        sys.exit(ERROR)
