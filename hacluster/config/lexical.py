"""The words of ha.cf and of hacluster.cf, which follows the same rules.

One directive per line. ``#`` starts a comment anywhere, there is no quoting. The directive ends at a blank; its
values are separated by blanks or commas. Lines end with LF or CR LF and have at most 5,119 bytes (Heartbeat cuts
longer ones into several). Directive names are case-sensitive. Checked against the parser of Heartbeat 3.0.6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hacluster.config.findings import Findings, shown

MAX_LINE: Final = 5_119
"""Bytes of a line, its end not counted."""

BYTE_ORDER_MARK: Final = "\ufeff"
UTF16_MARKS: Final = ("\udcff\udcfe", "\udcfe\udcff")
"""How a reader that lets bytes through that are no UTF-8 shows the mark of UTF-16."""

MAX_TIME_MS: Final = 2**31 - 1
"""Longest time that can be configured: 24.8 days."""

_BLANKS = " \t\r\f\v"
_VALUE = re.compile(r"[^ \t\r\f\v,]+")
_DIRECTIVE = re.compile(r"[^ \t\r\f\v]+")
_TIME = re.compile(r"(\d{0,18})(?:\.(\d{0,12}))?(|ms|msec|us|usec)", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_MICROSECONDS = {"": 1_000_000, "ms": 1_000, "msec": 1_000, "us": 1, "usec": 1}

_BOOLEANS: Final = {
    **dict.fromkeys(("true", "on", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "off", "no", "n", "0"), False),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A value as written; ``column`` counts characters from 1."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line with a directive: its values split at blanks and commas, and ``rest``, the text they stand in."""

    number: int
    directive: str
    values: tuple[Word, ...]
    rest: str

    @property
    def words(self) -> tuple[str, ...]:
        """``rest`` split at blanks only: for directives that take the whole rest of the line."""
        return tuple(_DIRECTIVE.findall(self.rest))


def byte_length(text: str) -> int:
    """The length of ``text`` in the file; bytes that were no UTF-8 count too."""
    return len(text.encode("utf-8", "surrogatepass"))


def physical_lines(text: str, findings: Findings) -> Iterator[tuple[int, str]]:
    """Number and text of every line; lines no parser can use are reported and given as empty."""
    text = _without_mark(text, findings)
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        if byte_length(line) > MAX_LINE:
            hint = f"a line has at most {MAX_LINE} bytes; Heartbeat would read the rest as another line"
            findings.error("line-too-long", number, f"the line has {byte_length(line)} bytes", hint)
            yield number, ""
        elif "\0" in line:
            findings.error("nul-character", number, "the line holds a NUL character", "is this a text file?")
            yield number, ""
        else:
            yield number, line


def _without_mark(text: str, findings: Findings) -> str:
    """The text without the mark that some editors put before it; nothing of a file in UTF-16."""
    if text.startswith(BYTE_ORDER_MARK):
        hint = "save it as UTF-8 without a BOM; Heartbeat takes the mark for a part of the first word"
        findings.error("byte-order-mark", 1, "the file begins with a byte order mark (BOM)", hint)
        return text.removeprefix(BYTE_ORDER_MARK)
    if text.startswith(UTF16_MARKS):
        findings.error("utf-16", 1, "the file is in UTF-16: it begins with that byte order mark", "save it as UTF-8")
        return ""
    return text


def lex(text: str, findings: Findings) -> Iterator[Line]:
    """The lines that say something."""
    for number, line in physical_lines(text, findings):
        said = line.partition("#")[0]
        directive = _DIRECTIVE.search(said)
        if directive is None:
            continue
        if findings.full:
            return
        values = tuple(Word(m.group(), m.start() + 1) for m in _VALUE.finditer(said, directive.end()))
        yield Line(number, directive.group(), values, said[directive.end() :].strip(_BLANKS))


def parse_time(text: str) -> int | None:
    """Milliseconds of a time value, rounded half up; ``None`` when it is none or longer than :data:`MAX_TIME_MS`.

    A number with optional decimals, and ``ms``, ``msec``, ``us``, ``usec`` or no unit for seconds.
    """
    match = _TIME.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        return None
    decimals = match[2] or ""
    scaled = int(match[1] + decimals or "0") * _MICROSECONDS[match[3]]
    scale = 1_000 * 10 ** len(decimals)
    milliseconds = (2 * scaled + scale) // (2 * scale)
    return milliseconds if milliseconds <= MAX_TIME_MS else None


def time_hint(text: str) -> str:
    """What to write instead of a time that :func:`parse_time` refuses."""
    if re.match(r"\d{7,}", text, re.ASCII):
        return f"the longest time is {MAX_TIME_MS // 1_000} seconds"
    if text.startswith("-"):
        return "no time is below zero"
    number = re.match(r"\d{1,9}(?:\.\d{1,9})?(?=(s|sec|secs|seconds)$)", text, re.ASCII)
    if number:
        return f"seconds have no unit: write {number.group()}"
    return "a time is a number of seconds, or a number with ms or us: 2, 0.5, 500ms"


def parse_boolean(text: str) -> bool | None:
    """``true on yes y 1`` / ``false off no n 0`` in any case; ``None`` for anything else."""
    return _BOOLEANS.get(text.lower())


def parse_number(text: str) -> int | None:
    """A plain decimal number of at most nine digits; ``None`` for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else None


def read_time(line: Line, value: str, findings: Findings, *, minimum_ms: int = 1) -> int | None:
    """The time ``value`` of ``line``, at least ``minimum_ms``; reports and gives ``None`` when it is wrong."""
    found = parse_time(value)
    if found is None:
        text = f"{shown(value)} is not a time"
        findings.error("bad-time", line.number, text, time_hint(value), line.directive)
    elif found < minimum_ms:
        text = f"{line.directive} must be at least {minimum_ms} ms, not {shown(value)}"
        findings.error("time-out-of-range", line.number, text, field=line.directive)
        return None
    return found


def read_boolean(line: Line, value: str, findings: Findings) -> bool | None:
    """The boolean ``value`` of ``line``; reports and gives ``None`` when it is none."""
    found = parse_boolean(value)
    if found is None:
        text = f"{shown(value)} is neither yes nor no"
        findings.error("bad-boolean", line.number, text, "write on or off", line.directive)
    return found


def read_number(line: Line, value: str, findings: Findings, low: int, high: int, *, name: str = "") -> int | None:
    """The number ``value`` of ``line`` in ``low..high``; reports and gives ``None`` when it is not one.

    ``name`` is what this value of the line is called, when the directive takes several.
    """
    found = parse_number(value)
    if found is None or not low <= found <= high:
        text = f"{name or line.directive} must be a number from {low} to {high}, not {shown(value)}"
        findings.error("bad-number", line.number, text, field=line.directive)
        return None
    return found


def read_word(line: Line, value: str, findings: Findings, known: tuple[str, ...]) -> str | None:
    """``value`` if it is one of ``known``; otherwise reports it and gives ``None``."""
    if value in known:
        return value
    text = f"{line.directive} does not know {shown(value)}"
    findings.error("bad-word", line.number, text, f"one of: {', '.join(known)}", line.directive)
    return None
