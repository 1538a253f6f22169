"""What the policy engine answers after a change is what it answers to the document as it is then, to the byte.

Sequences of changes over random CIBs and over recorded ones, each with resources beside it that have nothing to do with
the others: so a part is often enough. More seeds: ``python -m tests.conformance.pe.test_warm 200..900``.
"""

from __future__ import annotations

import copy
import random
import sys
from typing import Any

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.cib.upgrade import upgrade
from hacluster.pe.incremental import Engine
from hacluster.pe.schedule import schedule
from hacluster.pe.warm import shared, steady, watch
from tests.conformance.pe.disturb import disturb_histories, whole
from tests.conformance.pe.padding import padded
from tests.conformance.pe.random_cib import of_seed
from tests.conformance.pe.test_cases import CASES

STEPS = 6
SEEDS = range(40)
RECORDED = sorted(CASES)[::20]


def first_difference(cib: bytes, name: str) -> tuple[int | None, int]:
    """After how many changes the warm answer differs (``None``: never), and how often a part was enough."""
    dice, engine = random.Random(name), Engine()
    document = parse_document(padded(cib, name))
    upgrade(document)
    begin = int(document.attribute("execution-date") or 1_700_000_000)
    last, parts = None, 0
    for step in range(STEPS):
        now = Moment.from_epoch(begin + 600 * step, 0)
        fresh: Document = copy.deepcopy(document)
        cold = whole(schedule(fresh, now))
        warm = engine.schedule(document, now)
        if whole(warm) != cold:
            return step, parts
        parts, last = parts + (warm.cluster is last), warm.cluster
        for _ in range(dice.randrange(3)):
            disturb_histories(document, dice, gently=step < STEPS + 1 or bool(dice.randrange(2)))
    return None, parts


@pytest.mark.parametrize("seed", SEEDS)
def test_as_from_scratch_on_random_cibs(seed: int) -> None:
    assert first_difference(of_seed(seed), f"seed{seed}")[0] is None


@pytest.mark.parametrize("name", RECORDED)
def test_as_from_scratch_on_recorded_cibs(name: str) -> None:
    assert first_difference(CASES[name]["xml"], name)[0] is None


def test_a_part_is_often_enough() -> None:
    """Of 5 times in 8 CIBs, a third of them at least."""
    assert sum(first_difference(CASES[name]["xml"], name)[1] for name in RECORDED[:8]) >= 14


def _yes(*_args: Any) -> bool:
    return True


def _no(*_args: Any) -> bool:
    return False


GUARDS: list[tuple[int, object, str, object]] = [
    (2, shared, "alike", _yes),
    (9, steady, "has_orphans", _no),
    (1, watch.Watch, "uneasy", property(lambda _watch: set())),
    (371, shared.Shared, "was_changed", _no),
]
"""Guards of the warm path, and the CIBs that show that each is needed: the answer without it is another."""


@pytest.mark.parametrize(("seed", "place", "name", "without"), GUARDS, ids=[guard[2] for guard in GUARDS])
def test_a_guard_is_needed(seed: int, place: object, name: str, without: object, monkeypatch) -> None:
    monkeypatch.setattr(place, name, without)
    assert first_difference(of_seed(seed), f"seed{seed}")[0] is not None


def main(seeds: str) -> None:
    """Try more seeds."""
    first, _, last = seeds.partition("..")
    found = [first_difference(of_seed(seed), f"seed{seed}") for seed in range(int(first), int(last) + 1)]
    wrong = [int(first) + place for place, (step, _parts) in enumerate(found) if step is not None]
    total = sum(parts for _step, parts in found)
    print(f"{len(found)} CIBs, {total} of {len(found) * (STEPS - 1)} changes took a part; different: {wrong or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1])
