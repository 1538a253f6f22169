"""Elements created, changed, replaced and deleted as cibadmin does."""

from __future__ import annotations

import pytest
from lxml import etree

from hacluster.cib.edit import EditError, create, delete, modify, replace, section_of, select

CIB = (
    '<cib><configuration><crm_config/><resources><group id="g"><primitive id="a" type="x"/></group>'
    '<primitive id="b" type="y"/></resources></configuration></cib>'
)


@pytest.fixture
def root() -> etree._Element:
    return etree.fromstring(CIB)


def xml(text: str) -> etree._Element:
    return etree.fromstring(text)


def shown(root: etree._Element) -> str:
    return etree.tostring(root.find("configuration/resources")).decode()


def test_create_adds_to_a_section(root) -> None:
    create(section_of(root, "resources"), xml('<primitive id="c"/>'))
    assert shown(root).endswith('<primitive id="c"/></resources>')


def test_create_takes_a_whole_section(root) -> None:
    create(section_of(root, "resources"), xml('<resources><primitive id="c"/><primitive id="d"/></resources>'))
    assert shown(root).endswith('<primitive id="c"/><primitive id="d"/></resources>')


def test_create_refuses_what_exists_anywhere_in_the_section(root) -> None:
    with pytest.raises(EditError, match='<primitive id="a"> exists already'):
        create(section_of(root, "resources"), xml('<primitive id="a"/>'))


def test_modify_merges(root) -> None:
    modify(
        section_of(root, "resources"),
        xml('<primitive id="a" type="z" class="lsb"><meta_attributes id="m"/></primitive>'),
    )
    assert '<primitive id="a" type="z" class="lsb"><meta_attributes id="m"/></primitive></group>' in shown(root)


def test_modify_needs_the_element_or_leave_to_create(root) -> None:
    with pytest.raises(EditError) as caught:
        modify(section_of(root, "resources"), xml('<primitive id="c"/>'))
    assert caught.value.code == "missing"
    modify(section_of(root, "resources"), xml('<primitive id="c"/>'), allow_create=True)
    assert 'id="c"' in shown(root)


def test_replace_leaves_nothing_of_the_old(root) -> None:
    replace(section_of(root, "resources"), xml('<group id="g"><primitive id="n"/></group>'))
    assert shown(root) == '<resources><group id="g"><primitive id="n"/></group><primitive id="b" type="y"/></resources>'
    replace(root, xml('<cib epoch="2"><configuration/></cib>'))
    assert etree.tostring(root) == b'<cib epoch="2"><configuration/></cib>'


def test_delete_wants_all_attributes_to_agree(root) -> None:
    assert not delete(root, xml('<primitive id="a" type="other"/>'))
    assert delete(root, xml('<primitive id="a" type="x"/>'))
    assert '<group id="g"/>' in shown(root)


def test_a_missing_section_is_made_and_an_unknown_one_refused(root) -> None:
    assert section_of(root, "acls").getparent().tag == "configuration"
    assert section_of(root, "status").getparent() is root
    with pytest.raises(EditError, match="is not a section"):
        section_of(root, "bogus")


def test_xpath_selects_elements(root) -> None:
    assert [item.get("id") for item in select(root, "//primitive")] == ["a", "b"]
    for wrong in ("//[", "count(//primitive)", "//x:y", "$nothing"):
        with pytest.raises(EditError):
            select(root, wrong)
    assert select(root, "//primitive/@id") == select(root, "//primitive"), "who has the attribute"
