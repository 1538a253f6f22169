"""What monitoring reads of crm_mon's XML: the attributes and types that ha_cluster_exporter declares in its crmmon.

It calls ``crm_mon -X --inactive`` and decodes strictly: a number that is no number, or a truth that is neither, loses
it the whole answer; what is not there counts as nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from hacluster.tools.crm_mon import script
from tests.scripts import play

NUMBER, TRUTH, TEXT = "number", "truth", "text"
_STATES = "online standby standby_onfail maintenance pending unclean shutdown expected_up is_dc"
NODE = dict.fromkeys(_STATES.split(), TRUTH) | {"name": TEXT, "id": TEXT, "resources_running": NUMBER, "type": TEXT}
RESOURCE = dict.fromkeys(("active", "orphaned", "blocked", "managed", "failed", "failure_ignored"), TRUTH) | {
    "id": TEXT, "resource_agent": TEXT, "role": TEXT, "nodes_running_on": NUMBER,
}  # fmt: skip
CLONE = dict.fromkeys(("multi_state", "managed", "failed", "failure_ignored", "unique"), TRUTH) | {"id": TEXT}
SHAPE = {
    "summary/nodes_configured": {"number": NUMBER},
    "summary/last_change": {"time": TEXT},
    "summary/resources_configured": {"number": NUMBER, "disabled": NUMBER, "blocked": NUMBER},
    "summary/cluster_options": {"stonith-enabled": TRUTH, "maintenance-mode": TRUTH},
    "nodes/node": NODE,
    "node_attributes/node": {"name": TEXT},
    "node_attributes/node/attribute": {"name": TEXT, "value": TEXT},
    "node_history/node": {"name": TEXT},
    "node_history/node/resource_history": {"id": TEXT, "migration-threshold": NUMBER},
    "resources/resource": RESOURCE,
    "resources/clone": CLONE,
    "resources/clone/resource": RESOURCE,
    "resources/group": {"id": TEXT},
    "resources/group/resource": RESOURCE,
    "resources/resource/node": {"name": TEXT, "id": TEXT, "cached": TRUTH},
}
"""Where it looks, and what must be there."""

MAYBE = {"node_history/node/resource_history": {"fail-count": NUMBER}}
CIB = """<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0" have-quorum="1" dc-uuid="1"
cib-last-written="Sat Nov 28 20:00:00 2026" update-origin="n1" update-client="cibadmin" update-user="root">
<configuration><crm_config>
<cluster_property_set id="o"><nvpair id="s" name="stonith-enabled" value="false"/></cluster_property_set>
</crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources>
<primitive id="A" class="ocf" provider="pacemaker" type="Dummy"/><group id="g">
<primitive id="G" class="ocf" provider="pacemaker" type="Dummy"/></group><clone id="c">
<primitive id="C" class="ocf" provider="pacemaker" type="Dummy"/></clone></resources><constraints/></configuration>
<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member">
<transient_attributes id="1"><instance_attributes id="st"><nvpair id="f" name="fail-count-A#start_0" value="INFINITY"/>
<nvpair id="p" name="pingd" value="100"/></instance_attributes></transient_attributes><lrm id="1"><lrm_resources>{}
</lrm_resources></lrm></node_state></status></cib>"""
RAN = (
    '<lrm_resource id="{0}" class="ocf" provider="pacemaker" type="Dummy"><lrm_rsc_op id="{0}_last_0" call-id="1"'
    ' operation="start" operation_key="{0}_start_0" interval="0" rc-code="0" op-status="0" exec-time="3" queue-time="0"'
    ' transition-key="1:1:0:x" transition-magic="0:0;1:1:0:x" last-rc-change="1700000000"/></lrm_resource>'
)


def wrong(value: str | None, kind: str) -> bool:
    """Whether a strict reader of a declared type would refuse this."""
    if value is None:
        return True
    if kind == NUMBER:
        return not value.lstrip("-").isdecimal()
    return kind == TRUTH and value not in ("true", "false")


@pytest.mark.parametrize("histories", ["", "".join(map(RAN.format, "AGC"))], ids=["nothing", "running"])
def test_an_exporter_finds_what_it_reads(histories: str, tmp_path: Path) -> None:
    (tmp_path / "cib.xml").write_text(CIB.format(histories))
    done = play(script, ["crm_mon", "-X", "--inactive"], {"CIB_file": str(tmp_path / "cib.xml")})
    assert done.status == 0
    root = etree.fromstring(done.out.encode())
    assert root.tag in ("crm_mon", "pacemaker-result")
    faults = []
    for path, shape in SHAPE.items():
        found = root.findall(path)
        if not found and (histories or "running_on" not in path):
            expected = histories or not path.endswith(("resource_history", "history/node", "resource/node"))
            faults += [f"{path}: none"] * bool(expected)
        for element in found:
            faults += [
                f"{path}/@{name}={element.get(name)}" for name, kind in shape.items() if wrong(element.get(name), kind)
            ]
            optional = MAYBE.get(path, {})
            faults += [
                f"{path}/@{name}={element.get(name)}"
                for name, kind in optional.items()
                if element.get(name) is not None and wrong(element.get(name), kind)
            ]
    assert faults == []
