"""What real Heartbeat 3.0.6 nodes sent, given to our machine: what it believes and what it answers."""

from __future__ import annotations

import pytest

from hacluster.base.dice import Dice
from hacluster.heartbeat.generation import Floor, encode_floors
from hacluster.msg.membership import CommUp, LinkStateChanged, MessageReceived, NodeRestarted, NodeState, PeerReturned


def _node(box, settings, session, name, start=500, **more):
    wall = session.wall
    made = box(name, settings(keys=session.keys), uuid=session.uuids[name], wall=wall, now=start, **more)
    made.start()
    made.wall = wall
    return made


def _kinds(made, node):
    return [b.message.type for b in made.of(MessageReceived) if b.node == node]


def test_01_a_real_node_starts_beside_us(box, settings, capture):
    session = capture("01_start_both")
    beta = _node(box, settings, session, "beta", start=0)
    session.play(beta, "alpha")
    assert beta.states("alpha") == ["up", "active"]
    assert len(beta.of(CommUp)) == 1
    asked = beta.messages("repnodes")
    assert [m.get("nodelist") for _, m in asked] == ["alpha beta "]
    assert asked[0][1].get("dest") == "alpha"
    assert asked[0][1].get_binary("destuuid") == session.uuids["alpha"]
    assert _kinds(beta, "alpha") == [
        m.type
        for _, m in session.of("alpha")
        if m.type in {"starting", "resource"} or (m.type == "ip-request-resp" and m.get("dest") == "beta")
    ]
    acked = [int(m.get("ackseq"), 16) for _, m in beta.messages("NS_ackmsg")]
    assert acked == sorted(set(acked))
    assert len({seq % 10 for seq in acked}) == 1
    assert len(acked) >= 3
    assert not beta.messages("NS_rexmit")


def test_our_messages_have_the_fields_of_real_ones_in_their_order(box, settings, capture):
    session = capture("01_start_both")
    beta = _node(box, settings, session, "beta", start=0)
    session.play(beta, "alpha")
    for kind in ("status", "reqnodes", "repnodes", "NS_ackmsg"):
        real = session.of("beta", kind)[0][1].names()
        assert {m.names() for _, m in beta.messages(kind)} == {real}, kind
    [real] = {m.get("ttl") for _, m in session.of("beta")}
    assert {m.get("ttl") for _, m in beta.messages()} == {real}
    dts = [m.get("dt") for _, m in beta.messages("status")]
    assert list(dict.fromkeys(dts)) == ["1f40", "1770"]


def test_06_lost_messages_are_asked_for_until_they_come(box, settings, capture):
    session = capture("06_loss_rexmit")
    beta = _node(box, settings, session, "beta", start=0)
    session.play(beta, "alpha", dice=Dice(3), loss=400_000)
    ranges = [(int(m.get("firstseq")), int(m.get("lastseq"))) for _, m in beta.messages("NS_rexmit")]
    assert ranges
    assert all(first <= last for first, last in ranges)
    assert all(m.get("dest") == "alpha" for _, m in beta.messages("NS_rexmit"))
    assert beta.view().node("alpha").state is NodeState.ACTIVE
    seqs = [b.message.get("seq") for b in beta.of(MessageReceived) if b.node == "alpha"]
    assert len(seqs) == len(set(seqs))


def test_07_08_a_real_node_dies_and_rejoins(box, settings, capture):
    death, rejoin = capture("07_node_death"), capture("08_rejoin")
    beta = _node(box, settings, death, "beta", start=0)
    death.play(beta, "alpha")
    beta.until(beta.now + 6_001)
    assert beta.states("alpha")[-1] == "dead"
    rejoin.play(beta, "alpha", start=rejoin.wall - death.wall)
    assert beta.states("alpha")[-3:] == ["init", "up", "active"]
    assert [event.generation for event in beta.of(NodeRestarted)] == [0x6B0298AA]
    assert not beta.of(PeerReturned)
    assert [m.get("nodelist") for _, m in beta.messages("repnodes")] == ["alpha beta "]


def test_09_a_real_node_leaves(box, settings, capture):
    session = capture("09_clean_shutdown")
    beta = _node(box, settings, session, "beta", start=0)
    session.play(beta, "alpha")
    assert [m.get("st") for m in beta.heard("shutdone")] == ["dead"]
    assert beta.view().node("alpha").state is NodeState.ACTIVE
    beta.until(beta.now + 12_001)
    assert beta.states("alpha") == ["active", "dead"]


def test_11_a_partition_heals_and_both_restart(box, settings, capture):
    session = capture("11_link_cut")
    beta = _node(box, settings, session, "beta", start=0)
    beta.machine._core.accounted = True  # long past its start
    session.play(beta, "alpha")
    assert [event.node for event in beta.of(PeerReturned)] == ["alpha"]
    assert len(beta.of(NodeRestarted)) == 1
    told = [type(b).__name__ for b in beta.told if isinstance(b, PeerReturned | NodeRestarted)]
    assert told == ["PeerReturned", "NodeRestarted"]
    links = [(event.node, event.up) for event in beta.of(LinkStateChanged)]
    assert links == [("alpha", True), ("alpha", False), ("alpha", True)]


def test_40_the_deadtime_that_a_node_asks_for_is_applied(box, settings, capture):
    session = capture("40_advertised_dt")
    alpha = _node(box, settings, session, "alpha", start=0)
    assert {m.get("dt") for _, m in session.of("beta", "status")} == {f"{15_000:x}"}
    session.play(alpha, "beta")
    last = max(t for t, m in session.of("beta", "status"))
    alpha.until(last + 14_900)
    assert alpha.view().node("beta").state is NodeState.ACTIVE
    alpha.until(last + 15_100)
    assert alpha.view().node("beta").state is NodeState.DEAD


def _floor(session, seq_of):
    statuses = session.of("beta", "status")
    generation = int(statuses[0][1].get("hg"), 16)
    seqs = sorted(int(m.get("seq"), 16) for _, m in session.of("beta") if "seq" in m)
    seq = seq_of(seqs)
    ts = max(int(m.get("ts"), 16) for _, m in session.of("beta") if "seq" in m and int(m.get("seq"), 16) <= seq)
    wall = ts
    return {"replay-floor": encode_floors([Floor("beta", session.uuids["beta"], generation, seq, ts, wall)])}


@pytest.mark.parametrize(
    "seq_of",
    [max, lambda seqs: seqs[-1] - 10, None],
    ids=["floor-exact", "floor-some-messages-behind", "no-floor-at-all"],
)
def test_42_a_recorded_session_does_not_hold_up_a_start(box, settings, capture, seq_of):
    session = capture("42_replay_old_session")
    disk = _floor(session, seq_of) if seq_of else {}
    alpha = _node(box, settings, session, "alpha", start=0, disk=disk)
    assert session.of("beta", "status"), "the capture must hold what is replayed"
    session.play(alpha, "beta", until=12_500)
    alpha.until(12_600)
    assert alpha.states("beta") == ["dead"]
    assert len(alpha.of(CommUp)) == 1
    assert not alpha.messages("reqnodes")
    assert not alpha.of(LinkStateChanged)
    assert not [b for b in alpha.of(MessageReceived) if b.node == "beta"]
    session.play(alpha, "beta")
    assert alpha.states("beta") == ["dead"]
    assert not alpha.messages("repnodes")


def test_45_a_recorded_message_moves_nothing_after_a_death(box, settings, capture):
    session = capture("45_replay_after_death")
    takeovers = session.of("beta", "hb_takeover")
    assert len(takeovers) == 2, "the second is the replay"
    alpha = _node(box, settings, session, "alpha", start=0)
    session.play(alpha, "beta")
    assert alpha.states("beta")[-1] == "dead"
    assert len(alpha.heard("hb_takeover")) == 1
    assert "replay-sequence" in alpha.codes()


def test_45_nor_after_a_restart_of_our_own(box, settings, capture):
    session = capture("45_replay_after_death")
    alpha = _node(box, settings, session, "alpha", start=0)
    session.play(alpha, "beta", until=20_000)
    alpha.until(25_000)
    assert alpha.view().node("beta").state is NodeState.DEAD
    again = _node(box, settings, session, "alpha", start=25_000, disk=alpha.disk)
    session.play(again, "beta", start=26_000)
    again.until(again.now + 13_000)
    assert again.states("beta") == ["dead"]
    assert not [b for b in again.of(MessageReceived) if b.node == "beta"]


def test_a_recording_of_every_session_gets_no_word_out_of_a_node_with_a_floor(box, settings, capture):
    for name in ("01_start_both", "08_rejoin", "11_link_cut"):
        session = capture(name)
        beta = _node(box, settings, session, "beta", start=0)
        session.play(beta, "alpha")
        beta.until(beta.now + 61_000)
        again = _node(box, settings, session, "beta", start=beta.now, disk=beta.disk)
        session.play(again, "alpha", start=beta.now)
        assert not [b for b in again.of(MessageReceived) if b.node == "alpha"], name
        assert not again.messages("repnodes")
        assert not again.messages("NS_ackmsg")
