"""Runs of clusters with fencing: cuts, pauses, deaths, devices that are slow, fail and lie, watchdogs without a device.

``play`` is one run of a mix; ``hacluster sim --fencing MIX`` and the tests go through seeds of them. What must hold is
said by the checkers (A1: nothing runs twice) and at the end of the run (A4: all is quiet, everything runs once).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from hacluster.base.dice import Dice
from hacluster.config.settings import HaConfig
from hacluster.msg.lrm import OcfCode
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.faults import Cut, Death, LeaderDeath, Sleep, SlowDisk
from hacluster.sim.crm.scenario import SINGLE, cluster, device, run_until_quiet
from hacluster.sim.crm.standin import DEADTIME_MS, StandIn

FAULTS_MS: Final = 30_000


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
    """The cluster of a mix; nothing has happened."""
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
    """Something happens."""
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
    """One run. Breach when something does not hold."""
    dice = Dice(seed * 77 + 13)
    ring = place(mix, seed)
    ring.services.slow["httpd", "start"] = (0, 900)[seed % 3 == 0]
    ring.services.slow["vip", "stop"] = (0, 2_500)[seed % 4 == 0]
    while ring.agenda.now < FAULTS_MS:
        ring.agenda.run_until(ring.agenda.now + 200 + dice.below(4_000))
        misfortune(ring, dice, mix)
    ring.power.fails, ring.power.lies, ring.power.took = set(), set(), (30, 300)
    ring.heal()
    try:
        run_until_quiet(ring, 200_000)
        ring.agenda.run_until(ring.agenda.now + 12_000)
        run_until_quiet(ring, 90_000)
    except AssertionError as error:
        raise Breach(f"A4 {error}") from error
    for service in sorted(SINGLE):
        if len(ring.services.where(service)) != 1:
            raise Breach(f"A4 {service} runs on {ring.services.where(service)} in the end")
    if ring.services.where("ping") != sorted(mix.names):
        raise Breach(f"A4 ping runs on {ring.services.where('ping')} in the end")
    return ring


MIXES: Final[Mapping[str, Mix]] = MappingProxyType(
    {
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
)
