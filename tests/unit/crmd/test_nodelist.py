"""Nodes that are added to a running cluster, and taken out of it: configuration, voters and status follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.cib.voters import Voters, parse_voters, voters_of
from hacluster.crmd.fsa import State
from hacluster.crmd.nodelist import voters_with, voters_without
from hacluster.msg.membership import ChangeNodes
from hacluster.sim.crm.scenario import cluster, state_of
from hacluster.sim.crm.wired import Wired


def names_in(ring: Wired) -> set[str]:
    root = ring.nodes["a"].cibd.store.xml()
    return {str(node.get("uname")) for node in root.iterfind("configuration/nodes/node")}


def states_in(ring: Wired) -> set[str]:
    return {str(node.get("uname")) for node in ring.nodes["a"].cibd.store.xml().iter("node_state")}


def voters_in(ring: Wired) -> Voters:
    pairs = ring.nodes["a"].cibd.store.xml().iterfind("configuration/crm_config//nvpair[@name='quorum-voters']")
    return parse_voters(str(next(pairs).get("value")))


def is_idle(ring: Wired) -> bool:
    states = sorted(state_of(ring, name) for name in ring.nodes)
    return states == sorted([State.IDLE, *[State.NOT_DC] * (len(states) - 1)])


def rest(ring: Wired, most_ms: int = 60_000) -> None:
    """Until it has been quiet for two seconds."""
    until, quiet = ring.agenda.now + most_ms, 0
    while ring.agenda.now < until and quiet < 2_000:
        ring.agenda.run_until(ring.agenda.now + 100)
        quiet = quiet + 100 if is_idle(ring) else 0
    assert quiet >= 2_000, ring.log[-20:]


@pytest.mark.parametrize("seed", [1, 2])
def test_an_added_node_is_configured_votes_and_runs_and_one_taken_out_is_gone(seed: int) -> None:
    setup = replace(cluster("abc"), names=("a", "b", "c", "d"))
    three = dict.fromkeys("abc", ("a", "b", "c"))
    ring = Wired(setup, seed, late={"d": 10**9}, knows=three)
    rest(ring)
    assert names_in(ring) == {"a", "b", "c"}

    ring.ask_pulse("b", ChangeNodes(("d",), add=True))
    ring.agenda.run_until(ring.agenda.now + 7_000)
    assert names_in(ring) == {"a", "b", "c", "d"}
    assert voters_in(ring) == voters_of("abc"), "who is not there yet is not missed"
    ring.start("d")
    rest(ring)
    assert names_in(ring) == states_in(ring) == {"a", "b", "c", "d"}
    assert voters_in(ring) == voters_of("abcd")
    assert ring.services.where("ping") == ["a", "b", "c", "d"]

    ring.kill("b")
    ring.agenda.run_until(ring.agenda.now + 8_000)
    ring.ask_pulse("c", ChangeNodes(("b",), add=False))
    ring.agenda.run_until(ring.agenda.now + 8_000)
    assert names_in(ring) == states_in(ring) == {"a", "c", "d"}
    assert voters_in(ring) == voters_of("acd")
    view = ring.nodes["a"].ccm.view
    assert view is not None
    assert view.quorate
    ring.kill("d")
    ring.agenda.run_until(ring.agenda.now + 8_000)
    view = ring.nodes["a"].ccm.view
    assert view is not None
    assert view.quorate, "two of three: the node that was taken out is not missed"
    assert [len(ring.services.where(name)) for name in ("vip", "httpd", "db")] == [1, 1, 1]


def test_whoever_leads_when_the_order_comes_may_die_before_it_is_carried_out() -> None:
    setup = replace(cluster("abc"), names=("a", "b", "c", "d"))
    ring = Wired(setup, 3, late={"d": 10**9}, knows=dict.fromkeys("abc", ("a", "b", "c")))
    rest(ring)
    ring.ask_pulse("c", ChangeNodes(("d",), add=True))
    ring.agenda.run_until(ring.agenda.now + 10)
    leader = ring.nodes["b"].ccm.view
    assert leader is not None
    ring.kill(leader.leader)
    ring.agenda.run_until(ring.agenda.now + 12_000)
    ring.start(leader.leader)
    ring.start("d")
    rest(ring)
    assert names_in(ring) == {"a", "b", "c", "d"}
    assert voters_in(ring) == voters_of("abcd")


def test_what_a_list_says_of_a_voter_goes_with_it() -> None:
    voters = parse_voters("a=1 b=1 c=1 d=1 expected=4 tie-breaker=b auto-tie-breaker=b,c")
    assert voters_without(voters, "b").show() == "a=1 c=1 d=1 expected=4 auto-tie-breaker=c"
    pair = parse_voters("a=1 b=1 two-node")
    assert voters_with(pair, "c").show() == "a=1 b=1 c=1"
    assert voters_with(parse_voters("a=1"), "b") == pair == voters_without(parse_voters("a=1 b=1 c=1"), "c")
    assert not voters_with(pair, "c").faults()
