"""The ledger replays to the score table, names only what is there, and changes nothing, whatever the CIB."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import parse_document
from hacluster.cib.statusxml import document_xml
from hacluster.pe.explain.action import explain_action
from hacluster.pe.explain.resource import explain
from hacluster.pe.explain.text import action_lines, resource_lines
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.model.action import Flag
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.scores import Entry, replay
from hacluster.pe.schedule import schedule
from tests.conformance.pe.plan import NOW
from tests.conformance.pe.random_cib import cibs, of_seed
from tests.conformance.pe.test_cases import CASES, now_of

PRESENT = Moment.from_epoch(NOW, 0)
RANDOM = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def _ids(data: bytes, cluster: Cluster) -> set[str]:
    """Every id of a CIB, and what else a cause may name: the names of guests, and one option."""
    root = etree.fromstring(data)
    found = {str(element.get("id")) for element in root.iter(etree.Element)}
    found |= {str(pair.get("value")) for pair in root.iter("nvpair") if pair.get("name") == "remote-node"}
    found |= {node.id for node in cluster.nodes if node.is_guest}
    return found | {"symmetric-cluster"}


def _check(data: bytes, cluster: Cluster) -> None:
    table = replay(cluster.scores)
    for rsc in cluster.resource_table:
        assert table.get(rsc.idx, {}) == rsc.allowed, rsc.id
    known = _ids(data, cluster)
    assert {entry.cause.id for entry in cluster.scores.ledger} <= known
    assert {decision.cause.id for decision in cluster.decisions or ()} <= known


@pytest.mark.parametrize("part", range(5))
def test_ledger_of_the_shared_cases(part: int) -> None:
    for name in sorted(CASES)[part::5]:
        args = json.loads(CASES[name]["json"])["args"]
        document = parse_document(CASES[name]["xml"], name)
        _check(CASES[name]["xml"], schedule(document, now_of(document, args), sanitized=True, ledger=True).cluster)


def test_the_shared_cases_decide_the_same_with_a_ledger() -> None:
    for name in sorted(CASES)[::9]:
        args = json.loads(CASES[name]["json"])["args"]
        graphs = []
        for ledger in (False, True):
            document = parse_document(CASES[name]["xml"], name)
            transition = schedule(document, now_of(document, args), sanitized=True, ledger=ledger)
            graphs.append(etree.tostring(graph_xml(transition.graph)))
        assert graphs[0] == graphs[1], name


@RANDOM
@given(data=cibs())
def test_ledger_of_random_cibs(data: bytes) -> None:
    _check(data, schedule(parse_document(data), PRESENT, ledger=True).cluster)


def test_a_ledger_that_was_tampered_with_is_noticed() -> None:
    data = of_seed(1)
    cluster = schedule(parse_document(data), PRESENT, ledger=True).cluster
    last = cluster.scores.ledger[-1]
    cluster.scores.ledger[-1] = Entry(last.rsc, last.node, last.change, last.score + 1, last.cause)
    with pytest.raises(AssertionError):
        _check(data, cluster)


def test_without_being_asked_there_is_no_ledger() -> None:
    cluster = schedule(parse_document(of_seed(1)), PRESENT).cluster
    assert cluster.decisions is None
    with pytest.raises(AssertionError):
        replay(cluster.scores)


@pytest.mark.parametrize("seed", range(6))
def test_every_resource_and_action_of_a_random_cib_can_be_explained(seed: int) -> None:
    document = parse_document(of_seed(seed))
    before = etree.tostring(document_xml(document))
    cluster = schedule(parse_document(of_seed(seed)), PRESENT, sanitized=True).cluster
    for rsc in cluster.resources[:3]:
        found = explain(document, PRESENT, rsc.id)
        assert resource_lines(found)
        for part in found.parts:
            assert part.why or part.node is None, part.sentence
    for key in sorted({action.key for action in cluster.actions})[:8]:
        for answer in explain_action(document, PRESENT, key):
            needed = "nothing needs it" not in answer.sentence
            assert bool(answer.why) is needed, answer.sentence
            assert action_lines([answer])
    assert etree.tostring(document_xml(document)) == before


@pytest.mark.parametrize("seed", range(20, 26))
def test_what_is_not_in_the_graph_but_needed_has_an_obstacle(seed: int) -> None:
    document = parse_document(of_seed(seed))
    cluster = schedule(parse_document(of_seed(seed)), PRESENT, sanitized=True).cluster
    blocked = [action for action in cluster.actions if not action.optional and not action.flags & Flag.DUMPED]
    for action in blocked[:4]:
        assert all(
            answer.blocked or answer.waits_for or answer.why
            for answer in explain_action(document, PRESENT, str(action.id))
        )
