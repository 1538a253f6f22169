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

Meta-data. For an asker that gives contexts (the CRM) an agent is asked for its meta-data beside its first operation
(:mod:`hacluster.lrm.agents`); results that need it wait for it, for a while.

Nothing is lost. What such an asker is told is in a journal before (:mod:`hacluster.lrm.ledger`). Hands that begin anew
take it up: the driver has ended what still ran, and what has no result is done again, or, where that would not be safe,
told as an error. So an operation that somebody knows the result of is never done a second time.

Limits. The driver keeps the time limit (TERM to the whole group, KILL later) and bounds the output. ``CancelOp`` with
``kill`` sends TERM, and KILL after the same delay. Everything that waits is bounded by ``base/limits.py``.

Several may ask: results go to the machine that an operation names, or as a reply to the client (root's alone).

What it does not do: decide what should run, retry, interpret a failed stop, look at files. It knows nothing of groups.
It survives the asker: a brain that begins anew asks ``OpsQuery`` and chooses ids above those.
"""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import assert_never

from hacluster.base.effects import Effect, Kill, MachineName, Reply, Say, Send, SetAside, Spawn, UnitJob
from hacluster.base.limits import MAX_HOOKS, MAX_OPERATIONS, MAX_RESULTS, MAX_RUNNING
from hacluster.base.machine import Instant, earliest
from hacluster.base.ondisk import OnDisk
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm import fencing
from hacluster.lrm.agents import Agents
from hacluster.lrm.alerts import AlertRuns
from hacluster.lrm.call import Verdict, last_line, printable
from hacluster.lrm.classes import CLASSES
from hacluster.lrm.hooks import SERVICE, HookQueue
from hacluster.lrm.ledger import KEY as JOURNAL
from hacluster.lrm.ledger import Ledger
from hacluster.lrm.paths import name_fault
from hacluster.lrm.queue import Operation, OperationQueue, key_of
from hacluster.lrm.recurring import RecurringSet
from hacluster.lrm.results import Results
from hacluster.lrm.surroundings import Surroundings
from hacluster.lrm.systemd import unit_verdict
from hacluster.msg.driver import (
    ChildEnd,
    ChildExited,
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Refused,
    Request,
    RequesterGone,
    Restored,
    StopRequested,
    Tick,
    UnitDone,
)
from hacluster.msg.lrm import (
    CancelOp,
    HooksRun,
    OcfCode,
    OpEnd,
    OpFinished,
    OpsNoted,
    OpsQuery,
    OpsView,
    RunAlert,
    StartOp,
)
from hacluster.msg.stonith import DeviceOpEnded

LrmEvent = (
    Tick
    | HostSample
    | ChildExited
    | UnitDone
    | DeviceOpEnded
    | Restored
    | Persisted
    | PersistFailed
    | MachineRestarted
    | StopRequested
    | Request
    | RequesterGone
    | StartOp
    | CancelOp
    | OpsQuery
    | OpsNoted
    | HooksRun
    | RunAlert
)

PARALLEL = 8
"""Operations of different resources that work at the same time, if nobody says how many."""

SLOW_MS = 2_000
"""After this a program mostly waits, and does not count as one that works."""

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

DEVICE_MS = 5_000
"""How long the fencer may take beyond the time of what it was asked."""

CLIENTS = "clients"
"""Whose asking it is when a local client has an agent run."""

_MACHINES = frozenset(MachineName)
RELOAD_AGENT = "reload-agent"
_NOT_TWICE = frozenset({"migrate_to", "migrate_from", "reload", "reload-agent"})
"""What is not begun again when nobody knows how far it came; everything else may be done twice (OCF)."""

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
        self._queue = OperationQueue(parallel, MAX_OPERATIONS, most=MAX_RUNNING, slow_ms=SLOW_MS)
        self._recurring = RecurringSet()
        self._results = Results(MAX_RESULTS)
        self._ledger = Ledger()
        self._disk = OnDisk()
        self._agents = Agents(host, config.kill_after_ms)
        self._hooks = HookQueue(host, config.hook, MAX_HOOKS, config.output_limit, config.kill_after_ms)
        self._alerts = AlertRuns(host, config.output_limit, config.kill_after_ms)
        self._clients: dict[int, int] = {}
        self._kills: Timers[int] = Timers()
        self._devices: Timers[int] = Timers()
        self._last_child = 0
        self._clock = 0

    def step(self, event: LrmEvent, now: Instant) -> list[Effect]:  # noqa: C901 - one flat table of events
        """Take one event in; see the module's theory of operation."""
        match event:
            case Tick():
                effects = self._on_tick(now)
            case StartOp():
                effects = self._on_start_op(event, now)
            case CancelOp():
                effects = self._on_cancel_op(event, now)
            case ChildExited():
                effects = self._on_child_exited(event, now)
            case UnitDone():
                effects = self._on_unit_done(event, now)
            case DeviceOpEnded():
                effects = self._on_device(event, now)
            case OpsQuery():
                effects = [Send(self._machine(event.asker), view) for view in self._views(event.asker)]
            case OpsNoted():
                self._ledger.noted(event)
                effects = []
            case HooksRun():
                effects = self._hooks.push(event)
            case RunAlert():
                effects = self._alerts.push(event)
            case Request():
                effects = self._on_request(event, now)
            case RequesterGone():
                known = self._clients.get(event.request_id)
                effects = [] if known is None else self._on_cancel_op(CancelOp(known, True, CLIENTS), now)
            case Restored():
                effects = self._on_restored(event, now)
            case Persisted() | PersistFailed():
                return self._on_written(event) + self._start_what_may(now)
            case HostSample():
                self._clock = event.unix_ms - now
                effects = []
            case MachineRestarted() | StopRequested():
                effects = []
            case _:
                assert_never(event)
        return self._kept(effects + self._start_what_may(now), now)

    def deadline(self) -> Instant | None:
        """The next recurring operation or KILL that is due, or a wait that is over."""
        waits = (self._queue.deadline(), self._agents.deadline(), self._disk.deadline(), self._devices.deadline())
        return earliest(self._recurring.deadline(), self._kills.deadline(), *waits)

    def check(self) -> None:
        """Assert the bounds, and that nothing waits that could run."""
        self._queue.check()
        self._hooks.check()
        self._alerts.check()
        self._agents.check()
        self._ledger.check()
        assert not self._hooks.idle
        assert not self._alerts.idle
        assert len(self._recurring) <= MAX_OPERATIONS

    # -- keeping -------------------------------------------------------------------------------------------------

    def _kept(self, effects: list[Effect], now: Instant) -> list[Effect]:
        """What happened is written first; results are told when it is."""
        write = self._ledger.write()
        overdue = self._disk.overdue(now)
        if write is None and self._disk.deadline() is None:
            return overdue + effects
        at_once = [effect for effect in effects if not isinstance(effect, Send)]
        results: list[Effect] = [effect for effect in effects if isinstance(effect, Send)]
        if write is None:
            return [*at_once, *overdue, *self._disk.behind(results)]
        return [*at_once, *overdue, *self._disk.after(write, results, now)]

    def _on_written(self, event: Persisted | PersistFailed) -> list[Effect]:
        effects = self._disk.settled(event.token)
        if isinstance(event, PersistFailed):
            text = (
                f"the journal of operations cannot be written: {event.error}; results would be lost with this process"
            )
            effects.append(Say(Severity.ERROR, SERVICE, "journal-failed", text))
        return effects

    def _on_restored(self, event: Restored, now: Instant) -> list[Effect]:
        if event.key != JOURNAL or not event.data:
            return []
        self._ledger, fault = Ledger.read(event.data)
        if fault:
            text = f"the journal of operations cannot be read ({fault}); what was under way is not known any more"
            return [SetAside(JOURNAL, volatile=True), Say(Severity.ERROR, SERVICE, "journal-damaged", text)]
        effects: list[Effect] = []
        for op, told in self._ledger.under_way():
            if op.interval_ms:
                self._recurring.add(op)
                if told is not None:
                    self._recurring.told(key_of(op), told.end, told.rc, told.changed_s)
                self._line_up(op, now)
            elif op.action in _NOT_TWICE:
                lost = Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"the hands died during the {op.action}")
                effects += self._answer(op, self._finished(op, lost))
            else:
                self._line_up(op, now)
        number = len(self._ledger.under_way())
        text = (
            f"takes up {number} operations of the life before; those that were running have been ended and begin anew"
        )
        return [*effects, Say(Severity.NOTICE, SERVICE, "operations-taken-up", text)] if number else effects

    # -- events --------------------------------------------------------------------------------------------------

    def _on_tick(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        while (child_id := self._kills.pop(now)) is not None:
            effects.append(Kill(child_id, SIGKILL))
        while (child_id := self._devices.pop(now)) is not None:
            silent = DeviceOpEnded(child_id, 1, "the fencer does not answer", timed_out=True)
            effects += self._on_device(silent, now)
        for op, result in self._agents.overdue(now):
            effects += self._tell(op, result)
        for op in self._recurring.take_due(now):
            if self._queue.full:
                self._recurring.postpone(key_of(op), now)
            else:
                self._line_up(op, now)
        return effects

    def _on_start_op(self, op: StartOp, now: Instant) -> list[Effect]:
        fault = self._fault(op)
        if fault is not None:
            return self._answer(op, self._finished(op, fault))
        self._ledger.began(op)
        if op.interval_ms > 0:
            self._recurring.add(op)
            if op.start_delay_ms > 0:
                self._recurring.due_after(key_of(op), now, op.start_delay_ms)
                return []
        self._line_up(op, now)
        return []

    def _fault(self, op: StartOp) -> Verdict | None:
        if key_of(op) in self._recurring or self._queue.find(key_of(op)) is not None:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"an operation {op.op_id} is under way already")
        if self._queue.full or len(self._recurring) >= MAX_OPERATIONS:
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"{MAX_OPERATIONS} operations are waiting already")
        rules = CLASSES.get(op.resource.agent_class)
        if rules is None:
            text = f"agents of class {op.resource.agent_class} cannot be run"
            return Verdict(OpEnd.ERROR, OcfCode.UNIMPLEMENTED, text)
        fault = name_fault(op.resource)
        if fault is not None:
            return Verdict(OpEnd.ERROR, OcfCode.CONFIGURED, fault)
        if not rules.call(op, 0, self._host).attempts:
            text = f"agents of class {op.resource.agent_class} have no {op.action}"
            return Verdict(OpEnd.ERROR, OcfCode.UNIMPLEMENTED, text)
        return None

    def _on_cancel_op(self, event: CancelOp, now: Instant) -> list[Effect]:
        key = (event.asker, event.op_id)
        operation = self._queue.find(key)
        recurring = self._recurring.remove(key)
        cancelled = Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        if operation is None:
            if recurring is None:
                return []
            return self._answer(recurring, self._finished(recurring, cancelled), keep=False)
        if operation.child_id is None:
            self._queue.drop(operation)
            return self._answer(operation.op, self._finished(operation.op, cancelled), keep=False)
        if recurring is not None:
            operation.cancelled = True
        if not event.kill:
            return []
        operation.cancelled = True
        self._kills.set(operation.child_id, now, self._config.kill_after_ms)
        return [Kill(operation.child_id, SIGTERM)]

    def _on_child_exited(self, exited: ChildExited, now: Instant) -> list[Effect]:
        self._kills.cancel(exited.child_id)
        if self._hooks.runs(exited.child_id):
            return self._hooks.finished(exited)
        if self._alerts.runs(exited.child_id):
            return self._alerts.finished(exited)
        if self._agents.runs(exited.child_id):
            effects, free = self._agents.finished(exited, self._new_child())
            for op, result in free:
                effects += self._tell(op, result)
            return effects
        operation = self._queue.child(exited.child_id)
        if operation is None:
            text = f"a program that nobody waits for ended (child {exited.child_id})"
            return [Say(Severity.DEBUG, SERVICE, "stray-child", text)]
        if exited.end is ChildEnd.NOT_STARTED and not operation.cancelled and self._next_candidate(operation, exited):
            return [self._spawn(operation, now)]
        unknown = exited.end is ChildEnd.EXITED and exited.code == OcfCode.UNIMPLEMENTED and not operation.cancelled
        if unknown and operation.call.arguments == (RELOAD_AGENT,):
            # One whose meta-data is not known yet, and which has the older word for it.
            operation.call = replace(operation.call, arguments=("reload",))
            return [self._spawn(operation, now)]
        return self._end(operation, self._read(operation, exited), exited, now)

    def _on_unit_done(self, done: UnitDone, now: Instant) -> list[Effect]:
        self._kills.cancel(done.child_id)
        operation = self._queue.child(done.child_id)
        if operation is None:
            return []
        verdict = Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        if not operation.cancelled:
            verdict = unit_verdict(operation.op, done, self._config)
        exited = ChildExited(done.child_id, ChildEnd.EXITED, 0, elapsed_ms=done.elapsed_ms)
        return self._end(operation, verdict, exited, now)

    def _on_device(self, ended: DeviceOpEnded, now: Instant) -> list[Effect]:
        self._devices.cancel(ended.child_id)
        operation = self._queue.child(ended.child_id)
        if operation is None:
            return []
        verdict = fencing.device_verdict(ended)
        if operation.cancelled:
            verdict = Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        return self._end(operation, verdict, ChildExited(ended.child_id, ChildEnd.EXITED, 0), now)

    def _on_request(self, request: Request, now: Instant) -> list[Effect]:
        body = request.body
        if isinstance(body, OpsQuery):
            return [Reply(request.request_id, self._view())]
        if isinstance(body, StartOp):
            if request.peer.uid != 0:
                return [
                    Reply(request.request_id, Refused("not-permitted", "agents run as root: only root may do that"))
                ]
            self._clients[request.request_id] = request.request_id
            own = replace(body, op_id=request.request_id, interval_ms=0, context="", asker=CLIENTS)
            return self._on_start_op(own, now)
        return [Reply(request.request_id, Refused("unknown-request", "the hands do not know this request"))]

    # -- running -------------------------------------------------------------------------------------------------

    def _line_up(self, op: StartOp, now: Instant) -> None:
        timeout_ms = op.timeout_ms
        if timeout_ms is None:
            word = _TIMEOUT_WORDS.get(op.action, "status")
            timeout_ms = self._config.timeout_ms(op.resource.type, word)
        call = CLASSES[op.resource.agent_class].call(op, timeout_ms, self._host)
        traits = self._agents.traits(op) if op.action == RELOAD_AGENT else None
        if traits is not None and traits.older:
            call = replace(call, arguments=("reload",))
        self._queue.push(Operation(op, timeout_ms, call, now))

    def _start_what_may(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        while (operation := self._queue.next(now)) is not None:
            operation.began_s = (self._clock + now) // 1_000
            effects.append(self._spawn(operation, now))
            self._agents.want(operation.op)
        while (spawn := self._agents.next_call(self._last_child + 1)) is not None:
            self._last_child += 1
            effects.append(spawn)
        if self._hooks.idle:
            effects.append(self._hooks.start(self._new_child()))
        while self._alerts.idle:
            effects.append(self._alerts.start(self._new_child()))
        return effects

    def _spawn(self, operation: Operation, now: Instant) -> Spawn | UnitJob | Send:
        assert operation.started is not None
        child_id = self._new_child()
        self._queue.spawned(operation, child_id)
        call = operation.call
        left_ms = max(1, operation.timeout_ms - (now - operation.started))
        if operation.attempt >= len(call.candidates):
            if call.device:
                self._devices.set(child_id, now, left_ms + DEVICE_MS)
                return Send(MachineName.STONITH, fencing.device_op(operation.op, child_id, left_ms))
            return UnitJob(child_id, call.unit, call.verb, left_ms)
        shell = (SHELL,) if operation.by_shell else ()
        return Spawn(
            child_id,
            (*shell, call.candidates[operation.attempt], *call.arguments),
            call.env,
            left_ms,
            kill_after_ms=self._config.kill_after_ms,
            output_limit=self._config.output_limit,
            secrets=call.secrets,
        )

    def _new_child(self) -> int:
        self._last_child += 1
        return self._last_child

    def _next_candidate(self, operation: Operation, exited: ChildExited) -> bool:
        if exited.code == errno.ENOEXEC and not operation.by_shell:
            operation.by_shell = True
            return True
        if exited.code == errno.EBADMSG and operation.call.secrets and operation.op.action == "stop":
            # What must be stopped is stopped; most agents need no password for that.
            operation.call = replace(operation.call, secrets=())
            return True
        if exited.code not in _NO_PROGRAM or operation.attempt + 1 >= operation.call.attempts:
            return False
        operation.attempt += 1
        operation.by_shell = False
        return True

    def _read(self, operation: Operation, exited: ChildExited) -> Verdict:
        if operation.cancelled:
            return Verdict(OpEnd.CANCELLED, OcfCode.GENERIC, "was cancelled")
        if exited.end is ChildEnd.NOT_STARTED:
            if exited.code == errno.EBADMSG and operation.call.secrets:
                said = last_line(exited.stderr)
                return Verdict(OpEnd.ERROR, OcfCode.CONFIGURED, f"a secret parameter cannot be had: {said}")
            if exited.code in _NO_PROGRAM:
                where = ", ".join(operation.call.candidates)
                return Verdict(OpEnd.NOT_INSTALLED, OcfCode.INSTALLED, f"no agent that can be run: looked for {where}")
            name = errno.errorcode.get(exited.code, str(exited.code))
            return Verdict(OpEnd.ERROR, OcfCode.GENERIC, f"could not be started: {name}")
        return CLASSES[operation.op.resource.agent_class].verdict(operation.op, exited, self._config)

    def _end(self, operation: Operation, verdict: Verdict, exited: ChildExited, now: Instant) -> list[Effect]:
        self._queue.finish(operation)
        op = operation.op
        result = self._timed(operation, self._finished(op, verdict, exited), now)
        effects: list[Effect] = []
        if exited.dropped:
            text = f"{op.resource.id}: {op.action} wrote more than is kept"
            fields = (("dropped_bytes", str(exited.dropped)),)
            effects.append(Say(Severity.WARNING, SERVICE, "output-dropped", text, fields))
        if verdict.note:
            effects.append(Say(Severity.WARNING, SERVICE, "status-contradicts", f"{op.resource.id}: {verdict.note}"))
        if exited.scene:
            text = f"{op.resource.id}: when the time of {op.action} was up: {exited.scene.replace(chr(10), '; ')}"
            effects.append(Say(Severity.WARNING, SERVICE, "scene", text))
        if key_of(op) in self._recurring:
            news, changed_s = self._recurring.finished(key_of(op), result, now, result.changed_s)
            result = replace(result, changed_s=changed_s)
            if not news:
                self._results.keep(result)
                return effects
        for free, told in self._agents.hold(op, result, exited.stamp, now):
            effects += self._tell(free, told)
        return effects

    def _timed(self, operation: Operation, result: OpFinished, now: Instant) -> OpFinished:
        assert operation.started is not None
        return replace(
            result,
            elapsed_ms=now - operation.started,
            queued_ms=operation.started - operation.asked,
            began_s=operation.began_s,
            changed_s=(self._clock + now) // 1_000,
        )

    def _tell(self, op: StartOp, result: OpFinished) -> list[Effect]:
        result = replace(result, traits=self._agents.traits(op))
        return self._answer(op, result, keep=result.end is not OpEnd.CANCELLED)

    def _answer(self, op: StartOp, result: OpFinished, *, keep: bool = True) -> list[Effect]:
        """Tell the asker. What is worth a line of log, whoever asked may judge best: only failures are said here."""
        effects: list[Effect] = []
        if result.end is not OpEnd.CANCELLED and result.rc not in _NO_FAILURE:
            text = f"{result.resource}: {result.action} failed ({result.rc.name.lower()})"
            text = f"{text}: {result.reason}" if result.reason else text
            effects.append(Say(Severity.WARNING, SERVICE, "operation-failed", text))
        if op.asker == CLIENTS:
            request_id = self._clients.pop(op.op_id, None)
            return effects if request_id is None else [*effects, Reply(request_id, result)]
        result = self._ledger.told(op, result)
        if key_of(op) not in self._recurring:
            self._ledger.ended(op)
        if keep:
            self._results.keep(result)
        return [*effects, Send(self._machine(op.asker), result)]

    def _machine(self, asker: str) -> MachineName:
        return MachineName(asker) if asker in _MACHINES else self._asker

    def _finished(self, op: StartOp, verdict: Verdict, exited: ChildExited | None = None) -> OpFinished:
        output, scene = "", ""
        if exited is not None:
            text = (exited.stdout + exited.stderr).decode("utf-8", "replace")
            output = "\n".join(printable(line) for line in text.split("\n") if line.strip())
            scene = exited.scene
        reason = verdict.reason or (last_line(exited.stderr) if exited and verdict.rc is OcfCode.GENERIC else "")
        return OpFinished(
            op.op_id,
            op.resource.id,
            op.action,
            verdict.end,
            verdict.rc,
            reason,
            output,
            interval_ms=op.interval_ms,
            changed_s=self._clock // 1_000,
            scene=scene,
        )

    def _views(self, asker: str) -> list[OpsView]:
        if not self._ledger.keeps(asker):
            return [self._view()]
        running = frozenset(entry.op.op_id for entry in self._queue.running if entry.op.asker == asker)
        return self._ledger.views(asker, running)

    def _view(self) -> OpsView:
        # What agents wrote is left out: of all results together it may be more than fits into a frame.
        last = (
            replace(result, output="", reason=result.reason[:MAX_REASON], context="", scene="", traits=None)
            for result in self._results.all()
        )
        return OpsView(self._queue.views(), tuple(last))
