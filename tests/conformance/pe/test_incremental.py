"""Scheduling with what was learned before decides as scheduling from scratch does."""

from __future__ import annotations

import copy
import itertools
import random

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.cib.records import History, OpRecord
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.incremental import Engine
from hacluster.pe.model.memory import Memory
from hacluster.pe.schedule import Transition, schedule
from hacluster.pe.views.scorelines import ScoreLines
from hacluster.pe.views.summary import summary_lines
from hacluster.pe.warm.steady import is_steady
from tests.bench.pe_cibs import SHAPES, cib
from tests.conformance.pe.disturb import disturb_histories, whole
from tests.conformance.pe.random_cib import of_seed

NOW = Moment.from_epoch(1_700_000_000, 0)
STEPS = 4
FAR_REACHING = frozenset(
    {"placement-strategy", "node-health-strategy", "shutdown-lock", "remote-node", "container", "requires", "provides",
     "shutdown", "terminate"}
)  # fmt: skip
"""Options and attributes that tie resources together, or nodes to them."""


def _answer(transition: Transition, scores: ScoreLines) -> tuple[list[str], list[str], bytes]:
    return scores.lines, summary_lines(transition.cluster), etree.tostring(graph_xml(transition.graph))


def _compare(engine: Engine, document: Document) -> None:
    fresh = copy.deepcopy(document)
    warm_scores, cold_scores = ScoreLines(True, True), ScoreLines(True, True)
    warm = _answer(engine.schedule(document, NOW, warm_scores), warm_scores)
    assert warm == _answer(schedule(fresh, NOW, cold_scores), cold_scores)


def _compare_silently(engine: Engine, document: Document, now: Moment = NOW) -> Transition:
    fresh = copy.deepcopy(document)
    transition = engine.schedule(document, now)
    for warm, cold in zip(whole(transition), whole(schedule(fresh, now)), strict=True):
        assert warm == cold
    return transition


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


def _divisible(seed: int) -> bytes:
    """A random CIB without what makes its resources depend on more than constraints and the load of nodes."""
    root = etree.fromstring(of_seed(seed))
    drop = [*root.iter("rule", "bundle", "utilization")]
    drop += [element for element in root.iter(etree.Element) if element.get("rsc-pattern") or element.get("id-ref")]
    drop += [pair for pair in root.iter("nvpair") if pair.get("name") in FAR_REACHING]
    drop += [primitive for primitive in root.iter("primitive") if primitive.get("type") == "remote"]
    configured = {element.get("id") for element in root.iter("primitive")}
    drop += [
        history for history in root.iter("lrm_resource") if history.get("id", "").partition(":")[0] not in configured
    ]
    for element in drop:
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    for pair in root.iter("nvpair"):
        if pair.get("name") == "stonith-enabled" and seed % 3:
            pair.set("value", "false")
    return etree.tostring(root)


@pytest.mark.parametrize("seed", range(30))
def test_same_as_from_scratch_on_random_cibs(seed: int) -> None:
    dice, engine = random.Random(seed), Engine()
    document = parse_document(of_seed(seed))
    for _ in range(STEPS):
        _compare(engine, document)
        _disturb(document, dice)


@pytest.mark.parametrize("seed", range(60))
def test_a_part_scheduled_alone_takes_its_place_on_random_cibs(seed: int) -> None:
    dice, engine = random.Random(seed), Engine()
    document = parse_document(_divisible(seed))
    for step in range(2 * STEPS):
        _compare_silently(engine, document, Moment.from_epoch(1_700_000_000 + 600 * step, 0))
        for _ in range(dice.randrange(3)):
            disturb_histories(document, dice, gently=step < STEPS)


@pytest.mark.parametrize("name", SHAPES)
def test_a_part_scheduled_alone_takes_its_place(name: str) -> None:
    """Each shape of the benchmark, smaller; at least now and then a part must have been enough."""
    dice, engine, document = random.Random(name), Engine(), parse_document(cib(name))
    clusters = []
    for step in range(6 * STEPS):
        clusters.append(_compare_silently(engine, document).cluster)
        disturb_histories(document, dice, gently=step < 4 * STEPS)
    if not name.startswith("chain") and not name.endswith("fresh"):
        assert any(one is other for one, other in itertools.pairwise(clusters))


def test_an_operation_that_failed_takes_one_island() -> None:
    engine, document = Engine(), parse_document(cib("3x20-steady"))
    first = _compare_silently(engine, document)
    op = next(op for op in _operations(document) if op.interval_ms)
    op.rc = 1
    assert _compare_silently(engine, document).cluster is first.cluster
    op.rc = 0
    assert _compare_silently(engine, document).cluster is first.cluster


def test_a_resource_that_moves_changes_the_loads_that_others_saw() -> None:
    engine, document = Engine(), parse_document(cib("3x20-fresh"))
    first = _compare_silently(engine, document)
    place = first.cluster.resources[0].assigned
    assert place is not None
    state = document.status.by_uname(place.name)
    assert state is not None
    failed = OpRecord("rsc0_last_0", "rsc0_start_0", "start", 5, 0, 5, 0, 0, on_node=place.name)
    state.add_history(History("rsc0", "Dummy", "ocf", "pacemaker", ops=[failed]))
    assert _compare_silently(engine, document).cluster is not first.cluster


def test_births_say_in_which_order_actions_were_made() -> None:
    for seed in range(40):
        document = parse_document(_divisible(seed))
        transition = Engine().schedule(document, NOW)
        if is_steady(transition):
            births = [action.born for action in transition.cluster.actions]
            assert births == sorted(births)


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
