"""The hands: order, limits, candidates, cancelling, recurring operations, hooks."""

import errno

from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.base.effects import Effect, Kill, MachineName, Reply, Say, Send, Spawn
from hacluster.base.limits import MAX_FRAME, MAX_HOOKS, MAX_OPERATIONS, MAX_RESULTS
from hacluster.base.machine import Instant
from hacluster.client.language import codec
from hacluster.config.settings import HaclusterConfig, OperationTimeout
from hacluster.lrm.machine import LrmMachine
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildEnd, ChildExited, Peer, Request, Tick
from hacluster.msg.lrm import (
    AgentClass,
    CancelOp,
    HooksRun,
    OcfCode,
    OpEnd,
    OpFinished,
    OpsQuery,
    OpsView,
    ResourceSpec,
    StartOp,
)
from hacluster.wire.ipc import Frame, Kind


def spec(name: str = "web", agent_class: AgentClass = AgentClass.HEARTBEAT) -> ResourceSpec:
    return ResourceSpec(name, agent_class, "", name, ("x",))


def machine(parallel: int = 8, **settings_: object) -> LrmMachine:
    return LrmMachine(HaclusterConfig(**settings_), Surroundings("n1"), parallel=parallel)  # type: ignore[arg-type]


def step(lrm: LrmMachine, event: object, now: int = 0) -> list[Effect]:
    effects = lrm.step(event, Instant(now))  # type: ignore[arg-type]
    lrm.check()
    return effects


def spawns(effects: list[Effect]) -> list[Spawn]:
    return [effect for effect in effects if isinstance(effect, Spawn)]


def results(effects: list[Effect]) -> list[OpFinished]:
    bodies = [effect.body for effect in effects if isinstance(effect, Send) and effect.to is MachineName.HARESOURCES]
    return [body for body in bodies if isinstance(body, OpFinished)]


def gone(child: int, code: int = 0, end: ChildEnd = ChildEnd.EXITED, out: bytes = b"", err: bytes = b"") -> ChildExited:
    return ChildExited(child, end, code, out, err)


def test_one_operation_per_resource_in_order() -> None:
    lrm = machine()
    (first,) = spawns(step(lrm, StartOp(1, spec(), "start")))
    assert first.argv == ("/etc/ha.d/resource.d/web", "x", "start")
    assert not spawns(step(lrm, StartOp(2, spec(), "status")))
    (other,) = spawns(step(lrm, StartOp(3, spec("db"), "start")))
    assert other.argv[-1] == "start"
    effects = step(lrm, gone(first.child_id), 40)
    assert [(r.op_id, r.end, r.rc, r.elapsed_ms) for r in results(effects)] == [(1, OpEnd.DONE, OcfCode.OK, 40)]
    (second,) = spawns(effects)
    assert second.argv[-1] == "status"


def test_parallel_limit_holds_and_all_run_in_the_end() -> None:
    lrm = machine(parallel=2)
    running = [spawn.child_id for n in range(5) for spawn in spawns(step(lrm, StartOp(n, spec(f"r{n}"), "start")))]
    assert len(running) == 2
    done = []
    while running:
        effects = step(lrm, gone(running.pop(0)))
        done += [result.op_id for result in results(effects)]
        running += [spawn.child_id for spawn in spawns(effects)]
        assert len(running) <= 2
    assert done == [0, 1, 2, 3, 4]


def test_time_limits_come_from_the_settings() -> None:
    lrm = machine(
        start_timeout_ms=7_000,
        status_timeout_ms=3_000,
        kill_after_ms=900,
        output_limit=77,
        timeouts=(OperationTimeout("web", "stop", 11),),
    )
    asked = [
        spawns(step(lrm, StartOp(n, spec(name), action, given_timeout)))[0]
        for n, (name, action, given_timeout) in enumerate(
            [
                ("a", "start", None),
                ("b", "monitor", None),
                ("web", "stop", None),
                ("c", "meta-data", None),
                ("d", "start", 5),
            ]
        )
    ]
    assert [spawn.timeout_ms for spawn in asked] == [7_000, 3_000, 11, 3_000, 5]
    assert {(spawn.kill_after_ms, spawn.output_limit) for spawn in asked} == {(900, 77)}


def test_the_next_candidate_is_tried_within_the_same_time_limit() -> None:
    lrm = machine()
    (first,) = spawns(step(lrm, StartOp(1, spec(), "start", 1_000)))
    (second,) = spawns(step(lrm, gone(first.child_id, errno.ENOENT, ChildEnd.NOT_STARTED), 100))
    assert second.argv == ("/etc/init.d/web", "x", "start")
    assert second.timeout_ms == 900
    effects = step(lrm, gone(second.child_id, errno.EACCES, ChildEnd.NOT_STARTED), 100)
    (result,) = results(effects)
    assert (result.end, result.rc) == (OpEnd.NOT_INSTALLED, OcfCode.INSTALLED)
    assert "/etc/ha.d/resource.d/web, /etc/init.d/web" in result.reason
    assert any(isinstance(effect, Say) and effect.code == "operation-failed" for effect in effects)


def test_a_script_without_interpreter_line_is_run_by_the_shell() -> None:
    lrm = machine()
    (first,) = spawns(step(lrm, StartOp(1, spec(), "start")))
    (second,) = spawns(step(lrm, gone(first.child_id, errno.ENOEXEC, ChildEnd.NOT_STARTED)))
    assert second.argv == ("/bin/sh", "/etc/ha.d/resource.d/web", "x", "start")
    (result,) = results(step(lrm, gone(second.child_id, errno.ENOEXEC, ChildEnd.NOT_STARTED)))
    assert (result.end, result.reason) == (OpEnd.ERROR, "could not be started: ENOEXEC")


def test_what_cannot_be_run_is_answered_at_once() -> None:
    lrm = machine()
    (unit,) = results(step(lrm, StartOp(1, spec(agent_class=AgentClass.SYSTEMD), "promote")))
    assert (unit.end, unit.rc) == (OpEnd.ERROR, OcfCode.UNIMPLEMENTED)
    (outside,) = results(step(lrm, StartOp(2, spec("../sh"), "start")))
    assert (outside.end, outside.rc) == (OpEnd.ERROR, OcfCode.CONFIGURED)
    step(lrm, StartOp(3, spec(), "start"))
    (again,) = results(step(lrm, StartOp(3, spec(), "stop")))
    assert (again.end, again.reason) == (OpEnd.ERROR, "an operation 3 is under way already")


def test_the_queue_is_bounded() -> None:
    lrm = machine(parallel=1)
    for n in range(MAX_OPERATIONS):
        assert not results(lrm.step(StartOp(n, spec(), "status"), Instant(0)))
    (refused,) = results(step(lrm, StartOp(MAX_OPERATIONS, spec(), "status")))
    assert refused.end is OpEnd.ERROR


def test_cancel_what_waits_and_what_runs() -> None:
    lrm = machine(kill_after_ms=50)
    (first,) = spawns(step(lrm, StartOp(1, spec(), "start")))
    step(lrm, StartOp(2, spec(), "status"))
    (dropped,) = results(step(lrm, CancelOp(2)))
    assert (dropped.op_id, dropped.end) == (2, OpEnd.CANCELLED)
    assert step(lrm, CancelOp(1)) == [], "a run under way goes on"
    assert step(lrm, CancelOp(1, kill=True), 10) == [Kill(first.child_id, 15)]
    assert lrm.deadline() == 60
    assert step(lrm, Tick(), 60) == [Kill(first.child_id, 9)]
    assert lrm.deadline() is None
    (killed,) = results(step(lrm, gone(first.child_id, 9, ChildEnd.SIGNALED), 61))
    assert (killed.op_id, killed.end) == (1, OpEnd.CANCELLED)
    assert step(lrm, CancelOp(99)) == []


def test_recurring_tells_the_first_answer_and_each_change() -> None:
    lrm = machine()
    told = []
    (spawn,) = spawns(step(lrm, StartOp(1, spec(), "status", interval_ms=1_000)))
    now = 0
    for text, code in ((b"running", 0), (b"running", 0), (b"stopped", 3), (b"stopped", 3), (b"OK", 0)):
        told += [result.rc for result in results(step(lrm, gone(spawn.child_id, code, out=text), now + 5))]
        assert lrm.deadline() == now + 1_005
        now += 1_005
        (spawn,) = spawns(step(lrm, Tick(), now))
    assert told == [OcfCode.OK, OcfCode.NOT_RUNNING, OcfCode.OK]
    assert results(step(lrm, CancelOp(1))) == [], "the run under way is waited for"
    (last,) = results(step(lrm, gone(spawn.child_id, out=b"OK")))
    assert last.end is OpEnd.CANCELLED
    assert lrm.deadline() is None


def test_a_status_that_contradicts_itself_is_said_with_what_was_made_of_it() -> None:
    lrm = machine()
    (spawn,) = spawns(step(lrm, StartOp(1, spec(), "status")))
    effects = step(lrm, gone(spawn.child_id, 3, out=b"No server running\n"))
    (result,) = results(effects)
    assert result.rc is OcfCode.NOT_RUNNING
    (said,) = [effect for effect in effects if isinstance(effect, Say)]
    assert said.code == "status-contradicts"
    assert said.text == (
        f"{result.resource}: status says 'No server running' and exits with 3 (not running):"
        " by its exit status it counts as not running"
    )


def test_results_of_two_intervals_are_two_results() -> None:
    """A slow and a fast monitor of one resource, and one that is asked once: none overwrites another."""
    lrm = machine()
    for op_id, interval_ms, code, text in ((1, 0, 0, b"OK"), (2, 10_000, 0, b"OK"), (3, 60_000, 3, b"stopped")):
        (spawn,) = spawns(step(lrm, StartOp(op_id, spec(), "status", interval_ms=interval_ms)))
        step(lrm, gone(spawn.child_id, code, out=text))
    (answer,) = step(lrm, OpsQuery())
    assert isinstance(answer, Send)
    assert [(last.op_id, last.interval_ms, last.rc) for last in answer.body.last] == [
        (1, 0, OcfCode.OK),
        (2, 10_000, OcfCode.OK),
        (3, 60_000, OcfCode.NOT_RUNNING),
    ]


def test_a_view_of_everything_fits_into_a_frame() -> None:
    """A brain that begins anew waits for it: what does not fit would never come."""
    lrm = machine()
    for number in range(MAX_RESULTS):
        (spawn,) = spawns(step(lrm, StartOp(number, spec(f"r{number}"), "start")))
        lrm.step(gone(spawn.child_id, 1, err=b"e" * 60_000 if number % 64 == 0 else b"x" * 2_000), Instant(0))
    (answer,) = lrm.step(OpsQuery(), Instant(0))
    assert isinstance(answer, Send)
    assert len(answer.body.last) == MAX_RESULTS
    assert len(codec().encode(Frame(Kind.SEND, answer.body))) < MAX_FRAME


def test_recurring_cancelled_between_two_runs() -> None:
    lrm = machine()
    (spawn,) = spawns(step(lrm, StartOp(1, spec(), "status", interval_ms=1_000)))
    step(lrm, gone(spawn.child_id, out=b"OK"))
    (last,) = results(step(lrm, CancelOp(1)))
    assert (last.end, lrm.deadline()) == (OpEnd.CANCELLED, None)


def test_a_new_brain_finds_out_what_is_under_way_and_what_was() -> None:
    lrm = machine()
    (spawn,) = spawns(step(lrm, StartOp(1, spec(), "start")))
    step(lrm, gone(spawn.child_id))
    step(lrm, StartOp(2, spec(), "status"))
    step(lrm, StartOp(3, spec(), "stop"))
    (answer,) = step(lrm, OpsQuery())
    assert isinstance(answer, Send)
    view = answer.body
    assert isinstance(view, OpsView)
    assert [(op.op_id, op.running) for op in view.pending] == [(2, True), (3, False)]
    assert [(result.op_id, result.action, result.rc) for result in view.last] == [(1, "start", OcfCode.OK)]
    (reply,) = step(lrm, Request(7, Peer("tool", 0, 0, 1), OpsQuery()))
    assert reply == Reply(7, view)


def test_megabytes_of_output_are_said() -> None:
    lrm = machine()
    (spawn,) = spawns(step(lrm, StartOp(1, spec(), "start")))
    effects = step(lrm, ChildExited(spawn.child_id, ChildEnd.EXITED, 0, b"x\0y\n\n" * 5, b"", dropped=10**7))
    assert [effect.code for effect in effects if isinstance(effect, Say)] == ["output-dropped"]
    assert results(effects)[0].output == "\n".join(["x y"] * 5)


def test_hooks_run_one_at_a_time_and_are_bounded() -> None:
    lrm = machine(rc_d=True, hooks=(("status", "/hook"),))
    (first,) = spawns(step(lrm, HooksRun("status", (("HA_st", "up"),), 99)))
    assert (first.argv, first.timeout_ms) == (("/hook", "status"), 99)
    assert dict(first.env)["HA_st"] == "up"
    for _ in range(MAX_HOOKS):
        assert step(lrm, HooksRun("status", ())) == []
    (dropped,) = step(lrm, HooksRun("status", ()))
    assert isinstance(dropped, Say)
    assert dropped.code == "hook-dropped"
    effects = step(lrm, gone(first.child_id, 3, err=b"no\n"))
    assert [effect.text for effect in effects if isinstance(effect, Say)] == ["the hook status failed (exited 3): no"]
    assert len(spawns(effects)) == 1


def test_a_hook_is_the_program_of_our_own_settings_in_our_own_environment() -> None:
    lrm = machine(rc_d=True, hooks=(("status", "/hook"),))
    (refused,) = step(lrm, HooksRun("/bin/sh", ()))
    assert isinstance(refused, Say)
    assert refused.code == "hook-unknown"
    hostile = (("LD_PRELOAD", "/tmp/x"), ("PATH", "/tmp"), ("HA_FUNCS", "/tmp/f"), ("HA_x\n", "1"), ("HA_y", "a\0b"))
    (spawn,) = spawns(step(lrm, HooksRun("status", hostile)))
    found = dict(spawn.env)
    assert "LD_PRELOAD" not in found
    assert found["PATH"] != "/tmp"
    assert found["HA_FUNCS"] == "/etc/ha.d/shellfuncs"
    assert not {"HA_x\n", "HA_y"} & set(found)


ACTIONS = st.one_of(
    st.tuples(st.just("start"), st.integers(1, 30), st.sampled_from("abc"), st.sampled_from([0, 500])),
    st.tuples(st.just("cancel"), st.integers(1, 30), st.booleans(), st.just(0)),
    st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from(list(ChildEnd)), st.sampled_from([0, 1, 2, 7, 137])),
    st.tuples(st.just("tick"), st.integers(0, 900), st.just(0), st.just(0)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ACTIONS, max_size=60))
def test_every_operation_is_answered_exactly_once(script: list[tuple[str, int, object, int]]) -> None:
    lrm = machine(parallel=2)
    now = 0
    children: list[int] = []
    asked: list[int] = []
    answered: list[int] = []
    serial = 100
    for kind, number, what, code in script:
        if kind == "start":
            serial += 1
            asked.append(serial)
            event: object = StartOp(serial, spec(str(what)), "status", interval_ms=code)
        elif kind == "cancel":
            event = CancelOp(100 + number, bool(what))
        elif kind == "end" and children:
            event = gone(children.pop(number % len(children)), code, what)  # type: ignore[arg-type]
        else:
            now += number
            event = Tick()
        effects = step(lrm, event, now)
        children += [spawn.child_id for spawn in spawns(effects)]
        answered += [result.op_id for result in results(effects)]
    for op_id in asked:
        effects = step(lrm, CancelOp(op_id, kill=True), now)
        children += [spawn.child_id for spawn in spawns(effects)]
        answered += [result.op_id for result in results(effects)]
    while children:
        effects = step(lrm, gone(children.pop(0)), now)
        children += [spawn.child_id for spawn in spawns(effects)]
        answered += [result.op_id for result in results(effects)]
    recurring = {op_id for op_id in answered if answered.count(op_id) > 1}
    assert set(answered) == set(asked)
    assert all(answered.count(op_id) == 1 for op_id in asked if op_id not in recurring)
    assert lrm.deadline() is None
