"""What this node does for the DC: operations by its hands, and what the cluster itself does.

The hands are asked at the start, and whenever they begin anew; until they have told what they do, this node says
nothing of what runs here, and is not a member that a DC could think with.
"""

from __future__ import annotations

from collections.abc import Callable

from hacluster.base.effects import MachineName
from hacluster.base.members import Member
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.cib.change import Change
from hacluster.crmd.alerts import Alerts
from hacluster.crmd.local import Local
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.lrm import OpFinished, OpsQuery, OpsView
from hacluster.msg.stream import Convey
from hacluster.msg.transition import DoTask, Task, TaskDone, TaskKind
from hacluster.msg.views import View


class Doing:
    """See the module. ``local``: what runs here; ``released``: lets this node go; ``alerts`` hear of results."""

    def __init__(
        self,
        node: str,
        local: Local,
        step: Step,
        change: Callable[[Change | UpdateAttribute], None],
        released: Callable[[], None],
        *,
        alerts: Alerts,
    ) -> None:
        self._node, self._step, self._change, self._released = node, step, change, released
        self._alerts = alerts
        self.local = local
        self._silent = False

    # ---- the hands

    def ask_hands(self) -> None:
        """What do they do, and what did they?"""
        self.local.unknown = True
        self._step.send(MachineName.LRM, OpsQuery(MachineName.CRMD.value))

    def told(self, told: OpsView, view: View | None, unix_s: int) -> bool:
        """They say it, perhaps in pieces; whether that was all."""
        taken = self.local.take_up(told)
        if taken is None:
            return False
        again, results = taken
        for operation in again:
            self._step.send(MachineName.LRM, operation)
        for result in results:
            self.finished(result, view, unix_s)
        if view is not None:
            self.say_anew()
        return True

    def say_anew(self, *, asked: bool = False) -> None:
        """Say what runs here, if somebody waits for that, as soon as the hands have told."""
        self._silent = self._silent or asked
        if self._silent and not self.local.unknown:
            self._silent = False
            for change in self.local.said_anew():
                self._change(change)

    def note(self) -> None:
        """Have the hands keep what is new."""
        noted = self.local.notes()
        if noted is not None:
            self._step.send(MachineName.LRM, noted)

    def finished(self, result: OpFinished, view: View | None, unix_s: int) -> None:
        """An operation has ended."""
        asked, changes = self.local.finished(result, unix_s)
        for change in changes:
            self._change(change)
        if asked is not None:
            self._alerts.on_finished(asked.task, asked.transition_key, result, unix_s)
        if asked is not None and asked.task.operation == "notify" and view is not None and asked.view == view.id:
            dc = view.accept_of(view.leader).member
            self._done(dc, DoTask(asked.view, asked.task, asked.transition_key), int(result.rc))

    # ---- the DC

    def do(self, dc: Member, do: DoTask, unix_s: int) -> None:
        """The DC wants something done here."""
        task = do.task
        if task.kind is TaskKind.RESOURCE and task.operation == "cancel":
            ends, gone = self.local.cancel(task)
            for end in ends:
                self._step.send(MachineName.LRM, end)
            for change in gone:
                self._change(change)
            self._done(dc, do, 0)
        elif task.kind is TaskKind.RESOURCE:
            asks, changes = self.local.start(task, do.transition_key, do.view, unix_s)
            for pending in changes:
                self._change(pending)
            for ask in asks:
                self._step.send(MachineName.LRM, ask)
            if self.local.goes_on_without(task):
                self._done(dc, do, 0)
        else:
            self._do_own(dc, do, task)

    def _do_own(self, dc: Member, do: DoTask, task: Task) -> None:
        if task.operation == "lrm_delete":
            ends, forgotten = self.local.forget(task.resource)
            for end in ends:
                self._step.send(MachineName.LRM, end)
            self._change(forgotten)
        elif task.operation == "clear_failcount":
            for change in self.local.clear_failures(task.resource):
                self._change(change)
        elif task.operation == "do_shutdown":
            self._step.say(Severity.NOTICE, "shutdown", "the DC lets this node stop")
            self._done(dc, do, 0)
            self._released()
            return
        else:
            self._step.say(Severity.ERROR, "unknown-task", f"{task.operation} is not known here")
            self._done(dc, do, 1)
            return
        self._done(dc, do, 0)

    def _done(self, dc: Member, do: DoTask, rc: int) -> None:
        body = TaskDone(do.view, do.transition_key, rc)
        if dc.name == self._node:
            self._step.send(MachineName.TE, body)
        else:
            self._step.send(MachineName.SPEECH, Convey((dc.name,), MachineName.CRMD, body))

    # ---- programs

    def clean(self, resource: str, operation: str, interval_ms: int) -> None:
        """What is known of a resource here is forgotten by order, and its failures."""
        ends, changes = self.local.cleaned(resource, operation, interval_ms)
        for end in ends:
            self._step.send(MachineName.LRM, end)
        for change in changes:
            self._change(change)

    def fail(self, resource: str, unix_s: int) -> bool:
        """Somebody says that a resource has failed: that becomes a record, and the DC thinks. Whether it is known."""
        changes = self.local.failed_by_order(resource, unix_s)
        for change in changes:
            self._change(change)
        return bool(changes)
