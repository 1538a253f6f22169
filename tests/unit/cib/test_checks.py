"""Mistakes that a schema cannot see."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.cib.checks import check_configuration

CIB = """<cib><configuration><crm_config><cluster_property_set id="o">
{options}
</cluster_property_set></crm_config><nodes/><resources>
{resources}
</resources><constraints>
{constraints}
</constraints></configuration></cib>"""
OFF = '<nvpair id="off" name="stonith-enabled" value="false"/>'
A = '<primitive id="a" class="lsb" type="x"/>'


def found(options: str = OFF, resources: str = A, constraints: str = "") -> list[tuple[str, str, int]]:
    root = etree.fromstring(CIB.format(options=options, resources=resources, constraints=constraints))
    theirs = [report for report in check_configuration(root) if not report.own and report.code != "old-name"]
    return [(report.severity.word, report.code, report.place.line) for report in theirs]


def test_nothing_is_wrong() -> None:
    assert found() == []
    assert found(options="", resources='<primitive id="f" class="stonith" type="x"/>') == []
    assert found(options='<nvpair id="w" name="have-watchdog" value="true"/>') == []


def test_fencing_without_a_device() -> None:
    assert found(options="") == [("error", "no-fencing-device", 3)]


def test_the_bootstrap_set_comes_first() -> None:
    more = '</cluster_property_set><cluster_property_set id="cib-bootstrap-options">'
    assert found(options='<nvpair id="on" name="stonith-enabled" value="true"/>' + more + OFF) == []


@pytest.mark.parametrize(
    ("operations", "codes"),
    [
        (
            '<op id="m" name="monitor" interval="10s"/><op id="n" name="monitor" interval="10000ms"/>',
            ["duplicate-operation"],
        ),
        ('<op id="m" name="monitor" interval="10s"/><op id="n" name="monitor" interval="11s"/>', []),
        ('<op id="m" name="start" interval="0"/><op id="n" name="start" interval="0"/>', []),
        ('<op id="m" name="stop" interval="0" on-fail="restart"/>', ["bad-on-fail"]),
        ('<op id="m" name="monitor" interval="0" on-fail="fence"/>', ["bad-on-fail"]),
    ],
)
def test_operations(operations: str, codes: list[str]) -> None:
    resource = f'<primitive id="a" class="lsb" type="x"><operations>{operations}</operations></primitive>'
    assert [code for _, code, _ in found(resources=resource)] == codes


PROMOTABLE = '<meta_attributes id="p"><nvpair id="q" name="promotable" value="1"/></meta_attributes>'
ROLE = '<meta_attributes id="m"><nvpair id="r" name="target-role" value="Promoted"/></meta_attributes>'


@pytest.mark.parametrize(
    ("frame", "codes"),
    [
        ("{}", ["bad-target-role"]),
        ('<clone id="c">{}</clone>', ["bad-target-role"]),
        ('<master id="c">{}</master>', []),
        ("<clone id='c'>" + PROMOTABLE + "{}</clone>", []),
    ],
)
def test_roles(frame: str, codes: list[str]) -> None:
    resource = frame.format(f'<primitive id="a" class="lsb" type="x">{ROLE}</primitive>')
    assert [code for _, code, _ in found(resources=resource)] == codes


@pytest.mark.parametrize(
    ("constraint", "code"),
    [
        ('<rsc_location id="l" rsc="o" node="n" score="1"/>', "no-resource"),
        ('<rsc_order id="l" first="a" then="b"/>', "no-resource"),
        ('<rsc_order id="l"><resource_set id="s"><resource_ref id="off"/></resource_set></rsc_order>', "no-resource"),
        ('<rsc_colocation id="l" rsc="a" with-rsc="a" influence="maybe"/>', "bad-influence"),
        ('<rsc_colocation id="l" rsc="t" with-rsc="t"/>', "two-templates"),
        ('<rsc_order id="l" first="a" then="a" require-all="false"/>', "deprecated"),
    ],
)
def test_constraints(constraint: str, code: str) -> None:
    resources = A + '<template id="t" class="lsb" type="x"/>'
    assert [entry[1] for entry in found(resources=resources, constraints=constraint)] == [code]


def test_deprecated_words_are_warnings() -> None:
    options = OFF + '<nvpair id="p" name="stonith-action" value="poweroff"/>'
    group = '<meta_attributes id="m"><nvpair id="r" name="ordered" value="false"/></meta_attributes>'
    resources = f'<group id="g">{group}{A}</group>'
    assert [entry[0] for entry in found(options, resources)] == ["warning", "warning"]


def _meta(name: str, value: str) -> str:
    return f'<meta_attributes id="m"><nvpair id="n" name="{name}" value="{value}"/></meta_attributes>'


BOTH = _meta("clone-node-max", "2").replace("<nvpair", '<nvpair id="u" name="globally-unique" value="false"/><nvpair')


def test_several_instances_on_a_node_are_unique_by_default() -> None:
    inside = _meta("clone-node-max", "2") + '<primitive id="a" class="ocf" type="x"/>'
    assert found(resources=f'<clone id="c">{inside}</clone>') == []


@pytest.mark.parametrize(
    ("resources", "severity", "code"),
    [
        (f'<clone id="c">{BOTH}{A}</clone>', "error", "bad-clone-max"),
        (f'<clone id="c">{_meta("globally-unique", "true")}{A}</clone>', "warning", "never-unique"),
        (f'<primitive id="p" class="ocf" type="x">{_meta("requires", "luck")}</primitive>', "error", "bad-requires"),
        (f'<primitive id="p" class="ocf" type="x">{_meta("requires", "fencing")}</primitive>', "warning", "no-fencing"),
        (f'<primitive id="p" class="ocf" type="x">{_meta("multiple-active", "odd")}</primitive>', "warning",
         "bad-multiple-active"),
        (f'<clone id="c">{_meta("ordered", "false")}<group id="g">{A}</group></clone>', "warning", "deprecated"),
    ],
)  # fmt: skip
def test_resources(resources: str, severity: str, code: str) -> None:
    assert [entry[:2] for entry in found(resources=resources)] == [(severity, code)]


@pytest.mark.parametrize("value", ["nothing", "quorum", "Quorum"])
def test_requirements_that_can_be_met(value: str) -> None:
    assert found(resources=f'<primitive id="p" class="ocf" type="x">{_meta("requires", value)}</primitive>') == []


def test_suicide_needs_fencing() -> None:
    suicide = '<nvpair id="q" name="no-quorum-policy" value="suicide"/>'
    assert [entry[:2] for entry in found(options=OFF + suicide)] == [("error", "no-fencing")]


@pytest.mark.parametrize(
    ("constraint", "severity", "code"),
    [
        ('<rsc_order id="o" first="a" then="a" kind="odd"/>', "error", "bad-kind"),
        ('<rsc_order id="o" first="a" then="a" kind="Serialize" symmetrical="true"/>', "warning", "bad-kind"),
        ('<rsc_location id="l" rsc="a" node="n" score="1"><lifetime/></rsc_location>', "warning", "deprecated"),
    ],
)
def test_kinds_and_lifetimes(constraint: str, severity: str, code: str) -> None:
    assert [entry[:2] for entry in found(constraints=constraint)] == [(severity, code)]


def test_nodes() -> None:
    text = CIB.format(options=OFF, resources=A, constraints="").replace(
        "<nodes/>", '<nodes><node id="1" uname="n"/><node id="2" uname="n"/><node id="3" uname="m" type="odd"/></nodes>'
    )
    assert [report.code for report in check_configuration(etree.fromstring(text)) if report.code != "old-name"] == [
        "duplicate-node",
        "bad-node-type",
    ]
