"""Runs by seed, and what to do with one that fails: play it again, and make its script small.

Shrinking leaves out actions, half of them at first, then fewer, as long as the same checker still speaks (ddmin;
Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). ``heal`` always stays. It is bounded
by a number of runs, and what it returns has been seen to fail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hacluster.base.dice import Dice
from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.nemesis import make_script
from hacluster.sim.scenario import Scenario
from hacluster.sim.script import PING_VERBS, Action
from hacluster.sim.world import Outcome, Plan, World

SHRINK_RUNS: Final = 200
"""Most runs that shrinking may cost."""

_SEALS: Final = (Seal.ON, Seal.OFFER, Seal.OFF)

_MODES: Final = (AutoFailback.ON, AutoFailback.ON, AutoFailback.OFF, AutoFailback.LEGACY)


PACES = (1, 3, 10)
"""In each seed programs take their time; in two of three up to more than a second, or several."""


PACES = (1, 3, 10)
"""In each seed programs take their time; in two of three up to more than a second, or several."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: faults of ``nemeses`` for ``duration_ms``.

    ``None`` for a mode: the dice choose one; for ``seal``: the seeds take turns; for ``ipfail``: where pings are lost.
    """

    nemeses: tuple[str, ...]
    duration_ms: int
    auto_failback: AutoFailback | None = None
    seal: Seal | None = Seal.ON
    ipfail: bool | None = None

    def scenario(self, seed: int, mode: AutoFailback, script: list[Action]) -> Scenario:
        """The cluster of a run."""
        seal = _SEALS[seed % len(_SEALS)] if self.seal is None else self.seal
        pings = any(action.verb in PING_VERBS for action in script)
        ipfail = pings if self.ipfail is None else self.ipfail
        pace = PACES[seed // len(_SEALS) % len(PACES)]
        return Scenario(auto_failback=mode, seal=seal, ipfail=ipfail, pace=pace)


def plan_for(seed: int, wish: Wish) -> Plan:
    """The plan of a seed."""
    dice = Dice(seed)
    mode = wish.auto_failback or _MODES[dice.below(len(_MODES))]
    script = make_script(dice.fork(), wish.nemeses, wish.duration_ms)
    return Plan(seed, tuple(script), wish.scenario(seed, mode, script))


def scripted(seed: int, script: list[Action], wish: Wish) -> Plan:
    """The plan of a script that somebody wrote; a ``heal`` is put behind it when it has none at its end."""
    actions = list(script)
    if not actions or actions[-1].verb != "heal":
        last = actions[-1].at_ms if actions else 0
        actions.append(Action(max(last + 1_000, wish.duration_ms), "heal"))
    mode = wish.auto_failback or AutoFailback.ON
    return Plan(seed, tuple(actions), wish.scenario(seed, mode, actions))


def run(plan: Plan, *, full_trace: bool = False) -> Outcome:
    """One run."""
    return World(plan, full_trace=full_trace).run()


def shrink(outcome: Outcome, runs: int = SHRINK_RUNS) -> Outcome:
    """A run that fails by the same checker with as few actions as was found."""
    assert outcome.violation is not None
    best = outcome
    size = max(1, (len(_movable(best)) + 1) // 2)
    while runs > 0:
        smaller, used = _leave_out(best, size, runs)
        runs -= used
        if smaller is not None:
            best = smaller
            size = max(1, min(size, (len(_movable(best)) + 1) // 2))
        elif size == 1:
            break
        else:
            size //= 2
    return best


def _movable(outcome: Outcome) -> list[Action]:
    return [action for action in outcome.plan.script if action.verb != "heal"]


def _leave_out(outcome: Outcome, size: int, runs: int) -> tuple[Outcome | None, int]:
    """The first run that still fails with ``size`` actions in a row left out, and how many runs it took."""
    assert outcome.violation is not None
    movable = _movable(outcome)
    used = 0
    for begin in range(0, len(movable), size):
        if used >= runs:
            break
        without = {id(action) for action in movable[begin : begin + size]}
        script = tuple(action for action in outcome.plan.script if id(action) not in without)
        used += 1
        tried = run(replace(outcome.plan, script=script))
        if tried.violation is not None and tried.violation.checker == outcome.violation.checker:
            return tried, used
    return None, used
