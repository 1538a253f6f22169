"""Answers to people, and ipfail: histories that break the promise, and their innocent neighbours."""

import pytest

from hacluster.base.effects import Reply
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import HandoverAccepted, HandoverFinished
from hacluster.sim.checkers import Bounds
from hacluster.sim.promises import ANSWER_BOUND_MS, AT_ONCE_MS, FINISH_FAULTY_MS, FINISH_MS, PING_MS, Answers, MoreSight
from hacluster.sim.scenario import STANDARD
from hacluster.sim.scene import HostScene, Scene

ACCEPTED = Reply(7, HandoverAccepted("node2 is asked"), last=False)
FINISHED = Reply(7, HandoverFinished(True, "node2 has taken local", 900))
REFUSED = Reply(7, Refused("busy", "groups are being started"))


def scene(now: int = 100_000) -> Scene:
    return Scene(STANDARD.groups, {name: HostScene(daemon=True, pulse_since=0) for name in STANDARD.nodes}, now=now)


def asked(verb: str = "standby all") -> tuple[Answers, Scene]:
    found = scene()
    checker = Answers(found, Bounds())
    checker.on_request("node1", 7, verb)
    return checker, found


def test_accepted_and_finished() -> None:
    checker, found = asked()
    assert checker.on_reply("node1", ACCEPTED) is None
    found.now += FINISH_MS
    assert checker.each_second() is None
    assert checker.at_end() == "standby all on node1 is not answered to its end"
    assert checker.on_reply("node1", FINISHED) is None
    assert checker.at_end() is None
    assert "answered already" in (checker.on_reply("node1", FINISHED) or "")


def test_what_never_ends_is_noticed_later_where_programs_fail() -> None:
    checker, found = asked()
    checker.on_reply("node1", ACCEPTED)
    found.now += FINISH_MS + 1
    assert checker.each_second() == "standby all on node1 was accepted and has not ended after 90001 ms"
    found.hosts["node2"].agents_failed = True
    assert checker.each_second() is None
    found.now += FINISH_FAULTY_MS
    assert checker.each_second() is not None


@pytest.mark.parametrize(("verb", "limit"), [("standby all", AT_ONCE_MS), ("takeover all", ANSWER_BOUND_MS)])
def test_the_first_answer_has_its_time(verb: str, limit: int) -> None:
    checker, found = asked(verb)
    found.now += limit
    assert checker.each_second() is None
    found.now += 1
    assert checker.each_second() is not None
    assert checker.on_reply("node1", REFUSED) is not None
    found.hosts["node1"].resumed_at = found.now
    assert checker.each_second() is None, "the daemon was stopped meanwhile"
    found.hosts["node1"].paused = True
    found.now += 60_000
    assert checker.each_second() is None


def test_a_dead_ping_node_is_no_reason_to_refuse() -> None:
    found = scene()
    found.hosts["node1"].holds_dead.add("10.0.0.254")
    checker = Answers(found, Bounds())
    checker.on_request("node1", 7, "standby all")
    assert checker.on_reply("node1", ACCEPTED) is None


def test_what_cannot_be_accepted_is_refused_at_once() -> None:
    for hopeless in (lambda host: host.holds_dead.add("node2"), lambda host: setattr(host, "stop_asked", True)):
        found = scene()
        hopeless(found.hosts["node1"])
        checker = Answers(found, Bounds())
        for number in (6, 7):
            checker.on_request("node1", number, "takeover all")
        assert checker.on_reply("node1", REFUSED) is None
        assert "although" in (checker.on_reply("node1", Reply(6, HandoverAccepted("yes"), last=False)) or "")
        found.now += AT_ONCE_MS + 1
        assert "at once" in (checker.each_second() or "")


def test_answers_come_in_their_order_and_to_those_who_wait() -> None:
    checker, _ = asked()
    assert "has not accepted" in (checker.on_reply("node1", FINISHED) or "")
    checker, _ = asked()
    assert "wait for the end" in (checker.on_reply("node1", Reply(7, HandoverAccepted("yes"))) or "")
    checker, found = asked()
    checker.on_hung_up("node2")
    assert checker.at_end() is not None
    checker.on_hung_up("node1")
    found.now += 10
    assert (checker.each_second(), checker.at_end()) == (None, None)


def calm() -> tuple[MoreSight, Scene]:
    found = scene()
    found.ipfail, found.hosts["node1"].reach, found.hosts["node2"].reach = True, 1, 2
    found.disturbed_at = found.now - PING_MS - 1
    for group in found.groups.groups:
        found.hosts["node2"].services |= set(found.members(group))
    return MoreSight(found, Bounds()), found


def test_the_node_that_sees_more_holds_everything() -> None:
    checker, found = calm()
    assert checker.each_second() is None
    found.hosts["node2"].services.remove("mail")
    found.hosts["node2"].services.remove("IPaddr::10.0.0.101/24/eth0")
    assert "runs on no node; 2 ping nodes answer node2, 1 node1" in (checker.each_second() or "")
    found.hosts["node1"].services.add("mail")
    assert "runs on node1; 2 ping nodes answer node2, 1 node1" in (checker.each_second() or "")


@pytest.mark.parametrize(
    "excuse",
    [
        lambda found: setattr(found, "ipfail", False),
        lambda found: setattr(found, "overruled", True),
        lambda found: setattr(found, "disturbed_at", found.now - PING_MS),
        lambda found: setattr(found.hosts["node1"], "reach", 2),
        lambda found: setattr(found.hosts["node1"], "agents_failed", True),
    ],
)
def test_what_excuses_the_other_one(excuse) -> None:
    checker, found = calm()
    found.hosts["node1"].services, found.hosts["node2"].services = found.hosts["node2"].services, set()
    assert checker.each_second() is not None
    excuse(found)
    assert checker.each_second() is None
