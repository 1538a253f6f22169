"""What is added to a row in one sum is what a walk along the colocations adds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.iso8601 import Moment
from hacluster.base.score import INFINITY
from hacluster.pe.assign.colocation import ACTIVE, colocated_scores
from hacluster.pe.assign.pull import pulled
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.operation.colocating import new_colocation
from hacluster.pe.schedule import status
from tests.unit.pe.clusters import NOW, cib, primitive

NODES = 3
SCORES = st.sampled_from([0, 1, 7, 100, -1, -50, 400_000, 999_990, -999_990, INFINITY, -INFINITY])
ROWS = st.lists(SCORES, min_size=NODES, max_size=NODES)
COLOCATIONS = st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([INFINITY, 500_000, 3, -20, -INFINITY]))


def _cluster(rows: list[list[int]], links: list[tuple[int, int, int]], attribute: str | None) -> Cluster:
    document = cib("".join(primitive(f"r{number}") for number in range(len(rows))), nodes=NODES)
    cluster = status(document, Moment.from_epoch(NOW))
    for node in cluster.nodes:
        node.attrs["twin"] = node.name
    for rsc, row in zip(cluster.resources, rows, strict=True):
        rsc.allowed = dict(enumerate(row))
    for number, (one, other, score) in enumerate(links):
        if one != other:
            dependent, primary = cluster.resources[one], cluster.resources[other]
            new_colocation(f"c{number}", score, dependent, primary, attribute=attribute)
    return cluster


@given(st.lists(ROWS, min_size=5, max_size=5), st.lists(COLOCATIONS, max_size=6), ROWS, st.sampled_from([1.0, -1.0]))
def test_one_sum_is_the_whole_walk(
    rows: list[list[int]], links: list[tuple[int, int, int]], start: list[int], factor: float
) -> None:
    row = dict(enumerate(start))
    summed, walked = _cluster(rows, links, None), _cluster(rows, links, "twin")
    expected = colocated_scores(walked.resources[0], row, "twin", factor, ACTIVE)
    assert colocated_scores(summed.resources[0], row, None, factor, ACTIVE) == expected
    in_one = pulled(summed.resources[0], row, factor)
    assert in_one is None or in_one == expected


@given(st.lists(ROWS, min_size=5, max_size=5), ROWS, st.integers(0, 4), st.integers(0, NODES - 1), SCORES)
def test_a_changed_row_is_seen(rows: list[list[int]], start: list[int], changed: int, node: int, score: int) -> None:
    links = [(number + 1, number, INFINITY) for number in range(4)]
    row = dict(enumerate(start))
    summed, walked = _cluster(rows, links, None), _cluster(rows, links, "twin")
    pulled(summed.resources[0], row, 1.0)
    for cluster in (summed, walked):
        cluster.scores.set(cluster.resources[changed], node, score, Cause(Why.NODE, "n1"))
    expected = colocated_scores(walked.resources[0], row, "twin", 1.0, ACTIVE)
    assert colocated_scores(summed.resources[0], row, None, 1.0, ACTIVE) == expected


def test_a_chain_is_one_sum() -> None:
    cluster = _cluster([[100, 0, 0]] * 5, [(number + 1, number, INFINITY) for number in range(4)], None)
    assert pulled(cluster.resources[0], {0: 1, 1: 0, 2: -INFINITY}, 1.0) == {0: 501, 1: 0, 2: -INFINITY}
