"""The status section as records, and back."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.cib.document import document_of, parse_document
from hacluster.cib.records import EXEC_UNKNOWN, read_op
from hacluster.cib.statusxml import document_xml

OP = (
    '<lrm_rsc_op id="web_last_0" operation_key="web_start_0" operation="start" transition-key="3:4:0:uuid" '
    'transition-magic="0:0;3:4:0:uuid" on_node="one" call-id="12" rc-code="0" op-status="0" interval="0" '
    'last-rc-change="1700000000" op-digest="f00"/>'
)
CIB = f"""<cib validate-with="pacemaker-3.7">
<configuration>
  <nodes><node id="1" uname="one"/></nodes>
</configuration>
<status>
  <node_state id="1" uname="one" in_ccm="true" crmd="online">
    <transient_attributes id="1"><instance_attributes id="a"><nvpair id="b" name="load" value="5"/>
    </instance_attributes></transient_attributes>
    <lrm id="1"><lrm_resources>
      <lrm_resource id="web" type="Dummy" class="ocf" provider="pacemaker">{OP}</lrm_resource>
    </lrm_resources></lrm>
  </node_state>
  <tickets><ticket_state id="t" granted="true"/></tickets>
  <unheard_of><lrm_resource id="x"/></unheard_of>
</status>
</cib>"""


def test_records() -> None:
    document = parse_document(CIB.encode())
    (state,) = document.status.nodes
    assert (state.id, state.uname, state.attrs) == ("1", "one", {"in_ccm": "true", "crmd": "online"})
    (history,) = state.histories
    assert (history.id, history.type, history.standard, history.provider) == ("web", "Dummy", "ocf", "pacemaker")
    (op,) = history.ops
    assert (op.task, op.rc, op.target_rc, op.call_id, op.last_change) == ("start", 0, 0, 12, 1_700_000_000)
    assert state.transient is not None
    assert state.transient.find("instance_attributes/nvpair").get("value") == "5"
    assert document.status.tickets == [{"id": "t", "granted": "true"}]


def test_the_configuration_stays_a_tree_with_lines() -> None:
    document = parse_document(CIB.encode())
    node = document.root.find("configuration/nodes/node")
    assert node is not None
    assert (node.get("uname"), node.sourceline) == ("one", 3)
    assert document.root.find("status") is None


def test_text_and_tree_give_the_same_records() -> None:
    one, other = parse_document(CIB.encode()), document_of(etree.fromstring(CIB))
    assert etree.tostring(document_xml(one)) != b""
    assert one.status.nodes[0].histories == other.status.nodes[0].histories
    assert one.status.tickets == other.status.tickets


def test_the_view_is_read_back_as_the_same_records() -> None:
    document = parse_document(CIB.encode())
    again = parse_document(etree.tostring(document_xml(document)))
    assert again.status.nodes[0].histories == document.status.nodes[0].histories
    assert again.status.tickets == document.status.tickets


@pytest.mark.parametrize(
    ("key", "expected"),
    [("1:2:7:u", 7), ("1:2:193:u", 193), ("1:2:7", -1), ("1:2:7:", -1), ("a:2:7:u", -1), ("1:2:x:u", -1), (None, -1)],
)
def test_expected_exit_codes(key: str | None, expected: int) -> None:
    assert read_op({} if key is None else {"transition-key": key}).target_rc == expected


def test_what_a_record_lacks() -> None:
    op = read_op({"id": "x"})
    assert (op.key, op.rc, op.status, op.call_id, op.has_call_id) == ("x", -1, EXEC_UNKNOWN, 0, False)
    assert read_op({"rc-code": "nonsense"}).rc == -1


def test_a_history_without_id_is_no_history() -> None:
    text = CIB.replace('<lrm_resource id="web"', "<lrm_resource")
    assert parse_document(text.encode()).status.nodes[0].histories == []


def test_namespaces_are_kept() -> None:
    root = parse_document(b'<cib xmlns:x="urn:y" x:hint="1"><configuration x:z="2"/></cib>').root
    assert root.attrib == {"{urn:y}hint": "1"}
    assert root[0].attrib == {"{urn:y}z": "2"}
