"""What each decision was made of, kept so that it can be made again: ``pe-input-7.bz2`` and its kin.

Names, series and limits are Pacemaker's (``pe-error-series-max``, ``pe-warn-series-max``, ``pe-input-series-max``; 0:
none, -1: no limit), and so is the form: the CIB as it was, with ``execution-date``. Its ``crm_simulate`` replays them,
and ``hacluster explain --input`` says why.

A file is made when nobody waits: after the answer, and before the copy of the CIB changes again.
"""

from __future__ import annotations

import bz2
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
from lxml import etree

from hacluster.base.effects import Effect, Persist
from hacluster.base.report import Report, Severity
from hacluster.base.values import scan_int
from hacluster.cib.document import XML, Document
from hacluster.cib.statusxml import document_xml

KEY: Final = "pe-series"
"""The next number of each series, so that a new life goes on where the last one was."""

_DEFAULTS: Final = {"error": -1, "warn": 5_000, "input": 4_000}
_NUMBERS: Final = msgspec.json.Decoder(dict[str, int])


def series_of(reports: Sequence[Report]) -> str:
    """``error`` when the configuration has errors, ``warn`` when something is to be warned of, else ``input``."""
    worst = min((report.severity for report in reports), default=Severity.DEBUG)
    if worst <= Severity.ERROR:
        return "error"
    return "warn" if worst <= Severity.WARNING else "input"


def _limit(root: XML, series: str) -> int:
    for pair in root.iterfind("configuration/crm_config/cluster_property_set/nvpair"):
        if pair.get("name") == f"pe-{series}-series-max":
            found = scan_int(pair.get("value", ""))
            return _DEFAULTS[series] if found is None else found
    return _DEFAULTS[series]


@dataclass(slots=True)
class Inputs:
    """The series. ``due``: the name, and the time in Unix seconds, of the input that is still to be written."""

    next: dict[str, int] = field(default_factory=dict)
    due: tuple[str, int] | None = None

    def restore(self, data: bytes | None) -> None:
        """Go on where the last life was; what cannot be read counts for nothing."""
        try:
            self.next = _NUMBERS.decode(data or b"{}")
        except (msgspec.DecodeError, msgspec.ValidationError):
            self.next = {}

    def name(self, document: Document, reports: Sequence[Report], unix_s: int) -> str:
        """The name of the input of a decision that was made now; empty when none is wanted."""
        series = series_of(reports)
        limit = _limit(document.root, series)
        if limit == 0:
            return ""
        number = self.next.get(series, 0)
        self.next[series] = number + 1 if limit < 0 else (number + 1) % limit
        self.due = (f"pe-{series}-{number}", unix_s)
        return self.due[0]

    def written(self, document: Document) -> list[Effect]:
        """Write what is due; the document is still what was decided on."""
        if self.due is None:
            return []
        (name, unix_s), self.due = self.due, None
        root = document_xml(document)
        root.set("execution-date", str(unix_s))
        text = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8")
        numbers = msgspec.json.encode(self.next)
        return [Persist(f"{name}.bz2", bz2.compress(text), 0), Persist(KEY, numbers, 0)]
