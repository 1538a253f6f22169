"""Clocks that are apart are found from heartbeats, said once, and shown."""

from __future__ import annotations

import pytest

from hacluster.base.machine import Instant
from hacluster.config.settings import Seal
from hacluster.heartbeat.clocks import Difference
from hacluster.msg.driver import HostSample
from hacluster.wire.fields import Stamp
from hacluster.wire.hamsg import HaMessage

START = 1_700_000_000_000
LOAD = "0.10 0.20 0.30 1/100 4711"
SEALS = [Seal.ON, Seal.OFF]


def pair(lan, ahead_ms, seal, **changes):
    net = lan(seal_keys=(b"secret",), seal=seal, **changes)
    alpha, beta = net.boot("alpha"), net.boot("beta", wall=START + ahead_ms)
    net.run(30_000)
    return net, alpha, beta


@pytest.mark.parametrize("seal", SEALS)
@pytest.mark.parametrize("ahead_ms", [-3_600_000, -2_100, 2_100, 3_600_000])
def test_both_see_it_and_say_it_once(lan, ahead_ms, seal):
    _, alpha, beta = pair(lan, ahead_ms, seal)
    exact = 20 if seal is Seal.ON else 550
    for box, other, real in ((alpha, "beta", ahead_ms), (beta, "alpha", -ahead_ms)):
        found = box.view().node(other)
        assert found.clock_apart
        assert abs(found.clock_ms - real) <= exact
        assert box.codes().count("clocks-apart") == 1
    (said,) = [say.text for say in alpha.said if say.code == "clocks-apart"]
    assert f"{abs(alpha.view().node('beta').clock_ms) / 1000:.1f} s {'ahead' if ahead_ms > 0 else 'behind'}" in said


@pytest.mark.parametrize("seal", SEALS)
@pytest.mark.parametrize("ahead_ms", [-950, 0, 950])
def test_less_than_a_second_is_fine(lan, ahead_ms, seal):
    _, alpha, beta = pair(lan, ahead_ms, seal)
    assert "clocks-apart" not in (*alpha.codes(), *beta.codes())
    assert not alpha.view().node("beta").clock_apart


@pytest.mark.parametrize("ahead_ms", [-1_100, 1_100])
def test_between_nodes_of_ours_a_tenth_more_than_a_second_is_seen(lan, ahead_ms):
    _, alpha, _ = pair(lan, ahead_ms, Seal.ON)
    assert alpha.view().node("beta").clock_apart


@pytest.mark.parametrize("pause_ms", [5_000, 60_000])
def test_loss_delay_and_a_pause_of_ours_are_no_difference(lan, pause_ms):
    net, alpha, beta = pair(lan, 0, Seal.ON, loss=200_000, delay=(1, 900))
    net.paused.add("alpha")
    net.run(pause_ms)
    net.paused.discard("alpha")
    net.run(20_000)
    assert "clocks-apart" not in (*alpha.codes(), *beta.codes())


def test_a_clock_that_is_set_right_agrees_again(lan):
    net, alpha, beta = pair(lan, 5_000, Seal.ON)
    net.give("beta", HostSample(START + net.now, LOAD))
    net.run(20_000)
    for box, other in ((alpha, "beta"), (beta, "alpha")):
        assert box.codes()[-1] == "clocks-agree" or "clocks-agree" in box.codes()
        assert not box.view().node(other).clock_apart


def test_our_own_clock_that_was_set_is_compared_anew(lan):
    net, alpha, _ = pair(lan, 0, Seal.ON)
    net.give("alpha", HostSample(START + net.now - 60_000, LOAD))
    assert alpha.view().node("beta").clock_ms is None
    net.run(10_000)
    assert abs(alpha.view().node("beta").clock_ms - 60_000) <= 20


@pytest.mark.parametrize("told", ["", "x", "-5", "1" * 13, "18BCFE56800"])
def test_nonsense_in_the_field_counts_as_none(told):
    difference = Difference()
    stamp = Stamp(src="beta", ts=START // 1000, srcuuid=b"\x01" * 16)
    for number in range(3):
        difference.hear(HaMessage.of(t="status", hm=told), stamp, START, Instant(1_000 * number))
    assert difference.ms == 500
    assert not difference.apart
