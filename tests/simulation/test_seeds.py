"""Hundreds of seeds: every nemesis alone, all together, every mode; and every seed that ever failed.

A third of the seeds each runs with ``seal on``, ``offer`` and ``off``.
"""

from pathlib import Path

import pytest

from hacluster.config.settings import AutoFailback, Seal
from hacluster.sim.nemesis import NEMESES
from tests.simulation.runs import play

KEPT = Path(__file__).with_name("seeds.txt")


@pytest.mark.parametrize("first", range(1, 7, 2))
@pytest.mark.parametrize("nemesis", NEMESES)
def test_each_nemesis_alone(nemesis: str, first: int) -> None:
    for seed in (first, first + 1):
        play(seed, (nemesis,))


@pytest.mark.parametrize("first", range(1_000, 1_108, 3))
def test_all_together(first: int) -> None:
    for seed in range(first, first + 3):
        play(seed, ("all",))


@pytest.mark.parametrize("mode", list(AutoFailback))
@pytest.mark.parametrize("mix", ["network", "hosts", "people"])
def test_each_mode(mode: AutoFailback, mix: str) -> None:
    for seed in range(3_000, 3_003):
        play(seed, (mix,), mode=mode)


def test_a_long_quiet_life() -> None:
    outcome = play(1, (), duration_ms=3_600_000)
    changes = [line for line in outcome.transcript.lines if " service " in line]
    assert len(changes) == 5, "five services start, and nothing happens for an hour"


def kept() -> list[tuple[int, tuple[str, ...], int, AutoFailback, Seal]]:
    found = []
    for line in KEPT.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            seed, nemeses, seconds, mode, seal = words
            found.append((int(seed), tuple(nemeses.split(",")), int(seconds) * 1_000, AutoFailback(mode), Seal(seal)))
    return found


@pytest.mark.parametrize("entry", kept(), ids=lambda entry: f"{entry[0]}-{'+'.join(entry[1])}-{entry[3].value}")
def test_seeds_that_ever_failed(entry: tuple[int, tuple[str, ...], int, AutoFailback, Seal]) -> None:
    play(*entry)
    play(entry[0], entry[1], entry[2])
