"""Which typed changes lead from one status section to another: for edits of programs that write XML.

What this node's own machines know of the status they say as typed changes at once (:mod:`hacluster.cib.change`); this
is for who has nothing but XML: ``cibadmin -o status``, ``crm_ticket``, the shells.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from hacluster.base.results import Exit, Fault
from hacluster.cib.change import (
    AttributeSet,
    Change,
    NodeForgotten,
    NodeStateSet,
    OperationRecorded,
    ResourceForgotten,
    TicketSet,
    Words,
)
from hacluster.cib.document import XML

_KNOWN: Final = ("node_state", "tickets")


def status_changes(old: XML, new: XML) -> tuple[Change, ...]:
    """The changes that turn the status ``old`` into ``new``.

    Raises :class:`Fault` for what a status cannot hold: an element that is none of its own, a node without a name.
    """
    for child in new:
        if isinstance(child.tag, str) and child.tag not in _KNOWN:
            raise Fault(f"The status has no element <{child.tag}>", Exit.CONFIG)
    return (*_of_nodes(old, new), *_of_tickets(old, new))


def _words(element: XML, *without: str) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items() if name not in without}


def _changed(old: dict[str, str], new: dict[str, str]) -> Words:
    """Words that are other now; what is gone has an empty value."""
    gone = [(name, "") for name in old if name not in new]
    return (*((name, value) for name, value in new.items() if old.get(name) != value), *gone)


def _name_of(state: XML) -> str:
    name = state.get("uname") or state.get("id") or ""
    if not name:
        raise Fault("A node_state needs a uname", Exit.CONFIG)
    return name


def _of_nodes(old: XML, new: XML) -> Iterator[Change]:
    before = {_name_of(state): state for state in old.iterfind("node_state")}
    after = {_name_of(state): state for state in new.iterfind("node_state")}
    for name in before:
        if name not in after:
            yield NodeForgotten(name)
    empty = etree.Element("node_state")
    for name, state in after.items():
        known = before.get(name, empty)
        if etree.tostring(known) == etree.tostring(state):
            continue
        words = _changed(_words(known, "id", "uname"), _words(state, "id", "uname"))
        if words or known is empty:
            yield NodeStateSet(name, words, state.get("id") or name)
        yield from _of_attributes(name, known, state)
        yield from _of_histories(name, known, state)


def _pairs(state: XML, kind: str) -> dict[str, XML]:
    found = state.iterfind(f"transient_attributes/{kind}/nvpair")
    return {pair.get("name", ""): pair for pair in found if pair.get("name")}


def _of_attributes(node: str, old: XML, new: XML) -> Iterator[Change]:
    for kind in ("instance_attributes", "utilization"):
        before, after = _pairs(old, kind), _pairs(new, kind)
        for name in before:
            if name not in after:
                yield AttributeSet(node, name, None, utilization=kind == "utilization")
        for name, pair in after.items():
            known = before.get(name)
            if known is None or known.get("value") != pair.get("value"):
                value, ident = pair.get("value") or "", pair.get("id") or ""
                yield AttributeSet(node, name, value, ident, utilization=kind == "utilization")


def _of_histories(node: str, old: XML, new: XML) -> Iterator[Change]:
    path = "lrm/lrm_resources/lrm_resource"
    before = {entry.get("id", ""): entry for entry in old.iterfind(path)}
    after = {entry.get("id", ""): entry for entry in new.iterfind(path)}
    for ident in before:
        if ident not in after:
            yield ResourceForgotten(node, ident)
    empty = etree.Element("lrm_resource")
    for ident, entry in after.items():
        known = {op.get("id", ""): op for op in before.get(ident, empty).iterfind("lrm_rsc_op")}
        ops = {op.get("id", ""): op for op in entry.iterfind("lrm_rsc_op")}
        for gone in known.keys() - ops.keys():
            yield ResourceForgotten(node, ident, gone)
        kind = (entry.get("class") or "", entry.get("provider") or "", entry.get("type") or "")
        for name, op in ops.items():
            twin = known.get(name)
            if twin is None or _words(twin) != _words(op):
                yield OperationRecorded(node, ident, tuple(_words(op).items()), *kind)


def _of_tickets(old: XML, new: XML) -> Iterator[Change]:
    before = {entry.get("id", ""): entry for entry in old.iterfind("tickets/ticket_state")}
    after = {entry.get("id", ""): entry for entry in new.iterfind("tickets/ticket_state")}
    for ident in before:
        if ident not in after:
            yield TicketSet(ident)
    for ident, entry in after.items():
        known: dict[str, str] = _words(before[ident]) if ident in before else {}
        words = _changed(known, _words(entry))
        if words:
            yield TicketSet(ident, words)
