"""Seeds of whole clusters with fencing in the second ring: cuts, pauses, deaths, devices that are slow, fail and lie.

With fencing a primitive is never active twice (A1), whatever happens, unless a device says that it has done what it has
not: then that is said at the highest rank as soon as the node is heard again. Among two nodes that are cut apart the
delays decide. In the end everything runs once, and the DC has nothing to do (A4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import pytest

from hacluster.base.dice import Dice
from hacluster.config.settings import HaConfig
from hacluster.msg.lrm import OcfCode
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.scenario import SINGLE, cluster, device, run_until_quiet
from hacluster.sim.crm.standin import DEADTIME_MS, Cut, Death, LeaderDeath, Sleep, SlowDisk, StandIn, both_ways

FAULTS_MS = 30_000


@dataclass(frozen=True)
class Mix:
    """What may happen in a run. ``policy``: no-quorum-policy."""

    names: str = "abc"
    policy: str = "stop"
    fails: bool = False
    lies: bool = False
    delay: str = ""
    levels: bool = False
    watchdog: bool = False
    """There is no device: each node has a watchdog."""


def place(mix: Mix, seed: int) -> StandIn:
    more = {"pcmk_delay_max": mix.delay} if mix.delay else {}
    devices = device("pdu", **more) + (device("second") if mix.levels else "")
    levels = "".join(
        f'<fencing-level id="{name}{index}" target="{name}" index="{index}" devices="{switch}"/>'
        for name in mix.names
        for index, switch in ((1, "pdu"), (2, "second"))
    )
    options = {"no-quorum-policy": mix.policy}
    setup = cluster(mix.names, devices=devices, topology=levels if mix.levels else "", options=options)
    if mix.watchdog:
        bound = HaConfig((), (), watchdog="/dev/watchdog", deadtime_ms=DEADTIME_MS).watchdog_bound_ms
        options |= {"have-watchdog": "true", "stonith-watchdog-timeout": f"{bound}ms"}
        setup = replace(cluster(mix.names, options=options), watchdog_bound_ms=bound)
    ring = StandIn(setup, seed)
    ring.services.single = SINGLE
    return ring


def apart(ring: StandIn, dice: Dice, ms: int) -> None:
    """The nodes are cut into two sides, or one hears the others no longer."""
    names = ring.setup.names
    side = {name for name in names if dice.chance(500_000)} or {names[0]}
    pairs = [(a, b) for a in names for b in names if a != b and (a in side) != (b in side)]
    if dice.chance(200_000):
        pairs = [pair for pair in pairs if pair[0] in side]
    if pairs:
        ring.befall(Cut(tuple(pairs), ms))


def misfortune(ring: StandIn, dice: Dice, mix: Mix) -> None:
    names = ring.setup.names
    name = names[dice.below(len(names))]
    kind = dice.below(100)
    if kind < 20:
        ring.befall(Death(name, (50, 400, 1_500, 6_000)[dice.below(4)]))
    elif kind < 28:
        ring.befall(LeaderDeath())
    elif kind < 34:
        ring.befall(SlowDisk(name, 3_000))
    elif kind < 46:
        ring.befall(Sleep(name, (600, 1_500, 4_000, 9_000)[dice.below(4)]))
    elif kind < 56:
        running = sorted(ring.services.runs.get(name, {}))
        if running and name in ring.nodes:
            ring.services.become(name, running[dice.below(len(running))], OcfCode.NOT_RUNNING)
    elif kind < 66 and mix.fails:
        ring.power.fails = {("pdu", "*")} if dice.chance(500_000) else set()
        if dice.chance(200_000):
            ring.power.fails = {("*", "*")}
    elif kind < 72 and mix.lies:
        ring.power.lies = {("*", name)} if dice.chance(700_000) else set()
    elif kind < 78:
        ring.power.took = ((30, 300), (500, 3_000), (3_000, 9_000))[dice.below(3)]
    else:
        apart(ring, dice, 500 + dice.below(9_000))


def play(mix: Mix, seed: int) -> StandIn:
    dice = Dice(seed * 77 + 13)
    ring = place(mix, seed)
    ring.services.slow["httpd", "start"] = (0, 900)[seed % 3 == 0]
    ring.services.slow["vip", "stop"] = (0, 2_500)[seed % 4 == 0]
    while ring.agenda.now < FAULTS_MS:
        ring.agenda.run_until(ring.agenda.now + 200 + dice.below(4_000))
        misfortune(ring, dice, mix)
    ring.power.fails, ring.power.lies, ring.power.took = set(), set(), (30, 300)
    ring.heal()
    run_until_quiet(ring, 200_000)
    ring.agenda.run_until(ring.agenda.now + 12_000)
    run_until_quiet(ring, 90_000)
    for service in SINGLE:
        assert len(ring.services.where(service)) == 1, (service, ring.services.where(service))
    assert ring.services.where("ping") == sorted(mix.names)
    return ring


MIXES = {
    "three": Mix(),
    "three, freeze": Mix(policy="freeze"),
    "three, demote": Mix(policy="demote"),
    "three, fence": Mix(policy="fence"),
    "three, ignore": Mix(policy="ignore"),
    "five": Mix("abcde"),
    "watchdogs": Mix(watchdog=True),
    "watchdogs, freeze": Mix(watchdog=True, policy="freeze"),
    "watchdogs of five": Mix("abcde", watchdog=True),
    "levels that fail": Mix(fails=True, levels=True),
    "a device that fails": Mix(fails=True),
    "two, a delay by chance": Mix("ab", delay="5s"),
    "two, no delay": Mix("ab"),
    "two, a device that fails": Mix("ab", delay="4s", fails=True),
}


@pytest.mark.parametrize("name", MIXES)
def test_nothing_runs_twice(name: str) -> None:
    for seed in range(4):
        play(MIXES[name], seed)


def test_a_device_that_lies_is_found_out() -> None:
    """Only where a device said that it struck, and did not, may anything run twice; and it is said."""
    found, twice = 0, 0
    for seed in range(12):
        mix = Mix(lies=True, policy="freeze")
        dice, ring = Dice(seed), place(mix, seed)
        run_until_quiet(ring)
        victim = ring.services.where("vip")[0]
        ring.power.lies = {("*", victim)}
        others = [name for name in "abc" if name != victim]
        try:
            ring.befall(Cut(both_ways(*[victim + other for other in others]), 6_000 + dice.below(4_000)))
            ring.agenda.run_until(ring.agenda.now + 40_000)
        except Breach as breach:
            twice += str(breach).startswith("A1")
            ring.services.single = frozenset()
            ring.agenda.run_until(ring.agenda.now + 40_000)
        assert ring.power.lied, "the device was never asked"
        found += any("lies although" in line or "device does not do" in line or "is alive" in line for line in ring.log)
    assert found == 12
    assert twice, "the checker sees what a lie leads to"


@pytest.mark.parametrize("seed", range(6))
def test_two_nodes_cut_apart_and_exactly_one_survives(seed: int) -> None:
    """Delays differ, so one strikes before the other does; the survivor goes on with everything."""
    ring = StandIn(cluster("ab", devices=device("pdu", pcmk_delay_base="a:3s;b:0s")), seed)
    ring.services.single = SINGLE
    run_until_quiet(ring)
    ring.befall(Cut(both_ways("ab"), 3_000))
    ring.agenda.run_until(ring.agenda.now + 4_500)
    assert [strike.target for strike in ring.power.strikes] == ["b"]
    for service in SINGLE:
        assert ring.services.where(service) == ["a"]


def test_when_all_levels_fail_nothing_starts_until_a_person_confirms() -> None:
    ring = place(Mix(levels=True), 3)
    run_until_quiet(ring)
    victim = ring.services.where("vip")[0]
    ring.power.fails = {("*", "*")}
    ring.kill(victim)
    ring.agenda.run_until(ring.agenda.now + 200_000)
    assert ring.services.where("vip") == []
    said = [line for line in ring.log if "stonith_admin --confirm" in line]
    assert said, "status says what to do"
    other = next(iter(ring.nodes.values()))
    ring.confirm(other.name, victim)
    ring.agenda.run_until(ring.agenda.now + 3_000)
    assert len(ring.services.where("vip")) == 1


def test_who_was_in_a_view_that_never_worked_is_not_known_to_be_down() -> None:
    """Found by a seed: said to have gone, it counted as expected down, and services started beside it unfenced."""
    for cut_at in range(700, 1_000, 60):
        for seed in (1, 2):
            ring = place(Mix(policy="ignore"), seed)
            ring.agenda.at(cut_at, partial(ring.befall, Cut(both_ways("ab", "bc"), 9_000)))
            ring.agenda.run_until(9_000)
        assert len(ring.log) > 50, "something happened, and nothing twice"


def test_without_quorum_nobody_is_fenced() -> None:
    ring = place(Mix("abcde"), 4)
    run_until_quiet(ring)
    for name in "abc":
        ring.kill(name)
    ring.agenda.run_until(ring.agenda.now + 20_000)
    assert ring.power.strikes == []
    assert all(ring.services.where(service) == [] for service in SINGLE)
