"""Answers of Pacemaker 3.0.3 that are kept here, so that no test needs it: what is in ``data``, and how it got there.

``HACLUSTER_NEWEST=DIR python -m tests.conformance.pe.kept`` asks the programs in DIR again (``.ci/newest`` makes it).
"""

from __future__ import annotations

import functools
import json
import lzma
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from lxml import etree

from tests.conformance.pe import recorded
from tests.conformance.pe.differential import ENVIRONMENT, ORACLE, oracle
from tests.conformance.pe.levels import Answer, anonymous
from tests.conformance.pe.mutate import evolve, reordered
from tests.conformance.pe.random_cib import of_seed
from tests.conformance.pe.said import Question, questions

DATA = Path(__file__).parent / "data"
SEEDS = range(320)
STAGES = 2
REORDERED = range(60)


class Kept(NamedTuple):
    """A random CIB and the answer to it, as :func:`recorded.differences` wants it."""

    cib: bytes
    answer: dict[str, Any]


def _load(name: str) -> Any:
    return json.loads(lzma.decompress((DATA / name).read_bytes()))


@functools.cache
def random_answers() -> dict[str, Kept]:
    """Random CIBs, what their transitions leave with a few things changed, and CIBs whose parts changed places."""
    return {name: Kept(cib.encode(), answer) for name, (cib, answer) in _load("random.json.xz").items()}


@functools.cache
def said_answers() -> dict[str, tuple[str, int]]:
    """What crm_simulate printed, and its exit status, by :attr:`Question.key`."""
    return {key: (text, status) for key, (text, status) in _load("said.json.xz").items()}


def condensed(cib: bytes, theirs: Answer) -> dict[str, Any]:
    """What counts of an answer."""
    anon = anonymous(etree.fromstring(cib), theirs.text)
    nameless = recorded.without_numbers(anon)
    items = recorded.sections(theirs.text)
    plain, reasons = recorded.summary(items.get("L1", []), nameless)
    labels, before = ([], []) if theirs.graph is None else recorded.graph(theirs.graph, nameless)
    return {
        "anon": anon,
        "L1": plain,
        "L1+reasons": reasons,
        "L2": list(recorded.status(items.get("L2", []), nameless)),
        "L3": sorted(recorded.scores(items.get("L3", []))),
        "L4": [nameless(" ".join(item.split())) for item in items.get("L4", [])],
        "L5": {"actions": labels, "before": before},
    }


def _chain(seed: int) -> dict[str, tuple[str, dict[str, Any]]]:
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="kept-") as folder:
        cib: bytes | None = of_seed(seed)
        for stage in range(1, STAGES + 1):
            assert cib is not None
            answer, _why, left = oracle(cib, Path(folder))
            if answer is not None:
                found[f"{seed}.{stage}"] = cib.decode(), condensed(cib, answer)
            if left is None:
                break
            cib = evolve(left, seed * 16 + stage)
        if seed in REORDERED:
            cib = reordered(of_seed(seed), seed + 1)
            answer, _why, _left = oracle(cib, Path(folder))
            if answer is not None:
                found[f"{seed}.reordered"] = cib.decode(), condensed(cib, answer)
    return found


def _ask(question: Question) -> tuple[str, int]:
    assert ORACLE is not None
    with tempfile.TemporaryDirectory(prefix="kept-") as folder:
        done = subprocess.run(
            [ORACLE, *question.command(Path(folder))], capture_output=True, text=True, check=False, env=ENVIRONMENT
        )
        return question.result(Path(folder), done.stdout), done.returncode


def _keep(name: str, content: object) -> None:
    data = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
    (DATA / name).write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def main() -> int:
    """Ask, and keep the answers."""
    with ThreadPoolExecutor(2) as pool:
        chains = [answer for found in pool.map(_chain, SEEDS) for answer in found.items()]
        said = dict(zip([question.key for question in questions()], pool.map(_ask, questions()), strict=True))
    _keep("random.json.xz", dict(chains))
    _keep("said.json.xz", said)
    print(f"{len(chains)} random CIBs, {len(said)} reports")
    return 0


if __name__ == "__main__":
    sys.exit(main())
