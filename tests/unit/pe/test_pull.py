"""What is added to a row in one sum is what a walk along the colocations adds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.iso8601 import Moment
from hacluster.base.score import INFINITY
from hacluster.pe.assign.colocation import ACTIVE, Ask, colocated_scores
from hacluster.pe.assign.pull import factor_of, pulled
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Role
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


def _asks(cluster: Cluster, score: int, attribute: str | None, stickiness: int = 0) -> Ask:
    """The question of the last resource to the first one that is to be with it, as an only link of a chain."""
    dependent, primary = cluster.resources[0], cluster.resources[-1]
    primary.stickiness = stickiness
    entry = Colocation("ask", dependent, primary, score, Role.UNKNOWN, Role.UNKNOWN, attribute, True)
    return Ask(primary, entry, factor_of(entry), ACTIVE)


@given(
    st.lists(ROWS, min_size=6, max_size=6),
    st.lists(COLOCATIONS, max_size=6),
    ROWS,
    st.sampled_from([INFINITY, 1000, -3, -INFINITY]),
    st.sampled_from([0, 60, INFINITY]),
)
def test_one_sum_is_the_whole_walk(
    rows: list[list[int]], links: list[tuple[int, int, int]], start: list[int], score: int, stickiness: int
) -> None:
    row = dict(enumerate(start))
    summed, walked = _cluster(rows, links, None), _cluster(rows, links, "twin")
    expected = colocated_scores(walked.resources[0], row, _asks(walked, score, "twin", stickiness))
    ask = _asks(summed, score, None, stickiness)
    assert colocated_scores(summed.resources[0], row, ask) == expected
    in_one = pulled(summed.resources[0], row, ask.colocation, ask.factor)
    assert in_one is None or in_one == expected


@given(
    st.lists(ROWS, min_size=6, max_size=6),
    ROWS,
    st.integers(0, 4),
    st.integers(0, NODES - 1),
    SCORES,
    st.sampled_from([INFINITY, -INFINITY]),
)
def test_a_changed_row_is_seen(
    rows: list[list[int]], start: list[int], changed: int, node: int, score: int, sign: int
) -> None:
    links = [(number + 1, number, INFINITY) for number in range(4)]
    row = dict(enumerate(start))
    summed, walked = _cluster(rows, links, None), _cluster(rows, links, "twin")
    ask = _asks(summed, sign, None)
    pulled(summed.resources[0], row, ask.colocation, ask.factor)
    for cluster in (summed, walked):
        cluster.scores.set(cluster.resources[changed], node, score, Cause(Why.NODE, "n1"))
    expected = colocated_scores(walked.resources[0], row, _asks(walked, sign, "twin"))
    assert colocated_scores(summed.resources[0], row, ask) == expected


def test_a_chain_is_one_sum() -> None:
    cluster = _cluster([[100, 0, 0]] * 6, [(number + 1, number, INFINITY) for number in range(4)], None)
    ask = _asks(cluster, INFINITY, None)
    found = pulled(cluster.resources[0], {0: 1, 1: 0, 2: -INFINITY}, ask.colocation, ask.factor)
    assert found == {0: 501, 1: 0, 2: -INFINITY}


def test_a_chain_grows_weaker() -> None:
    cluster = _cluster([[0, 0, 0]] * 4 + [[1000, 0, 0], [0, 0, 0]], [(4, 0, 500_000)], None)
    ask = _asks(cluster, 100_000, None)
    assert colocated_scores(cluster.resources[0], {0: 0, 1: 0}, ask) == {0: 50, 1: 0}
