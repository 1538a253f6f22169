"""Changes of a CIB that an administrator could make, as functions on a copy of the document."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace as changed_copy
from typing import Final, NamedTuple

from lxml import etree

from hacluster.cib.document import XML, Document
from hacluster.cib.records import History, NodeState, Status
from hacluster.pe.warm.watch import is_uneasy

Edit = Callable[[Document], None]
_ADDED: Final = "explain"
"""Prefix of the ids of what is added to the copy."""


class Candidate(NamedTuple):
    """A change worth trying: what it is called, the id of what it changes, and how."""

    text: str
    id: str | None
    edit: Edit


def copied(document: Document) -> Document:
    """A copy that can be changed and scheduled without leaving a trace."""
    states = [
        NodeState(
            state.id,
            state.uname,
            dict(state.attrs),
            copy.deepcopy(state.transient),
            state.has_lrm,
            own_histories(state),
        )
        for state in document.status.nodes
    ]
    return Document(copy.deepcopy(document.root), Status(states, [dict(ticket) for ticket in document.status.tickets]))


def own_histories(state: NodeState) -> list[History]:
    """The histories of a node. Those whose failures a schedule may mark as expired are copied, all others shared."""
    return [_copied(history) if is_uneasy(history) else history for history in state.histories]


def _copied(history: History) -> History:
    return changed_copy(history, ops=[copy.copy(op) for op in history.ops])


def _find(document: Document, ident: str) -> XML | None:
    return next((entry for entry in document.root.iter(etree.Element) if entry.get("id") == ident), None)


def _section(document: Document, name: str) -> XML:
    section = document.section(name)
    if section is None:
        configuration = document.root.find("configuration")
        if configuration is None:
            configuration = etree.SubElement(document.root, "configuration")
        section = etree.SubElement(configuration, name)
    return section


def _set_pairs(parents: Iterator[XML], name: str, value: str) -> bool:
    changed = False
    for parent in parents:
        for pair in parent.iter("nvpair"):
            if pair.get("name") == name:
                pair.set("value", value)
                changed = True
    return changed


def _add_pair(parent: XML, tag: str, name: str, value: str) -> None:
    ident = f"{_ADDED}-{parent.get('id', tag)}-{name}"
    group = etree.SubElement(parent, tag, id=f"{ident}-set", score="INFINITY")
    etree.SubElement(group, "nvpair", id=ident, name=name, value=value)


def remove(ident: str) -> Edit:
    """Take an element out; a constraint whose last rule or set goes, goes with it."""

    def edit(document: Document) -> None:
        element = _find(document, ident)
        parent = None if element is None else element.getparent()
        if element is None or parent is None:
            return
        parent.remove(element)
        above = parent.getparent()
        if str(parent.tag).startswith("rsc_") and len(parent) == 0 and above is not None:
            above.remove(parent)

    return edit


def set_value(ident: str, value: str) -> Edit:
    """Change the value of an nvpair."""

    def edit(document: Document) -> None:
        element = _find(document, ident)
        if element is not None:
            element.set("value", value)

    return edit


def set_meta(rsc_id: str, name: str, value: str) -> Edit:
    """Set a meta-attribute of a resource."""

    def edit(document: Document) -> None:
        element = _find(document, rsc_id)
        if element is not None and not _set_pairs(
            (sub for sub in element if sub.tag == "meta_attributes"), name, value
        ):
            _add_pair(element, "meta_attributes", name, value)

    return edit


def set_option(name: str, value: str) -> Edit:
    """Set a cluster option."""

    def edit(document: Document) -> None:
        section = _section(document, "crm_config")
        if not _set_pairs(iter([section]), name, value):
            _add_pair(section, "cluster_property_set", name, value)

    return edit


def _states(document: Document, uname: str) -> list[NodeState]:
    return [state for state in document.status.nodes if state.uname == uname]


def set_node_attribute(uname: str, name: str, value: str) -> Edit:
    """Set an attribute of a node, wherever it is set already."""

    def edit(document: Document) -> None:
        nodes = [entry for entry in _section(document, "nodes") if entry.get("uname") == uname]
        transient = [state.transient for state in _states(document, uname) if state.transient is not None]
        if not _set_pairs(iter([*nodes, *transient]), name, value) and nodes:
            _add_pair(nodes[0], "instance_attributes", name, value)

    return edit


def set_transient(uname: str, name: str, value: str) -> Edit:
    """Set an attribute of a node that lasts until it restarts."""

    def edit(document: Document) -> None:
        for state in _states(document, uname):
            if state.transient is None:
                state.transient = etree.Element("transient_attributes", id=state.id or "")
            if not _set_pairs(iter([state.transient]), name, value):
                _add_pair(state.transient, "instance_attributes", name, value)

    return edit


def bring_online(uname: str) -> Edit:
    """Let a node be a member as it should be."""

    def edit(document: Document) -> None:
        for state in _states(document, uname):
            state.attrs.update(in_ccm="true", crmd="online", join="member", expected="member")

    return edit


def confirm_down(uname: str) -> Edit:
    """Let a node be known to be down, as after it was fenced."""

    def edit(document: Document) -> None:
        for state in _states(document, uname):
            state.attrs.update(in_ccm="false", crmd="offline", join="down", expected="down")
            state.forget_lrm()
            state.transient = None

    return edit


def both(one: Edit, other: Edit) -> Edit:
    """Two changes in one."""

    def edit(document: Document) -> None:
        one(document)
        other(document)

    return edit


def add_device(document: Document) -> None:
    """Add a device that can fence every node."""
    resources = _section(document, "resources")
    etree.SubElement(resources, "primitive", {"id": f"{_ADDED}-device", "class": "stonith", "type": "fence_device"})


def clean_up(rsc_id: str, uname: str) -> Edit:
    """Forget the failures of a resource on a node: fail counts and failed results."""

    def edit(document: Document) -> None:
        for state in _states(document, uname):
            for pair in list(state.transient.iter("nvpair")) if state.transient is not None else ():
                parent, name = pair.getparent(), pair.get("name", "")
                about = name.removeprefix("fail-count-").removeprefix("last-failure-")
                if parent is not None and about != name and about.split("#")[0].split(":")[0] == rsc_id:
                    parent.remove(pair)
            for place, history in enumerate(state.histories):
                if history.id.split(":")[0] == rsc_id:
                    ops = [op for op in history.ops if op.rc in (op.target_rc, 193) and op.status in (0, -1)]
                    state.histories[place] = changed_copy(history, ops=ops)

    return edit


def grant(ticket: str) -> Edit:
    """Grant a ticket."""

    def edit(document: Document) -> None:
        document.status.tickets = [entry for entry in document.status.tickets if entry.get("id") != ticket]
        document.status.tickets.append({"id": ticket, "granted": "true", "standby": "false"})

    return edit


def get_quorum(document: Document) -> None:
    """Let the cluster have quorum."""
    document.root.set("have-quorum", "1")


def prefer(rsc_id: str, uname: str, score: int) -> Edit:
    """Add a location constraint."""

    def edit(document: Document) -> None:
        etree.SubElement(
            _section(document, "constraints"),
            "rsc_location",
            id=f"{_ADDED}-location",
            rsc=rsc_id,
            node=uname,
            score=str(score),
        )

    return edit
