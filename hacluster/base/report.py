"""Reports: what went wrong in something that a person wrote, and where.

A fault of the administrator (a bad line of ha.cf, a dangling id) is data, not an exception: a reader collects
all reports of a file and hands them over together, so that one run shows everything there is to mend.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a report is; values are those of syslog(3), so smaller is worse."""

    CRIT = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7

    @property
    def word(self) -> str:
        """The lower-case word that people see: ``error``, ``warning``, …"""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text: file as the user named it, 1-based line, and the field or element if one is to blame."""

    file: str
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return where if self.field is None else f"{where} ({self.field})"


@dataclass(frozen=True, slots=True)
class Report:
    """One finding.

    ``code`` is a stable kebab-case word for scripts and tests (``unknown-directive``); ``text`` is one sentence
    without a final full stop; ``hint`` says what to do instead, and is empty when nothing sensible can be said.
    ``own``: the program whose place we take says nothing of this.
    """

    code: str
    severity: Severity
    text: str
    place: Place | None = None
    hint: str = ""
    own: bool = False

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f" ({self.hint})" if self.hint else ""
        own = " [hacluster]" if self.own else ""
        return f"{where}{self.severity.word}{own}: {self.text}{hint}"

    def as_dict(self) -> dict[str, str | int | None]:
        """The JSON shape of ``--output-as=json``: code, severity, text, file, line, field, hint."""
        place = self.place
        return {
            "code": self.code,
            "severity": self.severity.word,
            "text": self.text,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "field": place.field if place else None,
            "hint": self.hint,
        }


def worst(reports: Iterable[Report]) -> Severity | None:
    """The severity of the worst report, ``None`` when there is none."""
    return min((report.severity for report in reports), default=None)


def has_errors(reports: Iterable[Report]) -> bool:
    """Whether any report is an error or worse: the file must not be used."""
    found = worst(reports)
    return found is not None and found <= Severity.ERROR
