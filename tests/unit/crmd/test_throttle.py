"""How busy a host is, and what may be asked of it then."""

from __future__ import annotations

import pytest

from hacluster.crmd.throttle import Throttle, level_of
from hacluster.msg.transition import JobLimits
from hacluster.sim.crm.faults import Busy
from hacluster.sim.crm.scenario import managed, primitive_patch, run_until_quiet
from hacluster.sim.crm.standin import StandIn


@pytest.mark.parametrize(
    ("load", "cores", "threshold", "level"),
    [
        ("1.91 0 0 1/1 1", 2, 0.8, 0),
        ("1.93 0 0 1/1 1", 2, 0.8, 1),
        ("2.57 0 0 1/1 1", 2, 0.8, 2),
        ("3.21 0 0 1/1 1", 2, 0.8, 3),
        ("99.0 0 0 1/1 1", 2, 0.8, 3),
        ("0.57 0 0 1/1 1", 1, 0.8, 0),
        ("0.58 0 0 1/1 1", 1, 0.8, 1),
        ("99.0 0 0 1/1 1", 2, 0.0, 0),
        ("", 2, 0.8, 0),
        ("nan-sense", 2, 0.8, 0),
    ],
)
def test_levels_are_multiples_of_the_threshold(load: str, cores: int, threshold: float, level: int) -> None:
    assert level_of(load, cores, threshold) == level


def test_a_node_may_have_two_operations_for_each_core_and_fewer_when_it_is_busy() -> None:
    throttle = Throttle("a")
    for load, jobs in (("0.1", 8), ("4.0", 4), ("6.0", 2), ("9.0", 1)):
        throttle.on_sample(load, 4)
        assert dict(throttle.limits("a").nodes) == {"a": jobs}, load


def test_the_limit_of_the_configuration_takes_the_place_of_the_cores() -> None:
    throttle = Throttle("a")
    assert throttle.on_sample("0.1", 4)
    assert throttle.configure(0.8, 3)
    assert not throttle.configure(0.8, 3)
    assert throttle.limits("ab") == JobLimits((("a", 3),), other=3)


def test_one_very_busy_member_halves_what_the_whole_cluster_does() -> None:
    throttle = Throttle("a")
    throttle.on_sample("0.1", 4)
    throttle.told("b", 3, 8)
    throttle.told("gone", 3, 8)
    assert throttle.limits("abcdef") == JobLimits((("a", 8), ("b", 1)), other=8, total=3)
    throttle.told("b", 2, 8)
    assert throttle.limits("abcdef") == JobLimits((("a", 8), ("b", 2)), other=8)


def most_at_once(ring: StandIn, services: int, load: float) -> dict[str, int]:
    """How many of these services a node starts at one time, if each start takes a second."""
    for node in ring.setup.names:
        ring.befall(Busy(node, load, 1_000_000))
    ring.agenda.run_until(ring.agenda.now + 21_000)
    began = ring.agenda.now
    for number in range(services):
        ring.services.slow[f"s{number}", "start"] = 1_000
        ring.write("a", f"s{number}", primitive_patch(f"s{number}"))
        ring.agenda.run_until(ring.agenda.now + 5)
    run_until_quiet(ring, 120_000)
    ends: dict[str, list[int]] = {}
    for at, node, action, name in ring.services.done:
        if at > began and action == "start" and name.startswith("s"):
            ends.setdefault(node, []).append(at)
    assert sum(len(found) for found in ends.values()) == services
    return {node: max(sum(0 <= other - at < 950 for other in found) for at in found) for node, found in ends.items()}


def test_a_cluster_begins_as_many_at_once_as_its_hosts_can_do() -> None:
    assert max(most_at_once(managed("abc"), 18, 0.1).values()) == 4, "two for each of two cores"
    assert max(most_at_once(managed("abc"), 9, 2.0).values()) == 2
    busy = most_at_once(managed("abc"), 6, 9.0)
    assert max(busy.values()) == 1
