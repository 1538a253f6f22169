"""hacluster beside a real Heartbeat 3.0.6: alpha is the real node, beta is ours, and both must agree on everything.

Each test is one story of a cluster's life; starting costs ten seconds by the protocol, so a story has several turns.
"""

from __future__ import annotations

import pytest

from tests.interop.conftest import ALPHA_VIP, BETA_VIP, MEDIA, MEDIA6
from tests.nodes import OurNode, RealNode
from tests.waiting import eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(420)]

every_medium = pytest.mark.parametrize("medium", list(MEDIA))


def started(pair):
    for node in pair.nodes:
        node.start()
    pair.settled("local", "local")
    for node in pair.nodes:
        assert node.sees(pair.other(node).name) == "active"


@every_medium
def test_standby_and_takeover_from_either_side(make_pair, medium):
    pair = make_pair(medium)
    started(pair)
    for node in pair.nodes:
        a, b = ("none", "all") if node is pair.alpha else ("all", "none")
        node.standby("all")
        pair.settled(a, b)
        node.takeover("local")
        pair.settled("local", "local")
        node.takeover("all")
        pair.settled(b, a)
        node.standby("foreign")
        pair.settled("local", "local")


@pytest.mark.parametrize("medium", list(MEDIA6))
def test_over_ipv6(make_pair, medium):
    pair = make_pair(medium)
    started(pair)
    pair.alpha.standby("all")
    pair.settled("none", "all")
    pair.alpha.takeover("local")
    pair.settled("local", "local")


@every_medium
def test_clean_shutdown_and_return_of_either_side(make_pair, medium):
    pair = make_pair(medium)
    started(pair)
    for node in pair.nodes:
        node.stop()
        words = ("off", "all") if node is pair.alpha else ("all", "off")
        pair.settled(*words)
        assert not node.addresses() & {ALPHA_VIP, BETA_VIP}
        eventually("the peer is seen dead", lambda node=node: pair.other(node).sees(node.name) == "dead")
        node.start()
        pair.settled("local", "local")


@every_medium
@pytest.mark.parametrize("first", ["alpha", "beta"])
def test_one_after_the_other(make_pair, medium, first):
    pair = make_pair(medium)
    one = pair.alpha if first == "alpha" else pair.beta
    one.start()
    words = ("all", "off") if one is pair.alpha else ("off", "all")
    pair.settled(*words)
    pair.other(one).start()
    pair.settled("local", "local")


@every_medium
def test_death_and_return_of_either_side(make_pair, medium):
    pair = make_pair(medium)
    started(pair)
    for node in pair.nodes:
        node.crash()
        words = ("off", "all") if node is pair.alpha else ("all", "off")
        pair.settled(*words)
        node.boot()
        node.start()
        pair.settled("local", "local")


@every_medium
@pytest.mark.parametrize("towards", ["alpha", "beta"])
def test_four_datagrams_in_ten_are_lost(make_pair, medium, towards):
    pair = make_pair(medium)
    started(pair)
    getattr(pair, towards).host.loss(40)
    pair.alpha.standby("all")
    pair.settled("none", "all")
    pair.beta.standby("all")
    pair.settled("all", "none")
    getattr(pair, towards).host.loss(0)
    pair.alpha.standby("foreign")
    pair.settled("local", "local")


@every_medium
def test_partition_and_healing(make_pair, medium):
    pair = make_pair(medium)
    started(pair)
    pair.beta.host.cut()
    for node in pair.nodes:
        eventually("both think the other dead", lambda node=node: node.sees(pair.other(node).name) == "dead")
    pair.settled("all", "all")
    pair.beta.host.heal()
    pair.settled("local", "local", within=150)
    for node in pair.nodes:
        assert node.sees(pair.other(node).name) == "active"


@pytest.mark.parametrize("medium", ["bcast-sha1", "ucast-md5"])
def test_key_rotation(make_pair, medium):
    """One key text, another slot, then another text on both within deadtime: nobody dies of it."""
    pair = make_pair(medium)
    started(pair)
    method = medium.partition("-")[2]
    for text in ("auth 5\n5 {m} fresh-key\n", "auth 6\n6 {m} yet-another\n5 {m} fresh-key\n"):
        for node in pair.nodes:
            node.host.write("/etc/ha.d/authkeys", text.format(m=method), 0o600)
        for node in pair.nodes:
            node.reload()
        pair.alpha.standby("all")
        pair.settled("none", "all")
        pair.alpha.takeover("local")
        pair.settled("local", "local")
    for node in pair.nodes:
        assert f"node {pair.other(node).name}: is dead" not in node.log()


@every_medium
def test_a_host_changes_from_heartbeat_to_hacluster_and_back(make_pair, medium):
    """Alpha runs Heartbeat, then hacluster, then Heartbeat again, on the same disk, while beta serves on."""
    pair = make_pair(medium, alpha=RealNode, beta=RealNode)
    started(pair)
    generation = pair.alpha.host.read("/var/lib/heartbeat/hb_generation")
    for kind in (OurNode, RealNode):
        pair.alpha.stop()
        pair.settled("off", "all")
        pair.alpha = kind(pair.alpha.host, pair.alpha.files)
        pair.alpha.start()
        pair.settled("local", "local")
        now = pair.alpha.host.read("/var/lib/heartbeat/hb_generation")
        assert int(now) > int(generation)
        assert len(now) == 16
        generation = now
    pair.alpha.standby("all")
    pair.settled("none", "all")


@pytest.mark.parametrize("failback", ["off", "legacy"])
def test_return_with_failback(make_pair, failback):
    pair = make_pair("bcast-sha1", failback=failback)
    for node in pair.nodes:
        node.start()
    pair.each_its_own()
    for node in pair.nodes:
        node.crash()
        other = pair.other(node)
        eventually("the other has both", lambda other=other: pair.holders_of(other) == {ALPHA_VIP, BETA_VIP})
        node.boot()
        node.start()
        eventually("the returned node is active", lambda node=node, other=other: other.sees(node.name) == "active")
        if failback == "legacy":
            pair.each_its_own()
        else:
            words = ("none", "all") if node is pair.alpha else ("all", "none")
            pair.settled(*words)
            other.standby("failback")
            pair.settled("local", "local")
