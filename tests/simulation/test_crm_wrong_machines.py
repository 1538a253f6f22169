"""A checker is believed only after a wrong machine made it speak."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hacluster.base.members import ViewId
from hacluster.ccm.machine import CcmMachine
from hacluster.cibd.machine import CibdMachine
from hacluster.msg.replica import Ack, Patch, Sync, SyncAck
from hacluster.msg.views import CallView
from hacluster.sim.crm.adversary import WORLDS, play
from hacluster.sim.crm.checkers import Breach
from hacluster.sim.crm.ring import RingSetup
from hacluster.sim.desk import Desk, majority, without

THREE = majority("a", "b", "c")


class SameIdAgain(CcmMachine):
    """Proposes each time under the same id."""

    def step(self, event, now):
        if isinstance(event, CallView):
            self._me.state.epoch_seen = 0
            self._me.state.promised = ViewId(0, "", 0, 0)
        return super().step(event, now)


class DeafToLeaving(CibdMachine):
    """Goes on speaking for a view that was left."""

    def _on_left(self):
        if self._view is None:
            super()._on_left()

    def _on_entered(self, event):
        super()._on_left()
        super()._on_entered(event)


class KeepsItsOwn(CibdMachine):
    """Acknowledges a sync and keeps what it had."""

    def _on_sync(self, sync: Sync) -> None:
        self._replica.store.position = sync.position
        self._acked_sync = True
        self._say_to_leader(self._view, SyncAck(sync.view))


class AcksAtReceipt(CibdMachine):
    """Acknowledges what is not on disk."""

    def _on_body(self, sender, body):
        super()._on_body(sender, body)
        if isinstance(body, Patch) and self._view is not None:
            self._say_to_leader(self._view, Ack(body.view, body.record.seq))


class GoesBack(CibdMachine):
    """Forgets a change that it has taken."""

    def _on_synced(self, synced):
        super()._on_synced(synced)
        self.before = self._replica.store.snapshot()

    def _on_commit(self, seq):
        if self._lead is None and self._synced and seq > self._committed:
            self._replica.store.adopt(self.before)


def test_v1_one_id_for_two_views() -> None:
    with pytest.raises(Breach, match="V1"):
        Desk(replace(THREE, ccm=SameIdAgain)).view("a", "ab").view("a", "ac")


def test_v4_speaking_for_a_view_that_was_left() -> None:
    desk = Desk(replace(THREE, cibd=DeafToLeaving)).view("a", "abc").write("a", "x")
    desk.deliver("a", "b").call("b", "bc")
    with pytest.raises(Breach, match="V4"):
        desk.disk("b")


def test_c1_two_contents_under_one_number() -> None:
    desk = Desk(THREE).view("a", "abc").view("a", "ab").write("a", "x").settle("ab")
    desk.view("c", "c").write("c", "y", forced=True).settle("c")
    desk.nodes["c"].cibd.__class__ = KeepsItsOwn
    with pytest.raises(Breach, match="C1"):
        desk.view("a", "abc")


def test_c3_going_back() -> None:
    with pytest.raises(Breach, match="C3"):
        Desk(replace(THREE, cibd=GoesBack)).view("a", "abc").write("a", "x").settle("abc")


def test_c4_an_answer_before_all_disks_have_it() -> None:
    desk = Desk(replace(THREE, cibd=AcksAtReceipt)).view("a", "abc").write("a", "x").disk("a")
    with pytest.raises(Breach, match="C4"):
        desk.deliver("a", "b").deliver("a", "c").deliver("b", "a").deliver("c", "a")


def test_c6_a_stamp_without_its_content() -> None:
    desk = Desk(without(THREE, "content_with_stamp")).view("a", "abc").view("a", "ab").write("a", "x").settle("ab")
    with pytest.raises(Breach, match="C6"):
        desk.view("b", "bc")


def off(world: str, rule: str) -> RingSetup:
    return without(WORLDS[world].setup, rule)


@pytest.mark.parametrize(
    ("world", "rule"),
    [
        ("forced, 3", "stamp_first"),
        ("admin_epoch, 3", "admin_epoch_is_content"),
        ("majority of 3", "content_with_stamp"),
        ("majority of 3", "last_promise_only"),
        ("majority of 3", "horizon"),
        ("majority of 3", "answer_when_committed"),
        ("two nodes", "confirm_first"),
        ("witness, 4", "witness_votes_once"),
    ],
)
def test_the_adversary_finds_a_rule_that_is_off(world: str, rule: str) -> None:
    """The others are for :mod:`tests.unit.cibd.test_counterexamples`: random orders hardly ever come to them."""
    assert any(play(world, seed, 700, off(world, rule))[1] for seed in range(100))
