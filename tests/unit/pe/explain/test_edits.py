from lxml import etree

from hacluster.cib.document import parse_document
from hacluster.cib.statusxml import document_xml
from hacluster.pe.explain import edits

CIB = b"""<cib have-quorum="0"><configuration>
<crm_config><cluster_property_set id="o">
<nvpair id="o-m" name="maintenance-mode" value="true"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"><instance_attributes id="a">
<nvpair id="a-s" name="standby" value="on"/></instance_attributes></node></nodes>
<resources><primitive id="web" class="ocf" provider="heartbeat" type="Dummy"/></resources>
<constraints><rsc_location id="l" rsc="web"><rule id="r" score="5">
<expression id="e" attribute="x" operation="defined"/></rule></rsc_location></constraints>
</configuration><status><node_state id="1" uname="n1" crmd="offline" in_ccm="false">
<transient_attributes id="1"><instance_attributes id="t"><nvpair id="f1" name="fail-count-web#start_0" value="1"/>
<nvpair id="f2" name="fail-count-website#start_0" value="1"/></instance_attributes></transient_attributes>
<lrm id="1"><lrm_resources><lrm_resource id="web" class="ocf" provider="heartbeat" type="Dummy">
<lrm_rsc_op id="web_last_failure_0" operation_key="web_start_0" operation="start" rc-code="1" op-status="0"
 transition-key="1:1:0:u"/>
<lrm_rsc_op id="web_last_0" operation_key="web_stop_0" operation="stop" rc-code="0" op-status="0"
 transition-key="1:1:0:u"/>
</lrm_resource></lrm_resources></lrm></node_state></status></cib>"""


def after(edit):
    document = parse_document(CIB)
    copy = edits.copied(document)
    edit(copy)
    assert etree.tostring(document_xml(document)) == etree.tostring(document_xml(parse_document(CIB)))
    return document_xml(copy)


def values(root, name):
    return [pair.get("value") for pair in root.iter("nvpair") if pair.get("name") == name]


def test_the_last_rule_takes_its_constraint_along():
    assert after(edits.remove("r")).find(".//rsc_location") is None
    assert after(edits.remove("e")).find(".//rule") is not None


def test_settings_are_changed_where_they_are_or_added():
    assert values(after(edits.set_option("maintenance-mode", "false")), "maintenance-mode") == ["false"]
    assert values(after(edits.set_option("stop-all-resources", "true")), "stop-all-resources") == ["true"]
    assert values(after(edits.set_meta("web", "target-role", "Started")), "target-role") == ["Started"]
    assert values(after(edits.set_node_attribute("n1", "standby", "false")), "standby") == ["false"]
    assert values(after(edits.set_value("a-s", "off")), "standby") == ["off"]


def test_cleaning_up_forgets_failures_of_that_resource_alone():
    root = after(edits.clean_up("web", "n1"))
    assert [pair.get("id") for pair in root.iter("nvpair") if pair.get("name").startswith("fail-count")] == ["f2"]
    assert [op.get("id") for op in root.iter("lrm_rsc_op")] == ["web_last_0"]


def test_a_node_comes_back_and_quorum_and_tickets_come():
    state = after(edits.bring_online("n1")).find(".//node_state")
    assert (state.get("in_ccm"), state.get("crmd"), state.get("join")) == ("true", "online", "member")
    assert after(edits.get_quorum).get("have-quorum") == "1"
    assert after(edits.grant("t")).find(".//ticket_state").get("granted") == "true"


def test_a_preference_is_one_location_constraint():
    found = after(edits.prefer("web", "n1", 7)).findall(".//rsc_location")
    assert [(entry.get("rsc"), entry.get("score")) for entry in found] == [("web", None), ("web", "7")]
