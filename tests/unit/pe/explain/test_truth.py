"""Explanations say nothing that is not so, name the root, and offer only what can be done and does no harm."""

from __future__ import annotations

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document
from hacluster.pe.explain.resource import explain
from hacluster.pe.explain.text import resource_lines
from tests.unit.pe.clusters import NOW, cib, meta, operation, primitive

DEVICE = '<primitive id="f" class="stonith" type="fence_x"/>'


def said(document: Document, rsc: str) -> str:
    return "\n".join(resource_lines(explain(document, Moment.from_epoch(NOW), rsc)))


def changes(document: Document, rsc: str) -> list[str]:
    return [effect.change for effect in explain(document, Moment.from_epoch(NOW), rsc).changes]


def transient(document: Document, node: int, **values: str) -> Document:
    section = document.root.makeelement("transient_attributes", {"id": str(node)})
    sets = section.makeelement("instance_attributes", {"id": f"t{node}"})
    for name, value in values.items():
        sets.append(section.makeelement("nvpair", {"id": f"t{node}-{name}", "name": name, "value": value}))
    section.append(sets)
    document.status.nodes[node - 1].transient = section
    return document


def circle() -> Document:
    orders = '<rsc_order id="o1" first="a" then="b"/><rsc_order id="o2" first="b" then="a"/>'
    return cib(primitive("a") + primitive("b") + primitive("c"), orders + '<rsc_order id="o3" first="b" then="c"/>')


def test_what_stands_in_a_loop_does_not_start() -> None:
    text = said(circle(), "a")
    assert "it is to start on n1, but cannot" in text
    assert "constraint o1 is part of the circle" in text
    assert "constraint o2 is part of the circle" in text
    assert {"Remove order constraint o1", "Remove order constraint o2"} <= set(changes(circle(), "a"))


def test_what_waits_for_a_loop_does_not_start_either() -> None:
    text = said(circle(), "c")
    assert text.startswith("c is stopped; it is to start on")
    assert "but cannot" in text
    assert "the transition is invalid" in text


def test_a_member_of_an_unmanaged_group_is_not_promised_to_start() -> None:
    members = primitive("a", meta("a", is_managed="true")) + primitive("b")
    group = f'<group id="g">{meta("g", is_managed="false")}{members}</group>'
    text = said(cib(group), "a")
    assert "but cannot" in text
    assert "is-managed of g is false [g-is_managed]" in text


def test_a_rule_tells_its_expression_and_what_it_saw() -> None:
    rule = (
        '<rsc_location id="conn" rsc="a"><rule id="r" score="-INFINITY" boolean-op="or">'
        '<expression id="r-1" attribute="pingd" operation="lt" value="1" type="number"/>'
        '<expression id="r-2" attribute="pingd" operation="not_defined"/></rule></rsc_location>'
    )
    document = transient(transient(cib(primitive("a"), rule, nodes=2), 1, pingd="0"), 2, pingd="0")
    text = said(document, "a")
    assert "pingd < 1: pingd is 0 on n1 [r-1]" in text
    assert "[r-2]" not in text
    assert "pingd is not set on n2 [r-2]" in said(transient(cib(primitive("a"), rule, nodes=2), 1, pingd="0"), "a")


def test_the_promoted_instance_is_named_and_not_all_of_them() -> None:
    clone = f'<clone id="c">{meta("c", promotable="true")}{primitive("d", agent="Stateful")}</clone>'
    with_promoted = '<rsc_colocation id="vip-c" rsc="vip" with-rsc="c" with-rsc-role="Promoted" score="INFINITY"/>'
    document = transient(cib(clone + primitive("vip"), with_promoted), 2, **{"master-d": "10"})
    text = said(document, "vip")
    assert "which is promoted on n2 [vip-c]" in text
    assert "n1 and n2" not in text


def test_what_has_a_place_and_cannot_start_there_goes_nowhere() -> None:
    resources = primitive("a", meta("a", target_role="Stopped")) + primitive("b") + primitive("c")
    constraints = (
        '<rsc_order id="o" first="a" then="b"/><rsc_colocation id="cb" rsc="c" with-rsc="b" score="INFINITY"/>'
    )
    assert "which is to be on n1, but cannot start there [cb]" in said(cib(resources, constraints), "c")


def test_no_remedy_risks_a_double_start() -> None:
    lost = cib(primitive("a"), stonith_enabled="true", nodes=2, histories={2: operation("a", "start", "n2")})
    lost.status.nodes[1].attrs |= {"in_ccm": "false", "crmd": "offline"}
    offered = " ".join(changes(lost, "a"))
    assert "fence device" in offered
    assert "stonith_admin --confirm n2" in offered
    assert "stonith-enabled" not in offered
    assert "fencing-enabled" not in offered
    inquorate = cib(primitive("a"), no_quorum_policy="stop")
    inquorate.root.set("have-quorum", "0")
    assert changes(inquorate, "a") == ["Let the cluster have quorum"]


@pytest.mark.parametrize(
    ("policy", "fencing", "words"),
    [
        ("stop", "false", "no-quorum-policy is stop"),
        ("freeze", "false", "no-quorum-policy is freeze"),
        ("fence", "true", "no-quorum-policy is fence, which counts as stop because the cluster has never had quorum"),
        ("suicide", "false", "no-quorum-policy is suicide, which counts as stop because fencing is switched off"),
    ],
)
def test_the_policy_that_is_told_is_the_one_that_is_set(policy: str, fencing: str, words: str) -> None:
    document = cib(primitive("a") + DEVICE, no_quorum_policy=policy, stonith_enabled=fencing)
    document.root.set("have-quorum", "0")
    assert words in said(document, "a")


def interleaving(value: str) -> Document:
    agents = f'<clone id="agents">{meta("m", interleave=value)}{primitive("agent")}</clone>'
    clones = f'<clone id="nets">{primitive("net")}</clone>{agents}'
    running = {
        number: operation("net", "start", f"n{number}") + operation("agent", "start", f"n{number}") for number in (1, 2)
    }
    return cib(clones, '<rsc_order id="first" first="nets" then="agents"/>', histories=running)


def test_clones_that_are_not_interleaved_are_told_of_and_the_remedy_is_tried() -> None:
    text = said(interleaving("false"), "agents")
    assert "interleave of agents is false" in text
    assert "Set interleave of agents to true" in text
    assert "is not restarted" in text
    assert "interleave" not in said(interleaving("true"), "agents")


def test_every_id_of_the_configuration_is_known() -> None:
    group = f'<group id="g">{primitive("a")}{primitive("b")}</group>'
    document = cib(f'<clone id="k">{group}</clone><clone id="c">{primitive("d")}</clone>')
    for ident in ("k", "g", "a", "b", "c", "d", "d:0", "g:0", "a:1"):
        assert said(document, ident), ident
    assert said(document, "d").startswith("c is a clone")


def test_no_instance_is_constrained() -> None:
    clone = f'<clone id="c">{meta("c", clone_max="1")}{primitive("d")}</clone>'
    assert not [change for change in changes(cib(clone), "d:0") if "location constraint of" in change]
    group = f'<group id="g">{primitive("a")}{primitive("b")}</group>'
    assert not [change for change in changes(cib(group), "b") if "location constraint of" in change]
    assert [change for change in changes(cib(group), "g") if "location constraint of g" in change]


def test_a_change_that_is_refused_is_not_told() -> None:
    document = cib(primitive("a"))
    assert changes(document, "a")
    assert explain(document, Moment.from_epoch(NOW), "a", accepts=lambda _before, _after: False).changes == []


def test_a_left_over_move_is_told_with_what_clears_it() -> None:
    left = '<rsc_location id="cli-prefer-a" rsc="a" role="Started" node="n2" score="INFINITY"/>'
    text = said(cib(primitive("a"), left), "a")
    assert "left over from a move by hand: crm_resource --clear --resource a removes it" in text
    assert [change for change in changes(cib(primitive("a"), left), "a") if change.startswith("Clear what was left")]
    failed = transient(cib(primitive("a"), left), 2, **{"fail-count-a#start_0": "INFINITY"})
    assert "location constraint cli-prefer-a gives INFINITY to n2, left over" in said(failed, "a")


@pytest.mark.parametrize(("timeout", "words"), [("30s", "has expired"), ("1h", "expires in 3540s")])
def test_failures_that_expire(timeout: str, words: str) -> None:
    document = cib(
        primitive("a", meta("a", failure_timeout=timeout)), histories={1: operation("a", "monitor", "n1", 1, 0)}
    )
    assert words in said(document, "a")


def test_what_does_not_count_is_told() -> None:
    document = cib(primitive("a", meta("a", is_manged="false")), no_quorum_polcy="ignore")
    text = said(document, "a")
    assert "did you mean is-managed?" in text
    assert "did you mean no-quorum-policy?" in text
    apart = '<rsc_colocation id="apart" rsc="b" with-rsc="a" score="-500"/>'
    sticky = cib(primitive("a") + primitive("b", meta("b", resource_stickiness="INFINITY")), apart,
                 histories={1: operation("a", "start", "n1") + operation("b", "start", "n1")})  # fmt: skip
    assert "apart" in said(sticky, "b")


def test_utilization_is_eased_by_priority() -> None:
    def heavy(name: str) -> str:
        return primitive(
            name, f'<utilization id="u{name}"><nvpair id="u{name}-m" name="memory" value="6"/></utilization>'
        )

    document = cib(heavy("a") + heavy("b"), placement_strategy="utilization", nodes=1)
    (node,) = document.root.iterfind("configuration/nodes/node")
    sets = node.makeelement("utilization", {"id": "n1-u"})
    sets.append(node.makeelement("nvpair", {"id": "n1-u-m", "name": "memory", "value": "10"}))
    node.append(sets)
    assert "Raise the priority of b to 1" in changes(document, "b")


@pytest.mark.parametrize("name", ["stop_removed_resources", "stop_orphan_resources"])
def test_a_removed_resource_that_stays_is_told_with_the_option(name: str) -> None:
    document = cib(primitive("a"), histories={1: operation("old", "start", "n1")}, **{name: "false"})
    assert f"old was removed, and stop-removed-resources is false: it stays [o-{name}]" in said(document, "old")
    assert "Stop removed resources" in changes(document, "old")


def test_what_waits_for_a_promotion_says_why_there_is_none() -> None:
    settings = meta("db-clone", promotable="true")
    clone = f'<clone id="db-clone">{settings}{primitive("db", agent="Stateful")}</clone>'
    together = '<rsc_colocation id="c" rsc="ip" with-rsc="db-clone" with-rsc-role="Promoted" score="INFINITY"/>'
    document = cib(clone + primitive("ip"), together)
    assert "no instance of db-clone has a promotion score" in said(document, "ip")
    assert "Give db a promotion score on n1 (crm_attribute --promotion=db -v 1 there)" in changes(document, "ip")
    assert "promotion score" not in said(transient(document, 2, **{"master-db": "5"}), "ip")


def test_where_nothing_is_allowed_by_itself_a_location_is_a_remedy() -> None:
    document = cib(primitive("a"), symmetric_cluster="false")
    assert changes(document, "a") == [
        *(f"Add a location constraint of a for n{number} with score 0" for number in (1, 2, 3)),
        "Set symmetric-cluster to true",
    ]
