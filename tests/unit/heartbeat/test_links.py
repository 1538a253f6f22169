"""Links and ping nodes."""

from __future__ import annotations

import pytest

from hacluster.config.media import Bcast, Mcast, Ping, PingGroup, Ucast
from hacluster.config.settings import HaclusterConfig, HaConfig, MessageFormat, Seal
from hacluster.heartbeat.config import HeartbeatConfig, MediumSpec
from hacluster.msg.driver import DatagramReceived, MediumFailed, MediumReady
from hacluster.msg.membership import CommUp, LinkStateChanged, NodeState, NodeType
from hacluster.wire.auth import Key, KeyRing, Method
from hacluster.wire.frame import open_frame


def test_every_medium_carries_every_message_and_each_link_has_its_own_state(lan):
    net = lan(links=("eth0", "eth1"))
    alpha = net.boot("alpha")
    net.boot("beta")
    net.run(5_000)
    assert [(link.name, link.up) for link in alpha.view().node("beta").links] == [("eth0", True), ("eth1", True)]
    for first, second in zip(alpha.sent[::2], alpha.sent[1::2], strict=True):
        assert (first[1], second[1], first[2]) == (0, 1, second[2])
    net.flying = [flight for flight in net.flying if flight[3] == 0]
    keep = net._carry

    def only_eth0(box):
        keep(box)
        net.flying = [flight for flight in net.flying if flight[3] == 0]

    net._carry = only_eth0
    net.run(7_000)
    assert [(link.name, link.up) for link in alpha.view().node("beta").links] == [("eth0", True), ("eth1", False)]
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    assert [(event.link, event.up) for event in alpha.of(LinkStateChanged)][-1] == ("eth1", False)
    net._carry = keep
    net.run(1_500)
    assert all(link.up for link in alpha.view().node("beta").links)


def test_a_broadcast_node_sees_its_own_link(box, settings):
    alpha = box("alpha", settings(media=(MediumSpec("eth0", hears_itself=True),))).start(0)
    assert [link.up for link in alpha.view().node("alpha").links] == [False]
    alpha.receive(alpha.sent[0][2], 10)
    assert [link.up for link in alpha.view().node("alpha").links] == [True]


def test_ping_nodes_live_by_their_echoes_and_die_by_deadping(box, settings):
    media = (MediumSpec("eth0"), MediumSpec("10.0.0.254", ping="10.0.0.254", info="ping"))
    alpha = box("alpha", settings(nodes=("alpha",), media=media)).start(0)
    assert alpha.view().node("10.0.0.254").type is NodeType.PING
    echoes = [data for _, medium, data in alpha.sent if medium == 1]
    assert len(echoes) == len([1 for _, medium, _ in alpha.sent if medium == 0])
    message = open_frame(echoes[0], alpha.keys).message
    assert message.names() == ("t", "st", "info", "src", "ts", "hx", "auth")
    alpha.give(DatagramReceived(1, echoes[0], "10.0.0.254"), 10)
    assert alpha.view().node("10.0.0.254").state is NodeState.PING
    assert alpha.of(CommUp), "a ping node that answers holds nobody up"
    alpha.until(6_010)
    assert alpha.view().node("10.0.0.254").state is NodeState.DEAD
    alpha.until(20_000)
    alpha.give(DatagramReceived(1, echoes[0], "10.0.0.254"))
    assert alpha.view().node("10.0.0.254").state is NodeState.DEAD, "a recorded echo"
    last = [data for _, medium, data in alpha.sent if medium == 1][-1]
    alpha.give(DatagramReceived(1, last, "10.0.0.254"))
    assert alpha.view().node("10.0.0.254").state is NodeState.PING


def test_a_silent_ping_node_is_dead_after_initdead_and_the_start_goes_on(box, settings):
    media = (MediumSpec("eth0"), MediumSpec("10.0.0.254", ping="10.0.0.254", info="ping"))
    alpha = box("alpha", settings(nodes=("alpha",), media=media)).start(0)
    alpha.until(12_000)
    assert alpha.view().node("10.0.0.254").state is NodeState.DEAD
    assert alpha.view().own_state is NodeState.ACTIVE


def test_echoes_of_others_and_of_real_nodes_do_not_count(box, settings, capture):
    session = capture("27_ping")
    media = (MediumSpec("eth0"), MediumSpec("10.77.0.254", ping="10.77.0.254", info="ping"))
    alpha = box("alpha", settings(media=media, keys=session.keys), wall=session.wall).start(0)
    replies = [data for _, _, proto, data in session.packets if proto == "icmp-echo-reply"]
    assert replies
    for data in replies:
        alpha.give(DatagramReceived(1, data, "10.77.0.254"), 10)
        alpha.give(DatagramReceived(0, data, "10.77.0.254"))
    assert alpha.view().node("10.77.0.254").state is NodeState.INIT


def test_media_that_fail_are_said_once_and_when_they_work_again(box, settings):
    alpha = box("alpha", settings()).start(0)
    for _ in range(100):
        alpha.give(MediumFailed(0, "Network is unreachable"), 10)
    alpha.give(MediumReady(0))
    alpha.give(MediumReady(0))
    assert alpha.codes().count("medium-failed") == 20
    assert alpha.codes().count("medium-ready") == 1


@pytest.mark.parametrize("gone", [True, False])
def test_silence_says_nothing_to_a_node_whose_interfaces_are_gone(lan, gone):
    """An interface that failed may have failed with the node at its other end; one that is gone is gone here."""
    net = lan(links=("eth0", "eth1"))
    alpha = net.boot("alpha")
    net.boot("beta")
    net.run(5_000)
    net.kill("beta")
    net.give("alpha", MediumFailed(0, "no interface with this name", gone=True))
    net.give("alpha", MediumFailed(1, "no interface with this name", gone=gone))
    net.run(30_000)
    assert (alpha.view().node("beta").state is NodeState.DEAD) is not gone
    net.give("alpha", MediumReady(1))
    net.run(3_000)
    assert (alpha.view().node("beta").state is NodeState.DEAD) is not gone, "it may still answer"
    net.run(30_000)
    assert alpha.view().node("beta").state is NodeState.DEAD


@pytest.mark.parametrize("gone", [True, False])
def test_who_has_heard_nobody_and_cannot_waits_for_a_medium(box, settings, gone):
    media = (MediumSpec("eth0"), MediumSpec("10.0.0.254", ping="10.0.0.254", info="ping"))
    alpha = box("alpha", settings(media=media)).start(0)
    alpha.give(MediumFailed(0, "Network is down", gone=gone), 10)
    alpha.until(120_000)
    assert alpha.of(CommUp) == []
    alpha.give(MediumReady(0))
    alpha.until(124_000)
    assert alpha.of(CommUp) == []
    alpha.until(150_000)
    assert alpha.view().own_state is NodeState.ACTIVE
    alpha.give(MediumFailed(0, "Network is down"))
    alpha.until(200_000)
    assert alpha.view().own_state is NodeState.ACTIVE


def test_settings_come_from_the_configuration_files():
    media = (
        Bcast("eth0", 694),
        Ucast("eth1", "10.0.0.2", 694),
        Mcast("eth1", "225.0.0.1", 694, 1, False),
        Ping("10.0.0.254"),
        PingGroup("Routers", ("10.0.0.1", "10.0.0.3")),
    )
    ha = HaConfig(nodes=("Alpha", "beta"), media=media, msgfmt=MessageFormat.NETSTRING, deadtime_ms=9_000)
    ring = KeyRing({1: Key(1, Method.CRC)}, 1)
    made = HeartbeatConfig.of(ha, HaclusterConfig(seal=Seal.OFF), ring)
    assert made.nodes == ("alpha", "beta")
    assert made.links == ("eth0", "eth1")
    assert made.ping_nodes == ("10.0.0.254", "routers")
    assert [medium.info for medium in made.media] == ["", "", "", "ping", "ping_group"]
    assert [medium.hears_itself for medium in made.media] == [True, False, False, False, False]
    assert not made.inner_auth
    assert made.pause_floor_ms == 4_500
