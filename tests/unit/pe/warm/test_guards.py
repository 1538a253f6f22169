"""Guards of the warm path that are needed: with each the engine answers as a schedule of everything, without it not.

``tests/conformance/pe/test_warm.py`` has those that take a larger cluster to show.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from lxml import etree

import hacluster.pe.incremental
from hacluster.base.iso8601 import Moment
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.incremental import Engine
from hacluster.pe.model.tally import Tally, Turn
from hacluster.pe.schedule import Transition, schedule
from hacluster.pe.warm import defaults, islands, kept, steady
from hacluster.pe.warm.shared import Shared
from tests.unit.pe.clusters import NOW
from tests.unit.pe.warm import scenes
from tests.unit.pe.warm.scenes import Scene


def said(transition: Transition) -> tuple[bytes, int, list[str]]:
    """The graph, when to look again, and where everything goes."""
    cluster = transition.cluster
    table = [f"{rsc.id} {None if rsc.assigned is None else rsc.assigned.name}" for rsc in cluster.resource_table]
    return etree.tostring(graph_xml(transition.graph)), cluster.recheck_by, table


def warm_and_cold(scene: Scene) -> tuple[object, object, bool]:
    """The answers of an engine that has seen the document before, and of a new one; whether a part was enough."""
    engine = Engine()
    first = engine.schedule(scene.document, Moment.from_epoch(NOW), sanitized=True)
    scene.change(scene.document)
    moment = Moment.from_epoch(NOW + scene.later)
    fresh = copy.deepcopy(scene.document)
    warm = engine.schedule(scene.document, moment, sanitized=True)
    return said(warm), said(schedule(fresh, moment, sanitized=True)), warm.cluster is first.cluster


def _yes(*_args: Any) -> bool:
    return True


def _no(*_args: Any) -> bool:
    return False


def _nothing(*_args: Any) -> None:
    return None


_SORT = Tally.sort


def _unseen_sort(tally: Tally, resources: list[Any], keys: list[tuple[int, ...]]) -> None:
    """The order of a part is taken to be what it was."""
    if not tally.replaying:
        _SORT(tally, resources, keys)


GUARDS = [
    pytest.param(scenes.standby_on_failure, kept, "picture", lambda _nodes: [], id="picture of the nodes"),
    pytest.param(scenes.failure_that_expires, kept, "restless", lambda _cluster: set(), id="what has failed"),
    pytest.param(scenes.move_that_others_see, Turn, "stays", _yes, id="turns that loads decide"),
    pytest.param(scenes.move_that_others_see, Tally, "settle", _nothing, id="loads at the end"),
    pytest.param(scenes.room_that_shrinks, Tally, "capacities", _nothing, id="capacities of the nodes"),
    pytest.param(scenes.urgency_that_changes, Tally, "sort", _unseen_sort, id="whose turn comes first"),
    pytest.param(scenes.option_with_an_end, kept, "settings", lambda _cluster: (), id="options"),
    pytest.param(scenes.place_with_an_end, islands, "is_timed", _no, id="rules of resources"),
    pytest.param(scenes.place_by_pattern_with_an_end, islands, "is_timed", _no, id="rules of patterns"),
    pytest.param(scenes.default_with_an_end, defaults.Defaults, "hold", _yes, id="rules of defaults"),
    pytest.param(scenes.default_of_some_operations, hacluster.pe.incremental, "are_plain", _yes, id="rules of some"),
    pytest.param(scenes.attribute_of_a_node, kept, "concerned", lambda _old, _new: set(), id="attributes of nodes"),
    pytest.param(scenes.priority_with_an_end, kept, "lineup", lambda _resources: [], id="who comes first"),
    pytest.param(scenes.sides_that_become_even, steady, "weighs_sides", _no, id="what the sides are worth"),
    pytest.param(scenes.ghost, steady, "has_orphans", _no, id="what is not configured"),
]


@pytest.mark.parametrize(("scene", "place", "name", "without"), GUARDS)
def test_a_guard_is_needed(scene, place, name, without, monkeypatch) -> None:
    warm, cold, _part = warm_and_cold(scene())
    assert warm == cold
    monkeypatch.setattr(place, name, without)
    warm, cold, _part = warm_and_cold(scene())
    assert warm != cold, f"{name} makes no difference here"


@pytest.mark.parametrize("scene", scenes.BESIDE, ids=lambda scene: scene.__name__)
def test_a_part_is_enough(scene) -> None:
    warm, cold, part = warm_and_cold(scene())
    assert warm == cold
    assert part


def test_an_instance_more_takes_a_schedule_of_everything() -> None:
    warm, cold, part = warm_and_cold(scenes.instances_with_an_end())
    assert warm == cold
    assert not part


def test_what_islands_do_not_know_is_seen_in_the_end(monkeypatch) -> None:
    """Were an order not known that connects a part with the rest, its edges would tell; they are looked at for that."""
    monkeypatch.setattr(islands.Islands, "_read_constraints", _nothing)
    warm, cold, part = warm_and_cold(scenes.order_of_two())
    assert warm == cold
    assert not part
    monkeypatch.setattr(Shared, "strays", _no)
    warm, cold, _part = warm_and_cold(scenes.order_of_two())
    assert warm != cold


def test_what_depends_on_a_connection_is_known_or_found_out(monkeypatch) -> None:
    """What waits for a part that is replaced goes with it; if that were not known, it would be seen in the end."""
    monkeypatch.setattr(kept.Kept, "_with_dependents", lambda _kept, places: places)
    warm, cold, part = warm_and_cold(scenes.lost_connection())
    assert warm == cold
    assert not part
