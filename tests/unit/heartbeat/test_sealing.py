"""seal on, offer, off: what is sent, what counts, what is pinned, and rotation."""

from __future__ import annotations

import dataclasses

import pytest

from hacluster.config.settings import Seal
from hacluster.msg.driver import Refused
from hacluster.msg.membership import (
    CastMessage,
    LeaveNow,
    MessageReceived,
    NodeState,
    PeerReturned,
    ReloadKeys,
    SealState,
    UnpinSeal,
)
from hacluster.wire.hamsg import HaMessage
from hacluster.wire.seal import SealKeys, is_sealed

SECRET = b"a secret for the seal"


def _sealed(box, since=0):
    return [is_sealed(data) for when, _, data in box.sent if when >= since]


def _two(lan, first, second=None, **changes):
    net = lan(seal_keys=(SECRET,), **changes)
    one = dataclasses.replace(net.config, seal=first)
    two = dataclasses.replace(net.config, seal=second or first)
    return net, net.boot("alpha", one), net.boot("beta", two)


def test_on_sends_nothing_classic_and_forms_a_membership(lan):
    net, alpha, beta = _two(lan, Seal.ON)
    net.run(3_000)
    for box, other in ((alpha, "beta"), (beta, "alpha")):
        assert box.view().own_state is NodeState.ACTIVE
        assert box.view().node(other).seal is SealState.SEALED
        assert all(_sealed(box))
    net.give("alpha", CastMessage(HaMessage.of(t="resource", rsc_hold="all")))
    net.run(100)
    assert [m.get("rsc_hold") for m in beta.heard("resource")] == ["all"]


def test_on_survives_loss_restarts_and_partitions(lan):
    net, alpha, beta = _two(lan, Seal.ON, loss=200_000, duplicate=200_000, seed=5)
    net.run(20_000)
    net.kill("beta")
    net.run(7_000)
    assert alpha.view().node("beta").state is NodeState.DEAD
    beta = net.boot("beta", alpha.machine._core.config, disk=beta.disk)
    net.run(15_000)
    assert beta.view().node("alpha").state is NodeState.ACTIVE
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    assert not alpha.of(PeerReturned)
    net.cut = {("alpha", "beta"), ("beta", "alpha")}
    net.run(9_000)
    net.cut = set()
    net.run(3_000)
    assert alpha.of(PeerReturned)
    assert beta.of(PeerReturned)


def test_offer_pins_the_other_and_stops_the_classic_wire(lan):
    net, alpha, beta = _two(lan, Seal.OFFER)
    net.run(5_000)
    for box, other in ((alpha, "beta"), (beta, "alpha")):
        assert box.view().node(other).seal is SealState.SEALED
        assert box.view().own_state is NodeState.ACTIVE
        assert all(_sealed(box, since=4_000))
    assert not [code for code in alpha.codes() + beta.codes() if code.endswith("-refused")]


def test_offer_beside_a_node_that_cannot_seal_stays_classic(lan):
    net, alpha, beta = _two(lan, Seal.OFFER, Seal.OFF)
    net.run(5_000)
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    assert alpha.view().node("beta").seal is SealState.CLASSIC
    assert beta.view().node("alpha").state is NodeState.ACTIVE
    assert not any(_sealed(alpha))
    assert "hx" in alpha.messages("status")[0][1]


def test_offer_in_a_mixed_cluster_sends_both(lan):
    net = lan(("alpha", "beta", "gamma"), seal_keys=(SECRET,))
    offer = dataclasses.replace(net.config, seal=Seal.OFFER)
    alpha, beta = net.boot("alpha", offer), net.boot("beta", offer)
    gamma = net.boot("gamma", dataclasses.replace(net.config, seal=Seal.OFF))
    net.run(6_000)
    assert alpha.view().node("beta").seal is SealState.SEALED
    assert alpha.view().node("gamma").seal is SealState.CLASSIC
    net.give("alpha", CastMessage(HaMessage.of(t="starting")))
    net.run(100)
    for box in (beta, gamma):
        assert len(box.heard("starting")) == 1
    assert set(_sealed(alpha, since=net.now - 100)) == {True, False}
    assert "downgrade-refused" not in beta.codes()


def test_a_pinned_node_is_not_heard_in_the_clear_until_it_is_unpinned(lan):
    net, alpha, beta = _two(lan, Seal.OFFER)
    net.run(5_000)
    net.give("beta", LeaveNow())
    net.run(8_000)
    again = net.boot("alpha", alpha.machine._core.config, disk=alpha.disk)
    net.boot("beta", dataclasses.replace(net.config, seal=Seal.OFF), disk=beta.disk)
    net.run(14_000)
    assert again.states("beta") == ["dead"]
    [said] = {say.text for say in again.said if say.code == "downgrade-refused"}
    assert "hacluster unpin beta" in said
    assert "classic datagrams" in again.ask(UnpinSeal("beta")).text
    net.run(3_000)
    assert again.view().node("beta").state is NodeState.ACTIVE
    assert isinstance(again.ask(UnpinSeal("beta")), Refused)


def test_on_refuses_the_classic_wire_and_says_what_to_do(lan):
    net, alpha, _beta = _two(lan, Seal.ON, Seal.OFF)
    net.run(13_000)
    assert alpha.states("beta") == ["dead"]
    assert any("seal offer" in say.text for say in alpha.said if say.code == "classic-refused")


@pytest.mark.parametrize("mode", [Seal.ON, Seal.OFFER])
def test_recorded_sealed_datagrams_are_worth_nothing(lan, mode):
    net, alpha, beta = _two(lan, mode)
    net.run(5_000)
    net.give("beta", CastMessage(HaMessage.of(t="hb_takeover", rsc_hold="all")))
    net.run(1_000)
    recorded = [data for _, _, data in beta.sent if is_sealed(data)]
    for data in recorded:
        alpha.receive(data, net.now)
    assert len(alpha.heard("hb_takeover")) == 1
    net.kill("beta")
    net.run(8_000)
    again = net.boot("alpha", alpha.machine._core.config, disk=alpha.disk)
    sent = len(again.sent)
    for data in recorded:
        again.receive(data, net.now)
    assert len(again.sent) - sent <= 2
    net.run(13_000)
    assert again.states("beta") == ["dead"]
    assert not [body for body in again.of(MessageReceived) if not body.own]


def test_keys_rotate_while_the_nodes_talk(lan):
    net, alpha, beta = _two(lan, Seal.ON)
    net.run(5_000)
    new = ReloadKeys(((2, "sha1", b"other"),), 2, (b"a new secret",))
    both = ReloadKeys(((1, "sha1", b"test-key"), (2, "sha1", b"other")), 1, (SECRET, b"a new secret"))
    for name in ("alpha", "beta"):
        net.give(name, both)
        net.run(2_000)
    for name in ("alpha", "beta"):
        net.give(name, new)
        net.run(3_000)
    net.run(30_000)
    for box in (alpha, beta):
        assert "dead" not in [state for name in ("alpha", "beta") for state in box.states(name)]
        assert not [code for code in box.codes() if code == "datagram-refused"]


def _exchanged(*secrets):
    return ReloadKeys(((1, "sha1", b"test-key"),), 1, secrets)


def _ids(*boxes):
    return [box.view().seal_key for box in boxes]


NEW, NEWER = b"a new secret", b"an even newer secret"
OLD_ID, NEW_ID = (SealKeys.of(secret).sealing.id.hex() for secret in (SECRET, NEW))


@pytest.mark.parametrize("first", ["alpha", "beta"])
@pytest.mark.parametrize("apart", [0, 500, 3_000, 4_400])
def test_a_key_is_exchanged_and_nobody_notices(lan, first, apart):
    """The whole text of the key at once, with up to three quarters of deadtime between the nodes."""
    net, alpha, beta = _two(lan, Seal.ON)
    net.run(5_000)
    assert _ids(alpha, beta) == [OLD_ID, OLD_ID]
    net.give(first, _exchanged(NEW))
    net.run(apart)
    net.give("beta" if first == "alpha" else "alpha", _exchanged(NEW))
    net.run(1_100)
    assert _ids(alpha, beta) == [NEW_ID, NEW_ID]
    net.run(1_100)
    assert [alpha.view().node("beta").seal_key, beta.view().node("alpha").seal_key] == [NEW_ID, NEW_ID]
    net.run(2_000)
    for box in (alpha, beta):
        assert not {"datagram-refused", "late-heartbeat", "node-dead"} & set(box.codes()), box.codes()
        assert box.codes().count("seal-key") == 1
        state = box.machine._core.sealing.state
        assert [key.id.hex() for key in state._unsealer._keys.accepted] == [NEW_ID]


def test_who_does_not_read_the_new_key_is_cut_off_both_ways_until_it_does(lan):
    net, alpha, beta = _two(lan, Seal.ON)
    net.run(5_000)
    net.give("alpha", _exchanged(NEW))
    net.run(4_400)
    assert _ids(alpha, beta) == [OLD_ID, OLD_ID]
    net.run(2_000)
    assert _ids(alpha, beta) == [NEW_ID, OLD_ID]
    for box in (alpha, beta):
        assert box.codes().count("datagram-refused") >= 1
    net.give("beta", _exchanged(NEW))
    net.run(3_000)
    assert _ids(alpha, beta) == [NEW_ID, NEW_ID]
    assert "node-dead" not in alpha.codes() + beta.codes()


def test_a_key_that_stays_on_file_seals_until_all_have_the_new_one(lan):
    net, alpha, beta = _two(lan, Seal.ON)
    net.run(5_000)
    net.give("alpha", _exchanged(NEW, SECRET))
    net.run(30_000)
    assert _ids(alpha, beta) == [OLD_ID, OLD_ID]
    (said,) = [say.text for say in alpha.said if say.code == "seal-key"]
    assert said == f"still sealing with the key before: beta has not read key {NEW_ID}"
    net.give("beta", _exchanged(SECRET, NEW))
    net.run(1_100)
    assert _ids(alpha, beta) == [NEW_ID, OLD_ID]
    net.give("beta", _exchanged(NEW))
    net.run(1_100)
    assert _ids(alpha, beta) == [NEW_ID, NEW_ID]
    assert not {"datagram-refused", "node-dead"} & set(alpha.codes() + beta.codes())


def test_alone_a_node_takes_the_new_key_at_once(lan):
    net = lan(seal_keys=(SECRET,))
    alpha = net.boot("alpha", dataclasses.replace(net.config, seal=Seal.ON))
    net.run(20_000)
    net.give("alpha", _exchanged(NEW))
    assert _ids(alpha) == [NEW_ID]


def test_what_a_peer_knew_in_an_earlier_life_does_not_count(lan):
    """Beta had the new key, but comes back with the old file: alpha must not go over to what beta cannot open."""
    net, alpha, beta = _two(lan, Seal.ON)
    net.run(5_000)
    both = _exchanged(SECRET, NEW)
    for name in ("alpha", "beta"):
        net.give(name, both)
    net.run(5_000)
    net.kill("beta")
    beta = net.boot("beta", alpha.machine._core.config, disk=beta.disk)
    net.run(5_000)
    net.give("alpha", _exchanged(NEW, SECRET))
    net.run(3_000)
    assert _ids(alpha, beta) == [OLD_ID, OLD_ID]
    assert alpha.view().node("beta").state is NodeState.ACTIVE


def test_classic_keys_rotate_slot_by_slot_in_any_time(lan):
    """The documented order: the new slot everywhere, then ``auth`` everywhere, then the old slot taken away."""
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(5_000)
    old, new = (1, "sha1", b"test-key"), (2, "md5", b"other")
    for step in (ReloadKeys((old, new), 1), ReloadKeys((old, new), 2), ReloadKeys((new,), 2)):
        for name in ("alpha", "beta"):
            net.give(name, step)
            net.run(20_000)
    for box in (alpha, beta):
        assert not {"datagram-refused", "late-heartbeat", "node-dead"} & set(box.codes()), box.codes()


def test_classic_keys_rotate_within_the_deadtime(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(5_000)
    old = alpha.sent[-1][2]
    new = ReloadKeys(((3, "md5", b"other"),), 3)
    net.give("alpha", new)
    net.run(2_000)
    net.give("beta", new)
    net.run(20_000)
    assert alpha.states("beta")[-1] == "active"
    assert beta.states("alpha")[-1] == "active"
    beta.receive(old, net.now)
    assert beta.codes()[-1] == "datagram-refused"
