"""What befalls a simulated cluster: faults, scripts of them, and random ones (:mod:`hacluster.sim.crm.standin`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hacluster.base.dice import Dice
from hacluster.sim.crm.ring import RingSetup


@dataclass(frozen=True, slots=True)
class Cut:
    """Nothing goes from one node to the other, in these directions, for a while."""

    pairs: tuple[tuple[str, str], ...]
    ms: int


@dataclass(frozen=True, slots=True)
class Death:
    """A node loses power, and comes back after a while (``ms`` 0: only when all is healed)."""

    name: str
    ms: int


@dataclass(frozen=True, slots=True)
class HandsDeath:
    """The hands of a node are killed, with their agents, and come back after a while."""

    name: str
    ms: int = 50


@dataclass(frozen=True, slots=True)
class BrainDeath:
    """The brain of a node is killed and comes back sooner than others would notice; hands and services stay."""

    name: str
    ms: int = 100


@dataclass(frozen=True, slots=True)
class LeaderDeath:
    """Whoever leads a view restarts, sooner than the others would notice."""

    ms: int = 100


@dataclass(frozen=True, slots=True)
class SlowDisk:
    """A node's writes take 200 to 900 ms each, for a while."""

    name: str
    ms: int


@dataclass(frozen=True, slots=True)
class Busy:
    """A host has this load, for a while."""

    name: str
    load: float
    ms: int


@dataclass(frozen=True, slots=True)
class Sleep:
    """A node does nothing for a while; then it learns that it slept."""

    name: str
    ms: int


@dataclass(frozen=True, slots=True)
class ClientWrites:
    """A program writes at some node that can take it; ``again``: perhaps what was written before."""

    again: bool = False


Fault = Cut | Death | HandsDeath | BrainDeath | LeaderDeath | SlowDisk | Busy | Sleep | ClientWrites
Script = tuple[tuple[int, Fault], ...]


def both_ways_of(one: str, other: str) -> tuple[tuple[str, str], ...]:
    """Neither hears the other."""
    return ((one, other), (other, one))


def both_ways(*pairs: str) -> tuple[tuple[str, str], ...]:
    """``"ab"`` means: neither hears the other."""
    return tuple(way for pair in pairs for way in both_ways_of(pair[0], pair[1]))


def faults_of(setup: RingSetup, seed: int, faults_ms: int, most: int = 10) -> Script:
    """A script of random faults, with clients that write all the time."""
    dice, names, out = Dice(seed * 31 + 5), setup.names, list[tuple[int, Fault]]()

    def one(choices: Sequence[int]) -> int:
        return choices[dice.below(len(choices))]

    for _ in range(dice.between(1, most)):
        at, kind, name = dice.below(faults_ms), dice.below(100), names[dice.below(len(names))]
        if kind < 30:
            out.append((at, Death(name, one((50, 300, 900, 2_500, 0)))))
        elif kind < 35:
            out += [(at, Death(each, one((100, 2_000)) + dice.below(3_000))) for each in names]
        elif kind < 60:
            other = [each for each in names if each != name][dice.below(len(names) - 1)]
            pairs: tuple[tuple[str, str], ...] = ((name, other),)
            if dice.chance(500_000):
                pairs = both_ways_of(name, other)
            out.append((at, Cut(pairs, one((300, 900, 1_500, 4_000)))))
        elif kind < 78:
            side = {each for each in names if dice.chance(500_000)}
            pairs = tuple((a, b) for a in names for b in names if a != b and (a in side) != (b in side))
            out.append((at, Cut(pairs, one((500, 1_500, 3_000, 6_000)))))
        elif kind < 86:
            out.append((at, LeaderDeath()))
        elif kind < 93:
            out.append((at, SlowDisk(name, 3_000)))
        else:
            out.append((at, Sleep(name, one((600, 1_500, 4_000)))))
    out += [(dice.below(faults_ms), ClientWrites(again=dice.chance(400_000))) for _ in range(12)]
    return tuple(sorted(out, key=lambda entry: entry[0]))


def flapping(pair: tuple[str, str], ms: int, period_ms: int) -> Script:
    """A link that is cut and mended again and again, each for longer than deadtime."""
    return tuple((at, Cut((pair, pair[::-1]), period_ms // 2)) for at in range(500, ms, period_ms))
