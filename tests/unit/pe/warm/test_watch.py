"""What a watch sees of histories."""

from __future__ import annotations

from hacluster.cib.document import Document
from hacluster.pe.warm.watch import Watch
from tests.unit.pe.clusters import cib, operation, primitive


def _document() -> Document:
    histories = {
        1: operation("a", "start", "n1") + operation("b", "monitor", "n1", 7, 7),
        2: operation("a", "monitor", "n2", 7, 7),
    }
    return cib(primitive("a") + primitive("b"), histories=histories)


def _looked_at() -> tuple[Watch, Document]:
    watch, document = Watch(), _document()
    assert watch.look(document.status) is None
    return watch, document


def test_nothing_has_changed() -> None:
    watch, document = _looked_at()
    assert watch.look(document.status) == set()
    assert watch.look(_document().status) == set()


def test_a_result_that_is_another_is_seen_once() -> None:
    watch, document = _looked_at()
    document.status.nodes[1].histories[0].ops[0].rc = 0
    assert watch.look(document.status) == {"a"}
    assert watch.look(document.status) == set()


def test_unexpected_results_are_looked_at_each_time() -> None:
    watch, document = _looked_at()
    op = document.status.nodes[0].histories[1].ops[0]
    assert watch.uneasy == set()
    op.rc = 1
    watch.look(document.status)
    assert watch.uneasy == {"b"}
    op.rc = 7
    watch.look(document.status)
    assert watch.uneasy == set()


def test_a_history_may_come_last() -> None:
    watch, document = _looked_at()
    added = _document().status.nodes[0].histories[1]
    document.status.nodes[1].add_history(added)
    assert watch.look(document.status) == {"b"}
    assert added.place == 1


def test_a_history_that_is_gone_or_elsewhere_is_more_than_a_change() -> None:
    watch, document = _looked_at()
    document.status.nodes[0].histories.reverse()
    assert watch.look(document.status) is None
    assert watch.look(document.status) == set()
    document.status.nodes[0].histories.pop()
    assert watch.look(document.status) is None


def test_another_node_or_ticket_is_more_than_a_change() -> None:
    watch, document = _looked_at()
    document.status.tickets.append({"id": "t", "granted": "true"})
    assert watch.look(document.status) is None
    document.status.tickets[0]["granted"] = "false"
    assert watch.look(document.status) is None
    document.status.nodes.pop()
    assert watch.look(document.status) is None
