"""How a node that only votes ends."""

from __future__ import annotations

from hacluster.arbiter.machine import FAREWELL_MS, ArbiterMachine
from hacluster.base.effects import Reply, Say, Send
from hacluster.base.machine import Instant
from hacluster.msg.driver import MachineRestarted, Peer, Refused, Request, StopRequested, Tick
from hacluster.msg.membership import LeaveNow, Mute


def sent(effects: list[object]) -> list[tuple[str, object]]:
    return [(effect.to.value, effect.body) for effect in effects if isinstance(effect, Send)]


def test_goodbye_goes_before_silence():
    arbiter = ArbiterMachine()
    assert sent(arbiter.step(StopRequested("maintenance"), Instant(1_000))) == [("ccm", StopRequested("maintenance"))]
    assert arbiter.deadline() == 1_000 + FAREWELL_MS
    arbiter.check()
    assert arbiter.step(StopRequested("again"), Instant(1_100)) == []
    assert arbiter.step(Tick(), Instant(1_200)) == []
    assert sent(arbiter.step(Tick(), Instant(1_300))) == [("heartbeat", LeaveNow(reason="maintenance"))]
    assert arbiter.deadline() is None


def test_a_heartbeat_that_began_anew_hears_again_that_the_node_leaves():
    arbiter = ArbiterMachine()
    assert arbiter.step(MachineRestarted("heartbeat"), Instant(0)) == []
    arbiter.step(StopRequested(), Instant(0))
    assert arbiter.step(MachineRestarted("heartbeat"), Instant(100)) == [], "the goodbye first"
    arbiter.step(Tick(), Instant(300))
    assert sent(arbiter.step(MachineRestarted("heartbeat"), Instant(400))) == [("heartbeat", LeaveNow(reason=""))]
    assert arbiter.step(MachineRestarted("ccm"), Instant(500)) == []


def test_it_gives_nothing_up_when_it_is_mute_and_manages_nothing():
    arbiter = ArbiterMachine()
    (said,) = arbiter.step(Mute(7_500), Instant(0))
    assert isinstance(said, Say)
    assert "7500 ms" in said.text
    (answer,) = arbiter.step(Request(3, Peer("crm_node", 0, 0, 1), object()), Instant(0))
    assert isinstance(answer, Reply)
    assert isinstance(answer.body, Refused)
    assert answer.request_id == 3
