"""Ping nodes and ipfail: the node that loses its way out gives its groups up, and has them back when it is well."""

from __future__ import annotations

import time

import pytest

from hacluster.lab.exercise import NODE1, VIP
from hacluster.lab.requirements import rule_requirements
from tests.cluster import Cluster, cluster
from tests.conftest import require_lab, skip_or_fail
from tests.nodes import OurNode
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

GATE = "172.16.200.2"
OTHER = "172.16.200.3"
ACCOUNT = "daemon"
"""A user that every host has; the original runs ipfail as hacluster. It is not run here: ipfail is built in."""

IPFAIL = f"deadping 3\nrespawn {ACCOUNT} /usr/lib/heartbeat/ipfail\n"


@pytest.fixture(autouse=True)
def _rules():
    require_lab()
    skip_or_fail(rule_requirements())


def gates(made: Cluster, *addresses: str):
    """Hosts that only answer pings; the client is no ping node, so that it sees what users see."""
    return [made.place.lab.add_host(f"gate{n}", {"eth0": ("lan", f"{a}/16")}) for n, a in enumerate(addresses)]


def pings(node: OurNode, name: str, status: str) -> None:
    eventually(f"{node.name} says {name} is {status}", lambda: node.sees(name) == status)


@pytest.mark.parametrize("failback", ["on", "off"])
def test_the_node_that_loses_its_ping_node_gives_up(failback):
    with cluster(failback=failback, extra=f"ping {GATE}\n{IPFAIL}") as made:
        (gate,) = gates(made, GATE)
        one, two = made.nodes
        made.up()
        for node in made.nodes:
            pings(node, GATE, "ping")

        one.host.cut("eth0", direction="in", peer=gate)
        made.served_by(two)
        made.says("none", "all")
        assert "ipfail" in one.log()
        assert one.sees(two.name) == two.sees(NODE1) == "active"

        one.host.heal()
        pings(one, GATE, "ping")
        since = time.monotonic()
        if failback == "on":
            made.served_by(one)
            made.says("local", "local")
        else:
            made.watch.wait_answer(two.name, since=since, count=300)
            made.says("none", "all")
            assert made.holders() == {two.name}


def test_a_ping_node_that_dies_for_both_moves_nothing():
    with cluster(extra=f"ping {GATE}\n{IPFAIL}") as made:
        (gate,) = gates(made, GATE)
        made.up()
        for node in made.nodes:
            pings(node, GATE, "ping")
        since = time.monotonic()
        gate.power_off()
        for node in made.nodes:
            pings(node, GATE, "dead")
        made.watch.wait_answer(NODE1, since=since, count=300)
        made.says("local", "local")
        assert not [s for s in made.watch.samples if not s.ok and s.start > since]


def test_of_a_group_one_is_enough():
    """A ping group answers as long as one of its members does."""
    with cluster(extra=f"ping_group ways {GATE} {OTHER}\n{IPFAIL}") as made:
        gate, other = gates(made, GATE, OTHER)
        one, two = made.nodes
        made.up()
        for node in made.nodes:
            pings(node, "ways", "ping")
        since = time.monotonic()
        one.host.cut("eth0", direction="in", peer=gate)
        made.watch.wait_answer(NODE1, since=since, count=300)
        assert one.sees("ways") == "ping"
        assert made.holders() == {NODE1}

        one.host.cut("eth0", direction="in", peer=other)
        made.served_by(two)
        made.says("none", "all")
        one.host.heal()
        made.served_by(one)
        made.says("local", "local")


def test_a_ping_node_that_never_answered():
    """The start is not held up for ever by it, and nobody is held to have lost it."""
    with cluster(extra=f"ping {GATE}\n{IPFAIL}") as made:
        made.up()
        for node in made.nodes:
            pings(node, GATE, "dead")
        assert VIP in made.one.addresses()
