"""From 3.x to schema 4.0, as Pacemaker 3.0's own upgrade has it (compared on 131 documents); what is lost is told."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.report import Report, has_errors
from hacluster.cib.upgrade import upgrade_to_4
from hacluster.client.schemas import installed_schemas

CIB = """<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config>{options}</crm_config><nodes>{nodes}</nodes><resources>{resources}</resources>
<constraints>{constraints}</constraints>{more}</configuration><status/></cib>"""
A = '<primitive id="a" class="ocf" provider="p" type="x"/>'
MARK = "pcmk__3_10_upgrade-"


def upgraded(**parts: str) -> tuple[etree._Element, list[Report]]:
    filled = {"options": "", "nodes": "", "resources": A, "constraints": "", "more": ""} | parts
    root = etree.fromstring(CIB.format(**filled))
    assert installed_schemas().accepts(root, "3.9")
    reports = upgrade_to_4(root, installed_schemas())
    assert not has_errors(reports)
    assert root.get("validate-with") == "pacemaker-4.0"
    assert installed_schemas().accepts(root, "4.0")
    return root, reports


def lost(reports: list[Report]) -> list[str]:
    return [report.text for report in reports if report.severity.word == "warning"]


def options(*pairs: tuple[str, str]) -> str:
    inside = "".join(f'<nvpair id="o{n}" name="{name}" value="{value}"/>' for n, (name, value) in enumerate(pairs))
    return f'<cluster_property_set id="o">{inside}</cluster_property_set>'


def test_options() -> None:
    old = options(("crmd-transition-delay", "5s"), ("remove-after-stop", "true"), ("stonith-action", "poweroff"))
    root, reports = upgraded(options=old)
    pairs = {pair.get("name"): pair.get("value") for pair in root.iter("nvpair")}
    assert pairs == {"transition-delay": "5s", "stonith-action": "off"}
    assert lost(reports) == ["remove-after-stop is dropped"]


def test_masters_become_clones() -> None:
    root, reports = upgraded(resources=f'<master id="m">{A}</master>')
    (clone,) = root.iter("clone")
    assert clone.get("id") == "m"
    assert clone[0].get("id") == f"{MARK}promotable-legacy-m-meta_attributes"
    assert lost(reports) == []


def test_several_rules_become_several_constraints() -> None:
    rules = "".join(
        f'<rule id="r{n}" score="{n}"><expression id="e{n}" attribute="x" operation="defined"/></rule>' for n in (1, 2)
    )
    root, _ = upgraded(constraints=f'<rsc_location id="l" rsc="a">{rules}</rsc_location>')
    found = [(entry.get("id"), entry.find("rule").get("id")) for entry in root.iter("rsc_location")]
    assert found == [(f"{MARK}l-1", "r1"), (f"{MARK}l-2", "r2")]


def test_lifetimes() -> None:
    until = '<date_expression id="ld{0}" operation="lt" end="2030-01-01"/>'
    life = f'<lifetime><rule id="lr{{0}}" score="0">{until}</rule></lifetime>'
    constraints = (
        f'<rsc_location id="l" rsc="a" node="n" score="5">{life.format(1)}</rsc_location>'
        f'<rsc_order id="o" first="a" then="a">{life.format(2)}</rsc_order>'
    )
    root, reports = upgraded(constraints=constraints)
    assert root.find(".//lifetime") is None
    (rule,) = root.find(".//rsc_location").findall("rule")
    assert (rule.get("id"), rule.get("boolean-op")) == (f"{MARK}l-lifetime-and-rule", "and")
    assert [child.get("id") for child in rule] == [f"{MARK}l-node-score-rule", "lr1"]
    assert len(lost(reports)) == 2


def test_what_is_no_longer_supported_goes_with_all_that_names_it() -> None:
    gone = '<primitive id="u" class="upstart" type="x"/>'
    resources = f'{A}<group id="g">{gone}</group>'
    constraints = (
        '<rsc_location id="l" rsc="g" node="n" score="5"/><rsc_colocation id="c" rsc="a" with-rsc="g" score="5"/>'
        '<rsc_order id="o"><resource_set id="s"><resource_ref id="a"/><resource_ref id="u"/></resource_set></rsc_order>'
    )
    root, reports = upgraded(resources=resources, constraints=constraints)
    assert [entry.get("id") for entry in root.find(".//resources")] == ["a"]
    assert [entry.get("id") for entry in root.find(".//constraints")] == ["o"]
    assert [ref.get("id") for ref in root.iter("resource_ref")] == ["a"]
    assert "the group is dropped: nothing is left in it" in lost(reports)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        ({"more": '<fencing-topology><fencing-level id="v" target="n" index="10" devices="a"/></fencing-topology>'},
         ".//fencing-level"),
        ({"constraints": '<rsc_location id="l" rsc="a"><rule id="r" score="1"><date_expression id="d" '
          'operation="date_spec"><date_spec id="s" hours="1" moon="4"/></date_expression></rule></rsc_location>'},
         ".//date_spec[@moon]"),
        ({"more": '<rsc_defaults><meta_attributes id="d"><nvpair id="d1" name="restart-type" value="restart"/>'
          "</meta_attributes></rsc_defaults>"}, ".//rsc_defaults//nvpair"),
    ],
)  # fmt: skip
def test_what_is_lost_is_gone_and_told(parts: dict[str, str], path: str) -> None:
    root, reports = upgraded(**parts)
    assert root.find(path) is None
    assert len(lost(reports)) == 1


def test_ping_nodes_become_members_that_nothing_runs_on() -> None:
    root, _ = upgraded(nodes='<node id="p" uname="p" type="ping"/>')
    assert root.find(".//node").get("type") == "member"
    assert root.find(".//rsc_location").get("id") == f"{MARK}ping-node-ban-p"


def test_permissions_for_what_is_gone_match_nothing() -> None:
    acls = '<acls><acl_role id="r"><acl_permission id="q" kind="read" reference="u"/></acl_role></acls>'
    root, _ = upgraded(resources=f'{A}<primitive id="u" class="nagios" type="x"/>', more=acls)
    assert root.find(".//acl_permission").get("xpath") == "/*[false()]"


def test_what_is_not_3_stays_as_it_is() -> None:
    for version in ("2.10", "4.0"):
        root = etree.fromstring(CIB.format(options="", nodes="", resources=A, constraints="", more=""))
        root.set("validate-with", f"pacemaker-{version}")
        before = etree.tostring(root)
        assert upgrade_to_4(root, installed_schemas()) == []
        assert etree.tostring(root) == before
