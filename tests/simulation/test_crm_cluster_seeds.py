"""Seeds of whole clusters in the second ring: nodes and hands die at any point, services fail, disks are slow.

Without fencing a cut may lead to double runs until the minority has stopped, as with Pacemaker; a death may not (A1).
In the end everything runs once, and the DC has nothing to do (A4).
"""

from __future__ import annotations

import pytest

from hacluster.base.dice import Dice
from hacluster.msg.lrm import OcfCode
from hacluster.sim.crm.faults import Busy, Cut, Death, HandsDeath, LeaderDeath, SlowDisk, both_ways
from hacluster.sim.crm.scenario import managed, primitive_patch, run_until_quiet
from hacluster.sim.crm.standin import StandIn

FAULTS_MS = 40_000


def misfortune(ring: StandIn, dice: Dice, *, cuts: bool) -> None:
    names = ring.setup.names
    name = names[dice.below(len(names))]
    if dice.chance(250_000):
        ring.befall(HandsDeath(name, (5, 50, 400)[dice.below(3)]))
    kind = dice.below(100)
    if kind < 30:
        ring.befall(Death(name, (50, 400, 1_500, 6_000)[dice.below(4)]))
    elif kind < 45:
        ring.befall(LeaderDeath())
    elif kind < 55:
        ring.befall(SlowDisk(name, 3_000))
    elif kind < 80 or not cuts:
        running = sorted(ring.services.runs.get(name, {}))
        if running and name in ring.nodes:
            ring.services.become(name, running[dice.below(len(running))], OcfCode.NOT_RUNNING)
    else:
        ring.befall(Cut(both_ways(*[name + other for other in names if other != name]), 500 + dice.below(8_000)))


def play(names: str, seed: int, *, cuts: bool) -> StandIn:
    dice = Dice(seed * 77 + 13)
    ring = managed(names, seed, promotable=seed % 2 == 0)
    if cuts:
        ring.services.single = frozenset()
    ring.services.slow["httpd", "start"] = (0, 900)[seed % 3 == 0]
    loads = Dice(seed * 31 + 7)
    while ring.agenda.now < FAULTS_MS:
        ring.agenda.run_until(ring.agenda.now + 200 + dice.below(4_000))
        misfortune(ring, dice, cuts=cuts)
        if seed % 3 == 1 and loads.chance(300_000):
            name = names[loads.below(len(names))]
            ring.befall(Busy(name, 1.0 + loads.below(400) / 100, 5_000 + loads.below(20_000)))
        if dice.chance(60_000) and any(node.cibd.is_synced for node in ring.nodes.values()):
            name = next(name for name, node in ring.nodes.items() if node.cibd.is_synced)
            what = f"new{len(ring.requests)}"
            ring.write(name, what, primitive_patch(what))
    ring.heal()
    run_until_quiet(ring, 120_000)
    ring.agenda.run_until(ring.agenda.now + 12_000)
    run_until_quiet(ring, 60_000)
    for service in ("vip", "httpd", "db"):
        assert len(ring.services.where(service)) == 1, (service, ring.services.where(service))
    assert ring.services.where("ping") == sorted(names)
    return ring


@pytest.mark.parametrize("names", ["abc", "abcde"])
def test_nothing_runs_twice_whoever_dies_and_in_the_end_all_run(names: str) -> None:
    for seed in range(12):
        play(names, seed, cuts=False)


def test_after_cuts_everything_runs_once_again() -> None:
    for seed in range(12):
        play("abc", seed, cuts=True)
