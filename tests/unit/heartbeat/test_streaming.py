"""Streams and what statuses carry, on the real machines over a network that may be bad."""

from __future__ import annotations

import random

import pytest

from hacluster.base.effects import MachineName, Send
from hacluster.base.limits import MAX_UNTAKEN
from hacluster.base.members import NO_VIEW, Member, Rank, ViewId
from hacluster.config.settings import Seal
from hacluster.heartbeat.streaming import CARRIED
from hacluster.msg.driver import MachineRestarted
from hacluster.msg.hearing import Carried, Carry, Hearing, PulseStarted, StatusSeen
from hacluster.msg.membership import NodeStateChanged, Slept
from hacluster.msg.stream import BreakStream, Gone, Speak, Spoken, StreamBroken, Taken
from hacluster.wire.seal import is_sealed

NAMES = ("alpha", "beta", "gamma")


def member(box, life=1) -> Member:
    return Member(box.name, box.machine._core.outbox.generation, life)


def carried(box, life=1, epoch=0, hears=()) -> Carry:
    promise = ViewId(epoch, box.name, 1, 1) if epoch else NO_VIEW
    rank = Rank(witness=False, feature_set=(3, 20, 0), up_since=1, name=box.name)
    return Carry(Carried(member(box, life), frozenset(hears), promise, NO_VIEW, rank))


@pytest.fixture
def three(lan):
    def build(**changes):
        changes = {"seal_keys": (b"secret",), "seal": Seal.ON, "crm": True, "deadtime_ms": 2_000, **changes}
        net = lan(NAMES, **changes)
        for name in NAMES:
            net.boot(name)
        net.run(3_000)
        for name in NAMES:
            net.give(name, carried(net.boxes[name]))
        net.run(200)
        return net

    return build


def spoken(box, since=0) -> list[tuple[str, bytes]]:
    return [(body.sender.name, body.data) for body in box.of(Spoken)][since:]


def test_ccm_is_told_of_our_generation_of_whom_we_hear_and_of_what_they_carry(three):
    net = three()
    alpha, beta = net.boxes["alpha"], net.boxes["beta"]
    assert alpha.of(PulseStarted)[-1] == PulseStarted(alpha.machine._core.outbox.generation)
    assert Hearing("beta", member(beta).generation, heard=True) in alpha.of(Hearing)
    assert StatusSeen(carried(beta).carried) in alpha.of(StatusSeen)
    seen = len(alpha.of(StatusSeen))
    net.run(10_000)
    assert len(alpha.of(StatusSeen)) == seen, "and of nothing twice"
    statuses = len(beta.sent)
    net.give("beta", carried(beta, epoch=7))
    net.run(5)
    assert alpha.of(StatusSeen)[-1].carried.promise.epoch == 7, "a change does not wait for the next beat"
    assert len(beta.sent) > statuses


def test_what_a_node_says_comes_to_all_in_order_over_a_bad_network(three):
    net = three(loss=150_000, duplicate=100_000, delay=(1, 60), seed=3, deadtime_ms=30_000)
    said = []
    for number in range(60):
        data = random.Random(number).randbytes((10, 900, 5_000)[number % 3])
        said.append(("alpha", data))
        net.give("alpha", Speak(("beta", "gamma"), data))
        net.run(20)
    net.run(20_000)
    for name in ("beta", "gamma"):
        assert spoken(net.boxes[name]) == said
    assert not any(box.of(StreamBroken) for box in net.boxes.values())
    gone = [body for body in net.boxes["alpha"].of(Gone) if body.node == "beta"]
    assert sum(body.size for body in gone) > sum(len(data) for _, data in said) - 50_000, "the brain may go on"


def test_what_is_said_to_oneself_comes_back_and_to_nobody_is_gone(three):
    net = three()
    net.give("alpha", Speak(("alpha", "nobody"), b"hello"))
    assert spoken(net.boxes["alpha"]) == [("alpha", b"hello")]
    assert Gone("nobody", 5) in net.boxes["alpha"].of(Gone)


def test_a_node_that_is_silent_breaks_its_stream_at_both_ends_once(three):
    net = three()
    alpha, beta = net.boxes["alpha"], net.boxes["beta"]
    net.give("alpha", Speak(("beta",), b"before"))
    net.run(100)
    net.cut = {("alpha", "beta"), ("beta", "alpha")}
    net.give("alpha", Speak(("beta",), b"lost"))
    net.run(5_000)
    assert alpha.of(Hearing)[-1] == Hearing("beta", member(beta).generation, heard=False)
    net.cut = set()
    net.run(2_000)
    assert alpha.of(Hearing)[-1] == Hearing("beta", member(beta).generation, heard=True)
    net.give("alpha", Speak(("beta",), b"after"))
    net.run(2_000)
    assert [data for _, data in spoken(beta)] == [b"before", b"after"]
    order = [type(body) for body in beta.told if isinstance(body, Spoken | StreamBroken)]
    assert order == [Spoken, StreamBroken, Spoken], "what is missing is told before what comes after it"
    assert beta.of(StreamBroken) == [StreamBroken(*member(alpha))]
    assert alpha.of(StreamBroken) == [StreamBroken(*member(beta))]


def test_a_one_way_cut_is_seen_in_what_is_carried(three):
    net = three()
    beta = net.boxes["beta"]
    net.cut = {("beta", "alpha")}
    net.run(4_000)
    net.give("alpha", carried(net.boxes["alpha"], epoch=3))
    net.run(100)
    assert beta.of(StatusSeen)[-1].carried.promise.epoch == 3, "alpha does not hear beta, and beta learns it from alpha"


def test_ccm_that_begins_anew_is_told_everything_and_what_is_carried_is_forgotten(three):
    net = three()
    alpha, beta = net.boxes["alpha"], net.boxes["beta"]
    net.give("alpha", Speak(("beta",), b"one"))
    net.run(100)
    net.give("beta", Speak(("alpha",), b"x" * 40_000))
    told = len(alpha.told)
    net.give("alpha", MachineRestarted("ccm"))
    kinds = [type(body) for body in alpha.told[told:] if isinstance(body, PulseStarted | Hearing | StatusSeen)]
    assert kinds == [PulseStarted, PulseStarted, Hearing, Hearing, StatusSeen, StatusSeen]
    sent = len(alpha.sent)
    net.run(1_500)
    carry = [CARRIED.encode() + b"=" in _opened(beta, data) for _, _, data in alpha.sent[sent:] if is_sealed(data)]
    assert not any(carry)
    net.give("alpha", carried(alpha, life=2))
    net.run(1_000)
    net.give("alpha", Speak(("beta",), b"two"))
    net.give("beta", Speak(("alpha",), b"to the new life"))
    net.run(1_000)
    assert beta.of(StatusSeen)[-1].carried.member == member(alpha, 2)
    assert beta.of(Spoken)[-1] == Spoken(member(alpha, 2), b"two")
    assert StreamBroken(*member(alpha, 1)) in beta.of(StreamBroken), "beta's words to the old life are lost"
    assert alpha.of(Spoken)[-1].data == b"to the new life"


def _opened(box, data) -> bytes:
    """What a datagram says; ``box`` has the keys."""
    opened = box.machine._core.sealing.state._unsealer.open(data)
    return opened.plaintext


def test_the_same_life_after_a_gap_has_its_streams_broken_at_both_ends(three):
    net = three()
    alpha, beta = net.boxes["alpha"], net.boxes["beta"]
    net.give("alpha", Speak(("beta",), b"one"))
    net.run(100)
    net.give("alpha", MachineRestarted("ccm"))
    net.give("alpha", carried(alpha))
    net.give("alpha", Speak(("beta",), b"two"))
    net.run(1_000)
    assert [data for _, data in spoken(beta)] == [b"one", b"two"]
    assert beta.of(StreamBroken) == [StreamBroken(*member(alpha))]
    assert StreamBroken(*member(beta)) in alpha.of(StreamBroken)


def test_a_node_that_begins_anew_is_heard_as_a_new_generation(three):
    net = three()
    alpha, old = net.boxes["alpha"], member(net.boxes["beta"])
    net.give("alpha", Speak(("gamma",), b"on"))
    disk = net.kill("beta").disk
    beta = net.boot("beta", disk=disk)
    net.run(1_500)
    net.give("beta", carried(beta))
    net.run(50)
    net.give("alpha", Speak(("beta",), b"welcome"))
    net.run(500)
    assert member(beta).generation > old.generation
    assert alpha.of(Hearing)[-1] == Hearing("beta", member(beta).generation, heard=True)
    assert spoken(beta) == [("alpha", b"welcome")]
    net.give("beta", carried(beta, epoch=9))
    net.give("alpha", carried(alpha, life=2))
    net.run(100)
    assert alpha.of(StatusSeen)[-1].carried.promise.epoch == 9


def test_a_brain_that_does_not_read_stops_what_is_heard_and_loses_nothing(three):
    net = three(deadtime_ms=60_000)
    beta = net.boxes["beta"]
    whole = [random.Random(number).randbytes(30_000) for number in range(100)]
    for data in whole:
        net.give("alpha", Speak(("beta",), data))
        net.run(60)
    net.run(1_000)
    got = sum(len(body.data) for body in beta.of(Spoken))
    assert got <= MAX_UNTAKEN + 30_000
    assert not net.boxes["gamma"].of(Spoken)
    while sum(len(body.data) for body in beta.of(Spoken)) < 3_000_000:
        before = len(beta.of(Spoken))
        net.give("beta", Taken(MAX_UNTAKEN))
        net.run(3_000)
        assert len(beta.of(Spoken)) > before
    assert [data for _, data in spoken(beta)] == whole


def test_the_brain_may_break_a_stream(three):
    net = three()
    alpha, beta = net.boxes["alpha"], net.boxes["beta"]
    net.give("alpha", BreakStream("beta"))
    net.give("alpha", Speak(("beta",), b"after"))
    net.run(300)
    assert alpha.of(StreamBroken) == [StreamBroken(*member(beta))]
    assert beta.of(StreamBroken) == [StreamBroken(*member(alpha))]
    assert [data for _, data in spoken(beta)] == [b"after"]


def test_who_slept_tells_ccm_and_begins_a_new_generation_with_new_streams(three):
    net = three()
    alpha = net.boxes["alpha"]
    old = member(alpha)
    net.paused.add("alpha")
    net.run(6_000)
    net.paused.discard("alpha")
    net.run(2_000)
    assert alpha.of(Slept)[-1].presumed_dead
    assert alpha.of(PulseStarted)[-1].generation > old.generation
    net.give("alpha", Carry(carried(alpha).carried))
    net.run(200)
    net.give("beta", Speak(("alpha",), b"again"))
    net.run(500)
    assert spoken(alpha)[-1] == ("beta", b"again")


def test_who_may_have_been_declared_dead_says_nothing_before_its_next_generation_is_on_disk(three):
    net = three()
    alpha = net.boxes["alpha"]
    net.give("alpha", Speak(("beta",), b"x" * 100_000))
    alpha.hold_persist = True
    net.paused.add("alpha")
    net.run(6_000)
    net.paused.discard("alpha")
    net.run(1_000)
    assert alpha.of(Slept)[-1].presumed_dead
    sent = len(alpha.sent)
    net.give("alpha", Speak(("beta",), b"hello"))
    net.run(2_000)
    net.give("alpha", Speak(("beta",), b"hello"))
    assert len(alpha.sent) == sent


def test_states_of_ping_nodes_are_for_ccm_too(three):
    net = three()
    effects = net.boxes["alpha"].machine
    core = effects._core
    core.tell(NodeStateChanged("router", core.state, core.state))
    assert Send(MachineName.CCM, NodeStateChanged("router", core.state, core.state)) in core.out


def test_a_node_without_a_resource_manager_sends_nothing_of_it_and_takes_nothing(lan):
    net = lan(NAMES, seal_keys=(b"secret",), seal=Seal.ON, deadtime_ms=2_000)
    for name in NAMES:
        net.boot(name)
    net.run(3_000)
    alpha = net.boxes["alpha"]
    assert alpha.machine._core.streaming is None
    net.give("alpha", Speak(("beta",), b"hello"))
    net.run(2_000)
    assert "no-streams" in alpha.codes()
    assert not net.boxes["beta"].of(Spoken)
    assert not [body for body in alpha.told if isinstance(body, PulseStarted | Hearing | StatusSeen)]


def test_rubbish_of_a_member_is_said_and_nothing_else(three):
    net = three()
    alpha, beta = net.boxes["alpha"], net.boxes["beta"]
    beta.receive(alpha.machine._core.sealing.seal(b"F\xc1"))
    beta.receive(alpha.machine._core.sealing.seal(b"V\xc1"))
    assert beta.codes()[-2:] == ["bad-message"] * 2
