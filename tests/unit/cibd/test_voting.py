"""Who votes, changed while it runs: by people, by last-man-standing, by the tie-breaker; and what quorum is made of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.base.effects import MachineName
from hacluster.ccm.rules import Rules
from hacluster.cib.voters import Voters, adapted, parse_voters, voters_of
from hacluster.msg.driver import StopRequested, Tick
from hacluster.msg.replica import SetVoters, WriteEnd, Written
from hacluster.sim.crm.ring import RingSetup
from hacluster.sim.crm.standin import StandIn
from hacluster.sim.desk import UNTIMED, Desk, majority, two_nodes

LAST_MAN = "a=1 b=1 c=1 d=1 e=1 wait-for-all last-man-standing"


def timed(text: str) -> StandIn:
    voters = parse_voters(text)
    setup = RingSetup(tuple(sorted(voters.names)), voters, ccm_rules=Rules(), last_man_window_ms=3_000)
    ring = StandIn(setup, 1)
    ring.checkers.fixed_voters = False
    return ring


def after_deaths(ring: StandIn, *deaths: str, apart_ms: int = 8_000) -> StandIn:
    ring.agenda.run_until(6_000)
    for name in deaths:
        ring.kill(name)
        ring.agenda.run_until(ring.agenda.now + apart_ms)
    ring.agenda.run_until(ring.agenda.now + 8_000)
    return ring


def quorate(ring: StandIn) -> set[str]:
    return {name for name, node in ring.nodes.items() if node.ccm.view is not None and node.ccm.view.quorate}


def votes(ring: StandIn, name: str) -> str:
    return ring.nodes[name].cibd._replica.voters().show()


def test_without_last_man_standing_a_majority_of_the_first_list_is_needed() -> None:
    assert quorate(after_deaths(timed("a=1 b=1 c=1 d=1 e=1"), "e", "d")) == {"a", "b", "c"}
    assert quorate(after_deaths(timed("a=1 b=1 c=1 d=1 e=1"), "e", "d", "c")) == set()


def test_the_last_two_men_stand_when_the_others_go_one_after_the_other() -> None:
    """votequorum(5): down to two; the last one needs a tie-breaker, too."""
    ring = after_deaths(timed(LAST_MAN), "e", "d", "c")
    assert quorate(ring) == {"a", "b"}
    assert votes(ring, "a").startswith("a=1 b=1 c=0 d=0 e=0")
    assert quorate(after_deaths(timed(LAST_MAN), "e", "d", "c", "b")) == set()


def test_with_a_tie_breaker_the_last_one_stands() -> None:
    ring = after_deaths(timed(f"{LAST_MAN} auto-tie-breaker=lowest"), "e", "d", "c", "b")
    assert quorate(ring) == {"a"}
    ring = after_deaths(timed(f"{LAST_MAN} auto-tie-breaker=lowest"), "a", "b", "c", "d")
    assert quorate(ring) == set(), "d was the lower of the last two"
    ring = after_deaths(timed(f"{LAST_MAN} auto-tie-breaker=highest"), "a", "b", "c", "d")
    assert quorate(ring) == {"e"}


def test_who_goes_sooner_than_the_window_still_counts() -> None:
    assert quorate(after_deaths(timed(LAST_MAN), "e", "d", "c", apart_ms=100)) == set()


def test_who_comes_back_has_its_vote_again() -> None:
    ring = after_deaths(timed(LAST_MAN), "e", "d", "c")
    ring.start("c")
    ring.agenda.run_until(ring.agenda.now + 6_000)
    assert votes(ring, "a").startswith("a=1 b=1 c=1 d=0 e=0")
    assert quorate(ring) == {"a", "b", "c"}


@pytest.mark.parametrize(("preference", "breaker"), [("lowest", "a"), ("highest", "d"), ("c,b", "c"), ("b,c", "b")])
def test_whose_half_has_quorum_in_a_tie(preference: str, breaker: str) -> None:
    voters = parse_voters(f"a=1 b=1 c=1 d=1 auto-tie-breaker={preference}")
    assert adapted(voters, frozenset("abcd")).tie_breaker == breaker


def test_one_half_has_quorum_and_the_other_has_not() -> None:
    desk = Desk(majority(*"abcd", tie_breaker="b"))
    views = [desk.view("a", "ab").node("a").ccm.view, desk.view("c", "cd").node("c").ccm.view]
    assert [view is not None and view.quorate for view in views] == [True, False]


def set_voters(desk: Desk, name: str, text: str, group: str) -> Written:
    number = desk.ask(name, SetVoters(text))
    for _ in range(30):
        desk.settle(group)
        for node in desk.nodes.values():
            if node.cibd.deadline() is not None:
                desk.give(node, MachineName.CIBD, Tick())
    answer = desk.node(name).replies[number]
    assert isinstance(answer, Written)
    return answer


def test_a_person_changes_the_list_in_as_many_steps_as_it_takes() -> None:
    desk = Desk(majority(*"abc"))
    desk.checkers.fixed_voters = False
    desk.view("a", "abc")
    before = desk.checkers.counts["committed"]
    answer = set_voters(desk, "b", "a=5 b=1 c=1", "abc")
    assert answer.end is WriteEnd.COMMITTED
    assert desk.checkers.counts["committed"] - before >= 2
    for name in "abc":
        assert desk.node(name).cibd._replica.voters() == Voters((("a", 5), ("b", 1), ("c", 1)))


def test_a_list_by_which_the_members_have_no_quorum_is_refused_and_so_is_nonsense() -> None:
    desk = Desk(majority(*"abcde"))
    desk.view("a", "abc")
    answer = set_voters(desk, "a", "a=1 b=1 c=1 d=3 e=3", "abc")
    assert (answer.end, "no quorum by the new list" in answer.text) == (WriteEnd.REFUSED, True)
    answer = set_voters(desk, "c", "a=1 b=x", "abc")
    assert answer.end is WriteEnd.REFUSED
    assert '"b=x"' in answer.text


def test_wait_for_all_holds_until_all_were_there_once_and_is_passed_on() -> None:
    desk = Desk(majority(*"abc", wait_for_all=True))
    view = desk.view("a", "ab").node("a").ccm.view
    assert view is not None
    assert not view.quorate
    assert "waiting for all voters" in view.why
    view = desk.view("a", "abc").view("a", "ab").node("a").ccm.view
    assert view is not None
    assert view.quorate
    desk.crash("b").drop("b").restart("b")
    view = desk.view("c", "bc").node("c").ccm.view
    assert view is not None
    assert view.quorate, "c met it, and b with it"


def test_weights() -> None:
    voters = Voters((("a", 3), ("b", 1), ("c", 1)))
    desk = Desk(RingSetup(tuple("abc"), voters, ccm_rules=UNTIMED))
    alone, rest = desk.view("a", "a").node("a").ccm.view, desk.view("b", "bc").node("b").ccm.view
    assert alone is not None
    assert rest is not None
    assert (alone.quorate, rest.quorate) == (True, False)
    assert rest.why.startswith("2 of 5 votes, 3 needed; missing: a (3)")


def test_a_goodbye_lets_the_other_of_two_go_on_without_fencing() -> None:
    desk = Desk(two_nodes()).view("a", "ab")
    desk.give(desk.node("b"), MachineName.CCM, StopRequested())
    desk.deliver("b", "a").crash("b").view("a", "a")
    assert desk.is_synced("a")
    alone = Desk(two_nodes()).view("a", "ab").crash("b").view("a", "a")
    assert not alone.is_synced("a"), "nobody said that b is down"
    assert alone.person_says_down("a", "b").settle("a").is_synced("a")


def test_a_witness_alone_with_one_node_gives_it_quorum_and_never_leads() -> None:
    desk = Desk(majority("a", "b", witness="w")).view("a", "abw").write("a", "x").settle("abw")
    view = desk.view("a", "aw", "w").node("a").ccm.view
    assert view is not None
    assert (view.quorate, view.leader) == (True, "a")
    assert desk.is_synced("a")
    assert desk.disks["w"].files["cib.journal"].count(b'"w-x"') == 0, "it keeps no content"


def test_members_without_the_copy_that_a_witness_knows_of_do_not_sync() -> None:
    desk = Desk(majority("a", "b", witness="w")).view("a", "abw").view("a", "aw").write("a", "x").settle("aw")
    desk.crash("a").drop("a").view("b", "bw")
    assert not desk.is_synced("b")
    assert any("a node that has it is missed" in line for line in desk.log)
    desk.restart("a")
    assert desk.view("b", "abw").is_synced("b")
    assert desk.has("b") == {"x"}


def test_faults_of_last_man_standing() -> None:
    assert replace(voters_of("abc"), last_man_standing=True).faults() == ["last-man-standing needs wait-for-all"]
    assert "is not in the list" in replace(voters_of("abc"), auto_tie_breaker="z").faults()[0]
