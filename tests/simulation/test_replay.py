"""The same seed gives the same transcript, byte for byte, and a failing run can be made small."""

import os
import subprocess
import sys

from hacluster.sim import checkers, replay, world
from hacluster.sim.replay import Wish, plan_for, run, scripted, shrink
from hacluster.sim.scenario import LINKS, NODES
from hacluster.sim.script import parse_script

PROGRAM = """
import sys
from hacluster.config.settings import Seal
from hacluster.sim.replay import Wish, plan_for, run
for seal in (Seal.OFF, Seal.ON):
    outcome = run(plan_for(int(sys.argv[1]), Wish(("all",), 150_000, None, seal)), full_trace=True)
    print(outcome.transcript.text())
    print(outcome.transcript.digest)
"""


def transcript(seed: int, hash_seed: str) -> bytes:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(seed)], env=env, capture_output=True, check=True)
    return done.stdout


def test_two_interpreters_with_different_hashes_tell_the_same() -> None:
    for seed in (5, 6):
        first = transcript(seed, "1")
        assert first == transcript(seed, "2")
        assert first.count(b"\n") > 500


def test_another_seed_is_another_run() -> None:
    wish = Wish(("all",), 120_000)
    assert run(plan_for(1, wish)).transcript.digest != run(plan_for(2, wish)).transcript.digest


def test_a_failing_run_shrinks_to_what_matters(monkeypatch) -> None:
    """A checker that forbids power losses finds one; what is left of the script is that."""

    class NoPowerLoss(checkers.Checker):
        name = "no-power-loss"

        def each_second(self) -> str | None:
            return next((f"{name} is down" for name, host in self.scene.hosts.items() if not host.daemon), None)

    monkeypatch.setattr(world, "SAFETY", (NoPowerLoss,))
    text = "\n".join(f"at {20 + n} delay * eth0 1..{n + 2}" for n in range(30))
    actions, reports = parse_script(f"{text}\nat 60 power node2\nat 80 boot node2\nat 90 heal", "f", NODES, LINKS)
    assert not reports
    outcome = run(scripted(1, actions, Wish((), 0)))
    assert outcome.violation is not None
    least = shrink(outcome)
    assert [str(action) for action in least.plan.script] == ["at 60.000 power node2", "at 90.000 heal"]
    assert least.violation is not None
    assert least.violation.checker == "no-power-loss"


def test_shrinking_is_bounded(monkeypatch) -> None:
    runs: list[int] = []

    class Always(checkers.Checker):
        name = "always"

        def each_second(self) -> str | None:
            return "no"

    monkeypatch.setattr(world, "SAFETY", (Always,))
    outcome = run(plan_for(3, Wish(("all",), 300_000)))
    real = replay.run
    monkeypatch.setattr(replay, "run", lambda plan: runs.append(1) or real(plan))
    shrink(outcome, runs=3)
    assert 0 < len(runs) <= 3
