"""What holds for every schedule; checked on the recorded cases."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document, parse_document
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.model.scores import replay
from hacluster.pe.schedule import schedule
from tests.conformance.pe.test_cases import CASES, now_of

EVERY = 6
NAMES = sorted(CASES)[::EVERY]
PROGRAM = """
import sys
from hacluster.base.iso8601 import Moment
from hacluster.cib.document import parse_document
from hacluster.pe.simulation.report import Wishes, simulate
document = parse_document(sys.stdin.buffer.read())
print("\\n".join(simulate(document, Moment.from_epoch(1_700_000_000), 0, Wishes(scores=True)).lines))
"""


def _read(name: str) -> tuple[Document, Moment]:
    document = parse_document(CASES[name]["xml"])
    return document, now_of(document, [])


@pytest.mark.parametrize("name", NAMES)
def test_the_ledger_leads_to_the_table(name: str) -> None:
    document, now = _read(name)
    cluster = schedule(document, now, ledger=True).cluster
    table = replay(cluster.scores)
    rows = [rsc for top in cluster.resources for rsc in top.walk()]
    for rsc in rows:
        assert table.get(rsc.idx, {}) == rsc.allowed, rsc.id


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_placed_where_its_score_forbids(name: str) -> None:
    document, now = _read(name)
    for top in schedule(document, now).cluster.resources:
        for rsc in top.walk():
            if rsc.assigned is not None and rsc.managed and not rsc.instances:
                assert rsc.assigned_score >= 0, rsc.id


@pytest.mark.parametrize("name", NAMES)
def test_the_same_answer_twice(name: str) -> None:
    answers = {etree.tostring(graph_xml(schedule(*_read(name)).graph)) for _ in range(2)}
    assert len(answers) == 1


@pytest.mark.parametrize("name", NAMES[::30])
def test_hash_seeds_do_not_count(name: str) -> None:
    answers = set()
    for seed in "12":
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], input=CASES[name]["xml"], env=environment, capture_output=True, check=True
        )
        answers.add(done.stdout)
    assert len(answers) == 1
    assert b"Transition Summary" in answers.pop()
