"""Whole clusters in the second ring: nodes agree, the DC decides by the policy engine, and nodes act."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hacluster.base.effects import MachineName
from hacluster.cib.change import AttributeSet
from hacluster.crmd.fsa import TABLE, Input, State, after
from hacluster.msg.lrm import OcfCode
from hacluster.msg.replica import ChangeStatus
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.faults import Cut, both_ways
from hacluster.sim.crm.hands import Services
from hacluster.sim.crm.ring import EPOCH_MS, SET, write_of
from hacluster.sim.crm.scenario import (
    is_quiet,
    managed,
    primitive_patch,
    run_until_quiet,
    standby_patch,
    state_of,
)
from hacluster.sim.crm.standin import StandIn


def started(names: str = "abc", seed: int = 1, *, promotable: bool = False) -> StandIn:
    ring = managed(names, seed, promotable=promotable)
    run_until_quiet(ring)
    return ring


def dc(ring: StandIn) -> str:
    return next(name for name in ring.nodes if state_of(ring, name) in (State.IDLE, State.TRANSITION_ENGINE))


def all_run_once(ring: StandIn) -> bool:
    return all(len(ring.services.where(name)) == 1 for name in ("vip", "httpd", "db"))


def test_three_nodes_start_everything_and_come_to_rest() -> None:
    ring = started()
    assert all_run_once(ring)
    assert ring.services.where("vip") == ring.services.where("httpd")
    assert ring.services.where("ping") == ["a", "b", "c"]
    before = len(ring.services.done)
    ring.agenda.run_until(ring.agenda.now + 120_000)
    assert len(ring.services.done) == before
    assert is_quiet(ring)


def test_the_death_of_any_node_moves_its_services_and_its_return_moves_nothing() -> None:
    for victim in "abc":
        ring = started()
        ring.kill(victim)
        ring.agenda.run_until(ring.agenda.now + 6_000)
        assert all_run_once(ring), victim
        before = list(ring.services.done)
        ring.start(victim)
        run_until_quiet(ring)
        assert ring.services.where("ping") == ["a", "b", "c"]
        assert [entry[2:] for entry in ring.services.done[len(before) :]] == [("start", "ping")]


def test_a_service_that_dies_is_recovered_and_counted() -> None:
    ring = started()
    node = ring.services.where("db")[0]
    ring.services.become(node, "db", OcfCode.NOT_RUNNING)
    ring.agenda.run_until(ring.agenda.now + 11_000)
    assert ring.services.where("db") == [node]
    text = ring.nodes[dc(ring)].cibd.store.xml()
    counts = [pair.get("value") for pair in text.iter("nvpair") if pair.get("name") == "fail-count-db#monitor_10000"]
    assert counts == ["1"]


def test_a_start_that_fails_is_tried_elsewhere() -> None:
    ring = managed("abc")
    ring.services.broken.add(("a", "vip", "start"))
    run_until_quiet(ring)
    assert ring.services.where("vip") in (["b"], ["c"])
    assert all_run_once(ring)


def test_a_slow_start_does_not_hold_up_the_recovery_of_anything_else() -> None:
    """The most-felt flaw of the peers: one start of a minute delays everything."""
    ring = started()
    ring.services.slow["slow", "start"] = 60_000
    ring.write("a", "slow", primitive_patch("slow"))
    ring.agenda.run_until(ring.agenda.now + 2_000)
    node = ring.services.where("db")[0]
    ring.services.become(node, "db", OcfCode.NOT_RUNNING)
    died = ring.agenda.now
    ring.agenda.run_until(died + 10_500)
    recovered = [at for at, _, action, name in ring.services.done if (action, name) == ("start", "db") and at > died]
    assert recovered
    assert ring.services.where("slow") == []
    ring.agenda.run_until(ring.agenda.now + 60_000)
    assert len(ring.services.where("slow")) == 1
    starts = [entry for entry in ring.services.done if entry[2:] == ("start", "slow")]
    assert len(starts) == 1, "it was begun once, whatever was thought meanwhile"


def test_standby_empties_a_node() -> None:
    ring = started()
    node = ring.services.where("vip")[0]
    ring.write("b", f"standby-{node}", standby_patch(node))
    ring.agenda.run_until(ring.agenda.now + 3_000)
    assert all(node not in ring.services.where(name) for name in ("vip", "httpd", "ping", "db"))
    assert all_run_once(ring)


def test_a_minority_stops_what_it_runs_and_the_majority_runs_it() -> None:
    ring = started()
    ring.services.single = frozenset()  # without fencing both sides may run it until the minority has stopped
    node = ring.services.where("vip")[0]
    others = [name for name in "abc" if name != node]
    ring.befall(Cut(both_ways(*[node + other for other in others]), 30_000))
    ring.agenda.run_until(ring.agenda.now + 12_000)
    assert ring.services.where("vip")[0] in others
    assert all_run_once(ring)
    assert node not in ring.services.where("ping")
    ring.agenda.run_until(ring.agenda.now + 20_000)
    run_until_quiet(ring)
    assert ring.services.where("ping") == ["a", "b", "c"]
    assert all_run_once(ring)


def test_a_transient_attribute_makes_the_dc_think() -> None:
    ring = started()
    transitions = sum(" transition " in line for line in ring.log)
    change = ChangeStatus(AttributeSet("b", "pingd", "100"))
    ring.give(ring.nodes["c"], MachineName.CIBD, change)
    ring.agenda.run_until(ring.agenda.now + 1_000)
    assert sum(" transition " in line for line in ring.log) == transitions + 1


@pytest.mark.parametrize("after_ms", range(1_520, 2_300, 60))
def test_the_dc_dies_at_any_point_of_the_first_transition(after_ms: int) -> None:
    ring = managed("abc")
    ring.agenda.run_until(after_ms)
    ring.kill("a")
    ring.agenda.run_until(after_ms + 8_000)
    assert all_run_once(ring)
    ring.start("a")
    run_until_quiet(ring)
    assert all_run_once(ring)


@pytest.mark.parametrize("seed", range(4))
def test_one_is_promoted(seed: int) -> None:
    ring = started(seed=seed, promotable=True)
    assert ring.services.where("state") == ["a", "b", "c"]


def test_the_checker_of_double_runs_speaks() -> None:
    services = Services(single=frozenset({"vip"}))
    services.become("a", "ping", OcfCode.OK)
    services.become("b", "ping", OcfCode.OK)
    services.become("a", "vip", OcfCode.OK)
    with pytest.raises(Breach, match="A1 vip runs on"):
        services.become("b", "vip", OcfCode.OK)


def test_every_state_can_be_reached_and_nothing_leads_out_of_the_table() -> None:
    reached, waiting = {State.STARTING}, [State.STARTING]
    while waiting:
        state = waiting.pop()
        for moved_by in Input:
            found = after(state, moved_by)
            if found not in reached:
                reached.add(found)
                waiting.append(found)
    assert reached == set(State)
    assert all(after(State.STOPPING, moved_by) is State.STOPPING for moved_by in Input)
    assert {state for state, _ in TABLE} == set(State) - {State.STOPPING}


def _created(path: str, element: str, name: str) -> str:
    change = f'<change operation="create" path="{path}" position="0">{element}</change>'
    return write_of(name).replace("</diff>", f"{change}</diff>")


def _transitions(ring: StandIn) -> int:
    return sum(": transition " in line and "has ended" not in line for line in ring.log)


def test_the_dc_looks_again_when_nothing_happens() -> None:
    ring = started()
    pair = '<nvpair id="recheck" name="cluster-recheck-interval" value="60s"/>'
    ring.write("a", "recheck", _created(SET, pair, "recheck"))
    ring.agenda.run_until(ring.agenda.now + 5_000)
    before = _transitions(ring)
    ring.agenda.run_until(ring.agenda.now + 190_000)
    assert _transitions(ring) == before + 3
    assert is_quiet(ring)


def test_the_dc_looks_again_when_a_rule_changes_its_mind() -> None:
    ring = started()
    (node,) = ring.services.where("db")
    at = datetime.fromtimestamp(EPOCH_MS // 1_000 + ring.agenda.now // 1_000 + 60, UTC)
    rule = (
        '<rsc_location id="until" rsc="db"><rule id="until-r" score="-INFINITY" boolean-op="and">'
        f'<expression id="until-n" attribute="#uname" operation="eq" value="{node}"/>'
        f'<date_expression id="until-d" operation="gt" start="{at:%Y-%m-%d %H:%M:%SZ}"/></rule></rsc_location>'
    )
    ring.write("a", "until", _created("/cib/configuration/constraints", rule, "until"))
    ring.agenda.run_until(ring.agenda.now + 50_000)
    assert ring.services.where("db") == [node]
    ring.agenda.run_until(ring.agenda.now + 15_000)
    assert ring.services.where("db") != [node]
    assert all_run_once(ring)
