"""Messages between machines: exactly once under loss, duplication and reordering; addressing; node lists; clients."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.msg.driver import Refused
from hacluster.msg.membership import (
    Accepted,
    CastMessage,
    ChangeNodes,
    ClientPresence,
    ClientSignedOn,
    ClientStatusQuery,
    MembershipQuery,
    MembershipView,
    MessageReceived,
    NodeState,
    ParameterQuery,
    SetNodeAttribute,
)
from hacluster.wire.hamsg import HaMessage


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(0, 400_000),
    st.integers(0, 300_000),
    st.integers(1, 400),
    st.integers(1, 30),
)
def test_every_message_arrives_exactly_once(lan, seed, loss, duplicate, delay, count):
    net = lan(("alpha", "beta", "gamma"), seed=seed)
    boxes = [net.boot(name) for name in ("alpha", "beta", "gamma")]
    net.run(14_000)
    net.loss, net.duplicate, net.delay = loss, duplicate, (1, delay)
    for number in range(count):
        for name in ("alpha", "beta"):
            net.give(name, CastMessage(HaMessage.of(t="resource", rsc_hold=f"{name}{number}")))
        net.run(net.dice.between(0, 60))
    net.run(3_000)
    net.loss = net.duplicate = 0
    net.run(6_000)
    expected = {name: sorted(f"{name}{number}" for number in range(count)) for name in ("alpha", "beta")}
    for box in boxes:
        assert "dead" not in [state for other in boxes for state in box.states(other.name)]
        for name in ("alpha", "beta"):
            got = sorted(
                body.message.get("rsc_hold")
                for body in box.of(MessageReceived)
                if body.node == name and body.message.type == "resource"
            )
            assert got == expected[name]
        assert not box.machine._core.peers.get("alpha" if box.name != "alpha" else "beta").receiver.missing


def test_more_than_the_history_holds_is_refused_not_asked_for_ever(lan):
    net = lan(deadtime_ms=60_000, initdead_ms=60_000, delay=(1, 1))
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(3_000)
    net.cut = {("alpha", "beta")}
    for _ in range(20):
        net.give("alpha", CastMessage(HaMessage.of(t="resource", rsc_hold="lost")))
    net.cut = {("beta", "alpha")}
    net.run(2_000)
    for _ in range(600):
        net.give("alpha", CastMessage(HaMessage.of(t="resource", rsc_hold="kept")))
    net.cut = set()
    net.run(5_000)
    assert len([m for m in beta.heard("resource") if m.get("rsc_hold") == "kept"]) == 600
    assert "message-lost" in beta.codes()
    assert not beta.machine._core.peers.get("alpha").receiver.missing
    assert "history-filling" in alpha.codes()


def test_a_message_for_another_node_is_counted_and_not_delivered(lan):
    net = lan(("alpha", "beta", "gamma"))
    boxes = {name: net.boot(name) for name in ("alpha", "beta", "gamma")}
    net.run(5_000)
    net.give("alpha", CastMessage(HaMessage.of(t="you_are_dead", dest="beta")))
    net.run(500)
    assert len(boxes["beta"].heard("you_are_dead")) == 1
    assert not boxes["gamma"].heard("you_are_dead")
    assert not boxes["gamma"].machine._core.peers.get("alpha").receiver.missing


def test_a_message_that_cannot_be_written_is_said_and_takes_no_number(lan):
    net = lan()
    alpha = net.boot("alpha")
    net.boot("beta")
    net.run(3_000)
    last = alpha.machine._core.outbox.history.last
    net.give("alpha", CastMessage(HaMessage.of(t="resource", info="a\0b")))
    assert alpha.codes()[-1] == "unsendable"
    assert alpha.machine._core.outbox.history.last == last


def test_callers_cannot_forge_the_sender(lan):
    net = lan()
    net.boot("alpha")
    beta = net.boot("beta")
    net.run(3_000)
    net.give("alpha", CastMessage(HaMessage.of(t="starting", src="gamma", seq="1", hg="1", ts="1")))
    net.run(100)
    [message] = beta.heard("starting")
    assert message.get("src") == "alpha"


def test_nodes_are_added_and_removed_at_run_time_and_newcomers_learn_it(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    assert isinstance(alpha.ask(ChangeNodes(("gamma",), add=True)), Refused)
    net.run(4_000)
    net.give("alpha", CastMessage(HaMessage.of(t="starting")))
    answer = alpha.ask(ChangeNodes(("Gamma",), add=True))
    net._carry(alpha)
    net.run(200)
    assert isinstance(answer, Accepted)
    assert alpha.messages("addnode")[0][1].get("nodelist") == "gamma"
    for box in (alpha, beta):
        assert box.view().node("gamma").state is NodeState.INIT
        assert box.machine._core.outbox.nodes == 3
    net.run(6_100)
    assert beta.view().node("gamma").state is NodeState.DEAD
    assert alpha.messages("status")[-1][1].get("ttl") == "4"
    again = net.boot("beta")
    net.run(14_000)
    assert again.view().node("gamma") is not None
    assert isinstance(alpha.ask(ChangeNodes(("gamma",), add=False)), Accepted)
    net._carry(alpha)
    net.run(200)
    assert again.view().node("gamma") is None
    assert alpha.view().node("gamma") is None


@pytest.mark.parametrize(
    ("names", "add", "code"),
    [
        (("beta",), True, "known-node"),
        (("alpha",), True, "known-node"),
        (("gam ma",), True, "bad-name"),
        (("gämma",), True, "bad-name"),
        ((), True, "bad-name"),
        (("alpha",), False, "own-node"),
        (("beta",), False, "live-node"),
        (("gamma",), False, "unknown-node"),
    ],
)
def test_wrong_node_changes_are_refused(lan, names, add, code):
    net = lan()
    alpha = net.boot("alpha")
    net.boot("beta")
    net.run(4_000)
    assert alpha.ask(ChangeNodes(names, add)).code == code


def test_weight_and_site_reach_the_others(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(4_000)
    assert isinstance(alpha.ask(SetNodeAttribute("beta", "weight", "50")), Accepted)
    assert isinstance(alpha.ask(SetNodeAttribute("alpha", "site", "north")), Accepted)
    assert alpha.ask(SetNodeAttribute("beta", "weight", "-1")).code == "bad-value"
    assert alpha.ask(SetNodeAttribute("beta", "colour", "red")).code == "unknown-attribute"
    assert alpha.ask(SetNodeAttribute("gamma", "weight", "50")).code == "unknown-node"
    net._carry(alpha)
    net.run(200)
    assert beta.view().node("beta").weight == 50
    assert beta.view().node("alpha").site == "north"


def test_client_status_is_asked_over_the_wire(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(4_000)
    net.give("beta", ClientSignedOn("ipfail", join=True, reason="signon"))
    net.run(200)
    [news] = alpha.heard("hbapi-clstat")
    assert (news.get("st"), news.get("from_id"), news.get("to_id")) == ("join", "ipfail", "ipfail")
    for client, presence in (("ipfail", ClientPresence.ONLINE), ("ccm", ClientPresence.OFFLINE)):
        assert alpha.ask(ClientStatusQuery("beta", client)) is None
        net._carry(alpha)
        net.run(200)
        assert alpha.replies[-1].body.presence is presence
    assert alpha.ask(ClientStatusQuery("alpha", "ipfail")).presence is ClientPresence.OFFLINE
    assert beta.ask(ClientStatusQuery("beta", "ipfail")).presence is ClientPresence.ONLINE
    assert isinstance(alpha.ask(ClientStatusQuery("delta", "ipfail")), Refused)
    net.cut = {("alpha", "beta")}
    assert alpha.ask(ClientStatusQuery("beta", "ipfail", 300)) is None
    net.run(400)
    assert alpha.replies[-1].body.presence is ClientPresence.TIMEOUT


def test_too_many_questions_are_refused(lan):
    net = lan()
    alpha = net.boot("alpha")
    net.boot("beta")
    net.run(4_000)
    answers = [alpha.ask(ClientStatusQuery("beta", f"c{number}", 50_000)) for number in range(70)]
    assert answers[:64] == [None] * 64
    assert {answer.code for answer in answers[64:]} == {"busy"}


def test_client_news_keeps_its_order_across_a_gap(lan):
    net = lan()
    alpha, beta = net.boot("alpha"), net.boot("beta")
    net.run(4_000)
    net.cut = {("alpha", "beta")}
    net.give("alpha", ClientSignedOn("ipfail", join=True))
    net.cut = set()
    net.give("alpha", ClientSignedOn("ipfail", join=False))
    net.run(2_000)
    assert [m.get("st") for m in beta.heard("hbapi-clstat")] == ["join", "leave"]
    assert alpha.ask(ClientStatusQuery("alpha", "ipfail")).presence is ClientPresence.OFFLINE


def test_queries(lan):
    net = lan(parameters=(("keepalive", "1000ms"),))
    alpha = net.boot("alpha")
    view = alpha.ask(MembershipQuery())
    assert isinstance(view, MembershipView)
    assert view.sign_method == "sha1"
    assert alpha.ask(ParameterQuery("keepalive")).value == "1000ms"
    assert alpha.ask(ParameterQuery("nonsense")).value is None
    assert alpha.ask(object()).code == "unknown-request"
