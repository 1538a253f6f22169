"""On random CIBs we decide as the installed crm_simulate does; and what random CIBs have shown stays so."""

from __future__ import annotations

import copy
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.conformance.pe.differential import ORACLE, Verdict, judge, oracle, report, verdicts
from tests.conformance.pe.levels import Answer, compare
from tests.conformance.pe.random_cib import cibs, of_seed
from tests.conftest import skip_or_fail

BULK = 400
"""Seeds of the dice; Hypothesis adds the rest of the 500 examples."""
HYPOTHESIS = 100
VERSION = "2.1.5"


def _missing() -> str:
    if ORACLE is None:
        return "crm_simulate is not installed (Debian: pacemaker-cli-utils)"
    told = subprocess.run([ORACLE, "--version"], capture_output=True, text=True, check=False).stdout
    return "" if VERSION in told else f"crm_simulate is {told.split(chr(10))[0]}, not {VERSION}"


@pytest.fixture(scope="module")
def crm_simulate() -> None:
    skip_or_fail(_missing())


def _complain(found: list[Verdict]) -> None:
    wrong = [verdict for verdict in found if verdict.error or (not verdict.oracle and not verdict.agrees)]
    assert not wrong, "\n".join(report(verdict) for verdict in wrong[:5])


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("crm_simulate")
def test_random_cibs_of_seeds() -> None:
    found = list(verdicts(range(BULK), 1, 2))
    _complain(found)
    answered = sum(not verdict.oracle for verdict in found)
    assert answered > BULK * 9 // 10, [verdict.oracle for verdict in found if verdict.oracle]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.usefixtures("crm_simulate")
@settings(
    max_examples=HYPOTHESIS,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(cibs())
def test_random_cibs_of_hypothesis(cib: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        _complain([judge("example", cib, Path(folder))[0]])


def _altered(answer: Answer, pattern: str, change: Callable[[re.Match[str]], str]) -> Answer:
    text, count = re.subn(pattern, change, answer.text, count=1, flags=re.MULTILINE)
    assert count == 1
    return Answer(text, answer.graph)


def _without_orders(answer: Answer) -> Answer:
    graph = copy.deepcopy(answer.graph)
    assert graph is not None
    for synapse_input in graph.findall(".//inputs"):
        synapse_input.clear()
    return Answer(answer.text, graph)


@pytest.mark.usefixtures("crm_simulate")
def test_a_wrong_answer_is_noticed(tmp_path: Path) -> None:
    """One score, one action, the orders: each is seen at its level."""
    answers = ((cib, oracle(cib, tmp_path)[0]) for cib in map(of_seed, range(20)))
    cib, theirs = next(
        (cib, answer)
        for cib, answer in answers
        if answer is not None and answer.graph is not None and answer.graph.find(".//trigger") is not None
    )
    root = etree.fromstring(cib)
    off_by_one = _altered(theirs, r"(score on \S+: )(\d+)$", lambda m: f"{m[1]}{int(m[2]) + 1}")
    one_less = _altered(theirs, r"^ *\* Resource action: .*\n", lambda m: "")
    assert not any(compare(root, theirs, theirs).values())
    assert compare(root, off_by_one, theirs)["L3"]
    assert compare(root, one_less, theirs)["L4"]
    assert compare(root, _without_orders(theirs), theirs)["L5"]
