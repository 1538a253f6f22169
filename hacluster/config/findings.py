"""The reports of one file while it is being read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hacluster.base.report import Place, Report, Severity

_SHOWN = 60

MAX_REPORTS: Final = 500
"""Findings of one file after which reading stops: nobody reads on, and no input may cost unbounded time."""


def shown(text: str) -> str:
    """``text`` quoted for a message: shortened, with everything unprintable escaped."""
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + "'"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint naming the known word that looks most like ``word``; empty when none does."""
    import difflib  # noqa: PLC0415 - a configuration without faults does without

    found = difflib.get_close_matches(word.lower()[:_SHOWN], list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]}?" if found else ""


class Findings:
    """Collects reports and gives each its place."""

    __slots__ = ("file", "reports")

    def __init__(self, file: str) -> None:
        self.file = file
        self.reports: list[Report] = []

    def error(self, code: str, line: int | None, text: str, hint: str = "", field: str | None = None) -> None:
        """The file must not be used."""
        self._add(Report(code, Severity.ERROR, text, Place(self.file, line, field), hint))

    def warning(self, code: str, line: int | None, text: str, hint: str = "", field: str | None = None) -> None:
        """The file can be used, but hardly means what its author meant."""
        self._add(Report(code, Severity.WARNING, text, Place(self.file, line, field), hint))

    def notice(self, code: str, line: int | None, text: str, hint: str = "", field: str | None = None) -> None:
        """Worth knowing; nothing is wrong."""
        self._add(Report(code, Severity.NOTICE, text, Place(self.file, line, field), hint))

    @property
    def full(self) -> bool:
        """Whether reading must stop; a closing error report then says so."""
        return len(self.reports) > MAX_REPORTS

    def _add(self, report: Report) -> None:
        if self.full:
            return
        if len(self.reports) == MAX_REPORTS:
            text = f"more than {MAX_REPORTS} findings: the rest of the file was not read"
            report = Report("too-many-reports", Severity.ERROR, text, report.place)
        self.reports.append(report)


def in_order(reports: Iterable[Report]) -> list[Report]:
    """By line, those of the file as a whole last; the order of one line is kept."""

    def key(report: Report) -> tuple[bool, int]:
        line = report.place.line if report.place else None
        return (line is None, line or 0)

    return sorted(reports, key=key)
