"""The counterexamples that shaped the protocol of views and CIB, each played to the real machines.

Each schedule breaks an invariant with its rule off, and holds with all rules on. They are told as they were found:
nodes a, b, c, and the order of single messages and writes. R15 to R19 need clocks: ``test_liveness.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hacluster.base.effects import MachineName
from hacluster.cib.voters import voters_of
from hacluster.msg.views import FencedInView
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.ring import RingSetup, raise_admin_epoch, voters_to
from hacluster.sim.desk import Desk, majority, two_nodes, without

Schedule = Callable[[RingSetup], Desk]

THREE = majority("a", "b", "c")


def epoch_before_lineage(setup: RingSetup) -> Desk:
    """R1: a has two changes that nobody else got, {b,c} one that was answered."""
    desk = Desk(setup).view("a", "abc").write("a", "x1").write("a", "x2").disk("a").drop("a")
    desk.view("b", "bc").write("b", "y").settle("bc")
    return desk.view("c", "ac")


def forced_before_lineage(setup: RingSetup) -> Desk:
    """R1: three forced changes of a alone against one that {b,c} answered."""
    desk = Desk(setup).view("a", "abc").view("a", "a")
    for name in ("x1", "x2", "x3"):
        desk.write("a", name, forced=True).settle("a")
    desk.view("b", "bc").write("b", "y").settle("bc")
    return desk.view("c", "abc")


def view_of_last_record(setup: RingSetup) -> Desk:
    """R2: r1 only on a's disk, r2 only on b's; {a,c} adopts r1 and answers its repetition; then {b,c}."""
    desk = Desk(setup).view("a", "abc").write("a", "r1").disk("a").drop("a")
    desk.view("b", "bc").write("b", "r2").disk("b").drop("b")
    desk.view("c", "ac", "a").write("a", "r1").settle("ac").drop("a")
    return desk.view("c", "bc", "b")


def admin_epoch_on_top(setup: RingSetup) -> Desk:
    """R3: a journals a change that raises admin_epoch and nobody gets it."""
    desk = Desk(setup).view("a", "abc").write("a", "x", raise_admin_epoch("x")).disk("a").drop("a")
    desk.view("b", "bc").write("b", "y").settle("bc")
    return desk.view("c", "ac")


def stamp_before_content(setup: RingSetup) -> Desk:
    """R4: c has the new stamp on disk, and dies before the content."""
    desk = Desk(setup).view("a", "abc").call("a", "ab").settle("ab").write("a", "x").settle("ab")
    desk.call("b", "bc").disk("b").deliver("b", "c", "Propose").disk("c").deliver("c", "b").disk("b")
    desk.deliver("b", "c", "Install", "Sync").disk("c", 1).crash("c").crash("b")
    return desk.drop("c").drop("b").restart("c").restart("b").view("c", "ac")


def own_promise_late(setup: RingSetup) -> Desk:
    """R5: c enters its own view before its promise is on disk, dies, and accepts b's lower one, which was under way."""
    desk = Desk(setup).call("b", "bc").disk("b").call("c", "ac")
    if setup.ccm_rules.own_promise:
        desk.disk("c")
    desk.deliver("c", "a").disk("a").deliver("a", "c").deliver("c", "a").crash("c").restart("c")
    return desk.deliver("b", "c").disk("c").deliver("c", "b").deliver("b", "c")


def late_install(setup: RingSetup) -> Desk:
    """R6: b accepts a's view; then it enters one of its own and promises a third; now the first one's Install comes."""
    desk = Desk(setup).call("a", "ab").disk("a").deliver("a", "b").disk("b").deliver("b", "a")
    desk.view("b", "b").call("b", "bc")
    return desk.deliver("a", "b")


def early_repetition(setup: RingSetup) -> Desk:
    """R7: the client repeats a write that only a has, and a dies."""
    desk = Desk(setup).view("a", "abc").write("a", "x").write("a", "x").drop("a")
    return desk.view("b", "bc")


def forgotten_id(setup: RingSetup) -> Desk:
    """R8: the books keep three ids; a write, four others, and the first one again."""
    desk = Desk(setup).view("a", "abc")
    for name in ("x", "y1", "y2", "y3", "y4", "x"):
        desk.write("a", name).settle("abc")
    return desk


def met_by_install(setup: RingSetup) -> Desk:
    """R9: a is back and has entered {a,b}, and b dies before the sync."""
    desk = Desk(setup).view("a", "ab").crash("a").view("b", "b").fenced("b", "a").settle("b")
    desk.write("b", "x").settle("b").restart("a")
    desk.call("b", "ab").disk("b").deliver("b", "a").disk("a").deliver("a", "b").deliver("b", "a", "Install")
    desk.crash("b").drop("b").view("a", "a").fenced("a", "b").settle("a")
    return desk


def alone_without_confirmation(setup: RingSetup) -> Desk:
    """R10: cut apart; a enters views alone with higher ids; b fences a, writes, and is answered; a returns."""
    desk = Desk(setup).view("a", "ab").view("b", "b").view("a", "a").view("a", "a")
    desk.fenced("b", "a").crash("a").settle("b").write("b", "x").settle("b").restart("a")
    return desk.view("b", "ab")


def ping_as_vote(setup: RingSetup) -> Desk:
    """R11: {a,b} and {c,d} both reach the ping node."""
    desk = Desk(setup)
    witness = "w" if setup.ccm_rules.witness_votes_once else ""
    desk.view("a", f"ab{witness}").write("a", "x").settle(f"ab{witness}")
    desk.view("c", f"cd{witness}").write("c", "y").settle(f"cd{witness}")
    return desk.view("a", f"abcd{witness}")


def damaged_copy(setup: RingSetup) -> Desk:
    """R12: b's snapshot is bad and it falls back; {b,c} lacks what {a,b} answered."""
    desk = Desk(setup).view("a", "abc").view("a", "ab").write("a", "x").settle("ab").crash("b")
    files = desk.disks["b"].files
    files["cib.journal"] = b""
    files["cib-previous.xml"], files["cib.xml"] = files.get("cib.xml", b""), b"torn"
    return desk.drop("b").restart("b").view("b", "bc")


def healed_too_early(setup: RingSetup) -> Desk:
    """R12: c calls all, and a accepts; a and b go on without c; b loses its disk, and only then hears c's call."""
    desk = Desk(setup).call("c", "abc").disk("c").deliver("c", "a").disk("a").deliver("a", "c")
    late = desk.channels[next(key for key in desk.channels if (key[0].name, key[1]) == ("c", "b"))]
    kept = list(late)
    late.clear()
    desk.view("a", "ab").write("a", "x").settle("ab").crash("b").lose_disk("b")
    desk.boot("b")
    desk.disk("b").meet("abc")
    desk.drop("b")
    late.extend(kept)
    desk.leader = "c"
    return desk.deliver("c", "b").settle("bc").settle("bc").view("c", "bc")


def two_voters_at_once(setup: RingSetup) -> Desk:
    """R13: a journals "remove c", then "remove b", and nobody gets them; by its own list a alone has quorum."""
    desk = Desk(setup)
    desk.checkers.fixed_voters = False
    desk.view("a", "abc").write("a", "v1", voters_to(voters_of("ab"), "v1")).write(
        "a", "v2", voters_to(voters_of("a"), "v2")
    ).disk("a").drop("a")
    desk.view("a", "a").write("a", "x").settle("a")
    desk.view("b", "bc").write("b", "y").settle("bc")
    return desk.view("b", "abc")


def stale_fencing(setup: RingSetup) -> Desk:
    """R14: a asks for b's fencing; b is back by the time its success is heard, and cut off again."""
    desk = Desk(setup).view("a", "ab").view("a", "a")
    view = desk.node("a").ccm.view
    assert view is not None
    desk.crash("b").drop("b").restart("b").view("b", "ab").view("a", "a")
    desk.give(desk.node("a"), MachineName.CCM, FencedInView(view.id, "b"))
    desk.settle("a")
    if desk.is_synced("a"):
        desk.write("a", "x").settle("a")
    return desk.view("b", "b").fenced("b", "a").settle("b")


# Schedule, the rule that it is about, and the invariant that breaks without it.
CASES: list[tuple[Schedule, str, RingSetup, str]] = [
    (epoch_before_lineage, "stamp_first", THREE, "C2"),
    (forced_before_lineage, "stamp_first", THREE, "C2"),
    (view_of_last_record, "stamp_at_sync", THREE, "C2"),
    (admin_epoch_on_top, "admin_epoch_is_content", THREE, "C2"),
    (stamp_before_content, "content_with_stamp", THREE, "C6"),
    (own_promise_late, "own_promise", THREE, "V2"),
    (late_install, "last_promise_only", THREE, "V2"),
    (early_repetition, "answer_when_committed", THREE, "C2"),
    (forgotten_id, "horizon", RingSetup(THREE.names, THREE.voters, THREE.ccm_rules, kept=3), "C5"),
    (met_by_install, "met_by_sync", two_nodes(), "C2"),
    (alone_without_confirmation, "confirm_first", two_nodes(), "C2"),
    (ping_as_vote, "witness_votes_once", majority("a", "b", "c", "d", witness="w"), "V3"),
    (damaged_copy, "damage", THREE, "C2"),
    (healed_too_early, "heal_at_synced", THREE, "C2"),
    (two_voters_at_once, "voters_one_by_one", THREE, "C2"),
    (stale_fencing, "evidence_of_this_view", two_nodes(), "C2"),
]


@pytest.mark.parametrize(("schedule", "rule", "setup", "breach"), CASES, ids=lambda item: getattr(item, "__name__", ""))
def test_it_breaks_without_its_rule(schedule: Schedule, rule: str, setup: RingSetup, breach: str) -> None:
    with pytest.raises(Breach, match=f"^{breach} "):
        schedule(without(setup, rule))


@pytest.mark.parametrize(("schedule", "rule", "setup", "breach"), CASES, ids=lambda item: getattr(item, "__name__", ""))
def test_it_holds_with_all_rules(schedule: Schedule, rule: str, setup: RingSetup, breach: str) -> None:
    schedule(setup)


def witness_too_early(setup: RingSetup) -> Desk:
    """R11: w has the stamp of {a,w} on disk, and a dies before its own; then all meet again."""
    desk = Desk(setup).view("a", "abw").call("a", "aw").disk("a").deliver("a", "w").disk("w").deliver("w", "a")
    desk.deliver("a", "w").disk("w").crash("a").drop("a").restart("a")
    return desk.view("b", "abw")


def test_a_witness_that_records_what_nobody_has_blocks_everything() -> None:
    setup = majority("a", "b", witness="w")
    assert not witness_too_early(without(setup, "witness_last")).is_synced("b")
    assert witness_too_early(setup).is_synced("b")


def test_an_old_leader_may_hear_its_last_acknowledgement_late() -> None:
    """R20: C2 compares ids. c declares its view synced after {a,b} has answered a write in a higher one."""
    desk = Desk(THREE).call("c", "abc").disk("c").deliver("c", "a").deliver("c", "b").disk("ab")
    desk.deliver("a", "c").deliver("b", "c").disk("c").deliver("c", "a").deliver("c", "b").disk("ab")
    desk.view("b", "ab").write("b", "x").settle("ab")
    assert desk.checkers.committed["x"] > desk.checkers.views[min(desk.checkers.views)].id
    desk.deliver("a", "c").deliver("b", "c")
    assert desk.is_synced("c")
    assert desk.has("c") == set()
    desk.write("c", "y").settle("c")
    assert "y" not in desk.checkers.committed, "it can commit nothing"
