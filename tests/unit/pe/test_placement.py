"""Where resources go: locations, colocations, groups, clones, stickiness, failures."""

from __future__ import annotations

import pytest

from tests.unit.pe.clusters import cib, meta, operation, places, primitive


def test_resources_are_spread() -> None:
    found = places(cib(primitive("a") + primitive("b") + primitive("c")))
    assert found == {"a": "n1", "b": "n2", "c": "n3"}


@pytest.mark.parametrize(
    ("score", "where"), [("INFINITY", "n3"), ("1", "n3"), ("-1", "n1"), ("-INFINITY", "n1")]
)  # fmt: skip
def test_location(score: str, where: str) -> None:
    assert places(cib(primitive("a"), f'<rsc_location id="l" rsc="a" node="n3" score="{score}"/>')) == {"a": where}


def test_nowhere_in_an_opt_in_cluster() -> None:
    assert places(cib(primitive("a"), symmetric_cluster="false")) == {"a": None}


def test_colocation() -> None:
    together = '<rsc_colocation id="c" rsc="b" with-rsc="a" score="INFINITY"/>'
    apart = together.replace("INFINITY", "-INFINITY")
    at = '<rsc_location id="l" rsc="a" node="n2" score="100"/>'
    assert places(cib(primitive("a") + primitive("b"), together + at)) == {"a": "n2", "b": "n2"}
    assert places(cib(primitive("a") + primitive("b"), apart + at))["b"] != "n2"


def test_what_must_be_with_something_that_cannot_run_cannot_run() -> None:
    together = '<rsc_colocation id="c" rsc="b" with-rsc="a" score="INFINITY"/>'
    assert places(cib(primitive("a", meta("a", target_role="Stopped")) + primitive("b"), together))["b"] is None


def test_groups_stay_together() -> None:
    group = f'<group id="g">{primitive("a")}{primitive("b")}</group>'
    found = places(cib(group, '<rsc_location id="l" rsc="b" node="n2" score="50"/>'))
    assert found == {"a": "n2", "b": "n2"}


def test_clones_are_everywhere_or_as_many_as_wanted() -> None:
    assert set(places(cib(f'<clone id="c">{primitive("a")}</clone>')).values()) == {"n1", "n2", "n3"}
    few = places(cib(f'<clone id="c">{meta("c", clone_max="2")}{primitive("a")}</clone>'))
    assert sorted(filter(None, few.values())) == ["n1", "n2"]


def test_sticky_resources_stay() -> None:
    at = '<rsc_location id="l" rsc="a" node="n2" score="50"/>'
    history = {1: operation("a", "start", "n1")}
    loose, sticky = primitive("a"), primitive("a", meta("a", resource_stickiness="100"))
    assert places(cib(loose, at, histories=history)) == {"a": "n2"}
    assert places(cib(sticky, at, histories=history)) == {"a": "n1"}


def test_a_failed_start_moves_it_on() -> None:
    assert places(cib(primitive("a"), histories={1: operation("a", "start", "n1", 1)})) == {"a": "n1"}
    hard = {1: operation("a", "start", "n1", 5)}
    assert places(cib(primitive("a"), histories=hard)) == {"a": "n2"}


def test_a_rule_decides_by_attribute() -> None:
    rule = (
        '<rsc_location id="l" rsc="a"><rule id="r" score="10"><expression id="e" attribute="#uname" operation="eq" '
        'value="n3"/></rule></rsc_location>'
    )
    assert places(cib(primitive("a"), rule)) == {"a": "n3"}


def test_chains_may_be_long() -> None:
    count = 1500
    resources = "".join(primitive(f"r{number}") for number in range(count))
    chain = "".join(
        f'<rsc_colocation id="c{number}" rsc="r{number}" with-rsc="r{number - 1}" score="INFINITY"/>'
        for number in range(1, count)
    )
    at = '<rsc_location id="l" rsc="r0" node="n2" score="100"/>'
    assert set(places(cib(resources, chain + at)).values()) == {"n2"}
