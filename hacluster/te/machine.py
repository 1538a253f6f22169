"""te as a machine: runs a transition.

Theory of operation
-------------------
A task may begin when all its inputs are done; milestones are done when they may begin. What begins is fired to crmd,
which has it done on its node, and its result comes back as a change of the status whose record carries the transition
key. A result with the wrong exit code fails the task: what waits for it is not begun, everything else goes on.

A change that no task is under way for *touches* the plan, and crmd thinks again. Meanwhile what is under way goes on.
In the next plan a task that is under way already counts as begun there, unless the plan does something else to that
resource on that node first; of one that the plan does not want, only the tasks of the same resource wait, for its end
and for the thought that follows from it. So an unrelated slow start holds up nobody.

No more is under way than ``batch-limit``, ``migration-limit`` and the load of the nodes allow
(:mod:`hacluster.te.limits`). Each has a deadline: the agent's own time and what the way takes; a
result that has not come by then is recorded as timed out, as Pacemaker's DC does on behalf of a node that does not
speak. A fencing has none here: the fencer always answers.

What the machine does not do: think, know resources, save inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from hacluster.base.effects import Effect, MachineName
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.cib.change import (
    AttributeSet,
    Change,
    NodeAttributesSet,
    NodeForgotten,
    NodeStateSet,
    OperationRecorded,
    ResourceForgotten,
    TicketSet,
)
from hacluster.msg.driver import HostSample, MachineRestarted, StopRequested, Tick
from hacluster.msg.record import Outcome, effective, operation_records
from hacluster.msg.replica import ChangeStatus, Committed, StatusChanged
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
from hacluster.msg.views import ViewSynced
from hacluster.te.limits import Room
from hacluster.te.run import Run

Event = (
    RunPlan
    | HaltPlan
    | JobLimits
    | TaskDone
    | StatusChanged
    | Committed
    | ViewSynced
    | Tick
    | HostSample
    | StopRequested
    | MachineRestarted
)

WAY_MS = 60_000
"""What a result that this machine itself has recorded may take."""

_DEFAULT_TIMEOUT_MS = 20_000

_CHANGES = frozenset({"start", "stop", "promote", "demote", "migrate_to", "migrate_from"})
"""What leaves a resource in another state."""


@dataclass(slots=True)
class _Running:
    """An operation under way; ``wanted``: the task of the present plan that it is, if there is one."""

    task: Task
    transition_key: str
    wanted: bool = True


def _place(task: Task) -> tuple[str, str]:
    return task.node, task.key


class TeMachine:
    """See the module. ``uuid``: of this DC, the last part of its transition keys."""

    def __init__(self, uuid: str) -> None:
        self._uuid = uuid
        self._run: Run | None = None
        self._limits = JobLimits()
        self._running: dict[tuple[str, str], _Running] = {}
        self._timers: Timers[tuple[str, str]] = Timers()
        self._last: dict[str, str] = {}
        self._step = Step("te")

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._step.begin(now)
        match event:
            case RunPlan():
                self._begin(event.plan)
            case JobLimits():
                self._limits = event
                self._go_on()
            case HaltPlan():
                self._run = None
                self._running.clear()
                self._timers = Timers()
            case TaskDone():
                self._on_done(event)
            case StatusChanged():
                self._on_change(event.change)
            case Committed():
                self._touched("the configuration has changed")
            case Tick():
                self._on_tick()
            case ViewSynced() | HostSample() | StopRequested() | MachineRestarted():
                pass
            case _:
                assert_never(event)
        return self._step.out

    def deadline(self) -> Instant | None:
        """When a result is overdue."""
        return self._timers.deadline()

    def check(self) -> None:
        """Assert every invariant."""
        run = self._run
        if run is not None:
            run.check()
        for place, running in self._running.items():
            assert place == _place(running.task), place

    # ---- running

    def _begin(self, plan: Plan) -> None:
        under_way = set()
        for running in self._running.values():
            running.wanted = False
        tasks = {task.id: task for task in plan.tasks}
        for task in plan.tasks:
            running_now = self._running.get(_place(task))
            if running_now is not None and task.kind is not TaskKind.PSEUDO and not self._comes_later(task, tasks):
                running_now.wanted, running_now.task = True, task
                under_way.add(task.id)
        self._run = Run(plan, under_way)
        self._go_on()

    def _comes_later(self, task: Task, tasks: Mapping[int, Task]) -> bool:
        """Whether the plan has something else done to the resource on that node first (a stop before the start that
        recovers it): then what is under way is not what it wants."""
        seen: set[int] = set()
        left = list(task.inputs)
        while left:
            before = tasks.get(left.pop())
            if before is None or before.id in seen:
                continue
            seen.add(before.id)
            same = before.resource == task.resource and before.node == task.node and before.operation in _CHANGES
            if same and _place(before) not in self._running:
                return True
            left += before.inputs
        return False

    def _go_on(self) -> None:
        run = self._run
        if run is None or run.ended:
            return
        room = Room(run.plan, self._limits, (running.task for running in self._running.values()))
        held = {running.task.resource for running in self._running.values() if not running.wanted} | run.stale
        for task in run.choose(room, held):
            self._begin_task(run, task)
        if not run.has_ready and not any(running.wanted for running in self._running.values()):
            run.ended = True
            self._step.send(MachineName.CRMD, PlanEnded(run.plan.number, tuple(task.key for task in run.left)))

    def _begin_task(self, run: Run, task: Task) -> None:
        key = f"{task.id}:{run.plan.number}:{task.target_rc}:{self._uuid}"
        self._running[_place(task)] = _Running(task, key)
        if task.operation != "stonith":
            timeout = task.number("timeout", _DEFAULT_TIMEOUT_MS) + run.plan.way_ms
            self._timers.set(_place(task), self._step.now, timeout)
        self._step.send(MachineName.CRMD, Fire(task, key))

    # ---- results

    def _on_change(self, change: Change) -> None:
        match change:
            case OperationRecorded():
                self._on_record(change)
            case ResourceForgotten(node=node, resource=resource, operation=""):
                if (node, f"{resource}_delete_0") not in self._running:
                    self._touched(f"{node} was told to forget what it knows of {resource}")
            case ResourceForgotten():
                pass
            case NodeForgotten(node=node):
                self._lose(node)
            case AttributeSet(node=node, name=name):
                self._touched(f"attribute {name} of {node} has changed")
            case TicketSet(ticket=ticket):
                self._touched(f"ticket {ticket} has changed")
            case NodeStateSet(node=node, words=words):
                if dict(words).get("in_ccm") in ("false", "0"):
                    self._lose(node)
            case NodeAttributesSet():
                pass
            case _:
                assert_never(change)

    def _lose(self, node: str) -> None:
        """A node is gone, and with it what it was doing; what is being done to it goes on."""
        for place, running in list(self._running.items()):
            if place[0] == node and running.task.operation != "stonith":
                self._drop(place)
        self._go_on()

    def _drop(self, place: tuple[str, str]) -> _Running:
        self._timers.cancel(place)
        return self._running.pop(place)

    def _on_record(self, change: OperationRecorded) -> None:
        words = dict(change.operation)
        key = words.get("transition-key", "")
        place = next((place for place, entry in self._running.items() if entry.transition_key == key), None)
        rc, good = words.get("rc-code", ""), words.get("op-status", "") == "0"
        rc = str(effective(int(rc))) if rc.isdecimal() else rc
        if words.get("op-status") == "-1" or self._last.get(change.node) == words.get("transition-magic"):
            return  # under way, or the second record of one result
        self._last[change.node] = words.get("transition-magic", "")
        if place is None:
            self._touched(f"{words.get('operation_key')} on {change.node} gave {rc}")
            return
        running = self._drop(place)
        task, run = running.task, self._run
        failed = not good or rc != str(task.target_rc)
        if run is not None and running.wanted:
            (run.fail if failed else run.finish)(task.id)
        elif run is not None:
            run.stale.add(task.resource)
        if failed or not running.wanted:
            self._touched(f"{task.key} on {change.node} gave {rc} instead of {task.target_rc}" if failed else task.key)
        self._go_on()

    def _on_done(self, done: TaskDone) -> None:
        place = next((p for p, entry in self._running.items() if entry.transition_key == done.transition_key), None)
        if place is not None:
            self._end(place, failed=done.rc != 0)

    def _end(self, place: tuple[str, str], *, failed: bool) -> None:
        running = self._drop(place)
        if self._run is not None and running.wanted:
            (self._run.fail if failed else self._run.finish)(running.task.id)
        self._go_on()

    def _on_tick(self) -> None:
        while (place := self._timers.pop(self._step.now)) is not None:
            running = self._running[place]
            task = running.task
            text = f"{task.key} on {task.node} did not come back in time"
            self._step.say(Severity.ERROR, "result-missing", text)
            if task.kind is TaskKind.CRM:
                self._end(place, failed=True)
                continue
            for record in operation_records(task, running.transition_key, Outcome(1, 2, 0, "no result came in time")):
                change = OperationRecorded(task.node, task.resource, record, task.standard, task.provider, task.type)
                self._step.send(MachineName.CIBD, ChangeStatus(change))
            self._timers.set(place, self._step.now, WAY_MS)

    def _touched(self, why: str) -> None:
        self._step.send(MachineName.CRMD, Touched(why))
