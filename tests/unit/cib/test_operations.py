"""Requests on a CIB: what each operation means, what it counts up, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hacluster.base.results import Exit, Fault
from hacluster.cib.canon import canonical_text
from hacluster.cib.diff import make_patch
from hacluster.cib.operations import Refusal, Request, apply, change, empty, query, readable, section
from hacluster.cib.version import read_version

TEXT = (
    '<cib admin_epoch="1" epoch="5" num_updates="3" validate-with="pacemaker-3.9"><configuration><crm_config>'
    '<cluster_property_set id="o"><nvpair id="o-a" name="a" value="1"/></cluster_property_set></crm_config>'
    '<nodes><node id="1" uname="n1"/></nodes><resources><primitive id="A" class="lsb" type="x">'
    '<meta_attributes id="A-m"><nvpair id="A-p" name="priority" value="7"/></meta_attributes></primitive>'
    '<primitive id="B" class="lsb" type="y"/></resources><constraints/></configuration>'
    '<status><node_state id="1" uname="n1"/></status></cib>'
)


@pytest.fixture(name="root")
def _root() -> etree._Element:
    return etree.fromstring(TEXT)


def xml(text: str) -> etree._Element:
    return etree.fromstring(text)


def ask(root: etree._Element, operation: str, data: str | None = None, **more: object) -> etree._Element:
    """The document after a request; the given one must stay as it is."""
    before = etree.tostring(root)
    try:
        return change(root, Request(operation, data=None if data is None else xml(data), **more))  # type: ignore[arg-type]
    finally:
        assert etree.tostring(root) == before


def version(root: etree._Element) -> tuple[int, int, int]:
    found = read_version(root)
    return found.admin_epoch, found.epoch, found.num_updates


def ids(root: etree._Element, path: str) -> list[str | None]:
    return [item.get("id") for item in root.iterfind(path)]


# -- create


def test_what_is_created_is_last_and_counts_the_epoch(root) -> None:
    result = ask(root, "create", '<primitive id="C" class="lsb" type="z"/>', scope="resources")
    assert ids(result, "configuration/resources/primitive") == ["A", "B", "C"]
    assert version(result) == (1, 6, 0)


def test_a_section_with_several_is_created_whole_or_not_at_all(root) -> None:
    both = '<resources><primitive id="C" class="lsb" type="z"/><primitive id="A" class="lsb" type="x"/></resources>'
    with pytest.raises(Refusal) as caught:
        ask(root, "create", both, scope="resources")
    assert caught.value.status is Exit.EXISTS
    assert caught.value.report is not None
    assert caught.value.report[0].get("id") == "A"


def test_nothing_is_created_in_a_section_that_is_not_there(root) -> None:
    with pytest.raises(Refusal, match="Invalid argument"):
        ask(root, "create", '<tag id="t"/>', scope="tags")


def test_by_xpath_it_is_created_in_what_is_selected(root) -> None:
    result = ask(root, "create", '<utilization id="u"/>', xpath="//primitive[@id='B']")
    assert ids(result, "configuration/resources/primitive/utilization") == ["u"]
    with pytest.raises(Fault) as caught:
        ask(root, "create", "<x/>", xpath="//primitive[@id='none']")
    assert caught.value.status is Exit.NO_SUCH


# -- modify


def test_a_change_goes_to_the_element_of_that_name_and_id_wherever_it_is(root) -> None:
    result = ask(root, "modify", '<nvpair id="A-p" name="priority" value="9"/>')
    assert result.find(".//nvpair[@id='A-p']").get("value") == "9"
    assert version(result) == (1, 6, 0)


def test_what_changes_nothing_is_the_same_document(root) -> None:
    assert ask(root, "modify", '<nvpair id="A-p" name="priority" value="7"/>') is root


def test_what_is_not_there_is_created_only_when_asked_for(root) -> None:
    data = '<primitive id="N" class="lsb" type="n"/>'
    with pytest.raises(Fault) as caught:
        ask(root, "modify", data, scope="resources")
    assert caught.value.status is Exit.NO_SUCH
    assert "N" in ids(ask(root, "modify", data, scope="resources", create=True), "configuration/resources/primitive")


def test_a_change_of_the_status_counts_the_updates_alone(root) -> None:
    result = ask(root, "modify", '<node_state id="1" crmd="online"/>', scope="status")
    assert version(result) == (1, 5, 4)


@pytest.mark.parametrize(
    ("value", "result"), [("value++", "8"), ("value+=5", "12"), ("value+=-9", "-2"), ("value+=9999999", "1000000")]
)
def test_values_count_up(root, value: str, result: str) -> None:
    done = ask(root, "modify", f'<nvpair id="A-p" value="{value}"/>')
    assert done.find(".//nvpair[@id='A-p']").get("value") == result


@pytest.mark.parametrize("value", ["other++", "value+=x", "value++x", "++"])
def test_other_texts_are_left_as_they_are(root, value: str) -> None:
    done = ask(root, "modify", f'<nvpair id="A-p" value="{value}"/>')
    assert done.find(".//nvpair[@id='A-p']").get("value") == value


# -- delete, replace, erase, bump


def test_the_first_that_matches_all_given_attributes_is_deleted(root) -> None:
    result = ask(root, "delete", '<primitive id="B" type="y"/>', scope="resources")
    assert ids(result, "configuration/resources/primitive") == ["A"]
    assert ask(root, "delete", '<primitive id="B" type="q"/>', scope="resources") is root
    assert ask(root, "delete", '<tag id="t"/>', scope="tags") is root


def test_by_xpath_one_or_all_are_deleted(root) -> None:
    assert ids(ask(root, "delete", xpath="//primitive"), ".//primitive") == ["B"]
    assert ids(ask(root, "delete", xpath="//primitive", every=True), ".//primitive") == []
    with pytest.raises(Fault):
        ask(root, "delete", xpath="/cib")


def test_what_is_replaced_is_only_what_is_given(root) -> None:
    result = ask(root, "replace", '<primitive id="A" class="lsb" type="new"/>', scope="resources")
    assert ids(result, ".//primitive") == ["A", "B"], "at its place"
    assert len(result.find(".//primitive[@id='A']")) == 0


def test_no_document_goes_back(root) -> None:
    older = TEXT.replace('epoch="5"', 'epoch="4"', 1)
    with pytest.raises(Fault) as caught:
        ask(root, "replace", older)
    assert caught.value.status is Exit.OLD
    with pytest.raises(Fault) as caught:
        ask(root, "modify", '<cib epoch="4"/>')
    assert caught.value.status is Exit.OLD


def test_an_erased_document_is_newer_than_all_before(root) -> None:
    result = ask(root, "erase")
    assert ids(result, ".//primitive") == []
    assert version(result)[0] == 2
    assert result.get("validate-with") == "pacemaker-3.9"


def test_a_bump_counts_the_epoch(root) -> None:
    assert version(ask(root, "bump"))[:2] > version(root)[:2]


def test_what_the_schema_refuses_is_not_done_but_in_the_status(root) -> None:
    request = Request("modify", data=xml('<nvpair id="A-p" value="9"/>'))
    with pytest.raises(Fault) as caught:
        change(root, request, lambda _: False)
    assert caught.value.status is Exit.CONFIG
    change(root, Request("modify", "status", xml('<node_state id="1" x="1"/>')), lambda _: False)


@pytest.mark.parametrize("operation", ["create", "modify", "replace", "delete", "patch"])
def test_without_what_it_needs_a_request_is_invalid(root, operation: str) -> None:
    with pytest.raises(Fault, match="Invalid argument"):
        ask(root, operation)


# -- query, access


def test_a_query_gives_a_section_or_what_is_selected(root) -> None:
    assert query(root)[0] is root
    assert query(root, "resources")[0].tag == "resources"
    assert [item.get("id") for item in query(root, xpath="primitive")] == ["A", "B"], "anywhere"
    for scope, path in (("nowhere", None), ("tags", None), (None, "//none"), (None, "//[")):
        with pytest.raises(Fault) as caught:
            query(root, scope, path)
        assert caught.value.status is Exit.NO_SUCH
    assert section(root, "status").tag == "status"


ACLS = (
    '<acls><acl_role id="r"><acl_permission id="p1" kind="read" xpath="/cib"/><acl_permission id="p2" kind="write"'
    ' xpath="//meta_attributes"/><acl_permission id="p3" kind="deny" xpath="//crm_config"/></acl_role>'
    '<acl_target id="anna"><role id="r"/></acl_target></acls>'
)


def test_rights_decide_what_is_seen_and_what_may_be_changed(root) -> None:
    root.find("configuration").append(xml(ACLS))
    option = '<cluster_property_set id="o"><nvpair id="o-e" name="enable-acl" value="true"/></cluster_property_set>'
    root = change(root, Request("modify", "crm_config", xml(option)))
    seen = readable(root, "anna")
    assert seen.find(".//nvpair[@id='o-a']") is None
    assert seen.find(".//nvpair[@id='A-p']") is not None
    with pytest.raises(Fault, match="Permission denied"):
        readable(root, "nobody-at-all")
    assert ask(root, "modify", '<nvpair id="A-p" value="9"/>', user="anna") is not root
    for operation, data, more in (
        ("modify", '<nvpair id="o-a" value="9"/>', {}),
        ("create", '<primitive id="C" class="lsb" type="z"/>', {"scope": "resources"}),
        ("delete", '<primitive id="B"/>', {"scope": "resources"}),
        ("erase", None, {}),
    ):
        with pytest.raises(Fault) as caught:
            ask(root, operation, data, user="anna", **more)
        assert caught.value.status is Exit.DENIED, operation


# -- patches, both formats


def test_a_patch_of_the_first_format(root) -> None:
    patch = xml(
        '<diff><diff-removed admin_epoch="1" epoch="5" num_updates="3"><cib><configuration><resources>'
        '<primitive id="A" type="x"/><primitive id="B" __crm_diff_marker__="removed:top"/></resources></configuration>'
        '</cib></diff-removed><diff-added admin_epoch="1" epoch="6" num_updates="0"><cib><configuration><resources>'
        '<primitive id="A" type="new"/><primitive id="C" class="lsb" type="c" __crm_diff_marker__="added:top"/>'
        "</resources></configuration></cib></diff-added></diff>"
    )
    result = apply(root, patch)
    assert ids(result, ".//primitive") == ["A", "C"]
    assert result.find(".//primitive[@id='A']").get("type") == "new"
    assert result.find(".//nvpair[@id='A-p']") is not None, "what is not named stays"
    assert b"__crm_diff_marker__" not in etree.tostring(result)
    assert version(result) == (1, 6, 0)
    assert version(root) == (1, 5, 3)


@pytest.mark.parametrize(("epoch", "status"), [("4", Exit.OLD), ("6", Exit.ERROR)])
def test_a_patch_of_the_first_format_of_another_version(root, epoch: str, status: Exit) -> None:
    patch = xml(
        f'<diff><diff-removed admin_epoch="1" epoch="{epoch}" num_updates="3"/>'
        '<diff-added admin_epoch="1" epoch="7" num_updates="0"/></diff>'
    )
    with pytest.raises(Fault) as caught:
        apply(root, patch)
    assert caught.value.status is status
    assert version(apply(root, patch, check_version=False)) == (1, 7, 0)


def test_half_a_patch_is_none(root) -> None:
    with pytest.raises(Fault, match="Invalid argument"):
        apply(root, xml("<diff><diff-removed/></diff>"))


# -- properties

NAMES = st.sampled_from("abcdef")
PAIRS = st.dictionaries(NAMES, st.sampled_from("0123456789"), max_size=5)


def document(pairs: dict[str, str], epoch: int) -> etree._Element:
    root = empty("pacemaker-3.9")
    root.set("epoch", str(epoch))
    place = etree.SubElement(root.find("configuration/crm_config"), "cluster_property_set", id="o")
    for name, value in pairs.items():
        etree.SubElement(place, "nvpair", id=f"o-{name}", name=name, value=value)
    return root


def marked(old: dict[str, str], new: dict[str, str]) -> etree._Element:
    """The patch of the first format from one to the other, as the original writes it."""

    def side(name: str, own: dict[str, str], other: dict[str, str], epoch: int, mark: str) -> str:
        pairs = "".join(
            f'<nvpair id="o-{key}" '
            + (f'value="{value}"/>' if key in other else f'name="{key}" value="{value}" __crm_diff_marker__="{mark}"/>')
            for key, value in own.items() if other.get(key) != value
        )  # fmt: skip
        return (
            f'<{name} admin_epoch="0" epoch="{epoch}" num_updates="0"><cib><configuration><crm_config>'
            f'<cluster_property_set id="o">{pairs}</cluster_property_set></crm_config></configuration></cib></{name}>'
        )

    return xml(
        f"<diff>{side('diff-removed', old, new, 1, 'removed:top')}{side('diff-added', new, old, 2, 'added:top')}</diff>"
    )


@given(PAIRS, PAIRS)
def test_a_patch_of_either_format_leads_from_one_document_to_the_other(
    old: dict[str, str], new: dict[str, str]
) -> None:
    one, two = document(old, 1), document(new, 2)
    first = apply(one, marked(old, new))
    found = {pair.get("name"): pair.get("value") for pair in first.iter("nvpair")}
    assert found == new
    patch = make_patch(one, two, attribute_order=False)
    assert patch is not None
    assert canonical_text(apply(one, patch)) == canonical_text(two)
    assert version(first) == version(two)


@given(
    PAIRS,
    st.lists(st.tuples(st.sampled_from(("modify", "delete", "create")), NAMES, st.sampled_from("012")), max_size=8),
)
def test_whatever_is_asked_versions_only_rise_and_nothing_else_happens(
    pairs: dict[str, str], steps: list[tuple[str, str, str]]
) -> None:
    root = document(pairs, 1)
    known, refused = dict(pairs), set()
    for operation, name, value in steps:
        before, was = canonical_text(root), version(root)
        data = f'<nvpair id="o-{name}" name="{name}" value="{value}"/>'
        if operation == "create":
            data = f'<cluster_property_set id="o">{data}</cluster_property_set>'
        if operation == "delete":
            data = f'<nvpair id="o-{name}"/>'
        try:
            result = ask(root, operation, data, scope="crm_config")
        except Fault as fault:
            refused.add(fault.status)
            continue
        if operation == "modify":
            known[name] = value
        elif operation == "delete":
            known.pop(name, None)
        assert canonical_text(root) == before
        assert version(result) > was if result is not root else version(result) == was
        root = result
    assert {pair.get("name"): pair.get("value") for pair in root.iter("nvpair")} == known
    assert refused <= {Exit.NO_SUCH, Exit.EXISTS}
