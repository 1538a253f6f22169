"""What this node does for the DC: operations by its hands, and what the cluster itself does.

The hands are asked at the start, and whenever they begin anew; until they have told what they do, this node says
nothing of what runs here, and is not a member that a DC could think with.
"""

from __future__ import annotations

from collections.abc import Callable

from hacluster.base.effects import MachineName
from hacluster.base.members import Member
from hacluster.base.report import Severity
from hacluster.cib.change import Change
from hacluster.crmd.local import Local
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.lrm import OpFinished, OpsQuery, OpsView
from hacluster.msg.stream import Convey
from hacluster.msg.transition import DoTask, FailResource, Task, TaskDone, TaskKind
from hacluster.msg.views import View


class Doing:
    """See the module. What is to be sent, changed and said goes through the machine that this is a part of."""

    def __init__(
        self,
        node: str,
        send: Callable[[MachineName, object], None],
        change: Callable[[Change | UpdateAttribute], None],
        say: Callable[[Severity, str, str], None],
    ) -> None:
        self._node, self._send, self._change, self._say = node, send, change, say
        self._local = Local(node)
        self._silent = False

    # ---- the hands

    def ask_hands(self) -> None:
        """What do they do, and what did they?"""
        self._local.unknown = True
        self._send(MachineName.LRM, OpsQuery(MachineName.CRMD.value))

    def told(self, told: OpsView, view: View | None, unix_s: int) -> bool:
        """They say it, perhaps in pieces; whether that was all."""
        taken = self._local.take_up(told)
        if taken is None:
            return False
        again, results = taken
        for operation in again:
            self._send(MachineName.LRM, operation)
        for result in results:
            self.finished(result, view, unix_s)
        if view is not None:
            self.say_anew()
        return True

    def say_anew(self, *, asked: bool = False) -> None:
        """Say what runs here, if somebody waits for that, as soon as the hands have told."""
        self._silent = self._silent or asked
        if self._silent and not self._local.unknown:
            self._silent = False
            for change in self._local.said_anew():
                self._change(change)

    def note(self) -> None:
        """Have the hands keep what is new."""
        noted = self._local.notes()
        if noted is not None:
            self._send(MachineName.LRM, noted)

    def finished(self, result: OpFinished, view: View | None, unix_s: int) -> None:
        """An operation has ended."""
        asked, changes = self._local.finished(result, unix_s)
        for change in changes:
            self._change(change)
        if asked is not None and asked.task.operation == "notify" and view is not None and asked.view == view.id:
            dc = view.accept_of(view.leader).member
            self._done(dc, DoTask(asked.view, asked.task, asked.transition_key), int(result.rc))

    # ---- the DC

    def do(self, dc: Member, do: DoTask, unix_s: int) -> None:
        """The DC wants something done here."""
        task = do.task
        if task.kind is TaskKind.RESOURCE and task.operation == "cancel":
            ends, gone = self._local.cancel(task)
            for end in ends:
                self._send(MachineName.LRM, end)
            for change in gone:
                self._change(change)
            self._done(dc, do, 0)
        elif task.kind is TaskKind.RESOURCE:
            asks, changes = self._local.start(task, do.transition_key, do.view, unix_s)
            for pending in changes:
                self._change(pending)
            for ask in asks:
                self._send(MachineName.LRM, ask)
            if self._local.goes_on_without(task):
                self._done(dc, do, 0)
        else:
            self._do_own(dc, do, task)

    def _do_own(self, dc: Member, do: DoTask, task: Task) -> None:
        if task.operation == "lrm_delete":
            ends, forgotten = self._local.forget(task.resource)
            for end in ends:
                self._send(MachineName.LRM, end)
            self._change(forgotten)
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

    def fail(self, fail: FailResource, view: View | None, unix_s: int) -> None:
        """Somebody says that a resource has failed: on its node that becomes a record, and the DC thinks."""
        if fail.node == self._node:
            for change in self._local.fail(fail.standard, fail.provider, fail.type, fail.resource, unix_s):
                self._change(change)
        elif view is not None and fail.node in view.names:
            self._send(MachineName.SPEECH, Convey((fail.node,), MachineName.CRMD, fail))
