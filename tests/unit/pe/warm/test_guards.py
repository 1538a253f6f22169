"""Guards of the warm path that are needed: with each the engine answers as a schedule of everything, without it not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document
from hacluster.cib.records import OpRecord
from hacluster.pe.incremental import Engine
from hacluster.pe.schedule import Transition, schedule
from hacluster.pe.warm import kept, steady
from tests.unit.pe.clusters import NOW, cib, meta, operation, primitive

Change = Callable[[Document], None]


def filler(number: int = 6) -> str:
    """Resources that have nothing to do with the others, so that a part is less than half."""
    return "".join(primitive(f"z{place}") for place in range(number))


def said(transition: Transition) -> list[str]:
    """What is to be done, and where everything goes."""
    actions = [
        f"{synapse.action.key} {None if synapse.action.node is None else synapse.action.node.name}"
        for synapse in transition.graph.synapses
    ]
    places = [
        f"{rsc.id} {None if rsc.assigned is None else rsc.assigned.name}" for rsc in transition.cluster.resource_table
    ]
    return sorted(actions) + sorted(places)


def warm_and_cold(document: Document, change: Change, later: int = 0) -> tuple[list[str], list[str]]:
    """The answers of an engine that has seen the document before a change, and of a schedule of everything."""
    engine = Engine()
    engine.schedule(document, Moment.from_epoch(NOW), sanitized=True)
    change(document)
    moment = Moment.from_epoch(NOW + later)
    warm = said(engine.schedule(document, moment, sanitized=True))
    return warm, said(schedule(document, moment, sanitized=True))


def standby_on_failure() -> tuple[Document, Change, int]:
    """A start that failed elsewhere puts that node into standby: what has nothing to do with it leaves, too.

    The resource itself stays where it is, so that no load tells of it.
    """
    settings = '<op id="a-s" name="start" interval="0" on-fail="standby"/><op id="a-m"'
    failing = primitive("a").replace('<op id="a-m"', settings)
    running = {
        1: operation("a", "stop", "n1") + operation("b", "start", "n1"),
        2: operation("a", "start", "n2"),
    }
    document = cib(failing + primitive("b") + filler(), histories=running)

    def fail(doc: Document) -> None:
        history = doc.status.nodes[0].histories[0]
        key = "2:1:0:u"
        failed = OpRecord("a_last_failure_0", "a_start_0", "start", 1, 4, 4, 0, 0, key, f"4:1;{key}", "n1")
        failed.last_change = NOW - 90
        history.ops.insert(0, failed)

    return document, fail, 0


def failure_that_expires() -> tuple[Document, Change, int]:
    """A fail count without a failed result runs out by the time alone."""
    settings = meta("a", migration_threshold="1", failure_timeout="60s")
    document = cib(
        primitive("a", settings) + filler(),
        '<rsc_location id="l" rsc="a" node="n1" score="10"/>',
        histories={2: operation("a", "start", "n2")},
    )
    section = document.root.makeelement("transient_attributes", {"id": "1"})
    sets = section.makeelement("instance_attributes", {"id": "t"})
    section.append(sets)
    for name, value in (("fail-count-a#monitor_10000", "1"), ("last-failure-a#monitor_10000", str(NOW - 30))):
        sets.append(section.makeelement("nvpair", {"id": f"t-{name[:9]}", "name": name, "value": value}))
    document.status.nodes[0].transient = section
    return document, lambda _document: None, 120


GUARDS = [
    pytest.param(standby_on_failure, kept, "picture", lambda _nodes: [], id="the picture of the nodes"),
    pytest.param(failure_that_expires, kept, "restless", lambda _cluster: set(), id="the owners of fail counts"),
]


@pytest.mark.parametrize(("scene", "module", "name", "without"), GUARDS)
def test_a_guard_is_needed(scene, module, name, without, monkeypatch) -> None:
    warm, cold = warm_and_cold(*scene())
    assert warm == cold
    monkeypatch.setattr(module, name, without)
    warm, cold = warm_and_cold(*scene())
    assert warm != cold, f"{name} of {module.__name__} makes no difference here"


def test_the_scenes_take_the_warm_path() -> None:
    """Of a steady cluster in which nothing happens nothing but the part is scheduled again."""
    document = cib(primitive("a") + filler())
    engine = Engine()
    first = engine.schedule(document, Moment.from_epoch(NOW), sanitized=True)
    assert steady.is_steady(first)
    assert engine.schedule(document, Moment.from_epoch(NOW), sanitized=True).cluster is first.cluster
