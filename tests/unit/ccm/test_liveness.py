"""What must be reached in the end, and how few views it takes: R15 to R19 need clocks, hearing and timers.

Each schedule fails with its rule off and holds with all rules on.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.base.effects import MachineName
from hacluster.ccm.rules import Rules
from hacluster.msg.membership import NodeState, NodeStateChanged, NodeType
from hacluster.sim.crm.faults import ClientWrites, Cut, Script, Sleep, both_ways, faults_of, flapping
from hacluster.sim.crm.ring import RingSetup
from hacluster.sim.crm.standin import StandIn
from hacluster.sim.desk import majority

ALL = Rules()
EVER = 10**8
OLDER, NEWER = (3, 19, 0), (3, 20, 0)


def ring(names: str, rules: Rules, script: Script, seed: int = 1, first: str = "") -> StandIn:
    """``first`` has the lowest rank."""
    features = tuple((name, OLDER if name == first else NEWER) for name in names)
    setup = replace(majority(*names), ccm_rules=rules, features=features)
    return StandIn(setup, seed, script)


def without(rule: str) -> Rules:
    return replace(ALL, **{rule: False})


def one_way_cut(rules: Rules) -> tuple[set[str], int]:
    """R15: b does not hear a any more, while a hears b: whom a has in its view 2 s later, and views of c from then
    on.
    """
    found = ring("abc", rules, ((3_000, Cut((("a", "b"),), EVER)),), first="a")
    found.agenda.run_until(6_400)
    view = found.nodes["a"].ccm.view
    found.agenda.run_until(40_000)
    torn = [line for line in found.log if " c ccm: is in view " in line and float(line[:8]) > 6.4]
    return set(view.names) if view is not None else set(), len(torn)


def hole(rules: Rules, seed: int) -> str:
    """R16: a cut just over deadtime swallows what was under way; the members are the same as before."""
    script: Script = ((3_000, Cut(both_ways("ab"), 1_190)), *((at, ClientWrites()) for at in range(2_950, 3_300, 50)))
    return ring("abc", rules, script, seed).run(4_500)[1]


def entered(names: str, missing: tuple[str, ...], rules: Rules, first: str = "", ms: int = 60_000) -> StandIn:
    """Links that are never there, and a minute."""
    found = ring(names, rules, ((0, Cut(both_ways(*missing), EVER)),), first=first)
    found.agenda.run_until(ms)
    return found


CHAIN = ("ac", "ad", "ae", "bd", "be", "ce")


def test_r15_whom_we_hear_is_told_to_all() -> None:
    """Without it a goes on as leader of a view that is no more, and calls c out of the one that works."""
    members, torn = one_way_cut(without("hearing_told_to_all"))
    assert "b" in members
    assert torn >= 1
    members, torn = one_way_cut(ALL)
    assert "b" not in members
    assert torn == 0


def test_r16_a_lost_edge_breaks_the_view() -> None:
    assert any(hole(without("lost_edge_breaks"), seed).startswith("A4") for seed in range(12))
    assert [hole(ALL, seed) for seed in range(12)] == [""] * 12


def test_r17_a_view_is_compared_with_the_clique() -> None:
    assert entered("abcde", CHAIN, without("cliques"), "d").views_entered() > 60
    quiet = entered("abcde", CHAIN, ALL, "d")
    assert quiet.views_entered() <= 14
    assert quiet.views_entered(20_000) == 0
    assert all(node.ccm.view is not None for node in quiet.nodes.values())


def test_r18_who_works_in_a_view_does_not_leave_it_for_one_that_is_not_larger() -> None:
    assert entered("abc", ("ac",), without("busy")).views_entered() > 30
    quiet = entered("abc", ("ac",), ALL)
    assert quiet.views_entered(20_000) == 0
    assert {name: set(node.ccm.view.names) for name, node in quiet.nodes.items() if node.ccm.view} in (
        {"a": {"a", "b"}, "b": {"a", "b"}, "c": {"c"}},
        {"a": {"a"}, "b": {"b", "c"}, "c": {"b", "c"}},
    )


def test_r18_but_it_leaves_for_a_larger_one() -> None:
    found = entered("abcd", ("ac", "ad"), ALL)
    views = {name: node.ccm.view for name, node in found.nodes.items()}
    assert views["b"] is not None
    assert views["b"].names == {"b", "c", "d"}
    assert views["b"].quorate
    assert views["a"] is not None
    assert views["a"].names == {"a"}
    assert found.views_entered(20_000) <= 3, "a asks again at times that double"


def test_r19_who_has_no_view_for_long_calls_one_himself() -> None:
    waits = entered("abc", ("ac",), without("stuck"), "a")
    assert waits.nodes["c"].ccm.view is None
    helps = entered("abc", ("ac",), ALL, "a")
    assert helps.nodes["c"].ccm.view is not None


def test_thirty_two_nodes_form_one_view() -> None:
    names = [f"n{number:02}" for number in range(32)]
    found = StandIn(replace(majority(*names), ccm_rules=ALL), 1)
    found.agenda.run_until(5_000)
    assert found.is_good()
    assert found.views_entered() <= 32 * 4


def test_a_link_that_flaps_faster_than_it_settles_does_not_hold_up_the_rest() -> None:
    """Two nodes lose each other again and again, and c dies: the others must go on without it all the same."""
    script = flapping(("a", "b"), 20_000, 2_600)
    found = ring("abcde", ALL, script)
    found.agenda.run_until(6_000)
    found.kill("c")
    found.agenda.run_until(14_000)
    views = [node.ccm.view for node in found.nodes.values() if node.ccm.view is not None and node.ccm.view.quorate]
    assert views
    assert all("c" not in view.names for view in views)
    assert found.run(20_000)[1] == ""


def test_a_node_that_slept_comes_back_by_a_new_view() -> None:
    found = ring("abc", ALL, ((4_000, Sleep("a", 5_000)),))
    found.agenda.run_until(8_000)
    before = found.nodes["b"].ccm.view
    assert before is not None
    assert before.names == {"b", "c"}
    assert found.run(12_000)[1] == ""
    after = found.nodes["a"].ccm.view
    assert after is not None
    assert after.id > before.id


def test_an_older_feature_set_leads() -> None:
    found = ring("abc", ALL, (), first="c")
    found.agenda.run_until(5_000)
    assert {node.ccm.view.leader for node in found.nodes.values() if node.ccm.view} == {"c"}


@pytest.mark.parametrize("seed", range(10))
def test_random_faults_and_then_one_view_that_takes_a_write(seed: int) -> None:
    setup: RingSetup = replace(majority(*"abcd"[: 2 + seed % 3]), ccm_rules=ALL)
    assert StandIn(setup, seed, faults_of(setup, seed, 12_000)).run(12_000)[1] == ""


def test_a_node_that_reaches_no_ping_node_gives_its_votes_up_and_gets_them_back() -> None:
    found = StandIn(replace(majority("a", "b"), ccm_rules=ALL, ping_nodes=("gw1", "gw2")), 1)
    found.agenda.run_until(3_000)

    def ping(name: str, gateway: str, new: NodeState) -> None:
        old = NodeState.PING if new is NodeState.DEAD else NodeState.DEAD
        found.give(found.nodes[name], MachineName.CCM, NodeStateChanged(gateway, old, new, NodeType.PING))
        found.agenda.run_until(found.agenda.now + 4_000)

    def quorate() -> tuple[bool, str]:
        view = found.nodes["a"].ccm.view
        assert view is not None
        assert view.names == {"a", "b"}
        return view.quorate, view.why

    ping("b", "gw1", NodeState.DEAD)
    assert quorate()[0], "one of two answers"
    ping("b", "gw2", NodeState.DEAD)
    assert quorate() == (False, "1 of 2 votes, 2 needed; missing: b (1); reach no ping node: b")
    ping("b", "gw1", NodeState.PING)
    assert quorate()[0]
