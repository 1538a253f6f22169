"""Old forms of a configuration in the words of the present."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.base.report import Severity, has_errors
from hacluster.cib.document import Document, parse_document
from hacluster.cib.upgrade import upgrade, usable
from hacluster.client.schemas import installed_schemas

CIB = """<cib validate-with="pacemaker-{version}" admin_epoch="0" epoch="1" num_updates="0"><configuration>
<crm_config>{crm_config}</crm_config><nodes/><resources>{resources}</resources><constraints>{constraints}</constraints>
{more}</configuration><status/></cib>"""


def document(version: str = "2.10", crm_config: str = "", resources: str = "", constraints: str = "", more: str = ""):
    text = CIB.format(version=version, crm_config=crm_config, resources=resources, constraints=constraints, more=more)
    return parse_document(text.encode())


def upgraded(doc: Document) -> list[str]:
    return [report.text for report in upgrade(doc, installed_schemas())]


def options(**pairs: str) -> str:
    inside = "".join(
        f'<nvpair id="o-{number}" name="{name}" value="{value}"/>' for number, (name, value) in enumerate(pairs.items())
    )
    return f'<cluster_property_set id="o">{inside}</cluster_property_set>'


def shown(doc: Document, path: str) -> str:
    return "".join(etree.tostring(found, with_tail=False).decode() for found in doc.root.iterfind(path))


def test_a_present_document_stays_as_it_is() -> None:
    doc = document("3.0")
    assert upgraded(doc) == []
    assert doc.attribute("validate-with") == "pacemaker-3.0"


def test_a_document_that_is_valid_as_it_is_gets_only_a_new_name() -> None:
    doc = document("1.2")
    assert upgraded(doc) == ["the configuration was upgraded from pacemaker-1.2 to pacemaker-3.10"]
    assert doc.attribute("validate-with") == "pacemaker-3.10"


def test_properties_are_renamed_and_moved_to_defaults() -> None:
    doc = document(crm_config=options(no_quorum_policy="stop", is_managed_default="false", default_action_timeout="9"))
    assert upgraded(doc) == [
        "no_quorum_policy is now no-quorum-policy",
        "is_managed_default is now is-managed in rsc_defaults",
        "default_action_timeout is now timeout in op_defaults",
        "the configuration was upgraded from pacemaker-2.10 to pacemaker-3.10",
    ]
    assert 'name="is-managed" value="false"' in shown(doc, "configuration/rsc_defaults")
    assert 'name="timeout" value="9"' in shown(doc, "configuration/op_defaults")
    assert 'id="o-0" name="no-quorum-policy"' in shown(doc, "configuration/crm_config")


def test_a_default_that_is_set_wins_over_the_old_property() -> None:
    pair = '<nvpair id="d-1" name="is-managed" value="true"/>'
    more = f'<rsc_defaults><meta_attributes id="d">{pair}</meta_attributes></rsc_defaults>'
    doc = document(crm_config=options(is_managed_default="false"), more=more)
    assert upgraded(doc)[0] == "is_managed_default is dropped: is-managed is set in rsc_defaults already"
    assert shown(doc, "configuration/rsc_defaults//nvpair") == '<nvpair id="d-1" name="is-managed" value="true"/>'
    assert shown(doc, "configuration/crm_config/cluster_property_set") == ""


def test_a_rule_goes_along() -> None:
    rule = '<rule id="r" score="1"><date_expression id="e" operation="gt" start="2020-01-01"/></rule>'
    pair = '<nvpair id="n" name="is-managed-default" value="false"/>'
    doc = document(crm_config=f'<cluster_property_set id="o">{rule}{pair}</cluster_property_set>')
    assert not has_errors(upgrade(doc, installed_schemas()))
    assert 'start="2020-01-01"' in shown(doc, "configuration/rsc_defaults")
    assert installed_schemas().accepts(doc.root, "3.10")


def test_isolation_disables_the_resource_with_a_warning() -> None:
    meta = '<meta_attributes id="m"><nvpair id="n" name="isolation" value="docker"/></meta_attributes>'
    doc = document(resources=f'<primitive id="a" class="lsb" type="x">{meta}</primitive>')
    first = upgrade(doc, installed_schemas())[0]
    assert first.severity is Severity.WARNING
    assert shown(doc, "configuration/resources//nvpair") == '<nvpair id="n" name="target-role" value="Stopped"/>'


@pytest.mark.parametrize(("task", "kept"), [("start", True), ("monitor", False)])
def test_requires_of_an_operation(task: str, kept: bool) -> None:
    op = f'<operations><op id="p" name="{task}" interval="0" requires="nothing"/></operations>'
    doc = document(resources=f'<primitive id="a" class="lsb" type="x">{op}</primitive>')
    assert not has_errors(upgrade(doc, installed_schemas()))
    expected = '<nvpair id="_2TO3_p-meta-requires" name="requires" value="nothing"/>' if kept else ""
    assert shown(doc, "configuration/resources/primitive/meta_attributes/nvpair") == expected


def test_users_become_targets_with_roles() -> None:
    acls = '<acls><acl_user id="bob"><write id="w" xpath="//nodes" attribute="uname"/></acl_user></acls>'
    doc = document("1.3", more=acls)
    assert "user is now an acl_target with its permissions in the role auto-bob" in upgraded(doc)
    assert shown(doc, "configuration/acls/*") == (
        '<acl_target id="bob"><role id="auto-bob"/></acl_target>'
        '<acl_role id="auto-bob"><acl_permission id="w" kind="write" xpath="//nodes[@uname]"/></acl_role>'
    )


def test_what_is_not_valid_is_refused_and_left_alone() -> None:
    doc = document(crm_config=options(no_quorum_policy="stop"), resources="<bogus/>")
    before = etree.tostring(doc.root)
    assert has_errors(upgrade(doc, installed_schemas()))
    assert etree.tostring(doc.root) == before


def test_without_schemas_the_document_is_taken_as_it_is() -> None:
    doc = document(crm_config=options(no_quorum_policy="stop"))
    assert upgrade(doc)[0].text == "no_quorum_policy is now no-quorum-policy"
    assert doc.attribute("validate-with") == "pacemaker-3.0"
    assert upgrade(parse_document(b'<cib validate-with="pacemaker-1.0"/>')) == []


def _usable(name: str, inside: str = "") -> tuple[list[str], str | None]:
    """What is wrong with a small CIB of that schema, and the schema it has afterwards."""
    versions = 'admin_epoch="0" epoch="1" num_updates="0"'
    sections = f"<crm_config/><nodes>{inside}</nodes><resources/><constraints/>"
    text = f'<cib {versions} validate-with="{name}"><configuration>{sections}</configuration><status/></cib>'
    document = parse_document(text.encode())
    reports = usable(document, installed_schemas())
    return [report.text for report in reports if report.severity is Severity.ERROR], document.attribute("validate-with")


@pytest.mark.parametrize(
    ("name", "afterwards"),
    [("pacemaker-1.1", "pacemaker-3.10"), ("pacemaker-1.2", "pacemaker-3.10"), ("pacemaker-3.0", "pacemaker-3.0"),
     ("pacemaker-3.10", "pacemaker-3.10"), ("pacemaker-4.0", "pacemaker-4.0"), ("none", "none")],
)  # fmt: skip
def test_usable_takes_what_pacemaker_works_with(name: str, afterwards: str) -> None:
    assert _usable(name) == ([], afterwards)


@pytest.mark.parametrize("name", ["pacemaker-1.1", "pacemaker-1.2", "pacemaker-3.7", "odd"])
def test_usable_refuses_what_no_schema_accepts(name: str) -> None:
    faults, _ = _usable(name, "<bogus/>")
    assert faults


def test_usable_takes_an_old_name_for_the_oldest_that_fits() -> None:
    """A node without a type is none of 1.0, but of 1.2."""
    assert _usable("pacemaker-1.0", '<node id="1" uname="a"/>')[0] == []


def test_defaults_without_a_set_take_nothing() -> None:
    doc = parse_document(
        b'<cib validate-with="pacemaker-1.2"><configuration><crm_config><cluster_property_set id="o">'
        b'<nvpair id="a" name="default-resource-stickiness" value="10"/></cluster_property_set></crm_config>'
        b"<nodes/><resources/><constraints/><rsc_defaults/></configuration></cib>"
    )
    dropped = next(report for report in upgrade(doc) if "stickiness" in report.text)
    assert dropped.text == "default-resource-stickiness is dropped"
    assert dropped.severity is Severity.WARNING
    assert doc.root.find(".//rsc_defaults/*") is None


@pytest.mark.parametrize(
    ("attributes", "codes"),
    [
        ({"validate-with": "pacemaker-4.1"}, ["newer-schema"]),
        ({"validate-with": "pacemaker-4.0", "crm_feature_set": "3.21.0"}, ["newer-feature-set"]),
        ({"validate-with": "pacemaker-5.0", "crm_feature_set": "4.0"}, ["newer-schema", "newer-feature-set"]),
        ({"validate-with": "pacemaker-4.0", "crm_feature_set": "3.20.5"}, []),
    ],
)
def test_what_is_newer_than_ours_is_told(attributes: dict[str, str], codes: list[str]) -> None:
    doc = document()
    for name, value in attributes.items():
        doc.root.set(name, value)
    assert [report.code for report in usable(doc, installed_schemas())] == codes
