"""crmd as a machine: what this node does about the cluster's decisions, and, on the DC, when they are made.

Theory of operation
-------------------
The state machine is the table in ``fsa``. When a view works (``ViewSynced``), each member says what it runs, whole,
and last that it is a member; the leader, which is the DC, waits for that of all (``S_INTEGRATION``), says of nodes
that left that they are gone, and asks pengine for a plan. te runs it, and fires tasks, which the DC's crmd has done by
the crmd of their nodes. Whatever te did not expect leads to a new thought; while it is thought what is under way goes
on.

A node does something only for the DC of the view that it is in, and in that view. A DC's death loses only the plan:
the next one thinks anew from what the members say.

Every question has a deadline: a member that does not say what it runs, and a pengine that does not answer, make the
view stalled (ccm forms another), or are asked again.

What the machine does not do: views, the CIB's copies, thinking, agents; fencing (a plan that wants it is said to be
stuck).
"""

from __future__ import annotations

from typing import assert_never

from hacluster.base.effects import Effect, MachineName, Say, Send
from hacluster.base.machine import Instant
from hacluster.base.members import Member
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.cib.change import Change, NodeForgotten, NodeStateSet
from hacluster.crmd.fsa import Input, State, after
from hacluster.crmd.local import Local
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.driver import HostSample, MachineRestarted, Persisted, PersistFailed, StopRequested, Tick
from hacluster.msg.lrm import OpFinished
from hacluster.msg.replica import ChangeStatus, Committed, CopyTaken, StatusChanged
from hacluster.msg.stream import Convey, Conveyed
from hacluster.msg.transition import (
    DoTask,
    Fire,
    HaltPlan,
    PlanEnded,
    RunPlan,
    ScheduleAt,
    Scheduled,
    Task,
    TaskDone,
    TaskKind,
    Touched,
)
from hacluster.msg.views import View, ViewEntered, ViewLeft, ViewStalled, ViewSynced

Event = (
    ViewEntered
    | ViewLeft
    | ViewSynced
    | StatusChanged
    | Committed
    | CopyTaken
    | Conveyed
    | OpFinished
    | Scheduled
    | Fire
    | PlanEnded
    | Touched
    | Tick
    | HostSample
    | Persisted
    | PersistFailed
    | StopRequested
    | MachineRestarted
)

INTEGRATION_MS = 20_000
"""How long a member may take to say what it runs (join-integration-timeout)."""

THINK_MS = 20_000
"""How long pengine may think before it is asked again."""

_THINK_SOON_MS = 20
"""Changes that come together are thought about together."""


class CrmdMachine:
    """See the module."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._local = Local(node)
        self._state = State.STARTING
        self._view: View | None = None
        self._gone: set[str] = set()
        self._integrated: set[str] = set()
        self._number = 0
        self._asked = 0
        self._timers: Timers[str] = Timers()
        self._unix_ms = 0
        self._sampled = Instant(0)
        self._now = Instant(0)
        self._out: list[Effect] = []

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._now, self._out = now, []
        self._dispatch(event)
        return self._out

    def deadline(self) -> Instant | None:
        """When a timer fires."""
        return self._timers.deadline()

    def check(self) -> None:
        """Assert every invariant."""
        leads = {State.INTEGRATION, State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE}
        assert self._state not in leads or (self._view is not None and self._view.leader == self._node), self._state
        assert ("integration" in self._timers) == (self._state is State.INTEGRATION), self._state

    @property
    def state(self) -> State:
        """The state of the machine, for people."""
        return self._state

    # ---- events

    def _dispatch(self, event: Event) -> None:  # noqa: C901 - one flat table of events
        match event:
            case ViewEntered():
                self._view = event.view
                self._gone |= {member.name for member in event.left if member.name not in event.view.names}
                self._gone -= event.view.names
            case ViewLeft():
                self._view = None
                self._move(Input.PENDING)
            case ViewSynced():
                self._on_synced()
            case StatusChanged():
                self._on_status(event.change)
            case Conveyed():
                self._on_conveyed(event.sender, event.body)
            case OpFinished():
                self._on_finished(event)
            case Scheduled():
                self._on_scheduled(event)
            case Fire():
                self._on_fire(event)
            case PlanEnded():
                self._on_ended(event)
            case Touched():
                self._think(event.why)
            case Tick():
                self._on_tick()
            case HostSample():
                self._unix_ms, self._sampled = event.unix_ms, self._now
            case StopRequested():
                self._move(Input.STOP)
            case CopyTaken() | Committed() | Persisted() | PersistFailed() | MachineRestarted():
                pass
            case _:
                assert_never(event)

    def _move(self, moved_by: Input) -> bool:
        before = self._state
        self._state = after(before, moved_by)
        if self._state is before:
            return False
        if before is State.INTEGRATION:
            self._timers.cancel("integration")
        if self._state in (State.PENDING, State.NOT_DC, State.STOPPING):
            self._timers.cancel("think")
            self._timers.cancel("thinking")
            self._send(MachineName.TE, HaltPlan())
        text = f"{before} -> {self._state} (by {moved_by})"
        self._say(Severity.INFO, "state", text)
        return True

    # ---- views

    def _on_synced(self) -> None:
        view = self._view
        if view is None or self._state is State.STOPPING:
            return
        self._integrated = set()
        if view.leader == self._node:
            self._move(Input.ELECTION_DC)
            self._timers.set("integration", self._now, INTEGRATION_MS)
            self._tell_of_the_gone(view)
        else:
            self._move(Input.NOT_DC)
        for change in self._local.said_anew():
            self._change(change)

    def _tell_of_the_gone(self, view: View) -> None:
        for name in sorted(self._gone):
            self._change(NodeStateSet(name, (("in_ccm", "false"), ("crmd", "offline"), ("join", "down")), name))
            self._change(NodeForgotten(name, histories_only=True))
        del view

    def _on_status(self, change: Change) -> None:
        view = self._view
        if self._state is not State.INTEGRATION or view is None:
            return
        if isinstance(change, NodeStateSet) and dict(change.words).get("join") == "member":
            self._integrated.add(change.node)
            if self._integrated >= self._keepers(view):
                self._move(Input.INTEGRATED)
                self._think("every member has said what it runs", now=True)

    def _keepers(self, view: View) -> set[str]:
        return {accept.member.name for accept in view.table if accept.keeps_content}

    # ---- thinking

    def _think(self, why: str, *, now: bool = False) -> None:
        if self._state not in (State.POLICY_ENGINE, State.TRANSITION_ENGINE, State.IDLE):
            return
        if "think" not in self._timers:
            self._say(Severity.INFO, "replan", f"thinks again: {why}")
            self._timers.set("think", self._now, 0 if now else _THINK_SOON_MS)

    def _ask(self) -> None:
        view = self._view
        assert view is not None, "a DC has a view"
        self._move(Input.PE_CALC)
        self._number += 1
        self._asked = self._number
        self._timers.set("thinking", self._now, THINK_MS)
        self._send(MachineName.PENGINE, ScheduleAt(self._number, self._unix_s(), view.quorate, self._node))

    def _unix_s(self) -> int:
        return (self._unix_ms + self._now - self._sampled) // 1_000

    def _on_scheduled(self, scheduled: Scheduled) -> None:
        if self._state is not State.POLICY_ENGINE or scheduled.plan.number != self._asked or self._view is None:
            return
        self._timers.cancel("thinking")
        if scheduled.fault:
            self._say(Severity.ERROR, "no-plan", f"there is no plan: {scheduled.fault}")
            return
        plan = scheduled.plan
        self._move(Input.PE_SUCCESS)
        doing = [f"{task.key} on {task.node}" for task in plan.tasks if task.kind is TaskKind.RESOURCE]
        self._say(Severity.NOTICE, "transition", f"transition {plan.number}: {', '.join(doing) or 'nothing to do'}")
        self._send(MachineName.TE, RunPlan(self._view.id, plan))

    def _on_ended(self, ended: PlanEnded) -> None:
        if ended.number != self._asked or not self._move(Input.TE_SUCCESS):
            return
        if ended.left:
            text = f"transition {ended.number} has ended; not begun: {', '.join(ended.left)}"
            self._say(Severity.WARNING, "transition-stuck", text)

    def _on_tick(self) -> None:
        while (timer := self._timers.pop(self._now)) is not None:
            match timer:
                case "think":
                    self._ask()
                case "thinking":
                    self._say(Severity.ERROR, "pengine-silent", "the policy engine does not answer; it is asked again")
                    self._ask()
                case "integration":
                    self._on_integration_late()
                case _:
                    raise AssertionError(timer)

    def _on_integration_late(self) -> None:
        view = self._view
        assert view is not None, "integrating in no view"
        missing = sorted(self._keepers(view) - self._integrated)
        self._timers.set("integration", self._now, INTEGRATION_MS)
        self._send(MachineName.CCM, ViewStalled(view.id, f"{', '.join(missing)} did not say what it runs"))

    # ---- doing

    def _on_fire(self, fire: Fire) -> None:
        view = self._view
        if view is None:
            return
        body = DoTask(view.id, fire.task, fire.transition_key)
        if fire.task.operation == "stonith":
            self._say(Severity.ERROR, "no-fencing", f"{fire.task.node} should be fenced; nothing here can do it yet")
        elif fire.task.node == self._node:
            self._do(view.accept_of(self._node).member, body)
        elif fire.task.node in view.names:
            self._send(MachineName.SPEECH, Convey((fire.task.node,), MachineName.CRMD, body))

    def _on_conveyed(self, sender: Member, body: object) -> None:
        view = self._view
        if view is None or sender not in view.members:
            return
        if isinstance(body, DoTask) and body.view == view.id and sender.name == view.leader:
            self._do(sender, body)
        elif isinstance(body, TaskDone) and body.view == view.id:
            self._send(MachineName.TE, body)

    def _do(self, dc: Member, do: DoTask) -> None:
        task = do.task
        if task.kind is TaskKind.RESOURCE and task.operation == "cancel":
            ends, change = self._local.cancel(task)
            for end in ends:
                self._send(MachineName.LRM, end)
            self._change(change)
            self._done(dc, do, 0)
        elif task.kind is TaskKind.RESOURCE:
            operation, pending = self._local.start(task, do.transition_key, do.view)
            if pending is not None:
                self._change(pending)
            self._send(MachineName.LRM, operation)
        else:
            self._do_own(dc, do, task)

    def _do_own(self, dc: Member, do: DoTask, task: Task) -> None:
        if task.operation == "lrm_delete":
            self._change(self._local.forget(task.resource))
        elif task.operation == "clear_failcount":
            for change in self._local.clear_failures(task.resource):
                self._change(change)
        elif task.operation == "do_shutdown":
            self._say(Severity.NOTICE, "shutdown", "the DC lets this node stop")
        else:
            self._say(Severity.ERROR, "unknown-task", f"{task.operation} is not known here")
            self._done(dc, do, 1)
            return
        self._done(dc, do, 0)

    def _done(self, dc: Member, do: DoTask, rc: int) -> None:
        body = TaskDone(do.view, do.transition_key, rc)
        if dc.name == self._node:
            self._send(MachineName.TE, body)
        else:
            self._send(MachineName.SPEECH, Convey((dc.name,), MachineName.CRMD, body))

    def _on_finished(self, result: OpFinished) -> None:
        asked, changes = self._local.finished(result, self._unix_s())
        for change in changes:
            self._change(change)
        view = self._view
        if asked is not None and asked.task.operation == "notify" and view is not None and asked.view == view.id:
            dc = view.accept_of(view.leader).member
            self._done(dc, DoTask(asked.view, asked.task, asked.transition_key), int(result.rc))

    # ---- speaking

    def _change(self, change: Change | UpdateAttribute) -> None:
        if isinstance(change, UpdateAttribute):
            self._send(MachineName.ATTRD, change)
        else:
            self._send(MachineName.CIBD, ChangeStatus(change))

    def _send(self, to: MachineName, body: object) -> None:
        self._out.append(Send(to, body))

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self._out.append(Say(severity, "crmd", code, text))
