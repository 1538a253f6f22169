"""One group alone; the hands' answers are given by hand."""

from __future__ import annotations

import pytest

from hacluster.base.effects import Say, Send
from hacluster.base.machine import Instant
from hacluster.config.resources import AgentClass, ResourceWord
from hacluster.config.settings import HaclusterConfig
from hacluster.haresources.grouprun import GroupRun, Means
from hacluster.haresources.identity import spec
from hacluster.msg.haresources import GroupState
from hacluster.msg.lrm import CancelOp, OcfCode, OpEnd, OpFinished, StartOp
from tests.unit.haresources.pair import haresources

OK, DOWN, BAD = OcfCode.OK, OcfCode.NOT_RUNNING, OcfCode.GENERIC


class Bench:
    """A group of three and whoever answers for its agents."""

    def __init__(self, line: str = "alpha ip disk web", **settings) -> None:
        self.out: list = []
        self.ops: dict[int, StartOp] = {}
        self.count = 0
        self.now = 0
        group = haresources(line).groups[0]
        means = Means(HaclusterConfig(**settings), self.new_op, lambda: self.out)
        self.run = GroupRun(group.key, group.node, tuple(map(spec, group.resources)), means)

    def new_op(self) -> int:
        self.count += 1
        return self.count

    def asked(self) -> list[str]:
        """What the hands were asked since the last call, as ``action word``."""
        found = []
        for effect in self.out:
            if isinstance(effect, Send) and isinstance(effect.body, StartOp):
                self.ops[effect.body.op_id] = effect.body
                found.append(f"{effect.body.action} {effect.body.resource.id}")
            elif isinstance(effect, Send) and isinstance(effect.body, CancelOp):
                op = self.ops[effect.body.op_id]
                found.append(f"cancel {op.action} {op.resource.id}")
        self.said = [effect.code for effect in self.out if isinstance(effect, Say)]
        self.out.clear()
        return found

    def answer(self, what: str, rc: OcfCode, end: OpEnd = OpEnd.DONE) -> list[str]:
        op_id = max(i for i, op in self.ops.items() if f"{op.action} {op.resource.id}" == what)
        op = self.ops.pop(op_id)
        self.run.on_finished(OpFinished(op_id, op.resource.id, op.action, end, rc), Instant(self.now))
        self.run.check()
        return self.asked()

    def wait(self, ms: int) -> list[str]:
        self.now += ms
        self.run.on_time(Instant(self.now))
        return self.asked()

    def started(self) -> Bench:
        self.run.take("a test wants it")
        self.asked()
        for name in ("ip", "disk", "web"):
            self.answer(f"status {name}", DOWN)
        for name in ("ip", "disk", "web"):
            self.answer(f"start {name}", OK)
        assert self.run.state is GroupState.RUNNING
        return self


def test_status_of_all_at_once_then_start_from_left_to_right():
    bench = Bench()
    bench.run.take("a test wants it")
    assert bench.asked() == ["status ip", "status disk", "status web"]
    assert bench.answer("status disk", DOWN) == []
    assert bench.answer("status ip", DOWN) == ["start ip"]
    assert bench.answer("status web", DOWN) == []
    assert bench.answer("start ip", OK) == ["start disk"]
    assert bench.answer("start disk", OK) == ["start web"]
    assert bench.answer("start web", OK) == []
    assert bench.run.state is GroupState.RUNNING


def test_what_runs_is_not_started_but_asked_again_after_a_start_before_it():
    bench = Bench()
    bench.run.take("a test wants it")
    bench.asked()
    bench.answer("status web", OK)
    bench.answer("status disk", OK)
    assert bench.answer("status ip", DOWN) == ["start ip"]
    assert bench.answer("start ip", OK) == ["status disk"]
    assert bench.answer("status disk", OK) == ["status web"]
    assert bench.answer("status web", DOWN) == ["start web"]


def test_all_running_needs_no_start():
    bench = Bench()
    bench.run.take("a test wants it")
    bench.asked()
    for name in ("web", "disk", "ip"):
        assert bench.answer(f"status {name}", OK) == []
    assert bench.run.state is GroupState.RUNNING


def test_a_status_asked_ahead_spares_the_question():
    bench = Bench()
    bench.run.probe()
    assert bench.asked() == ["status ip", "status disk", "status web"]
    for name in ("ip", "disk", "web"):
        bench.answer(f"status {name}", DOWN)
    bench.run.take("a test wants it")
    assert bench.asked() == ["start ip"]


def test_a_running_state_asked_ahead_is_not_believed():
    bench = Bench()
    bench.run.probe()
    bench.asked()
    for name in ("ip", "disk", "web"):
        bench.answer(f"status {name}", OK)
    bench.run.take("a test wants it")
    assert bench.asked() == ["status ip"]


def test_a_failed_start_stops_the_whole_group_from_right_to_left():
    bench = Bench()
    bench.run.take("a test wants it")
    bench.asked()
    for name in ("ip", "disk", "web"):
        bench.answer(f"status {name}", DOWN)
    bench.answer("start ip", OK)
    assert bench.answer("start disk", BAD) == ["stop web"]
    assert bench.answer("stop web", OK) == ["stop disk"]
    assert bench.answer("stop disk", OK) == ["stop ip"]
    bench.answer("stop ip", OK)
    assert bench.run.state is GroupState.FAILED
    assert bench.run.view().reason == "disk could not be started: exit status 1"


def test_a_hanging_start_is_told_as_such():
    bench = Bench("alpha web")
    bench.run.take("a test wants it")
    bench.asked()
    bench.answer("status web", DOWN)
    assert bench.answer("start web", BAD, OpEnd.TIMED_OUT) == ["stop web"]
    assert bench.run.view().reason == "web could not be started: it timed out"


def test_a_stop_that_fails_is_tried_again_each_second_and_then_judged_by_status():
    bench = Bench(stop_retry_max=2).started()
    bench.run.give("a test wants it")
    assert bench.asked() == ["stop web"]
    for _ in range(2):
        assert bench.answer("stop web", BAD) == []
        assert bench.wait(999) == []
        assert bench.wait(1) == ["stop web"]
    assert bench.answer("stop web", BAD) == ["status web"]
    assert bench.answer("status web", DOWN) == ["stop disk"]
    assert bench.said == ["stop-unclean"]
    bench.answer("stop disk", OK)
    bench.answer("stop ip", OK)
    assert bench.run.state is GroupState.STOPPED


def test_what_cannot_be_stopped_is_stuck_and_the_rest_is_stopped():
    bench = Bench(stop_retry_max=1).started()
    bench.run.give("a test wants it")
    bench.asked()
    bench.answer("stop web", BAD)
    bench.wait(1_000)
    bench.answer("stop web", BAD)
    assert bench.answer("status web", OK) == ["stop disk"]
    bench.answer("stop disk", OK)
    bench.answer("stop ip", OK)
    assert bench.run.state is GroupState.FAILED
    assert bench.run.news == ["web"]
    bench.run.give("once more")
    assert bench.asked() == ["stop web"]


@pytest.mark.parametrize(
    ("rc", "end"),
    [(BAD, OpEnd.TIMED_OUT), (OcfCode.INSTALLED, OpEnd.NOT_INSTALLED), (BAD, OpEnd.DONE), (BAD, OpEnd.ERROR)],
)
def test_a_status_that_says_nothing_does_not_free_what_could_not_be_stopped(rc, end):
    """Otherwise the other node would start what may still run here."""
    bench = Bench("alpha web", stop_retry_max=1)
    bench.run.take("a test wants it")
    bench.asked()
    bench.answer("status web", OK)
    bench.run.give("a test wants it")
    bench.asked()
    bench.answer("stop web", BAD)
    bench.wait(1_000)
    assert bench.answer("stop web", BAD) == ["status web"]
    bench.answer("status web", rc, end)
    assert bench.run.news == ["web"]
    assert bench.run.state is GroupState.FAILED


def test_zero_retries_means_for_ever():
    bench = Bench(stop_retry_max=0).started()
    bench.run.give("a test wants it")
    bench.asked()
    for _ in range(50):
        assert bench.answer("stop web", BAD) == []
        assert bench.wait(1_000) == ["stop web"]


def test_a_missing_script_of_something_never_started_does_not_hold_up_a_stop():
    bench = Bench()
    bench.run.take("a test wants it")
    bench.asked()
    for name in ("ip", "disk", "web"):
        bench.answer(f"status {name}", BAD, OpEnd.NOT_INSTALLED)
    assert bench.answer("start ip", BAD, OpEnd.NOT_INSTALLED) == ["stop web"]
    assert bench.answer("stop web", BAD, OpEnd.NOT_INSTALLED) == ["stop disk"]
    assert bench.answer("stop disk", BAD, OpEnd.NOT_INSTALLED) == ["stop ip"]
    bench.answer("stop ip", BAD, OpEnd.NOT_INSTALLED)
    assert bench.run.state is GroupState.FAILED
    assert bench.run.news == []


def test_giving_while_starting_waits_for_the_start_then_stops():
    bench = Bench()
    bench.run.take("a test wants it")
    bench.asked()
    bench.answer("status ip", DOWN)
    bench.run.give("a test changed its mind")
    assert bench.asked() == []
    assert bench.answer("start ip", OK) == ["cancel status disk", "cancel status web", "stop web"]


def test_giving_in_a_hurry_kills_the_start():
    bench = Bench("alpha ip")
    bench.run.take("a test wants it")
    bench.asked()
    bench.answer("status ip", DOWN)
    bench.run.give("a test cannot wait", kill=True)
    assert bench.asked() == ["cancel start ip", "stop ip"]
    assert bench.answer("start ip", BAD, OpEnd.CANCELLED) == []
    assert bench.answer("stop ip", OK) == []
    assert bench.run.state is GroupState.STOPPED


def test_new_hands_are_asked_again_status_first():
    bench = Bench()
    bench.run.take("a test wants it")
    bench.asked()
    for name in ("ip", "disk", "web"):
        bench.answer(f"status {name}", DOWN)
    bench.run.hands_restarted()
    assert bench.asked() == ["status ip"]
    assert bench.answer("status ip", OK) == ["status disk"]


def test_an_ocf_word_is_monitored():
    word = ResourceWord("OCF::IPaddr2::vip", AgentClass.OCF, "IPaddr2", ("vip",))
    out: list = []
    means = Means(HaclusterConfig(status_timeout_ms=7), lambda: 1, lambda: out)
    GroupRun("vip", "alpha", (spec(word),), means).probe()
    (effect,) = out
    assert (effect.body.action, effect.body.resource.agent_class, effect.body.timeout_ms) == ("monitor", "ocf", 7)
    assert effect.body.resource.arguments == ("vip",)
