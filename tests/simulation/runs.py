"""What the simulation tests share: a run of a seed, and a failure that says all that is needed to play it again."""

import pytest

from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.replay import Wish, plan_for, run, shrink
from hacluster.sim.script import render_script
from hacluster.sim.world import Outcome

FAULTS_MS = 200_000


def must_be_good(outcome: Outcome) -> None:
    """Fail with seed, checker's sentence and shrunk script when a checker spoke."""
    if outcome.violation is None:
        return
    least = shrink(outcome, runs=60)
    scenario = least.plan.scenario
    mode, seal = scenario.auto_failback.value, scenario.seal.value
    pytest.fail(
        f"seed {least.plan.seed}, auto_failback {mode}, seal {seal}: {least.violation}\n"
        f"{render_script(least.plan.script)}"
        f"again: hacluster sim --seed {least.plan.seed} --auto-failback {mode} --seal {seal}"
        f"{' --ipfail' if scenario.ipfail else ''} --script FILE --trace",
        pytrace=False,
    )


def play(
    seed: int,
    nemeses: tuple[str, ...],
    duration_ms: int = FAULTS_MS,
    mode: AutoFailback | None = None,
    seal: Seal | None = None,
) -> Outcome:
    """One run, which must be good. Without a ``seal`` the seeds take turns: on, offer, off."""
    outcome = run(plan_for(seed, Wish(nemeses, duration_ms, mode, seal)))
    must_be_good(outcome)
    return outcome
