from __future__ import annotations

import pytest

from hacluster.config.settings import AutoFailback
from hacluster.msg.driver import MachineRestarted
from hacluster.msg.haresources import Hold, StandbyRequest
from hacluster.msg.membership import CommUp, NodeState
from tests.unit.haresources.pair import A_IP, B_IP, World, config, haresources, tell

BOTH_HOME = {A_IP: ["alpha"], B_IP: ["beta"]}


def test_a_clean_stop_moves_everything_at_once():
    world = World().up()
    world.alpha.stop()
    world.run(1_000)
    assert not world.alpha.daemon
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}


def test_a_stop_waits_for_the_handover_that_is_going_on():
    world = World().up()
    world.alpha.request(StandbyRequest(Hold.ALL, wait=True))
    world.run(50)
    world.alpha.stop()
    world.run(5_000)
    assert world.alpha.answers()[1].ok
    assert not world.alpha.daemon


def test_a_stop_before_the_node_has_joined_needs_no_words_about_resources():
    world = World()
    world.alpha.start()
    world.alpha.stop()
    world.run(10)
    assert not world.alpha.daemon
    assert [message.type for _, _, message in world.wire] == ["shutdone"]


def test_both_stop_at_once():
    world = World().up()
    world.alpha.stop()
    world.beta.stop()
    world.run(5_000)
    assert world.holders() == {A_IP: [], B_IP: []}
    assert not world.alpha.daemon
    assert not world.beta.daemon


def test_a_healed_partition_ends_with_everything_at_home():
    world = World().up()
    world.partition()
    world.run(10_000)
    assert world.holders() == {A_IP: ["alpha", "beta"], B_IP: ["alpha", "beta"]}
    world.heal()
    world.run(1_000)
    assert world.alpha.daemon, "two seconds of grace"
    world.run(40_000)
    assert world.holders() == BOTH_HOME


def test_who_only_hears_the_other_claim_everything_yields():
    """A one-way cut: beta holds alpha dead and takes all; alpha still hears that."""
    world = World().up()
    world.partition(("alpha", "beta"))
    world.run(30_000)
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}
    world.heal()
    world.run(60_000)
    assert {word: len(nodes) for word, nodes in world.holders().items()} == {A_IP: 1, B_IP: 1}


@pytest.mark.parametrize("mode", [AutoFailback.ON, AutoFailback.OFF])
def test_a_node_that_slept_gives_everything_up_before_anything_else(mode):
    world = World(config(mode), haresources(f"alpha {A_IP} web", f"beta {B_IP}", "alpha disk")).up()
    generation = world.alpha.generation
    world.sleep(world.alpha, 9_000)
    world.run(8_999)
    woke = world.now
    world.run(200)
    assert world.alpha.hands.running == {A_IP}, "side by side: only the first of a group of two is left"
    world.run(100)
    assert world.alpha.hands.running == set()
    assert [tell(m) for at, who, m in world.wire if who == "alpha" and at >= woke] == [], "no claim meanwhile"
    world.run(60_000)
    assert {word: len(nodes) for word, nodes in world.holders().items()} == {A_IP: 1, "web": 1, B_IP: 1, "disk": 1}
    assert world.settled()
    assert world.alpha.generation == generation + 1, "the heartbeat has begun anew, and nothing else"


def slow_to_stop(took_ms: int) -> World:
    """Alpha slept, has woken, and stops what it had for ``took_ms``."""
    world = World().up()
    world.alpha.hands.took_ms = lambda word, action: took_ms if action == "stop" else 10
    world.sleep(world.alpha, 9_000)
    return world.run(10_000)


def test_it_joins_only_when_all_is_stopped():
    world = slow_to_stop(20_000)
    assert world.alpha.comm_up
    woke = world.now
    world.run(18_000)
    assert world.alpha.hands.running == {A_IP}
    assert [tell(m) for at, who, m in world.wire if who == "alpha" and at >= woke] == []
    world.run(60_000)
    assert world.holders() == BOTH_HOME


def test_a_stop_that_is_asked_for_meanwhile_is_a_stop():
    world = slow_to_stop(5_000)
    world.alpha.stop()
    world.run(60_000)
    assert not world.alpha.daemon
    assert world.holders() == {A_IP: ["beta"], B_IP: ["beta"]}


def test_it_may_sleep_again_meanwhile():
    world = slow_to_stop(5_000)
    world.sleep(world.alpha, 9_000)
    world.run(90_000)
    assert world.holders() == BOTH_HOME
    assert world.settled()


def test_the_brain_may_crash_meanwhile():
    world = slow_to_stop(5_000)
    world.alpha.crash_brain()
    world.run(90_000)
    assert world.holders() == BOTH_HOME
    assert world.settled()


def test_a_short_sleep_changes_nothing():
    world = World().up()
    world.sleep(world.alpha, 3_000)
    world.run(10_000)
    assert world.holders() == BOTH_HOME
    assert "dozed" in world.alpha.codes()


def test_sleeping_in_the_middle_of_a_start_kills_it():
    world = World()
    for node in world.nodes.values():
        node.hands.took_ms = lambda word, action: 5_000 if action == "start" else 10
        node.start()
    world.run(12_000)
    world.sleep(world.alpha, 7_000)
    world.run(120_000)
    assert world.holders() == BOTH_HOME


def test_a_partition_in_which_a_heartbeat_began_anew_is_settled_by_asking():
    """Neither side sees the other start, so nobody says what it holds; both hold everything."""
    world = World().up()
    world.partition()
    world.run(10_000)
    alpha = world.alpha
    alpha.give(MachineRestarted("heartbeat"))
    alpha.generation, alpha.seq, alpha.comm_up = alpha.generation + 1, 0, False
    alpha.states["beta"] = NodeState.INIT
    alpha.give(alpha.view())
    world.run(1_000)
    alpha.see("beta", NodeState.DEAD, ever_heard=False)
    alpha.comm_up = True
    alpha.give(CommUp())
    world.run(2_000)
    world.cut.clear()
    world.hear(world.beta, alpha, fresh=True)
    alpha.see("beta", NodeState.ACTIVE)
    world.run(15_000)
    assert world.holders() == BOTH_HOME
    assert world.alpha.daemon
    assert world.beta.daemon
