"""What runs against what may run: files that differ, what runs twice, what no line names."""

from __future__ import annotations

import pytest

from hacluster.base.effects import MachineName, Send
from hacluster.base.machine import Instant
from hacluster.config.settings import AutoFailback, HaclusterConfig, OnStopFailure
from hacluster.haresources import protocol
from hacluster.haresources.identity import ident, inventory, spec
from hacluster.haresources.machine import HaresourcesMachine
from hacluster.haresources.states import ASK_HANDS_MS
from hacluster.msg.driver import MachineRestarted, Restored, Tick
from hacluster.msg.haresources import HandoverFinished, Hold, StandbyRequest
from hacluster.msg.lrm import OpsQuery
from hacluster.wire.hamsg import HaMessage
from tests.unit.haresources.pair import A_IP, B_IP, World, config, haresources, word

GROUPS = haresources(f"alpha {A_IP} web", f"beta {B_IP}")


def edit(world: World, *lines: str, on: str = "") -> None:
    """Other files, read by one node or by both."""
    for node in world.nodes.values():
        if on in {"", node.name}:
            node.files = haresources(*lines)
            node.crash_brain(50)


def test_a_resource_is_what_runs_it_and_what_it_is_told():
    assert ident(spec(word("10.0.0.1"))) != ident(spec(word("IPaddr::10.0.0.1")))
    assert ident(spec(word("disk::a::b"))) != ident(spec(word("disk::ab")))
    assert len({ident(spec(word(text))) for text in ("disk::a::b", "disk::b::a", "disk", "disc")}) == 4
    assert inventory(GROUPS, "alpha").digest == inventory(GROUPS, "beta").digest
    assert inventory(GROUPS, "alpha").local == inventory(GROUPS, "beta").foreign


@pytest.mark.parametrize("fields", [{"hxd": "x"}, {"hxl": "nonsense"}, {"hxr": "ABCDEFABCDEF"}, {"hxd": ""}])
def test_what_is_not_in_order_beside_a_message_counts_for_nothing(fields):
    good = protocol.with_inventory(HaMessage.of(t="starting"), inventory(GROUPS, "alpha"), ())
    assert protocol.said(good) is not None
    assert protocol.said(good.replace(**fields)) is None


def test_an_edited_line_is_given_up_whole():
    world = World(groups=GROUPS).up()
    edit(world, f"alpha {A_IP}", f"beta {B_IP}")
    world.run(5_000)
    assert world.holders()["web"] == []
    world.alpha.request(StandbyRequest(Hold.ALL, wait=True))
    world.run(5_000)
    assert world.holders() == {A_IP: ["beta"], "web": [], B_IP: ["beta"]}
    (finished,) = [a for a in world.alpha.answers() if isinstance(a, HandoverFinished)]
    assert finished.ok


def test_files_that_differ_are_said_by_both_and_hold_nothing_twice():
    world = World(groups=GROUPS)
    world.beta.files = haresources(f"beta {A_IP} web", f"beta {B_IP}")
    world.up()
    assert world.holders() == {A_IP: ["alpha"], "web": ["alpha"], B_IP: ["beta"]}
    assert world.twice == []
    for node in world.nodes.values():
        assert "files-differ" in node.codes()
        assert any("haresources of" in note for note in node.machine.view().notes)


def test_what_cannot_be_stopped_is_told_until_it_is():
    world = World(groups=GROUPS, settings=HaclusterConfig(stop_retry_max=2, on_stop_failure=OnStopFailure.STOP_CLUSTER))
    world.up()
    world.alpha.hands.broken.add(("stop", "web"))
    edit(world, f"alpha {A_IP}", f"beta {B_IP}")
    world.run(60_000)
    assert world.alpha.daemon, "the cluster is not stopped for it"
    assert any("web is in no line any more" in note for note in world.alpha.machine.view().notes)
    assert world.alpha.machine.view().status == "local"
    world.alpha.hands.broken.clear()
    world.run(60_000)
    assert world.holders()["web"] == []
    assert world.alpha.machine.view().notes == ()


def test_an_edited_owner_moves_nothing_and_hb_standby_does():
    world = World(groups=GROUPS).up()
    edit(world, f"beta {A_IP} web", f"beta {B_IP}")
    world.run(20_000)
    assert world.holders()["web"] == ["alpha"]
    assert "kept" in world.alpha.codes()
    world.alpha.request(StandbyRequest(Hold.FOREIGN))
    world.run(5_000)
    assert world.holders() == {A_IP: ["beta"], "web": ["beta"], B_IP: ["beta"]}


def test_what_runs_twice_is_ended_by_one_of_them():
    world = World(config(AutoFailback.OFF), GROUPS).up()
    world.beta.hands.running.update({A_IP, "web"})
    world.beta.machine._core.groups.runs[A_IP].assume_running()
    world.beta.give(Tick())
    world.run(10_000)
    assert world.holders()["web"] == ["alpha"]
    assert "runs-twice" in world.beta.codes()


def test_a_healed_partition_stops_nothing_at_home_and_announces_it():
    world = World(config(AutoFailback.OFF), GROUPS).up()
    world.partition()
    world.run(20_000)
    assert world.holders()[A_IP] == ["alpha", "beta"]
    healed = world.now
    world.heal()
    world.run(20_000)
    assert world.holders() == {A_IP: ["alpha"], "web": ["alpha"], B_IP: ["beta"]}
    asked = [(action, text) for at, action, text in world.alpha.hands.asked if at > healed]
    assert ("start", A_IP) in asked, "whoever has heard the other node hears that the address is here"
    assert {text for action, text in asked if action == "stop"} == {B_IP}


def test_hands_that_die_before_they_answer_are_asked_again():
    world = World(groups=GROUPS).up()
    machine = HaresourcesMachine(world.conf, GROUPS, "alpha", world.settings)
    now = Instant(world.now)
    machine.step(Restored("haresources", world.alpha.disk), now)
    effects = machine.step(world.alpha.view(), now)
    assert Send(MachineName.LRM, OpsQuery()) in effects
    assert machine.deadline() == now + ASK_HANDS_MS
    assert Send(MachineName.LRM, OpsQuery()) in machine.step(Tick(), Instant(now + ASK_HANDS_MS))
    machine.step(MachineRestarted("lrm"), Instant(now + ASK_HANDS_MS + 1))
    assert machine.view().status == "local", "new hands have nothing under way"
