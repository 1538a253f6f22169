"""On random CIBs we decide as Pacemaker 3.0.3 does; and what random CIBs have shown stays so.

The answers are kept here (``kept.py``); ``make newest`` asks Pacemaker itself, with other CIBs.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from tests.conformance.pe import recorded
from tests.conformance.pe.differential import ourselves
from tests.conformance.pe.kept import condensed, random_answers
from tests.conformance.pe.levels import compare
from tests.conformance.pe.random_cib import cibs

PARTS = 20


def test_there_are_enough() -> None:
    assert len(random_answers()) >= 600
    assert sum(name.endswith(".reordered") for name in random_answers()) > 40


@pytest.mark.parametrize("part", range(PARTS))
def test_decides_as_pacemaker(part: int) -> None:
    for name in sorted(random_answers())[part::PARTS]:
        cib, answer = random_answers()[name]
        ours = ourselves(cib)
        assert ours.graph is not None
        differences = recorded.differences(answer, ours.text, ours.graph)
        assert not differences, (name, differences)


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(cibs())
def test_both_ways_of_comparing_agree(cib: bytes) -> None:
    """What is kept of an answer says the same as the answer."""
    ours = ourselves(cib)
    assert ours.graph is not None
    assert not any(compare(etree.fromstring(cib), ours, ours).values())
    assert not recorded.differences(condensed(cib, ours), ours.text, ours.graph)


@pytest.mark.parametrize("level", ["L1", "L2", "L3", "L4", "L5"])
def test_a_wrong_answer_is_noticed(level: str) -> None:
    """One item less: each is seen at its level."""
    cib, answer = next(kept for kept in random_answers().values() if any(kept.answer["L5"]["before"]))
    ours = ourselves(cib)
    assert ours.graph is not None
    items = answer["L5"]["before"] if level == "L5" else answer[level]
    if level == "L5":
        wrong = {**answer, "L5": {**answer["L5"], "before": [[] for _ in items]}}
    else:
        wrong = {**answer, level: items[:-1]}
    assert level in recorded.differences(wrong, ours.text, ours.graph)
