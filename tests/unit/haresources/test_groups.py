from __future__ import annotations

from hacluster.base.effects import Send
from hacluster.base.machine import Instant
from hacluster.config.settings import HaclusterConfig
from hacluster.haresources.groups import Groups, WorkTag
from hacluster.msg.haresources import Hold
from hacluster.msg.lrm import OcfCode, OpEnd, OpFinished, StartOp
from tests.unit.haresources.pair import haresources


class Bench:
    """Three groups; every operation succeeds when told to."""

    def __init__(self) -> None:
        self.out: list = []
        lines = ("alpha a1 a2", "beta b1", "alpha c1")
        self.groups = Groups(haresources(*lines), "alpha", HaclusterConfig(), lambda: self.out)
        self.asked: list[str] = []
        self.running: set[str] = set()

    def pump(self) -> list[WorkTag]:
        done = [work.tag for work in self.groups.pump()]
        self.groups.check()
        return done

    def answer_all(self) -> list[WorkTag]:
        """Answer what is asked until all is quiet."""
        finished = self.pump()
        while self.out:
            effects, self.out[:] = list(self.out), []
            for effect in effects:
                if isinstance(effect, Send) and isinstance(effect.body, StartOp):
                    self.answer(effect.body)
            finished += self.pump()
        return finished

    def answer(self, op: StartOp) -> None:
        key, rc = op.resource.id, OcfCode.OK
        self.asked.append(f"{op.action} {key}")
        if op.action == "start":
            self.running.add(key)
        elif op.action == "stop":
            self.running.discard(key)
        elif key not in self.running:
            rc = OcfCode.NOT_RUNNING
        self.groups.on_finished(OpFinished(op.op_id, key, op.action, OpEnd.DONE, rc), Instant(0))

    def starts_and_stops(self) -> list[str]:
        found, self.asked = [text for text in self.asked if not text.startswith("status")], []
        return found


def test_local_and_foreign_in_file_order():
    groups = Bench().groups
    assert groups.keys(Hold.LOCAL) == ("a1", "c1")
    assert groups.keys(Hold.FOREIGN) == ("b1",)
    assert groups.keys(Hold.ALL) == ("a1", "b1", "c1")
    assert groups.keys(Hold.NONE) == ()


def test_one_group_after_the_other_in_file_order():
    bench = Bench()
    bench.groups.take(WorkTag.LOCAL, bench.groups.keys(Hold.ALL), "a test wants it")
    assert bench.answer_all() == [WorkTag.LOCAL]
    assert bench.starts_and_stops() == ["start a1", "start a2", "start b1", "start c1"]
    bench.groups.give(WorkTag.GIVE, bench.groups.keys(Hold.LOCAL), "a test wants it")
    assert bench.answer_all() == [WorkTag.GIVE]
    assert bench.starts_and_stops() == ["stop a2", "stop a1", "stop c1"]


def test_a_work_with_nothing_to_do_is_finished_at_once():
    bench = Bench()
    bench.groups.take(WorkTag.TAKE, (), "a test wants it")
    assert bench.pump() == [WorkTag.TAKE]
    assert not bench.groups.busy


def test_works_that_share_a_group_go_one_after_the_other():
    bench = Bench()
    bench.groups.take(WorkTag.TAKE, ["a1"], "a test wants it")
    bench.groups.give(WorkTag.GIVE, ["a1"], "a test wants it")
    bench.groups.take(WorkTag.LOCAL, ["c1"], "a test wants it")
    assert set(bench.answer_all()) == {WorkTag.TAKE, WorkTag.GIVE, WorkTag.LOCAL}
    order = bench.starts_and_stops()
    assert [text for text in order if "a" in text[-2:]] == ["start a1", "start a2", "stop a2", "stop a1"]
    assert order.index("start c1") < order.index("stop a1"), "an unrelated work does not wait"


def test_stopping_at_once_stops_all_side_by_side_and_forgets_the_rest():
    bench = Bench()
    bench.groups.take(WorkTag.LOCAL, bench.groups.keys(Hold.ALL), "a test wants it")
    bench.answer_all()
    bench.starts_and_stops()
    bench.groups.take(WorkTag.RETRY, ["a1"], "a test wants it")
    bench.groups.give_at_once(WorkTag.REJOIN, "a test cannot wait")
    bench.pump()
    asked = [e.body.resource.id for e in bench.out if isinstance(e, Send) and isinstance(e.body, StartOp)]
    assert asked == ["a2", "b1", "c1"]
    assert bench.answer_all() == [WorkTag.REJOIN]
