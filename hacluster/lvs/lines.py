"""The lines of ldirectord.cf: global directives, and sections of indented ones below ``virtual = …``.

A line whose first non-blank is ``#`` says nothing. A section begins at a line ``virtual = …`` or ``virtual6 = …`` in
the first column and goes on as long as lines are indented by at least four blanks (a tab counts as four); in it a
``#`` ends a line anywhere. An empty line ends a section too, so an indented directive may be left alone behind it:
that is an error, as in the original, and the message says what to do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from hacluster.config.findings import Findings, shown

MAX_LINE: Final = 8_192
"""Bytes of a line: nothing that a person writes is longer."""

_HEAD: Final = re.compile(r"virtual(6)?\s*=\s*(.*)")
_NAME: Final = re.compile(r"([A-Za-z0-9_-]+)\s*(?:=\s*(.*))?")
_INDENT: Final = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """``name = value`` in a line; ``value`` is ``None`` for a bare word. ``cut`` tells that a ``#`` ended it."""

    line: int
    name: str
    value: str | None
    cut: bool = False


@dataclass(slots=True)
class Section:
    """One virtual service as written."""

    line: int
    ipv6: bool
    head: str
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Lines:
    """The whole file as written."""

    entries: list[Entry] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)


def split_lines(text: str, findings: Findings) -> Lines:
    """The entries and sections of ``text``; lines that are neither are reported."""
    found = Lines()
    section: Section | None = None
    ended: Section | None = None
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.rstrip("\r")
        if findings.full:
            break
        if len(line) > MAX_LINE or "\0" in line:
            findings.error("bad-line", number, "the line is longer than 8192 characters or binary", "is this a text?")
            continue
        if number == 1 and line.startswith("\ufeff"):
            findings.warning("byte-order-mark", 1, "the file begins with a byte order mark", "save it without one")
            line = line.removeprefix("\ufeff")
        if line.lstrip().startswith("#"):
            continue
        if section is not None:
            inside = line.partition("#")[0].replace("\t", " " * _INDENT)
            if inside.startswith(" " * _INDENT) and inside.strip():
                _add(section.entries, number, inside.strip(), "#" in line, findings)
                continue
            section, ended = None, section
        if not line.strip():
            continue
        head = _HEAD.match(line)
        if head:
            section, ended = Section(number, head[1] is not None, head[2].strip()), None
            found.sections.append(section)
        elif line[0].isspace():
            _left_alone(findings, number, line.strip(), ended)
        else:
            _add(found.entries, number, line.strip(), cut=False, findings=findings)
    return found


def _add(entries: list[Entry], number: int, text: str, cut: bool, findings: Findings) -> None:
    match = _NAME.fullmatch(text)
    if match is None:
        findings.error("no-directive", number, f"{shown(text)} is no directive", "write: name = value")
    else:
        value = match[2]
        entries.append(Entry(number, match[1], value.strip() if value is not None else None, cut))


def _left_alone(findings: Findings, number: int, text: str, section: Section | None) -> None:
    if section is None:
        hint = "global directives begin in the first column"
    else:
        hint = (
            f"the section of line {section.line} has ended before this line: take out what is between them, "
            "and indent by four blanks or a tab"
        )
    findings.error("outside-section", number, f"{shown(text)} stands outside a section", hint)
