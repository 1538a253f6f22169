"""Whole runs, a handful: the hundreds are in tests/simulation."""

import pytest

from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.replay import Wish, plan_for, run, scripted
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import parse_script
from hacluster.sim.world import Outcome


def played(script: str, mode: AutoFailback = AutoFailback.ON) -> Outcome:
    actions, reports = parse_script(script, "f", NODES, LINKS)
    assert not reports
    return run(scripted(1, actions, Wish((), 0, mode)))


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_few_seeds_of_everything(seed: int) -> None:
    outcome = run(plan_for(seed, Wish(("all",), 120_000, None, Seal.ON if seed % 2 else Seal.OFF)))
    assert outcome.violation is None, str(outcome.violation)


def test_a_run_depends_on_its_plan_alone() -> None:
    plan = plan_for(9, Wish(("all",), 120_000))
    first, second = run(plan, full_trace=True), run(plan, full_trace=True)
    assert first.transcript.text() == second.transcript.text()
    assert first.transcript.digest == second.transcript.digest


@pytest.mark.parametrize("mode", list(AutoFailback))
def test_a_death_and_a_return(mode: AutoFailback) -> None:
    outcome = played("at 40 power node1\nat 70 boot node1\nat 100 heal", mode)
    assert outcome.violation is None, str(outcome.violation)
    at_node1 = [line for line in outcome.transcript.lines if "node1" in line and "httpd runs" in line]
    assert len(at_node1) == (1 if mode is AutoFailback.OFF else 2)


def test_a_request_is_answered_in_the_transcript() -> None:
    outcome = played("at 60 standby node1 all\nat 100 heal")
    assert any("answer:" in line for line in outcome.transcript.lines)
    early = played("at 1 standby node1 all\nat 60 heal")
    assert any("answer:" in line for line in early.transcript.lines)


def test_datagrams_are_in_a_full_trace_only() -> None:
    plan = plan_for(1, Wish((), 20_000))
    assert any("eth1 <" in line for line in run(plan, full_trace=True).transcript.lines)
    assert not any("eth1 <" in line for line in run(plan).transcript.lines)
