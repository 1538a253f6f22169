"""Typed changes of the status."""

from __future__ import annotations

from lxml import etree

from hacluster.cib.change import (
    AttributeSet,
    Change,
    NodeForgotten,
    NodeStateSet,
    OperationRecorded,
    ResourceForgotten,
    TicketSet,
    apply_change,
    node_ids,
)
from hacluster.cib.document import Document
from hacluster.cib.records import Status
from hacluster.cib.statusxml import document_xml

START = (("id", "A_last_0"), ("operation", "start"), ("rc-code", "0"), ("op-status", "0"), ("call-id", "7"))
STOP = (("id", "A_last_0"), ("operation", "stop"), ("rc-code", "0"), ("op-status", "0"), ("call-id", "9"))
MONITOR = (("id", "A_monitor_10000"), ("operation", "monitor"), ("interval", "10000"), ("rc-code", "0"))


def after(*changes: Change) -> Status:
    status = Status()
    for change in changes:
        apply_change(status, change)
    return status


def text(status: Status) -> str:
    found = document_xml(Document(etree.fromstring("<cib/>"), status)).find("status")
    assert found is not None
    return etree.tostring(found, encoding="unicode")


def test_a_record_takes_the_place_of_the_one_with_its_id() -> None:
    def recorded(op: tuple[tuple[str, str], ...]) -> OperationRecorded:
        return OperationRecorded("n1", "A", op, "ocf", "heartbeat", "Dummy")

    status = after(recorded(START), recorded(MONITOR), recorded(STOP))
    history = status.nodes[0].history("A")
    assert history is not None
    assert [(op.id, op.task, op.call_id) for op in history.ops] == [
        ("A_last_0", "stop", 9),
        ("A_monitor_10000", "monitor", 0),
    ]
    assert (history.standard, history.provider, history.type) == ("ocf", "heartbeat", "Dummy")
    apply_change(status, ResourceForgotten("n1", "A", "A_last_0"))
    assert [op.id for op in history.ops] == ["A_monitor_10000"]
    apply_change(status, ResourceForgotten("n1", "A"))
    apply_change(status, ResourceForgotten("unknown", "A"))
    assert status.nodes[0].histories == []


def test_words_of_a_node_and_what_takes_them_away() -> None:
    status = after(
        NodeStateSet("n1", (("in_ccm", "true"), ("crmd", "online")), "uuid-1"), NodeStateSet("n1", (("crmd", ""),))
    )
    assert text(status) == '<status><node_state id="uuid-1" uname="n1" in_ccm="true"/></status>'
    apply_change(status, NodeForgotten("n1"))
    assert text(status) == "<status/>"


def test_transient_attributes() -> None:
    status = after(AttributeSet("n1", "pingd", "100"), AttributeSet("n1", "pingd", "200"), AttributeSet("n1", "x", "1"))
    apply_change(status, AttributeSet("n1", "x", None))
    apply_change(status, AttributeSet("nobody", "x", None))
    assert text(status) == (
        '<status><node_state id="n1" uname="n1"><transient_attributes id="n1"><instance_attributes id="status-n1">'
        '<nvpair id="status-n1-pingd" name="pingd" value="200"/></instance_attributes></transient_attributes>'
        "</node_state></status>"
    )


def test_tickets() -> None:
    status = after(TicketSet("T", (("granted", "true"), ("standby", "false"))), TicketSet("T", (("standby", ""),)))
    assert status.tickets == [{"id": "T", "granted": "true"}]
    apply_change(status, TicketSet("T"))
    assert status.tickets == []


def test_a_fenced_node_loses_what_its_executor_knew_and_keeps_its_words() -> None:
    status = after(
        NodeStateSet("n1", (("crmd", "online"),)),
        OperationRecorded("n1", "A", START),
        NodeForgotten("n1", histories_only=True),
    )
    assert text(status) == '<status><node_state id="n1" uname="n1" crmd="online"/></status>'


def test_the_status_is_filed_under_the_ids_of_the_configuration() -> None:
    """A node that is heard of before it is configured has its name for an id, until it has one."""
    root = etree.fromstring('<cib><configuration><nodes><node id="7" uname="n1"/></nodes></configuration></cib>')
    status = Status()
    apply_change(status, AttributeSet("n1", "pingd", "1"))
    assert [entry.get("id") for entry in document_xml(Document(root, status)).iter("node_state")] == ["n1"]
    apply_change(status, NodeStateSet("n1", (("crmd", "online"),)), node_ids(root))
    apply_change(status, AttributeSet("n2", "pingd", "1"), node_ids(root))
    shown = document_xml(Document(root, status))
    assert [(entry.get("id"), entry.get("uname")) for entry in shown.iter("node_state")] == [("7", "n1"), ("n2", "n2")]
    assert [entry.get("id") for entry in shown.iter("transient_attributes")] == ["7", "n2"]
