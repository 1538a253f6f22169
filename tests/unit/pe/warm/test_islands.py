"""Which resources constraints connect."""

from __future__ import annotations

from lxml import etree

from hacluster.cib.document import Document
from hacluster.pe.warm.islands import Islands
from tests.unit.pe.clusters import cib, operation, primitive

_TAG = '<tags><tag id="some"><obj_ref id="d"/><obj_ref id="e"/></tag></tags>'


def _order(ident: str, first: str, then: str) -> str:
    return f'<rsc_order id="{ident}" first="{first}" then="{then}"/>'


def _document(constraints: str) -> Document:
    resources = "".join(primitive(ident) for ident in "abcdef")
    resources += f'<group id="g">{primitive("m1")}{primitive("m2")}</group>'
    resources += f'<clone id="cl">{primitive("i")}</clone>'
    return cib(resources, constraints, histories={1: "".join(operation(ident, "start", "n1") for ident in "abci")})


def test_each_resource_alone() -> None:
    islands = Islands(_document(""))
    assert islands.around({"b"}) == {1}
    assert islands.around({"m2"}) == islands.around({"g"}) == {6}
    assert islands.around({"i:3", "a"}) == {0, 7}


def test_what_is_not_configured_is_on_no_island() -> None:
    assert Islands(_document("")).around({"a", "stranger"}) is None


def test_constraints_connect_all_that_they_name() -> None:
    refs = '<resource_ref id="c"/><resource_ref id="m1"/>'
    sets = f'<rsc_colocation id="s"><resource_set id="s1">{refs}</resource_set></rsc_colocation>'
    islands = Islands(_document(_order("o1", "a", "b") + _order("o2", "b", "cl") + sets))
    assert islands.around({"a"}) == islands.around({"i"}) == {0, 1, 7}
    assert islands.around({"c"}) == islands.around({"g"}) == {2, 6}
    assert islands.around({"d"}) == {3}


def test_a_tag_stands_for_what_it_names() -> None:
    document = _document(_order("o", "a", "some"))
    configuration = document.root.find("configuration")
    assert configuration is not None
    configuration.append(etree.fromstring(_TAG))
    assert Islands(document).around({"e"}) == {0, 3, 4}


def test_a_tag_may_name_a_tag() -> None:
    document = _document(_order("o", "a", "all"))
    configuration = document.root.find("configuration")
    assert configuration is not None
    both = '<tag id="all"><obj_ref id="some"/><obj_ref id="c"/></tag>'
    configuration.append(etree.fromstring(_TAG.replace("<tags>", f"<tags>{both}")))
    assert Islands(document).around({"e"}) == {0, 2, 3, 4}


def test_a_set_may_be_one_of_another_constraint() -> None:
    def sets(ident: str, *inside: str) -> str:
        return f'<rsc_colocation id="{ident}">{"".join(inside)}</rsc_colocation>'

    def one(ident: str, ref: str) -> str:
        return f'<resource_set id="{ident}"><resource_ref id="{ref}"/></resource_set>'

    reference = '<resource_set id-ref="s1"/>'
    islands = Islands(_document(sets("k1", one("s1", "a"), one("s2", "b")) + sets("k2", one("s3", "c"), reference)))
    assert islands.around({"c"}) == {0, 1, 2}


def test_an_excerpt_has_what_belongs_to_an_island() -> None:
    document = _document(_order("o1", "a", "b") + _order("o2", "c", "d"))
    excerpt = Islands(document).excerpt(document, {2, 3})
    assert [(place, top.get("id")) for place, top in excerpt.entries("resources")] == [(2, "c"), (3, "d")]
    assert [(place, entry.get("id")) for place, entry in excerpt.entries("constraints")] == [(1, "o2")]
    assert [history.id for history in excerpt.status.nodes[0].histories] == ["c"]
