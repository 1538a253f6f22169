"""Mistakes that are valid and that only we name: each with its element, its line and what was expected."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.report import Report
from hacluster.cib.checks import check_configuration

CIB = """<cib><configuration><crm_config><cluster_property_set id="o">
<nvpair id="off" name="fencing-enabled" value="false"/>{options}
</cluster_property_set></crm_config>
<nodes><node id="1" uname="n1">{node}</node><node id="2" uname="n2"/></nodes><resources>
{resources}
</resources><constraints>
{constraints}
</constraints>{more}</configuration></cib>"""
PLAIN = "".join(f'<primitive id="{name}" class="ocf" provider="p" type="x"/>' for name in "abc")
GROUP = f'<group id="g">{PLAIN}</group><primitive id="d" class="ocf" provider="p" type="x"/>'
DEVICE = '<primitive id="f" class="stonith" type="x">{}</primitive>'


def findings(
    resources: str = PLAIN, constraints: str = "", options: str = "", node: str = "", more: str = ""
) -> list[Report]:
    text = CIB.format(resources=resources, constraints=constraints, options=options, node=node, more=more)
    return [report for report in check_configuration(etree.fromstring(text)) if report.code != "old-name"]


def one(**parts: str) -> Report:
    (report,) = findings(**parts)
    assert report.place is not None
    assert report.place.line is not None
    return report


def pair(name: str, value: str) -> str:
    return f'<nvpair id="p" name="{name}" value="{value}"/>'


def with_meta(name: str, value: str, tag: str = "primitive") -> str:
    inside = f'<meta_attributes id="m">{pair(name, value)}</meta_attributes>'
    if tag == "primitive":
        return f'<primitive id="a" class="ocf" provider="p" type="x">{inside}</primitive>'
    return f'<{tag} id="k">{inside}<primitive id="a" class="ocf" provider="p" type="x"/></{tag}>'


def with_op(attributes: str, inside: str = "") -> str:
    op = f'<operations><op id="op" {attributes}>{inside}</op></operations>'
    return f'<primitive id="a" class="ocf" provider="p" type="x">{op}</primitive>'


def with_rule(expression: str, score: str = "5") -> str:
    return f'<rsc_location id="l" rsc="a"><rule id="r" score="{score}">{expression}</rule></rsc_location>'


def with_spec(attributes: str) -> str:
    return with_rule(
        f'<date_expression id="e" operation="date_spec"><date_spec id="s" {attributes}/></date_expression>'
    )


def test_a_sound_configuration_has_none() -> None:
    constraints = (
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="c"/>'
        '<rsc_colocation id="c1" rsc="b" with-rsc="a" score="INFINITY"/>'
        '<rsc_location id="l" rsc="a" node="n2" score="5"/>'
    )
    assert findings(PLAIN, constraints) == []
    assert findings(with_op('name="monitor" interval="10s" timeout="20s"')) == []
    assert findings(with_meta("clone-max", "2", "clone")) == []
    assert findings(GROUP, '<rsc_order id="o1" first="g" then="d"/>') == []
    assert findings(constraints=with_spec('hours="9-16" weekdays="1-5"')) == []


@pytest.mark.parametrize(
    ("options", "close"),
    [
        (pair("no-quorum-polcy", "stop"), "no-quorum-policy"),
        (pair("maintenance_mode", "true"), "maintenance-mode"),
        (pair("stonith-enable", "true"), "stonith-enabled"),
        (pair("fencing-enabeld", "true"), "fencing-enabled"),
        (pair("Symmetric-Cluster", "false"), "symmetric-cluster"),
    ],
)
def test_misspelt_options(options: str, close: str) -> None:
    report = one(options=options)
    assert (report.code, report.severity.word, report.own) == ("unknown-option", "warning", True)
    assert report.hint == f"did you mean {close}?"


def test_options_of_agents_are_let_alone() -> None:
    assert findings(options=pair("redis_REPL_INFO", "x")) == []
    assert one(options=pair("probe_complete", "true")).severity.word == "notice"


@pytest.mark.parametrize(
    ("resources", "code", "hint"),
    [
        (with_meta("is-manged", "true"), "unknown-meta", "did you mean is-managed?"),
        (with_meta("resource_stickiness", "5"), "unknown-meta", "did you mean resource-stickiness?"),
        (with_meta("clone-max", "2"), "misplaced-meta", "put the resource into a clone"),
        (with_meta("interleave", "true", "group"), "misplaced-meta", "put the resource into a clone"),
        (with_meta("promoted-max", "1", "clone"), "misplaced-meta", "set promotable to true"),
        (with_meta("on-fail", "stop"), "misplaced-meta", "put it into an op"),
        (with_meta("is-managed", "flase"), "bad-value", "expected a boolean (true or false)"),
        (with_meta("clone-max", "-1", "clone"), "bad-value", "expected an integer of at least 0"),
        (with_meta("failure-timeout", "soon"), "bad-time", "expected a duration, such as 30s"),
        (with_op('name="monitr" interval="10s"'), "unknown-operation", "did you mean monitor?"),
        (with_op('name="monitor" interval="10s" timeout="20 sec"'), "odd-time", "write 20s, or what you mean"),
        (with_op('name="monitor" interval="10s" timeout="1 day"'), "bad-time", "expected a time above 0, such as 30s"),
        (with_op('name="monitor" interval="10s" timeout="0"'), "bad-time", "expected a time above 0, such as 30s"),
        (with_op('name="start" interval="10s"'), "bad-interval", "only monitor takes an interval"),
        (DEVICE.format(f'<instance_attributes id="i">{pair("pcmk_host_lst", "n1")}</instance_attributes>'),
         "unknown-parameter", "did you mean pcmk_host_list?"),
        (DEVICE.format(f'<instance_attributes id="i">{pair("pcmk_host_list", "n1 n22")}</instance_attributes>'),
         "unknown-node", "did you mean n2?"),
    ],
)  # fmt: skip
def test_resources(resources: str, code: str, hint: str) -> None:
    report = one(resources=resources)
    assert (report.code, report.hint, report.own) == (code, hint, True)


@pytest.mark.parametrize(
    ("resources", "severity"),
    [
        (with_meta("target-role", "Running"), "error"),
        (with_meta("migration-threshold", "-3"), "warning"),
        (with_meta("priority", "high"), "warning"),
        (with_meta("resource-stickiness", "much"), "warning"),
    ],
)
def test_what_pacemaker_says_of_values_counts_as_it_does_there(resources: str, severity: str) -> None:
    report = one(resources=resources)
    assert (report.severity.word, report.own) == (severity, False)


LEVEL = '<fencing-topology><fencing-level id="v" {}/></fencing-topology>'


@pytest.mark.parametrize(
    ("constraints", "code"),
    [
        ('<rsc_location id="l" rsc="a" node="n7" score="5"/>', "unknown-node"),
        (with_rule('<expression id="e" attribute="#uname" operation="eq" value="n7"/>'), "unknown-node"),
        ('<rsc_location id="l" rsc-pattern="web.*" node="n1" score="5"/>', "empty-pattern"),
        ('<rsc_location id="l" rsc-pattern="web(" node="n1" score="5"/>', "bad-pattern"),
        ('<rsc_colocation id="l" rsc="a" with-rsc="b" with-rsc-role="Promoted" score="5"/>', "never-promoted"),
        ('<rsc_order id="l" first="a" then="b" first-action="promote" then-action="start"/>', "never-promoted"),
        (with_spec('hours="17-8"'), "reversed-range"),
        (with_spec('weekdays="0-5"'), "bad-range"),
        (with_spec('hours="morning"'), "bad-range"),
        (with_spec('moon="4"'), "no-effect"),
        (
            with_rule('<date_expression id="e" operation="in_range" start="2026-03-01" end="2026-02-01"/>'),
            "reversed-range",
        ),
        (with_rule('<date_expression id="e" operation="gt" start="2026-03-01"/>', "-INFINITY"), "rule-without-node"),
        ('<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a"/>', "order-circle"),
        (
            (
                '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2"><resource_set id="s"><resource_ref id="b"/>'
                '<resource_ref id="c"/><resource_ref id="a"/></resource_set></rsc_order>'
            ),
            "order-circle",
        ),
        (
            (
                '<rsc_colocation id="c1" rsc="a" with-rsc="b" score="INFINITY"/>'
                '<rsc_colocation id="c2" rsc="b" with-rsc="a" score="-INFINITY"/>'
            ),
            "contradiction",
        ),
        (
            (
                '<rsc_location id="c1" rsc="a" node="n1" score="INFINITY"/>'
                '<rsc_location id="c2" rsc="a" node="n1" score="-INFINITY"/>'
            ),
            "contradiction",
        ),
        ('<rsc_location id="cli-prefer-a" rsc="a" node="n1" score="INFINITY"/>', "left-over"),
        ('<rsc_location id="cli-ban-a-on-n1" rsc="a" node="n1" score="-INFINITY"/>', "left-over"),
    ],
)
def test_constraints(constraints: str, code: str) -> None:
    report = one(constraints=constraints)
    assert (report.code, report.own) == (code, True)


def test_the_places_of_a_circle_are_named() -> None:
    text = one(constraints='<rsc_order id="o1" first="a" then="b"/>\n<rsc_order id="o2" first="b" then="a"/>').text
    assert "o1 (line 7)" in text
    assert "o2 (line 8)" in text


@pytest.mark.parametrize(
    "orders",
    [
        '<rsc_order id="o1" first="g" then="d"/><rsc_order id="o2" first="d" then="b"/>',
        '<rsc_order id="o1" first="c" then="a"/>',
        '<rsc_order id="o1" first="d" then="g"/><rsc_order id="o2" first="c" then="d"/>',
    ],
)
def test_a_circle_through_a_group(orders: str) -> None:
    assert [report.code for report in findings(GROUP, orders)] == ["order-circle"]


@pytest.mark.parametrize(
    "orders",
    [
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a" kind="Optional"/>',
        '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a" score="0"/>',
        (
            '<rsc_order id="o1" first="a" then="b" symmetrical="false"/>'
            '<rsc_order id="o2" first="a" first-action="stop" then="b" then-action="stop" symmetrical="false"/>'
        ),
    ],
)
def test_what_only_looks_like_a_circle(orders: str) -> None:
    assert [found.code for found in findings(PLAIN, orders) if found.code != "deprecated"] == []


def test_many_circles_end() -> None:
    names = "abc"
    orders = "".join(
        f'<rsc_order id="o{one}{other}" first="{one}" then="{other}"/>'
        for one in names
        for other in names
        if one != other
    )
    assert 1 <= len(findings(PLAIN, orders)) <= 16


def test_members_of_groups() -> None:
    reports = findings(GROUP, '<rsc_colocation id="c1" rsc="b" with-rsc="d" score="INFINITY"/>')
    assert [(report.code, report.hint) for report in reports] == [("inner-member", "name the group g instead")]
    apart = '<rsc_colocation id="c1" rsc="a" with-rsc="b" score="-INFINITY"/>'
    assert "impossible" in [report.code for report in findings(GROUP, apart)]
    both = (
        '<rsc_location id="l1" rsc="g" node="n1" score="INFINITY"/>'
        '<rsc_location id="l2" rsc="b" node="n1" score="-INFINITY"/>'
    )
    assert "contradiction" in [report.code for report in findings(GROUP, both)]


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('target="n1" index="10" devices="f"', "bad-level"),
        ('target="n3" index="1" devices="f"', "unknown-node"),
        ('target="n1" index="1" devices="ff"', "unknown-device"),
        ('target="n1" index="1" devices="f,a"', "unknown-device"),
        ('target-pattern="x.*" index="1" devices="f"', "empty-pattern"),
    ],
)
def test_fencing_levels(attributes: str, code: str) -> None:
    report = one(resources=PLAIN + DEVICE.format(""), more=LEVEL.format(attributes))
    assert (report.code, report.own) == (code, True)


def test_flags_of_nodes() -> None:
    inside = f'<instance_attributes id="i">{pair("standby", "yse")}</instance_attributes>'
    assert one(node=inside).text == 'standby has the value "yse", which counts as false'


def test_remote_nodes_guests_and_replicas_are_nodes() -> None:
    resources = (
        '<primitive id="r1" class="ocf" provider="pacemaker" type="remote"/>'
        + with_meta("remote-node", "guest")
        + '<bundle id="box"><podman image="i" replicas="2"/></bundle>'
    )
    constraints = "".join(
        f'<rsc_location id="l{name}" rsc="a" node="{name}" score="5"/>' for name in ("r1", "guest", "box-0", "box-1")
    )
    assert findings(resources, constraints) == []
    assert (
        one(resources=resources, constraints='<rsc_location id="l" rsc="a" node="box-2" score="5"/>').code
        == "unknown-node"
    )


def test_a_value_that_is_set_twice() -> None:
    inside = (
        f'<meta_attributes id="m">{pair("priority", "1")}<nvpair id="q" name="priority" value="2"/></meta_attributes>'
    )
    report = one(resources=f'<primitive id="a" class="ocf" provider="p" type="x">{inside}</primitive>')
    assert report.text == 'priority is set twice in this set: "1" of p counts'


def test_a_date_that_is_none_is_an_error_as_in_pacemaker() -> None:
    reports = findings(constraints=with_rule('<date_expression id="e" operation="gt" start="2023-13-45"/>'))
    assert [(report.code, report.severity.word, report.own) for report in reports] == [("bad-date", "error", False)]
