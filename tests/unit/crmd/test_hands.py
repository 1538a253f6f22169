"""Clusters whose hands, brains and agents die, hang or lose what they were saying, in the second ring."""

from __future__ import annotations

import pytest

from hacluster.msg.lrm import OcfCode
from hacluster.sim.crm.faults import BrainDeath, HandsDeath
from hacluster.sim.crm.scenario import is_quiet, managed, run_until_quiet
from hacluster.sim.crm.standin import StandIn


def started(seed: int = 1) -> StandIn:
    ring = managed("abc", seed)
    run_until_quiet(ring)
    return ring


def done(ring: StandIn, service: str, since: int = 0) -> list[str]:
    return [action for at, _, action, name in ring.services.done if name == service and at >= since]


@pytest.mark.parametrize("seed", range(4))
def test_hands_that_die_while_services_run_cost_nothing(seed: int) -> None:
    ring = started(seed)
    at = ring.agenda.now
    for name in "abc":
        ring.befall(HandsDeath(name))
    ring.agenda.run_until(at + 30_000)
    assert is_quiet(ring)
    assert [entry for entry in ring.services.done if entry[0] >= at] == []


def test_monitors_go_on_after_the_hands_have_died() -> None:
    ring = started()
    node = ring.services.where("db")[0]
    ring.befall(HandsDeath(node))
    ring.agenda.run_until(ring.agenda.now + 1_000)
    ring.services.become(node, "db", OcfCode.NOT_RUNNING)
    ring.agenda.run_until(ring.agenda.now + 12_000)
    assert ring.services.where("db") == [node]


@pytest.mark.parametrize("when_ms", [0, 3, 20, 40, 70])
def test_hands_that_die_in_the_middle_of_a_recovery(when_ms: int) -> None:
    """Whatever was under way is done in the end, and nothing runs twice (A1 is looked at all the time)."""
    for seed in range(3):
        ring = started(seed)
        node = ring.services.where("db")[0]
        ring.services.become(node, "db", OcfCode.NOT_RUNNING)
        while "stop" not in done(ring, "db", ring.agenda.now - 10_100) and ring.agenda.now < 200_000:
            ring.agenda.run_until(ring.agenda.now + 5)
            if is_quiet(ring) is False:
                break
        ring.agenda.run_until(ring.agenda.now + when_ms)
        for name in "abc":
            ring.befall(HandsDeath(name))
        ring.agenda.run_until(ring.agenda.now + 30_000)
        assert len(ring.services.where("db")) == 1, (seed, ring.log[-40:])
        assert is_quiet(ring), (seed, ring.log[-40:])


@pytest.mark.parametrize("seed", range(4))
def test_a_brain_that_dies_alone_comes_back_knowing_what_runs(seed: int) -> None:
    ring = started(seed)
    at = ring.agenda.now
    for name in "abc":
        ring.befall(BrainDeath(name))
        ring.agenda.run_until(ring.agenda.now + 15_000)
    assert is_quiet(ring)
    assert [entry for entry in ring.services.done if entry[0] >= at] == [], "no service noticed"


def test_brain_and_hands_die_at_one_moment() -> None:
    ring = started()
    at = ring.agenda.now
    node = ring.services.where("db")[0]
    ring.befall(HandsDeath(node))
    ring.befall(BrainDeath(node))
    ring.agenda.run_until(at + 20_000)
    assert is_quiet(ring)
    assert [entry for entry in ring.services.done if entry[0] >= at] == []


def test_a_monitor_that_hangs_is_ended_and_recorded_as_timed_out() -> None:
    ring = started()
    node = ring.services.where("db")[0]
    ring.services.hanging.add(("db", "monitor"))
    ring.agenda.run_until(ring.agenda.now + 40_000)
    dc = next(iter(ring.nodes.values()))
    text = [dict(op.attrib) for op in dc.cibd.store.xml().iter("lrm_rsc_op") if op.get("id") == "db_last_failure_0"]
    assert text, node
    assert text[0]["op-status"] == "2"
    assert text[0]["exit-reason"].startswith("did not finish in")


def test_what_agents_say_of_their_parameters_is_in_their_records() -> None:
    ring = started()
    records = [dict(op.attrib) for op in next(iter(ring.nodes.values())).cibd.store.xml().iter("lrm_rsc_op")]
    starts = [words for words in records if words["operation"] == "start"]
    assert starts
    assert {words["op-force-restart"] for words in starts} == {"  passwd config  "}
    assert {words["op-secure-params"] for words in starts} == {"  passwd  "}
