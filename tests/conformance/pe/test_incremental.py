"""Scheduling with what was learned before decides as scheduling from scratch does."""

from __future__ import annotations

import copy
import random

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.cib.records import OpRecord
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.incremental import Engine
from hacluster.pe.model.memory import Memory
from hacluster.pe.schedule import Transition, schedule
from hacluster.pe.views.scorelines import ScoreLines
from hacluster.pe.views.summary import summary_lines
from tests.bench.pe_cibs import cib
from tests.conformance.pe.random_cib import of_seed

NOW = Moment.from_epoch(1_700_000_000, 0)
STEPS = 4


def _answer(transition: Transition, scores: ScoreLines) -> tuple[list[str], list[str], bytes]:
    return scores.lines, summary_lines(transition.cluster), etree.tostring(graph_xml(transition.graph))


def _compare(engine: Engine, document: Document) -> None:
    fresh = copy.deepcopy(document)
    warm_scores, cold_scores = ScoreLines(True, True), ScoreLines(True, True)
    warm = _answer(engine.schedule(document, NOW, warm_scores), warm_scores)
    assert warm == _answer(schedule(fresh, NOW, cold_scores), cold_scores)


def _operations(document: Document) -> list[OpRecord]:
    return [op for state in document.status.nodes for history in state.histories for op in history.ops]


def _disturb(document: Document, dice: random.Random) -> None:
    """Another result of some operation, a node that goes, or another configuration."""
    what, ops = dice.randrange(8), _operations(document)
    if what == 0 and document.status.nodes:
        state = dice.choice(document.status.nodes)
        state.attrs |= {"in_ccm": "false", "crmd": "offline", "join": "down"}
    elif what == 1:
        for pair in document.root.iter("nvpair"):
            if dice.randrange(4) == 0:
                pair.set("value", dice.choice(["true", "false", "1", "2"]))
    elif ops:
        dice.choice(ops).rc = dice.choice([0, 1, 5, 7, 8])


@pytest.mark.parametrize("seed", range(60))
def test_same_as_from_scratch_on_random_cibs(seed: int) -> None:
    dice, engine = random.Random(seed), Engine()
    document = parse_document(of_seed(seed))
    for _ in range(STEPS):
        _compare(engine, document)
        _disturb(document, dice)


@pytest.mark.parametrize("name", ["3x20-fresh", "3x20-steady", "3x20-failed"])
def test_same_as_from_scratch_where_memory_is_used(name: str) -> None:
    data = cib(name)
    assert Memory.trusts(data)
    dice, engine, document = random.Random(name), Engine(), parse_document(data)
    for _ in range(2 * STEPS):
        _compare(engine, document)
        _disturb(document, dice)


def test_memory_is_not_used_where_answers_may_change_by_themselves() -> None:
    assert not Memory.trusts(b"<configuration><rule/></configuration>")
    assert not Memory.trusts(b"<configuration><bundle/></configuration>")
