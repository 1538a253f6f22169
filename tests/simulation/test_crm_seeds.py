"""Seeds of the second ring: ccm and cibd against an adversary without clocks, and with clocks and faults that heal.

``tests/simulation/crm_seeds.txt`` has every seed that ever failed, with what it was: ``world | kind | seed | cause``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hacluster.ccm.rules import Rules
from hacluster.sim.crm.adversary import WORLDS, play
from hacluster.sim.crm.faults import faults_of, flapping
from hacluster.sim.crm.ring import RingSetup
from hacluster.sim.crm.standin import StandIn
from hacluster.sim.desk import majority

STEPS = 500
FAULTS_MS = 12_000
TIMED = [
    "majority of 2",
    "majority of 3",
    "majority of 4",
    "majority of 5",
    "witness, 2",
    "witness, 4",
    "two nodes",
    "tie-breaker, 4",
    "weights",
]
KEPT = [
    tuple(part.strip() for part in line.split("|"))
    for line in (Path(__file__).parent / "crm_seeds.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


def timed(world: str, seed: int) -> RingSetup:
    """Clocks instead of the adversary's freedom; each third run with a node of an older feature set."""
    setup = WORLDS[world].setup
    features = ((setup.names[seed % 2], (3, 19, 0)),) if seed % 3 == 0 else ()
    return replace(setup, ccm_rules=Rules(), kept=1_024, features=features)


def run_timed(world: str, seed: int) -> None:
    setup = timed(world, seed)
    _, breach = StandIn(setup, seed, faults_of(setup, seed, FAULTS_MS)).run(FAULTS_MS)
    assert breach == "", f"world {world}, seed {seed}"


def run_untimed(world: str, seed: int) -> None:
    assert play(world, seed, STEPS)[1] == "", f"world {world}, seed {seed}"


@pytest.mark.parametrize("world", WORLDS)
def test_no_order_of_events_breaks_an_invariant(world: str) -> None:
    for seed in range(25):
        run_untimed(world, seed)


@pytest.mark.parametrize("world", TIMED)
def test_when_the_faults_are_over_there_is_one_view_that_takes_a_write(world: str) -> None:
    for seed in range(15):
        run_timed(world, seed)


@pytest.mark.parametrize(("world", "kind", "seed"), [entry[:3] for entry in KEPT])
def test_seeds_that_failed_once(world: str, kind: str, seed: str) -> None:
    (run_timed if kind == "timed" else run_untimed)(world, int(seed))


def test_thirty_two_nodes_of_which_one_flaps_and_three_come_late() -> None:
    names = tuple(f"n{number:02}" for number in range(32))
    late = {"n29": 4_000, "n30": 5_000, "n31": 9_000}
    setup = replace(majority(*names), ccm_rules=Rules())
    took, breach = StandIn(setup, 5, flapping(("n03", "n17"), 20_000, 3_000), late).run(20_000)
    assert breach == ""
    assert took < 10_000


def test_the_same_seed_gives_the_same_transcript() -> None:
    one, other = play("voters, 4", 7, STEPS)[0], play("voters, 4", 7, STEPS)[0]
    assert one.log == other.log
    setup = timed("majority of 3", 7)
    runs = [StandIn(setup, 7, faults_of(setup, 7, FAULTS_MS)) for _ in range(2)]
    for run in runs:
        run.run(FAULTS_MS)
    assert runs[0].log == runs[1].log
