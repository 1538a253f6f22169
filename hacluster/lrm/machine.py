"""The local resource manager: runs operations of resource agents for the machine that decides.

Theory of operation. The asker sends ``StartOp``; the machine turns it into a program by the rules of the agent's class
(:mod:`hacluster.lrm.classes`), lines it up (:mod:`hacluster.lrm.queue`: one at a time per resource, in the order of
asking), asks the driver to ``Spawn`` it, reads its end by the rules of the class and answers ``OpFinished``, exactly
one for each ``StartOp`` that does not recur. A recurring operation answers the first time and whenever its answer
changes, and once more with CANCELLED when it is cancelled.

Finding the agent. A class gives candidates (resource.d, then init.d, then our own). The first is run; when the driver
says that there is no such program (ENOENT, EACCES, ENOTDIR, ELOOP) the next is tried. So the existence check is the
exec itself: it cannot be out of date, and needs no look at the disk. A program without an interpreter line (ENOEXEC)
is handed to /bin/sh, as a shell would. When no candidate is left the operation ends with NOT_INSTALLED.

Limits. The driver keeps the time limit (TERM to the whole group, KILL later) and bounds the output. ``CancelOp`` with
``kill`` sends TERM, and KILL after the same delay. Everything that waits is bounded by ``base/limits.py``.

What it does not do: decide what should run, retry, interpret a failed stop, look at files, read meta-data. It knows
nothing of groups. It survives the asker: a brain that begins anew asks ``OpsQuery`` and chooses ids above those.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import assert_never

from hacluster.base.effects import Effect, Kill, MachineName, Reply, Say, Send, Spawn
from hacluster.base.limits import MAX_HOOKS, MAX_OPERATIONS, MAX_RESULTS
from hacluster.base.machine import Instant, after, earliest
from hacluster.base.report import Severity
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.call import Verdict, last_line, printable
from hacluster.lrm.classes import CLASSES
from hacluster.lrm.hooks import SERVICE, HookQueue
from hacluster.lrm.paths import name_fault
from hacluster.lrm.queue import Operation, OperationQueue
from hacluster.lrm.recurring import RecurringSet
from hacluster.lrm.results import Results
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import (
    ChildEnd,
    ChildExited,
    HostSample,
    MachineRestarted,
    Refused,
    Request,
    RequesterGone,
    StopRequested,
    Tick,
)
from hacluster.msg.lrm import (
    CancelOp,
    HooksRun,
    OcfCode,
    OpEnd,
    OpFinished,
    OpsQuery,
    OpsView,
    StartOp,
)

LrmEvent = (
    Tick
    | HostSample
    | ChildExited
    | MachineRestarted
    | StopRequested
    | Request
    | RequesterGone
    | StartOp
    | CancelOp
    | OpsQuery
    | HooksRun
)

PARALLEL = 8
"""Operations of different resources that run at the same time."""

_NO_FAILURE = frozenset(
    {
        OcfCode.OK,
        OcfCode.NOT_RUNNING,
        OcfCode.RUNNING_PROMOTED,
        OcfCode.DEGRADED,
        OcfCode.DEGRADED_PROMOTED,
    }
)
"""Answers that are not a failure whatever was asked; whether NOT_RUNNING is one, only the asker knows."""

MAX_REASON = 200
"""Characters of a reason that a view of all results has room for."""

SHELL = "/bin/sh"
SIGKILL = 9
SIGTERM = 15

_NO_PROGRAM = frozenset({errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})

_TIMEOUT_WORDS = {"start": "start", "promote": "start", "stop": "stop", "demote": "stop"}
"""Under which of the three configured time limits an action falls; all others are looks at the state."""


class LrmMachine:
    """The hands of one node. ``asker`` is the machine that sends operations and gets their results."""

    def __init__(
        self,
        config: HaclusterConfig,
        host: Surroundings,
        *,
        asker: MachineName = MachineName.HARESOURCES,
        parallel: int = PARALLEL,
    ) -> None:
        self._config = config
        self._host = host
        self._asker = asker
        self._queue = OperationQueue(parallel, MAX_OPERATIONS)
        self._recurring = RecurringSet()
        self._results = Results(MAX_RESULTS)
        self._hooks = HookQueue(host, config.hook, MAX_HOOKS, config.output_limit, config.kill_after_ms)
        self._last_child = 0

    def step(self, event: LrmEvent, now: Instant) -> list[Effect]:
        """Take one event in; see the module's theory of operation."""
        match event:
            case Tick():
                effects = self._on_tick(now)
            case StartOp():
                effects = self._on_start_op(event)
            case CancelOp():
                effects = self._on_cancel_op(event, now)
            case ChildExited():
                effects = self._on_child_exited(event, now)
            case OpsQuery():
                effects = [Send(self._asker, self._view())]
            case HooksRun():
                effects = self._hooks.push(event)
            case Request():
                effects = self._on_request(event)
            case HostSample() | MachineRestarted() | StopRequested() | RequesterGone():
                effects = []
            case _:
                assert_never(event)
        return effects + self._start_what_may(now)

    def deadline(self) -> Instant | None:
        """The next recurring operation or KILL that is due."""
        return earliest(self._recurring.deadline(), *(operation.kill_at for operation in self._queue.running))

    def check(self) -> None:
        """Assert the bounds, and that nothing waits that could run."""
        self._queue.check()
        self._hooks.check()
        assert not self._hooks.idle
        assert len(self._recurring) <= MAX_OPERATIONS

    # -- events --------------------------------------------------------------------------------------------------

    def _on_tick(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for operation in self._queue.running:
            if operation.kill_at is not None and operation.kill_at <= now:
                assert operation.child_id is not None
                operation.kill_at = None
                effects.append(Kill(operation.child_id, SIGKILL))
        for op in self._recurring.take_due(now):
            if self._queue.full:
                self._recurring.postpone(op.op_id, now)
            else:
                self._line_up(op)
        return effects

    def _on_start_op(self, op: StartOp) -> list[Effect]:
        fault = self._fault(op)
        if fault is not None:
            return self._answer(self._finished(op, fault))
        if op.interval_ms > 0:
            self._recurring.add(op)
        self._line_up(op)
        return []

    def _fault(self, op: StartOp) -> Verdict | None:
        if op.op_id in self._recurring or self._queue.find(op.op_id) is not None:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"an operation {op.op_id} is under way already")
        if self._queue.full or len(self._recurring) >= MAX_OPERATIONS:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"{MAX_OPERATIONS} operations are waiting already")
        if op.resource.agent_class not in CLASSES:
            text = f"agents of class {op.resource.agent_class} cannot be run"
            return Verdict(OpEnd.ERROR, OcfCode.UNIMPLEMENTED, text)
        fault = name_fault(op.resource)
        return None if fault is None else Verdict(OpEnd.ERROR, OcfCode.CONFIGURED, fault)

    def _on_cancel_op(self, event: CancelOp, now: Instant) -> list[Effect]:
        operation = self._queue.find(event.op_id)
        recurring = self._recurring.remove(event.op_id)
        cancelled = Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        if operation is None:
            return [] if recurring is None else self._answer(self._finished(recurring, cancelled), keep=False)
        if operation.child_id is None:
            self._queue.drop(operation)
            return self._answer(self._finished(operation.op, cancelled), keep=False)
        if recurring is not None:
            operation.cancelled = True
        if not event.kill:
            return []
        operation.cancelled = True
        operation.kill_at = after(now, self._config.kill_after_ms)
        return [Kill(operation.child_id, SIGTERM)]

    def _on_child_exited(self, exited: ChildExited, now: Instant) -> list[Effect]:
        if self._hooks.runs(exited.child_id):
            return self._hooks.finished(exited)
        operation = self._queue.child(exited.child_id)
        if operation is None:
            text = f"a program that nobody waits for ended (child {exited.child_id})"
            return [Say(Severity.DEBUG, SERVICE, "stray-child", text)]
        if exited.end is ChildEnd.NOT_STARTED and not operation.cancelled and self._next_candidate(operation, exited):
            return [self._spawn(operation, now)]
        return self._end(operation, self._read(operation, exited), exited, now)

    def _on_request(self, request: Request) -> list[Effect]:
        if isinstance(request.body, OpsQuery):
            return [Reply(request.request_id, self._view())]
        return [Reply(request.request_id, Refused("unknown-request", "the hands do not know this request"))]

    # -- running -------------------------------------------------------------------------------------------------

    def _line_up(self, op: StartOp) -> None:
        timeout_ms = op.timeout_ms
        if timeout_ms is None:
            word = _TIMEOUT_WORDS.get(op.action, "status")
            timeout_ms = self._config.timeout_ms(op.resource.type, word)
        call = CLASSES[op.resource.agent_class].call(op, timeout_ms, self._host)
        self._queue.push(Operation(op, timeout_ms, call))

    def _start_what_may(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        while (operation := self._queue.next()) is not None:
            operation.started = now
            effects.append(self._spawn(operation, now))
        if self._hooks.idle:
            effects.append(self._hooks.start(self._new_child()))
        return effects

    def _spawn(self, operation: Operation, now: Instant) -> Spawn:
        assert operation.started is not None
        operation.child_id = self._new_child()
        program = operation.call.candidates[operation.attempt]
        shell = (SHELL,) if operation.by_shell else ()
        return Spawn(
            operation.child_id,
            (*shell, program, *operation.call.arguments),
            operation.call.env,
            max(1, operation.timeout_ms - (now - operation.started)),
            kill_after_ms=self._config.kill_after_ms,
            output_limit=self._config.output_limit,
        )

    def _new_child(self) -> int:
        self._last_child += 1
        return self._last_child

    def _next_candidate(self, operation: Operation, exited: ChildExited) -> bool:
        if exited.code == errno.ENOEXEC and not operation.by_shell:
            operation.by_shell = True
            return True
        if exited.code not in _NO_PROGRAM or operation.attempt + 1 >= len(operation.call.candidates):
            return False
        operation.attempt += 1
        operation.by_shell = False
        return True

    def _read(self, operation: Operation, exited: ChildExited) -> Verdict:
        if operation.cancelled:
            return Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        if exited.end is ChildEnd.NOT_STARTED:
            if exited.code in _NO_PROGRAM:
                where = ", ".join(operation.call.candidates)
                return Verdict(OpEnd.NOT_INSTALLED, OcfCode.INSTALLED, f"no agent that can be run: looked for {where}")
            name = errno.errorcode.get(exited.code, str(exited.code))
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"could not be started: {name}")
        return CLASSES[operation.op.resource.agent_class].verdict(operation.op, exited, self._config)

    def _end(self, operation: Operation, verdict: Verdict, exited: ChildExited, now: Instant) -> list[Effect]:
        self._queue.finish(operation)
        assert operation.started is not None
        result = self._finished(operation.op, verdict, exited, now - operation.started)
        effects: list[Effect] = []
        if exited.dropped:
            text = f"{operation.op.resource.id}: {operation.op.action} wrote more than is kept"
            fields = (("dropped_bytes", str(exited.dropped)),)
            effects.append(Say(Severity.WARNING, SERVICE, "output-dropped", text, fields))
        if verdict.note:
            text = f"{operation.op.resource.id}: {verdict.note}"
            effects.append(Say(Severity.WARNING, SERVICE, "status-contradicts", text))
        if operation.op.op_id in self._recurring and not self._recurring.finished(result, now):
            self._results.keep(result)
            return effects
        return effects + self._answer(result, keep=verdict.end is not OpEnd.CANCELLED)

    def _answer(self, result: OpFinished, *, keep: bool = True) -> list[Effect]:
        """Tell the asker. What is worth a line of log, whoever asked may judge best: only failures are said here."""
        effects: list[Effect] = []
        if keep:
            self._results.keep(result)
        if result.end is not OpEnd.CANCELLED and result.rc not in _NO_FAILURE:
            text = f"{result.resource}: {result.action} failed ({result.rc.name.lower()})"
            text = f"{text}: {result.reason}" if result.reason else text
            effects.append(Say(Severity.WARNING, SERVICE, "operation-failed", text))
        return [*effects, Send(self._asker, result)]

    def _finished(
        self, op: StartOp, verdict: Verdict, exited: ChildExited | None = None, elapsed_ms: int = 0
    ) -> OpFinished:
        output = ""
        if exited is not None:
            text = (exited.stdout + exited.stderr).decode("utf-8", "replace")
            output = "\n".join(printable(line) for line in text.split("\n") if line.strip())
        reason = verdict.reason or (last_line(exited.stderr) if exited and verdict.rc is OcfCode.GENERIC else "")
        return OpFinished(
            op.op_id, op.resource.id, op.action, verdict.end, verdict.rc, reason, output, elapsed_ms, op.interval_ms
        )

    def _view(self) -> OpsView:
        # What agents wrote is left out: of all results together it may be more than fits into a frame.
        last = (replace(result, output="", reason=result.reason[:MAX_REASON]) for result in self._results.all())
        return OpsView(self._queue.views(), tuple(last))
