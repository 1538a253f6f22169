"""Scheduling with what was learned before decides as scheduling from scratch does."""

from __future__ import annotations

import copy
import itertools
import random

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.cib.records import History, NodeState, OpRecord
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.incremental import Engine
from hacluster.pe.model.memory import Memory
from hacluster.pe.schedule import Transition, schedule
from hacluster.pe.views.scorelines import ScoreLines
from hacluster.pe.views.statuslines import status_lines
from hacluster.pe.views.summary import summary_lines
from hacluster.pe.warm.steady import is_steady
from tests.bench.pe_cibs import SHAPES, cib
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


def _whole(transition: Transition) -> tuple[object, ...]:
    """All that a transition says to those who do not listen while it is made."""
    cluster = transition.cluster
    return (
        summary_lines(cluster),
        status_lines(cluster, show_pending=True),
        etree.tostring(graph_xml(transition.graph)),
        [(action.id, action.key, action.node and action.node.name, action.flags) for action in cluster.actions],
        [(op.id, name) for op, name in cluster.failed_ops],
        (cluster.ninstances, cluster.disabled_count, cluster.blocked_count, cluster.recheck_by),
        [(rsc.id, rsc.idx, rsc.role, rsc.next_role, rsc.allowed) for rsc in cluster.resource_table],
        [(node.name, sorted(rsc.id for rsc in node.running), node.attrs) for node in cluster.nodes],
    )


def _compare_silently(engine: Engine, document: Document, now: Moment = NOW) -> Transition:
    fresh = copy.deepcopy(document)
    transition = engine.schedule(document, now)
    for warm, cold in zip(_whole(transition), _whole(schedule(fresh, now)), strict=True):
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


def _disturb_histories(document: Document, dice: random.Random, gently: bool = False) -> None:
    """Another result, a fail count, a promotion score; if not ``gently``, new or lost histories and nodes, too."""
    states = [state for state in document.status.nodes if state.histories]
    if not states:
        return
    state = dice.choice(states)
    history = dice.choice(state.histories)
    what = dice.randrange(2 if gently else 0, 12)
    if what == 0:
        state.histories.remove(history)
    elif what == 1 and dice.randrange(2):
        words = dice.choice([{"crmd": "offline", "join": "down", "in_ccm": "false"}, {"expected": "down"}])
        state.attrs |= words
    elif what == 1:
        twin = copy.deepcopy(history)
        twin.id = dice.choice([dice.choice(dice.choice(states).histories).id, f"{history.id}:1", "unheard-of"])
        state.histories.append(twin)
    elif what == 2 and history.ops:
        failed = copy.deepcopy(history.ops[-1])
        failed.id, failed.rc, failed.call_id = (
            f"{history.id}_last_failure_0",
            dice.choice([1, 5, 7]),
            failed.call_id + 1,
        )
        history.ops.append(failed)
    elif what in (3, 4):
        names = [f"fail-count-{history.id}#monitor_10000", f"last-failure-{history.id}#monitor_10000", "weather"]
        names += [f"master-{history.id}"] if gently else ["shutdown"]
        _set_attribute(state, dice.choice(names), dice.choice(["1", "0", "INFINITY", "1699999000"]))
    elif history.ops:
        op = dice.choice(history.ops)
        op.rc = dice.choice([0, 1, 5, 7, 7, 8, op.target_rc])
        op.status = dice.choice([0, 0, 0, 0, -1, 4])


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


def _set_attribute(state: NodeState, name: str, value: str) -> None:
    if state.transient is None:
        state.transient = etree.Element("transient_attributes", id="1")
        etree.SubElement(state.transient, "instance_attributes", id="s")
    for pair in state.transient.iter("nvpair"):
        if pair.get("name") == name:
            pair.set("value", value)
            return
    block = state.transient.find("instance_attributes")
    if block is not None:
        etree.SubElement(block, "nvpair", id=f"s-{name}", name=name, value=value)


@pytest.mark.parametrize("seed", range(60))
def test_same_as_from_scratch_on_random_cibs(seed: int) -> None:
    dice, engine = random.Random(seed), Engine()
    document = parse_document(of_seed(seed))
    for _ in range(STEPS):
        _compare(engine, document)
        _disturb(document, dice)


@pytest.mark.parametrize("seed", range(120))
def test_a_part_scheduled_alone_takes_its_place_on_random_cibs(seed: int) -> None:
    dice, engine = random.Random(seed), Engine()
    document = parse_document(_divisible(seed))
    for step in range(2 * STEPS):
        _compare_silently(engine, document, Moment.from_epoch(1_700_000_000 + 600 * step, 0))
        for _ in range(dice.randrange(3)):
            _disturb_histories(document, dice, gently=step < STEPS)


@pytest.mark.parametrize("name", SHAPES)
def test_a_part_scheduled_alone_takes_its_place(name: str) -> None:
    """Each shape of the benchmark, smaller; at least now and then a part must have been enough."""
    dice, engine, document = random.Random(name), Engine(), parse_document(cib(name))
    clusters = []
    for step in range(6 * STEPS):
        clusters.append(_compare_silently(engine, document).cluster)
        _disturb_histories(document, dice, gently=step < 4 * STEPS)
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
