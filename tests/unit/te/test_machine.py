"""The transition engine by itself: what may begin, what a result does, and what goes on over a change."""

from __future__ import annotations

from dataclasses import replace

from hacluster.base.effects import Effect, Send
from hacluster.base.machine import Instant
from hacluster.base.members import ViewId
from hacluster.cib.change import AttributeSet, NodeForgotten, OperationRecorded
from hacluster.msg.driver import Tick
from hacluster.msg.record import Outcome, operation_records
from hacluster.msg.replica import ChangeStatus, StatusChanged
from hacluster.msg.transition import (
    Fire,
    HaltPlan,
    JobLimits,
    Plan,
    PlanEnded,
    RunPlan,
    Task,
    TaskDone,
    TaskKind,
    Touched,
)
from hacluster.te.machine import WAY_MS, TeMachine

VIEW = ViewId(1, "a", 1, 1)


def operation(ident: int, name: str, *inputs: int, node: str = "n1", rc: int = 0, priority: int = 0) -> Task:
    resource, _, action = name.partition("_")
    attributes = (("CRM_meta_op_target_rc", str(rc)), ("CRM_meta_timeout", "20000"))
    return Task(
        ident,
        TaskKind.RESOURCE,
        action,
        f"{name}_0",
        node,
        resource,
        "ocf",
        "x",
        "Dummy",
        attributes,
        inputs,
        priority,
    )


def milestone(ident: int, *inputs: int) -> Task:
    return Task(ident, TaskKind.PSEUDO, "start", f"g_{ident}", inputs=inputs)


class Engine:
    """A machine, and what it has fired."""

    def __init__(self) -> None:
        self.te = TeMachine("uuid")
        self.fired: dict[str, Fire] = {}
        self.said: list[object] = []

    def give(self, event: object, now: int = 0) -> list[str]:
        """Keys that were fired at once."""
        effects: list[Effect] = self.te.step(event, Instant(now))  # type: ignore[arg-type]
        self.te.check()
        bodies = [effect.body for effect in effects if isinstance(effect, Send)]
        fires = [body for body in bodies if isinstance(body, Fire)]
        self.said = [body for body in bodies if not isinstance(body, Fire)]
        self.fired.update({fire.task.key: fire for fire in fires})
        return [fire.task.key for fire in fires]

    def run(self, number: int, *tasks: Task, batch_limit: int = 0) -> list[str]:
        return self.give(RunPlan(VIEW, Plan(number, tasks, batch_limit)))

    def end(self, key: str, rc: int = 0, status: int = 0) -> list[str]:
        fire = self.fired[key]
        began: list[str] = []
        said: list[object] = []
        for words in operation_records(fire.task, fire.transition_key, Outcome(rc, status, 1, began_s=1)):
            began += self.give(StatusChanged(OperationRecorded(fire.task.node, fire.task.resource, words)))
            said += self.said
        self.said = said
        return began


def test_what_waits_begins_when_its_inputs_are_done() -> None:
    engine = Engine()
    assert engine.run(1, operation(1, "A_start"), milestone(2, 1), operation(3, "B_start", 2)) == ["A_start_0"]
    assert engine.end("A_start_0", status=-1) == [], "under way is no result"
    assert engine.end("A_start_0") == ["B_start_0"]
    assert engine.end("B_start_0") == []
    assert engine.said == [PlanEnded(1)]


def test_a_wrong_exit_code_fails_what_waits_and_makes_the_dc_think() -> None:
    engine = Engine()
    engine.run(1, operation(1, "A_start"), operation(2, "B_start", 1), operation(3, "C_start"))
    assert engine.end("A_start_0", rc=1) == []
    assert any(isinstance(body, Touched) for body in engine.said)
    engine.end("C_start_0")
    assert engine.said == [PlanEnded(1, ("B_start_0",))]


def test_no_more_than_the_batch_limit_and_the_weightiest_first() -> None:
    engine = Engine()
    tasks = [operation(number, f"R{number}_start", priority=number) for number in range(5)]
    assert engine.run(1, *tasks, batch_limit=2) == ["R4_start_0", "R3_start_0"]
    assert engine.end("R4_start_0") == ["R2_start_0"]


def test_what_is_under_way_counts_as_begun_in_the_next_plan() -> None:
    engine = Engine()
    engine.run(1, operation(1, "slow_start"), operation(2, "A_start"))
    engine.end("A_start_0", rc=1)
    assert engine.run(2, operation(7, "slow_start"), operation(8, "A_stop"), operation(9, "B_start", 7)) == ["A_stop_0"]
    engine.end("A_stop_0")
    assert engine.end("slow_start_0") == ["B_start_0"], "its key is of the first plan, its place in the second"


def test_what_the_next_plan_does_not_want_holds_up_its_own_resource_only_and_until_the_next_thought() -> None:
    engine = Engine()
    engine.run(1, operation(1, "db_start", node="n1"))
    assert engine.run(2, operation(1, "db_start", node="n2"), operation(2, "A_start")) == ["A_start_0"]
    engine.end("A_start_0")
    first = Fire(operation(1, "db_start", node="n1"), "1:1:0:uuid")
    (words,) = operation_records(first.task, first.transition_key, Outcome(0, call_id=1, began_s=1))
    assert engine.give(StatusChanged(OperationRecorded("n1", "db", words))) == [], "or it would run twice"
    assert [type(body) for body in engine.said] == [Touched]
    assert engine.run(3, operation(1, "db_start", node="n2")) == ["db_start_0"]


def test_a_result_that_does_not_come_is_recorded_as_timed_out() -> None:
    engine = Engine()
    engine.run(1, operation(1, "A_start"))
    assert engine.te.deadline() == 20_000 + WAY_MS
    engine.give(Tick(), 20_000 + WAY_MS)
    body, again = engine.said
    assert isinstance(again, ChangeStatus), "what fails is kept twice: as the last operation and as the last failure"
    assert isinstance(body, ChangeStatus)
    assert isinstance(body.change, OperationRecorded)
    words = dict(body.change.operation)
    assert (words["op-status"], words["rc-code"]) == ("2", "1")
    engine.give(StatusChanged(body.change))
    assert any(isinstance(said, Touched) for said in engine.said)


def test_a_fenced_nodes_operations_are_over_and_what_leaves_no_record_is_told() -> None:
    engine = Engine()
    engine.run(1, operation(1, "A_start", node="gone"), operation(2, "B_notify"))
    engine.give(StatusChanged(NodeForgotten("gone", histories_only=True)))
    engine.give(TaskDone(VIEW, engine.fired["B_notify_0"].transition_key, 0))
    assert engine.said == [PlanEnded(1)]


def test_what_nobody_asked_for_makes_the_dc_think_and_a_halted_engine_begins_nothing() -> None:
    engine = Engine()
    engine.give(StatusChanged(AttributeSet("n1", "pingd", "0")))
    assert engine.said == [Touched("attribute pingd of n1 has changed")]
    engine.run(1, operation(1, "A_start"), operation(2, "B_start", 1))
    engine.give(HaltPlan())
    assert engine.end("A_start_0") == []


def migration(ident: int, name: str, *inputs: int, source: str, target: str, step: str = "migrate_to") -> Task:
    task = operation(ident, f"{name}_{step}", *inputs, node=source if step == "migrate_to" else target)
    ends = (("CRM_meta_migrate_source", source), ("CRM_meta_migrate_target", target))
    return replace(task, key=f"{name}_{step}_0", resource=name, operation=step, attributes=task.attributes + ends)


def test_a_node_has_no_more_operations_than_its_load_allows_and_others_go_on() -> None:
    engine = Engine()
    engine.give(JobLimits((("n1", 1), ("n2", 2)), other=1))
    tasks = [operation(number, f"A{number}_start", node=f"n{1 + number % 3}") for number in range(9)]
    assert engine.run(1, *tasks) == ["A0_start_0", "A1_start_0", "A2_start_0", "A4_start_0"]
    assert engine.end("A1_start_0") == ["A7_start_0"]
    assert engine.give(JobLimits((("n1", 3),), other=1)) == ["A3_start_0", "A6_start_0"], "the load is gone"


def test_milestones_and_what_the_cluster_does_itself_are_not_limited_by_a_node() -> None:
    engine = Engine()
    engine.give(JobLimits((("n1", 1),), other=1))
    clear = replace(operation(2, "A_clear"), kind=TaskKind.CRM, operation="clear_failcount")
    assert engine.run(1, operation(1, "A_start"), clear, milestone(3), operation(4, "B_start", 3)) == [
        "A_start_0", "A_clear_0",
    ]  # fmt: skip


def test_a_live_migration_counts_on_both_its_nodes() -> None:
    engine = Engine()
    plan = Plan(
        1,
        (
            migration(1, "A", source="n1", target="n2"),
            migration(2, "B", source="n1", target="n3"),
            migration(3, "C", source="n3", target="n2"),
            migration(4, "D", source="n3", target="n4"),
            operation(5, "E_start", node="n1"),
        ),
        migration_limit=1,
    )
    assert engine.give(RunPlan(VIEW, plan)) == ["A_migrate_to_0", "D_migrate_to_0", "E_start_0"]
    assert engine.end("A_migrate_to_0") == [], "C would be the second one at n3, B the second one there as well"
    assert engine.end("D_migrate_to_0") == ["B_migrate_to_0"]
    assert engine.end("B_migrate_to_0") == ["C_migrate_to_0"]


def test_very_busy_nodes_bound_the_whole_cluster_unless_the_batch_limit_knows_no_load() -> None:
    tasks = [operation(number, f"A{number}_start", node=f"n{number}") for number in range(6)]
    for batch, most in ((0, 2), (4, 2), (1, 1), (-1, 6)):
        engine = Engine()
        engine.give(JobLimits(other=9, total=2))
        assert len(engine.run(1, *tasks, batch_limit=batch)) == most, batch


def test_what_is_under_way_for_no_plan_takes_room_and_the_plan_waits_for_it() -> None:
    engine = Engine()
    engine.give(JobLimits(other=1))
    engine.run(1, operation(1, "A_start"))
    assert engine.run(2, operation(1, "B_start")) == []
    assert engine.said == [], "it has not ended: B can begin when A has"
    assert engine.end("A_start_0") == ["B_start_0"]


def test_a_large_plan_costs_what_follows_from_each_result() -> None:
    engine = Engine()
    engine.give(JobLimits(other=4))
    tasks = [operation(number, f"A{number}_start", node=f"n{number % 32}") for number in range(400)]
    more = [operation(400 + number, f"A{number}_monitor", number, node=f"n{number % 32}") for number in range(400)]
    waiting = engine.run(1, *tasks, *more)
    assert len(waiting) == 128
    done = 0
    while waiting:
        waiting += engine.end(waiting.pop())
        done += 1
    assert done == 800
    assert engine.said == [PlanEnded(1)]


def test_a_start_under_way_is_not_the_one_that_a_plan_wants_after_a_stop():
    """What recovers a resource stops it and starts it: the start that is under way has to end, and be thought about."""
    engine = Engine()
    assert engine.run(1, operation(1, "A_start")) == ["A_start_0"]
    recover = (operation(1, "A_stop"), operation(2, "A_start", 1), operation(3, "A_promote", 2))
    assert engine.run(2, *recover) == [], "two things at once of one resource"
    assert engine.end("A_start_0") == [], "nor is it the start that the promotion waits for"
    assert engine.said == [Touched("A_start_0")]
    assert engine.run(3, operation(1, "A_promote")) == ["A_promote_0"]


def test_a_start_under_way_is_the_one_that_a_plan_wants_after_what_others_do():
    engine = Engine()
    assert engine.run(1, operation(1, "A_start")) == ["A_start_0"]
    plan = (operation(1, "B_stop"), milestone(2, 1), operation(3, "A_start", 2), operation(4, "A_promote", 3))
    assert engine.run(2, *plan) == ["B_stop_0"]
    assert engine.end("A_start_0") == ["A_promote_0"]
