"""Two and three machines on a simulated wire: membership, death, return, sleep, leaving."""

from __future__ import annotations

from hacluster.msg.driver import Persisted, PersistFailed, StopRequested
from hacluster.msg.membership import (
    CastMessage,
    CommUp,
    LeaveNow,
    MessageReceived,
    NodeRestarted,
    NodeState,
    PeerReturned,
    Slept,
)
from hacluster.wire.hamsg import HaMessage

START = 1_700_000_000_000


def test_two_nodes_become_active_and_say_what_real_ones_say(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(3_000)
    for box, other in ((alpha, "beta"), (beta, "alpha")):
        assert box.view().own_state is NodeState.ACTIVE
        assert box.view().node(other).state is NodeState.ACTIVE
        assert len(box.of(CommUp)) == 1
        kinds = [message.type for _, message in box.messages()]
        assert kinds[:2] == ["status", "status"]
        assert [m.get("st") for _, m in box.messages("status")][:2] == ["init", "up"]
        assert "reqnodes" in kinds
        assert "repnodes" in kinds
    first = alpha.messages()[0][1]
    assert first.names() == ("t", "st", "dt", "protocol", "src", "srcuuid", "seq", "hg", "ts", "ld", "ttl", "auth")
    assert first.get("ttl") == "3"
    assert first.get("dt") == "1f40"


def test_a_dead_node_is_noticed_and_its_restart_told(lan):
    net = lan()
    alpha = net.boot("alpha")
    net.boot("beta")
    net.run(10_000)
    disk = net.kill("beta").disk
    net.run(6_500)
    assert alpha.view().node("beta").state is NodeState.DEAD
    assert not alpha.view().node("beta").links[0].up
    beta = net.boot("beta", disk=disk)
    net.run(5_000)
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    assert len(alpha.of(NodeRestarted)) == 1
    assert not alpha.of(PeerReturned)
    assert beta.view().own_state is NodeState.ACTIVE


def test_alone_a_node_waits_for_initdead(lan):
    net = lan()
    alpha = net.boot("alpha")
    net.run(11_000)
    assert alpha.view().own_state is NodeState.UP
    net.run(1_100)
    assert alpha.view().own_state is NodeState.ACTIVE
    assert not alpha.messages("reqnodes")


def test_a_healed_partition_is_told_to_both(lan):
    net = lan()
    boxes = [net.boot("alpha"), net.boot("beta")]
    net.run(10_000)
    net.cut = {("alpha", "beta"), ("beta", "alpha")}
    net.run(9_000)
    net.cut = set()
    net.run(2_000)
    for box in boxes:
        assert len(box.of(PeerReturned)) == 1


def test_leaving_saves_the_floors_and_restart_is_announced(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(10_000)
    net.give("beta", LeaveNow(restart=True))
    net.run(10)
    assert beta.stopped is not None
    assert beta.stopped.restart
    assert beta.messages("status")[-1][1].get("dt") == f"{36_000:x}"
    sent = len(beta.sent)
    net.run(20_000)
    assert len(beta.sent) == sent
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    again = net.boot("beta")
    net.run(4_000)
    assert again.view().generation == beta.view().generation + 1
    assert again.view().own_state is NodeState.ACTIVE


def test_stop_before_membership_leaves_at_once(lan):
    net = lan()
    alpha = net.boot("alpha")
    net.give("alpha", StopRequested())
    assert alpha.stopped is not None


def test_a_sleeper_declares_nobody_dead_and_begins_anew(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(10_000)
    generation = alpha.view().generation
    net.paused = {"alpha"}
    net.run(18_000)
    assert beta.view().node("alpha").state is NodeState.DEAD
    net.paused = set()
    net.run(4_000)
    slept = alpha.of(Slept)
    assert len(slept) == 1
    assert slept[0].presumed_dead
    assert slept[0].duration_ms > 16_000
    assert "dead" not in alpha.states("beta")
    assert not beta.of(PeerReturned)
    assert [event.generation for event in beta.of(NodeRestarted)] == [generation + 1]
    assert int(alpha.disk["hb_generation"]) == generation + 1
    assert len(alpha.of(CommUp)) == 2
    assert beta.view().node("alpha").state is NodeState.ACTIVE


def test_a_short_sleep_changes_nothing(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(10_000)
    net.paused = {"alpha"}
    net.run(4_900)
    net.paused = set()
    net.run(4_000)
    assert [event.presumed_dead for event in alpha.of(Slept)] == [False]
    assert "dead" not in alpha.states("beta") + beta.states("alpha")
    assert len(alpha.of(CommUp)) == 1


def test_what_is_cast_while_the_generation_is_written_is_sent_afterwards(box, settings):
    alpha = box("alpha", settings())
    alpha.hold_persist = True
    alpha.start(0)
    alpha.give(CastMessage(HaMessage.of(t="starting")), 5)
    assert not alpha.sent
    save = alpha.unsaved[0]
    alpha.hold_persist = False
    alpha.give(Persisted(save.key, save.token), 10)
    assert [message.type for _, message in alpha.messages()] == ["status", "status", "starting"]
    assert [event.message.get("seq") for event in alpha.of(MessageReceived)] == ["3"]


def test_without_a_saved_generation_the_node_does_not_speak_and_tries_on(box, settings):
    alpha = box("alpha", settings())
    alpha.hold_persist = True
    alpha.start(0)
    for _ in range(20):
        save = alpha.unsaved.pop()
        assert save.data == f"{START // 1000 + 1:>15}\n".encode()
        alpha.give(PersistFailed(save.key, save.token, "No space left on device"))
        alpha.until(alpha.now + 1_000)
    assert not alpha.sent
    assert alpha.stopped is None
    save = alpha.unsaved.pop()
    alpha.give(Persisted(save.key, save.token))
    assert alpha.sent, "the disk has room again"


def test_casts_reach_everybody_once_and_ourselves_first(lan):
    net = lan(("alpha", "beta", "gamma"))
    boxes = [net.boot(name) for name in ("alpha", "beta", "gamma")]
    net.run(5_000)
    net.give("alpha", CastMessage(HaMessage.of(t="resource", rsc_hold="none")))
    net.run(1_000)
    for box in boxes[1:]:
        assert [m.get("rsc_hold") for m in box.heard("resource")] == ["none"]
        assert not box.heard("status")
