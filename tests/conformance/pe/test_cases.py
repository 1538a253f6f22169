"""The policy engine decides as Pacemaker 3.0.3 does, on Pacemaker's own scheduler cases."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.cib.document import Document, parse_document
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.simulation.report import Wishes, simulate
from tests.conformance.pe import recorded

HERE = Path(__file__).parent
PRESENT = 1_800_000_000
"""No case depends on the present, as long as it is after all that has happened."""


def _cases() -> dict[str, dict[str, bytes]]:
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(HERE / "data" / "cases.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                name, _, kind = member.name.rpartition("/")[2].rpartition(".")
                found.setdefault(name, {})[kind] = file.read()
    return found


CASES = _cases()
EXPECTED_FAILURES = frozenset((HERE / "expected_failures.txt").read_text().split())


def now_of(document: Document, args: list[str]) -> Moment:
    if "--set-datetime" in args:
        moment = parse_moment(args[args.index("--set-datetime") + 1], 0)
        assert moment is not None
        return moment
    return Moment.from_epoch(int(document.attribute("execution-date") or PRESENT), 0)


def _differences(name: str) -> dict[str, list[str]]:
    expected: dict[str, Any] = json.loads(CASES[name]["json"])
    document = parse_document(CASES[name]["xml"], f"{name}.xml")
    outcome = simulate(document, now_of(document, expected["args"]), PRESENT, Wishes(scores=True))
    assert outcome.transition is not None
    return recorded.differences(expected, "\n".join(outcome.lines), graph_xml(outcome.transition.graph))


def test_all_cases_are_there() -> None:
    assert len(CASES) == 602
    assert CASES.keys() >= EXPECTED_FAILURES


@pytest.mark.parametrize("name", sorted(CASES))
def test_decides_as_recorded(name: str) -> None:
    """A case that is listed as failing and passes has to be taken off the list."""
    differences = _differences(name)
    if name in EXPECTED_FAILURES:
        assert differences, "passes now: take it off expected_failures.txt"
    else:
        assert not differences, "\n".join(line for lines in differences.values() for line in lines[:20])


@pytest.mark.parametrize("level", ["L1", "L1+reasons", "L2", "L3", "L4", "L5"])
def test_comparison_notices_one_missing_item(level: str) -> None:
    name = next(name for name in sorted(CASES) if len(json.loads(CASES[name]["json"])["L1"]) > 2)
    expected = json.loads(CASES[name]["json"])
    document = parse_document(CASES[name]["xml"], f"{name}.xml")
    outcome = simulate(document, now_of(document, expected["args"]), PRESENT, Wishes(scores=True))
    assert outcome.transition is not None
    if level == "L5":
        last = next(names for names in reversed(expected["L5"]["before"]) if names)
        last.pop()
    else:
        expected[level].pop()
    found = recorded.differences(expected, "\n".join(outcome.lines), graph_xml(outcome.transition.graph))
    assert list(found) == [level]
