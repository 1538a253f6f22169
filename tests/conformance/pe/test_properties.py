"""What holds for every decision, whatever the CIB."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import parse_document
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.schedule import Transition, schedule
from tests.conformance.pe import recorded
from tests.conformance.pe.differential import ourselves
from tests.conformance.pe.levels import compare
from tests.conformance.pe.mutate import shuffled
from tests.conformance.pe.plan import NOW
from tests.conformance.pe.random_cib import of_seed
from tests.conformance.pe.test_cases import CASES

SEEDS = range(40)


def _schedule(cib: bytes) -> Transition:
    return schedule(parse_document(cib, "cib.xml"), Moment.from_epoch(NOW, 0))


def fingerprint() -> str:
    """One digest of all that is said to many CIBs (run in processes with different hash seeds)."""
    digest = hashlib.sha256()
    material = [of_seed(seed) for seed in SEEDS]
    material += [files["xml"] for name, files in sorted(CASES.items()) if len(files["xml"]) < 4_000]
    for cib in material:
        answer = ourselves(cib)
        assert answer.graph is not None
        digest.update(answer.text.encode() + etree.tostring(answer.graph))
    return digest.hexdigest()


@pytest.mark.timeout(400)
def test_the_hash_seed_changes_nothing() -> None:
    code = "from tests.conformance.pe.test_properties import fingerprint; print(fingerprint())"
    found = set()
    for seed in ("1", "4242"):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.add(ran.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("start", range(0, len(SEEDS), 20))
def test_the_order_of_independent_parts_changes_nothing(start: int) -> None:
    for seed in SEEDS[start : start + 20]:
        cib = of_seed(seed)
        one, other = ourselves(cib), ourselves(shuffled(cib, seed))
        differences = compare(etree.fromstring(cib), other, one)
        assert not any(differences.values()), (seed, differences)


def test_nothing_is_placed_where_its_score_is_negative() -> None:
    placed = 0
    for seed in SEEDS:
        cluster = _schedule(of_seed(seed)).cluster
        for rsc in (below for top in cluster.resources for below in top.walk()):
            if rsc.assigned is None or rsc.instances or not rsc.managed or rsc.orphan:
                continue
            placed += 1
            assert rsc.allowed.get(rsc.assigned.idx, 0) >= 0, (seed, rsc.id, rsc.assigned.name)
    assert placed > len(SEEDS)


def test_without_contradicting_constraints_the_graph_has_no_loop() -> None:
    """Orders, tickets and unfencing can contradict each other; then the original makes a loop, and so do we."""
    actions = 0
    for seed in SEEDS:
        root = etree.fromstring(of_seed(seed))
        unfencing = "//nvpair[@value='unfencing']"
        for contradicting in root.xpath(f"//rsc_order | //rsc_colocation | //rsc_ticket | {unfencing}"):
            contradicting.getparent().remove(contradicting)
        graph = graph_xml(_schedule(etree.tostring(root)).graph)
        labels, before = recorded.graph(graph, str)
        actions += len(labels)
        loops = [labels[place] for place, bits in enumerate(recorded.closure(before)) if bits >> place & 1]
        assert not loops, (seed, loops)
    assert actions > len(SEEDS)
