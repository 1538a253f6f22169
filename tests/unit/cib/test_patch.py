"""Versions, digests, patches: what is made is what can be applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from hacluster.base.dice import Dice
from hacluster.cib.canon import canonical_text, document_digest
from hacluster.cib.diff import make_patch, path_of
from hacluster.cib.patch import PatchError, apply_patch, find
from hacluster.cib.version import Version, read_version, write_version

OLD = etree.fromstring(
    '<cib admin_epoch="0" epoch="1" num_updates="0" dc-uuid="1"><configuration><nodes><node id="1" uname="n1"/>'
    '<node id="2" uname="n2"/></nodes><resources><primitive id="a"/><primitive id="b"/><primitive id="c" type="x"/>'
    "</resources></configuration><status/></cib>"
)
NEW = etree.fromstring(
    '<cib admin_epoch="0" epoch="2" num_updates="0"><configuration><nodes><node id="1" uname="n1"/></nodes>'
    '<resources><primitive id="c" type="y"/><primitive id="a"/><primitive id="d"><m id="m"/></primitive></resources>'
    "</configuration><status/></cib>"
)


def changes(patch: etree._Element) -> list[str]:
    return [f"{c.get('operation')} {c.get('path')} {c.get('position', '')}".strip() for c in patch.findall("change")]


def test_a_patch_names_every_change() -> None:
    patch = make_patch(OLD, NEW)
    assert patch is not None
    assert changes(patch) == [
        "delete /cib/configuration/nodes/node[@id='2']",
        "delete /cib/configuration/resources/primitive[@id='b']",
        "modify /cib",
        "modify /cib/configuration/resources/primitive[@id='c']",
        "move /cib/configuration/resources/primitive[@id='c'] 0",
        "move /cib/configuration/resources/primitive[@id='a'] 1",
        "create /cib/configuration/resources 2",
    ]
    assert etree.tostring(patch.find("version")).decode() == (
        '<version><source admin_epoch="0" epoch="1" num_updates="0"/>'
        '<target admin_epoch="0" epoch="2" num_updates="0"/></version>'
    )


def test_a_patch_applies_and_leaves_the_original_alone() -> None:
    before = etree.tostring(OLD)
    assert canonical_text(apply_patch(OLD, make_patch(OLD, NEW))) == canonical_text(NEW)
    assert etree.tostring(OLD) == before


def test_equal_documents_have_no_patch() -> None:
    assert make_patch(OLD, OLD) is None


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda patch: patch.set("format", "1"), "bad-patch"),
        (lambda patch: patch.set("digest", "0" * 32), "digest"),
        (lambda patch: patch.find("version/source").set("epoch", "9"), "old-data"),
        (lambda patch: patch[1].set("path", "/cib/nowhere"), "not-applicable"),
        (lambda patch: patch[1].set("path", "//node"), "bad-patch"),
        (lambda patch: patch[1].set("path", "/cib"), "bad-patch"),
        (lambda patch: patch[1].set("operation", "shuffle"), "bad-patch"),
        (lambda patch: patch[3].remove(patch[3].find("change-result")), "bad-patch"),
        (lambda patch: patch[-1].set("position", "first"), "bad-patch"),
        (lambda patch: patch[-1].remove(patch[-1][0]), "bad-patch"),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(edit, code: str) -> None:
    patch = make_patch(OLD, NEW)
    edit(patch)
    with pytest.raises(PatchError) as caught:
        apply_patch(OLD, patch)
    assert caught.value.code == code


def test_the_digest_is_that_of_pacemaker() -> None:
    """The value was printed by crm_diff 2.1.5 for this document."""
    root = etree.fromstring(
        '<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="2" num_updates="0" crm_feature_set="3.16.2">'
        '<configuration><crm_config><cluster_property_set id="o"><nvpair id="n" name="x" value="y"/>'
        '</cluster_property_set></crm_config><nodes><node id="1" uname="n1"/></nodes><resources>'
        '<primitive id="c" class="systemd" type="x"/><primitive id="a" class="lsb" type="x"/>'
        '<primitive id="new" class="lsb" type="q"><meta_attributes id="m"/></primitive></resources><constraints/>'
        "</configuration><status/></cib>"
    )
    assert document_digest(root) == "22111aa081373f7459f0b4001ec18c13"
    root.set("update-user", "hacluster")
    assert document_digest(root) == "22111aa081373f7459f0b4001ec18c13"


def test_a_new_order_of_attributes_is_a_change() -> None:
    old, new = etree.fromstring('<cib a="1" b="2"/>'), etree.fromstring('<cib b="2" a="1"/>')
    assert canonical_text(apply_patch(old, make_patch(old, new))) == canonical_text(new)


def test_paths_lead_back() -> None:
    for element in NEW.iter(etree.Element):
        assert find(NEW, path_of(element)) is element


def test_versions_are_ordered_by_weight() -> None:
    assert Version(0, 9, 9) < Version(1, 0, 0) < Version(1, 0, 1).configured() == Version(1, 1, 0)
    root = etree.Element("cib")
    write_version(root, Version(1, 2, 3).updated())
    assert str(read_version(root)) == "1.2.4"
    assert read_version(etree.fromstring('<cib epoch="x"/>')) == Version()


def tree(dice: Dice, depth: int) -> etree._Element:
    """A small tree in which children may lack ids, share them or change places."""
    root = etree.Element("abc"[dice.below(3)])
    for name in ("id", "v"):
        if dice.below(2):
            root.set(name, "abc"[dice.below(3)])
    root.extend(tree(dice, depth - 1) for _ in range(dice.below(4) if depth else 0))
    return root


def document(dice: Dice) -> etree._Element:
    root = etree.Element("cib", epoch="1", v="abc"[dice.below(3)])
    for kind in "xyz":
        if dice.below(4):
            etree.SubElement(root, kind).extend(tree(dice, 3) for _ in range(dice.below(5)))
    return root


def content(element: etree._Element) -> object:
    return (element.tag, dict(element.attrib), [content(child) for child in element])


@given(st.integers(0, 1 << 32))
def test_a_patch_makes_the_one_of_the_other(seed: int) -> None:
    dice = Dice(seed)
    old, new = document(dice), document(dice)
    patch = make_patch(old, new)
    result = old if patch is None else apply_patch(old, patch)
    assert content(result) == content(new)
