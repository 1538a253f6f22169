"""What a CIB says to the fencer."""

from __future__ import annotations

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import parse_document
from hacluster.msg.stonith import Device, FencingConfigured, Level
from hacluster.pengine.fencing import fencing_of

NODES = (
    '<node id="1" uname="a"><instance_attributes id="n"><nvpair id="n1" name="rack" value="7"/></instance_attributes>'
)
NODES += '</node><node id="2" uname="b"/>'


def configured(
    resources: str = "", *, options: str = "", constraints: str = "", topology: str = ""
) -> FencingConfigured:
    text = (
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration><crm_config>'
        f'<cluster_property_set id="o">{options}</cluster_property_set></crm_config><nodes>{NODES}</nodes>'
        f"<resources>{resources}</resources><constraints>{constraints}</constraints>"
        f"<fencing-topology>{topology}</fencing-topology></configuration><status/></cib>"
    )
    return fencing_of(parse_document(text.encode()), Moment.from_epoch(0))


def primitive(ident: str, more: str = "", agent: str = "fence_x") -> str:
    pairs = (
        f'<instance_attributes id="{ident}-i"><nvpair id="{ident}-p" name="ip" value="10.0.0.1"/></instance_attributes>'
    )
    return f'<primitive id="{ident}" class="stonith" type="{agent}">{pairs}{more}</primitive>'


def test_nothing_said() -> None:
    found = configured()
    assert (found.enabled, found.action, found.timeout_ms, found.max_attempts) == (True, "reboot", 60_000, 10)
    assert (found.reaction, found.watchdog_ms, found.devices, found.levels) == ("stop", 0, (), ())
    assert [node.name for node in found.nodes] == ["a", "b"]
    assert ("rack", "7") in found.nodes[0].attributes


def test_both_dialects_of_options() -> None:
    words = {"action": "off", "timeout": "9s", "max-attempts": "3", "enabled": "false", "watchdog-timeout": "12s"}
    for prefix in ("stonith", "fencing"):
        pairs = [f'<nvpair id="{name}" name="{prefix}-{name}" value="{value}"/>' for name, value in words.items()]
        reaction = {"stonith": "fence-reaction", "fencing": "fencing-reaction"}[prefix]
        found = configured(options="".join(pairs) + f'<nvpair id="r" name="{reaction}" value="panic"/>')
        assert (found.enabled, found.action, found.timeout_ms, found.max_attempts) == (False, "off", 9_000, 3)
        assert (found.reaction, found.watchdog_ms) == ("panic", 12_000)


def test_devices_wherever_they_are() -> None:
    stopped = '<meta_attributes id="m"><nvpair id="m1" name="target-role" value="Stopped"/></meta_attributes>'
    found = configured(
        primitive("one")
        + primitive("off", stopped)
        + f'<clone id="c">{primitive("two", agent="external/ipmi")}</clone>'
        + '<primitive id="web" class="ocf" provider="heartbeat" type="Dummy"/>'
        + '<template id="t" class="stonith" type="fence_y"/><primitive id="three" template="t"/>'
    )
    assert {(device.id, device.agent) for device in found.devices} == {
        ("one", "fence_x"),
        ("two", "external/ipmi"),
        ("three", "fence_y"),
    }
    assert found.devices[0] == Device("one", "fence_x", (("ip", "10.0.0.1"),))


def test_where_a_device_may_not_be_used() -> None:
    rule = '<rule id="r" score="-INFINITY"><expression id="e" attribute="#uname" operation="eq" value="b"/></rule>'
    found = configured(
        primitive("one") + f'<group id="g">{primitive("two")}</group>' + primitive("three"),
        constraints='<rsc_location id="l1" rsc="one" node="a" score="-INFINITY"/>'
        f'<rsc_location id="l2" rsc="g" >{rule}</rsc_location>'
        '<rsc_location id="l3" rsc="three" node="a" score="100"/>',
    )
    assert {device.id: device.banned for device in found.devices} == {"one": ("a",), "two": ("b",), "three": ()}


def test_levels() -> None:
    found = configured(
        topology='<fencing-level id="1" target="a" index="1" devices="x,y"/>'
        '<fencing-level id="2" target-pattern="^b" index="2" devices=" x "/>'
        '<fencing-level id="3" target-attribute="rack" target-value="7" index="1" devices="y"/>'
        '<fencing-level id="4" target="a" index="0" devices="y"/>'
    )
    assert found.levels == (
        Level(1, ("x", "y"), "a"),
        Level(2, ("x",), pattern="^b"),
        Level(1, ("y",), attribute="rack", value="7"),
    )
