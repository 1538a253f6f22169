from __future__ import annotations

import pytest

from hacluster.base.machine import Instant
from hacluster.haresources import recovery
from hacluster.msg.driver import Restored
from hacluster.msg.haresources import Hold, StandbyRequest
from tests.unit.haresources.pair import A_IP, B_IP, World, haresources

GROUPS = haresources(f"alpha {A_IP} web", f"beta {B_IP}")


@pytest.mark.parametrize("after_ms", range(0, 900, 37))
@pytest.mark.parametrize("who", ["alpha", "beta"])
def test_a_brain_that_crashes_in_a_handover_goes_on_and_starts_nothing_twice(who, after_ms):
    world = World(groups=GROUPS).up()
    begun = world.now
    world.alpha.request(StandbyRequest(Hold.ALL))
    world.run(after_ms)
    world.nodes[who].crash_brain(300)
    world.run(200_000)
    assert {word: len(nodes) for word, nodes in world.holders().items()} == {A_IP: 1, "web": 1, B_IP: 1}
    assert world.settled()
    assert world.twice == []
    for node in world.nodes.values():
        starts = [word for at, action, word in node.hands.asked if action == "start" and at >= begun]
        assert len(starts) == len(set(starts)), starts


def test_a_brain_that_crashes_while_all_is_quiet_disturbs_nothing():
    world = World(groups=GROUPS).up()
    asked = len(world.alpha.hands.asked)
    world.alpha.crash_brain()
    world.run(10_000)
    assert len(world.alpha.hands.asked) == asked
    assert world.alpha.machine.view().status == "local"


def test_a_peer_that_died_meanwhile_is_noticed():
    world = World(groups=GROUPS).up()
    world.alpha.crash_brain(for_ms=8_000)
    world.beta.crash()
    world.run(12_000)
    assert world.holders()[B_IP] == ["alpha"]


def test_hands_that_crash_in_a_start_are_asked_again():
    world = World(groups=GROUPS)
    for node in world.nodes.values():
        node.start()
    world.run(11_100)
    world.alpha.crash_hands()
    world.run(10_000)
    assert world.holders() == {A_IP: ["alpha"], "web": ["alpha"], B_IP: ["beta"]}


def test_what_an_earlier_life_left_running_is_stopped_before_the_node_joins():
    world = World(groups=GROUPS).up()
    world.alpha.crash(power=False)
    world.run(10_000)
    assert world.holders()[A_IP] == ["alpha", "beta"], "trap 15: nobody was there to stop it"
    world.alpha.start()
    started = world.now
    world.run(60_000)
    said = next(at for at, who, m in world.wire if who == "alpha" and at >= started and m.type == "starting")
    stops = [at for at, action, _ in world.alpha.hands.asked if action == "stop" and at >= started]
    assert max(stops[:2]) + 100 <= said
    assert world.holders() == {A_IP: ["alpha"], "web": ["alpha"], B_IP: ["beta"]}


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"version": 99}', b"\xff\x00", b"null"])
def test_a_state_that_cannot_be_read_is_said_and_dropped(data):
    world = World()
    machine = world.build("alpha")
    effects = machine.step(Restored("haresources", data), Instant(0))
    assert [e.code for e in effects if hasattr(e, "code")] == ["state-unreadable"]
    assert isinstance(recovery.load(data), str)


def test_the_state_survives_the_file():
    world = World(groups=GROUPS).up()
    world.alpha.request(StandbyRequest(Hold.ALL))
    world.run(60)
    snapshot = recovery.load(world.alpha.disk)
    assert not isinstance(snapshot, str)
    groups = world.alpha.machine._core.groups
    recovery_again = recovery.save(snapshot.generation, snapshot.state, groups)
    assert recovery_again == world.alpha.disk


def test_ids_of_a_new_life_are_above_those_before():
    assert recovery.next_op(1) == 1_000_001
    assert recovery.next_op(1_000_001) == 2_000_001
    assert recovery.next_op(2_999_999) > 2_999_999
