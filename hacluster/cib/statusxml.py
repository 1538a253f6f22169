"""XML as a view of the status records."""

from __future__ import annotations

import copy

from lxml import etree

from hacluster.cib.document import XML, Document
from hacluster.cib.records import History, NodeState, OpRecord


def _set(element: XML, name: str, value: str | int | None) -> None:
    if value is not None:
        element.set(name, str(value))


def op_xml(parent: XML, op: OpRecord) -> XML:
    """Append the ``lrm_rsc_op`` of a record to ``parent``."""
    element = etree.SubElement(parent, "lrm_rsc_op", id=op.id)
    _set(element, "operation_key", op.key if op.has_key else None)
    element.set("operation", op.task)
    _set(element, "crm_feature_set", op.feature_set)
    _set(element, "transition-key", op.transition_key)
    _set(element, "transition-magic", op.magic)
    _set(element, "exit-reason", op.exit_reason)
    _set(element, "on_node", op.on_node)
    _set(element, "call-id", op.call_id if op.has_call_id else None)
    _set(element, "rc-code", op.rc)
    _set(element, "op-status", op.status)
    _set(element, "interval", op.interval_ms)
    _set(element, "last-rc-change", op.last_change)
    _set(element, "queue-time", op.timing[0] or None)
    _set(element, "exec-time", op.timing[1] or None)
    _set(element, "migrate_source", op.source)
    _set(element, "migrate_target", op.target)
    _set(element, "op-digest", op.digest)
    _set(element, "op-force-restart", op.force_restart)
    _set(element, "op-restart-digest", op.restart_digest)
    _set(element, "op-secure-params", op.secure_list)
    _set(element, "op-secure-digest", op.secure_digest)
    return element


def _history_xml(parent: XML, history: History) -> None:
    element = etree.SubElement(parent, "lrm_resource", id=history.id)
    _set(element, "type", history.type)
    _set(element, "class", history.standard)
    _set(element, "provider", history.provider)
    _set(element, "container", history.container)
    _set(element, "shutdown-lock", history.shutdown_lock)
    for op in history.ops:
        op_xml(element, op)


def _state_xml(parent: XML, state: NodeState) -> None:
    element = etree.SubElement(parent, "node_state")
    _set(element, "id", state.id)
    _set(element, "uname", state.uname)
    for name, value in state.attrs.items():
        element.set(name, value)
    if state.transient is not None:
        element.append(copy.deepcopy(state.transient))
    if state.has_lrm:
        lrm = etree.SubElement(element, "lrm", id=state.id or "")
        resources = etree.SubElement(lrm, "lrm_resources")
        for history in state.histories:
            _history_xml(resources, history)


def document_xml(document: Document) -> XML:
    """The whole CIB as one new tree."""
    root = copy.deepcopy(document.root)
    status = etree.SubElement(root, "status")
    for state in document.status.nodes:
        _state_xml(status, state)
    if document.status.tickets:
        tickets = etree.SubElement(status, "tickets")
        for ticket in document.status.tickets:
            etree.SubElement(tickets, "ticket_state", ticket)
    return root
