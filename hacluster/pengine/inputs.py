"""What each decision was made of, kept so that it can be made again: ``pe-input-7.bz2`` and its kin.

Names, series and limits are Pacemaker's (``pe-error-series-max``, ``pe-warn-series-max``, ``pe-input-series-max``; 0:
none, -1: no limit), and so is the form: the CIB as it was, with ``execution-date``. Its ``crm_simulate`` replays them,
and ``hacluster explain --input`` says why.

A file is made when nobody waits, a node's status at a time: a large CIB takes a second to be written, and the next
decision may be asked for at once. What is decided on next must not change what is still to be written: trees of the
configuration are values, and of the status a copy is taken before it changes.
"""

from __future__ import annotations

import bz2
import copy
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
from lxml import etree

from hacluster.base.effects import Effect, Persist, Say
from hacluster.base.limits import MAX_INPUTS_DUE
from hacluster.base.report import Report, Severity
from hacluster.base.values import scan_int
from hacluster.cib.document import XML, Document
from hacluster.cib.records import History, Status
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
class _Due:
    """An input that is still to be written. ``status``: a copy, once the document has gone on."""

    name: str
    unix_s: int
    root: XML
    status: Status | None = None
    packer: bz2.BZ2Compressor = field(default_factory=bz2.BZ2Compressor)
    packed: list[bytes] = field(default_factory=list)
    done: int = -1

    def add(self, text: bytes) -> None:
        self.packed.append(self.packer.compress(text))


def _copy_of(status: Status) -> Status:
    """A copy that goes on as it is while the status changes; records are values."""
    nodes = [
        replace(
            state,
            attrs=dict(state.attrs),
            transient=copy.deepcopy(state.transient),
            histories=[
                History(h.id, h.type, h.standard, h.provider, h.container, h.shutdown_lock, h.place, h.ops[:])
                for h in state.histories
            ],
            _index=None,
        )
        for state in status.nodes
    ]
    return Status(nodes, [dict(ticket) for ticket in status.tickets])


@dataclass(slots=True)
class Inputs:
    """The series, and what is still to be written, the oldest first."""

    next: dict[str, int] = field(default_factory=dict)
    due: deque[_Due] = field(default_factory=deque)

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
        self.due.append(_Due(f"pe-{series}-{number}", unix_s, document.root))
        return self.due[-1].name

    def before_change(self, document: Document) -> list[Effect]:
        """The document goes on: what is due keeps what it is about. Of too many the oldest is given up, and said so."""
        if self.due and self.due[-1].status is None:
            self.due[-1].status = _copy_of(document.status)
        if len(self.due) <= MAX_INPUTS_DUE:
            return []
        lost = self.due.popleft()
        text = f"{lost.name} is not kept: {MAX_INPUTS_DUE} decisions came before it could be written"
        return [Say(Severity.WARNING, "pengine", "input-not-written", text)]

    def write_on(self, document: Document) -> list[Effect]:
        """Write a piece of the oldest that is due; when that was the last, it goes to disk."""
        if not self.due:
            return []
        due = self.due[0]
        status = document.status if due.status is None else due.status
        if due.done < 0:
            due.add(_head(due))
        elif due.done < len(status.nodes):
            due.add(_piece(Status([status.nodes[due.done]])))
        else:
            due.add(_piece(Status([], status.tickets)) + b"  </status>\n</cib>\n")
            self.due.popleft()
            data = b"".join(due.packed) + due.packer.flush()
            return [Persist(f"{due.name}.bz2", data, 0), Persist(KEY, msgspec.json.encode(self.next), 0)]
        due.done += 1
        return []


def _head(due: _Due) -> bytes:
    root = copy.deepcopy(due.root)
    root.set("execution-date", str(due.unix_s))
    text = etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8").rstrip()
    end = b"</cib>"
    return (text[: -len(end)] if text.endswith(end) else text[:-2] + b">") + b"  <status>\n"


def _piece(status: Status) -> bytes:
    """What stands in the status for these, as text."""
    found = document_xml(Document(etree.Element("cib"), status)).find("status")
    assert found is not None, "a document has a status"
    return b"".join(etree.tostring(child, pretty_print=True) for child in found)
