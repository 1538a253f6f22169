"""What is said of a document that its schema refuses."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.report import Severity
from hacluster.cib.explain import MAX_REPORTS
from hacluster.cib.schema import Schemas
from hacluster.client.paths import shipped

SCHEMAS = Schemas({path.name: path.read_bytes() for path in shipped("conf/schema").glob("*.rng")})

CIB = """<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="1" num_updates="0">
<configuration><crm_config/><nodes/>
<resources>
<primitive id="a" class="ocf" provider="heartbeat" type="Dummy"/>
{resources}
</resources>
<constraints>
{constraints}
</constraints>
</configuration><status/></cib>"""


def check(resources: str = "", constraints: str = "", schema: str = "pacemaker-3.9") -> list[str]:
    text = CIB.format(resources=resources, constraints=constraints).replace("pacemaker-3.9", schema)
    return [str(report) for report in SCHEMAS.check(etree.fromstring(text), "f.xml")]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            '<primitive id="b" class="ocf" type="Dummy"/>',
            'f.xml:5 (<primitive id="b">): error: attribute provider is missing (expected any text)',
        ),
        (
            '<primitive id="b" class="osf" provider="x" type="Dummy"/>',
            (
                'f.xml:5 (<primitive id="b">): error: attribute class has the value "osf" '
                "(expected one of ocf, lsb, systemd, service, stonith, heartbeat, upstart, nagios)"
            ),
        ),
        (
            '<primitive id="b" class="lsb" type="x" descripton="y"/>',
            (
                'f.xml:5 (<primitive id="b">): error: attribute descripton is not known to pacemaker-3.9 '
                "(did you mean description?)"
            ),
        ),
        (
            '<primitve id="b" class="lsb" type="x"/>',
            (
                'f.xml:5 (<primitve id="b">): error: <primitve> is not accepted here by pacemaker-3.9 '
                "(did you mean primitive?)"
            ),
        ),
        ('<group id="g"/>', 'f.xml:5 (<group id="g">): error: <primitive> is missing (add it inside this element)'),
        (
            '<primitive id="a" class="lsb" type="x"/>',
            'f.xml:5 (<primitive id="a">): error: the id "a" is used twice (first used by <primitive> on line 4)',
        ),
        (
            '<primitive id="b" template="t"/>',
            'f.xml:5 (<primitive id="b">): error: template refers to "t", but no element has this id',
        ),
        (
            '<clone id="c"><primitive id="d" class="lsb" type="x"/><primitive id="e" class="lsb" type="x"/></clone>',
            'f.xml:5 (<primitive id="e">): error: <primitive> may stand here only once',
        ),
        (
            (
                '<primitive id="b" class="lsb" type="x"><meta_attributes id="m"><nvpair id="n" name="isolation"/>'
                "</meta_attributes></primitive>"
            ),
            'f.xml:5 (<nvpair id="n">): error: "isolation" is no longer known as name (upgrade the configuration)',
        ),
    ],
)
def test_a_fault_of_a_resource(resources: str, message: str) -> None:
    assert check(resources) == [message]


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ('<rsc_location id="l" rsc="a" node="n"/>', "attribute score is missing"),
        ('<rsc_location id="l" rsc="a" rsc-pattern="b" node="n" score="1"/>', "attribute rsc-pattern is not accepted"),
        ('<rsc_location id="l" rsc="a" node="n" score="many"/>', 'score has the value "many" (expected an integer or'),
        (
            (
                '<rsc_order id="o"><resource_set id="s"><resource_ref id="a"/></resource_set>'
                '<lifetime><rule id="r"><date_expression id="d" operation="lt" end="1"/></rule></lifetime></rsc_order>'
            ),
            "<lifetime> must stand before <resource_set>",
        ),
        (
            '<rsc_colocation id="c" rsc="a" with-rsc="a" score="1" kind="Optional"/>',
            "attribute kind is not known to pacemaker-3.9",
        ),
    ],
)
def test_a_fault_of_a_constraint(constraint: str, message: str) -> None:
    (report,) = check(constraints=constraint)
    assert message in report


def test_all_faults_at_once_in_the_order_of_the_document() -> None:
    reports = check(
        '<primitive id="b" class="ocf" type="D"/>\n<group id="g"/>', '<rsc_order id="o" first="x" then="a"/>'
    )
    assert [report.split(" ")[0] for report in reports] == ["f.xml:5", "f.xml:6", "f.xml:9"]


def test_findings_are_bounded() -> None:
    assert len(check("<bogus/>" * (MAX_REPORTS + 50))) == MAX_REPORTS


def test_an_unknown_schema_is_named() -> None:
    (report,) = check(schema="pacemaker-9.9")
    assert 'validate-with names the unknown schema "pacemaker-9.9"' in report


def test_a_schema_name_in_capitals_is_understood_but_not_valid() -> None:
    (report,) = check(schema="Pacemaker-3.9")
    assert report.startswith('f.xml:1 (<cib>): error: attribute validate-with has the value "Pacemaker-3.9"')


def test_switched_off_validation_is_a_warning() -> None:
    root = etree.fromstring(CIB.format(resources="<bogus/>", constraints="").replace("pacemaker-3.9", "none"))
    (report,) = SCHEMAS.check(root)
    assert report.severity is Severity.WARNING


def test_without_a_name_the_newest_schema_that_fits_is_taken() -> None:
    root = etree.fromstring(CIB.format(resources="", constraints="").replace('validate-with="pacemaker-3.9" ', ""))
    assert SCHEMAS.check(root) == []
    assert SCHEMAS.best_version(root) == "3.9"
    root = etree.fromstring(
        CIB.format(resources="<bogus/>", constraints="").replace('validate-with="pacemaker-3.9" ', "")
    )
    assert [report.code for report in SCHEMAS.check(root)] == ["unknown-element", "unvalidated"]


def test_another_document_is_named() -> None:
    (report,) = SCHEMAS.faults(etree.fromstring("<cob/>"), "3.9")
    assert report.code == "not-a-cib"


def test_checking_twice_gives_the_same() -> None:
    root = etree.fromstring(CIB.format(resources='<primitive id="b" template="t"/>', constraints=""))
    first = SCHEMAS.check(root)
    root.find("configuration/resources").remove(root.find("configuration/resources")[1])
    assert len(first) == 1
    assert SCHEMAS.check(root) == []


def test_text_between_elements_does_not_count() -> None:
    assert check("words") == []
