"""One group on this node: its resources started left to right and stopped right to left, one operation at a time.

What a group works on is its *members*: the resources by agent, arguments and settings, which it keeps with its progress
until everything is done that was begun with them, whatever the files say meanwhile. Only at rest they become those of
the line (:mod:`groups`).

* Taking: a resource is started only if its ``status`` says that it does not run. The status of all resources is asked
  at once, ahead of its turn; "not running" is believed (a start of something that runs does no harm), "running" is
  asked again when anything was started since, because an earlier resource may have changed it.
* A start that fails stops the whole group, the resources that were not started included; the group is then ``FAILED``.
* A stop that fails is tried again each ``stop_retry_delay_ms``, ``stop_retry_max`` times (0 or less: for ever). If it
  then still runs, or its status cannot be had, it is ``stuck``, which the machine answers as the administrator decided;
  the rest is stopped.

Source: HARESOURCES.md 2 and 3 (ResourceManager of Heartbeat 3.0.6). Asking ahead, timeouts and ``stuck`` are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hacluster.base.effects import Effect, MachineName, Say, Send
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.config.haresources import IP_AGENTS
from hacluster.config.settings import HaclusterConfig, OnStopFailure
from hacluster.haresources.identity import ident
from hacluster.msg import lrm
from hacluster.msg.haresources import GroupState, GroupView

BUSY = frozenset({GroupState.STARTING, GroupState.STOPPING})
_RUNS = frozenset({lrm.OcfCode.OK, lrm.OcfCode.RUNNING_PROMOTED, lrm.OcfCode.DEGRADED, lrm.OcfCode.DEGRADED_PROMOTED})
_MONITOR = {lrm.AgentClass.OCF: "monitor"}

PATIENT_MS = 30_000
"""How often what no line names any more is stopped again after the usual number of tries."""


@dataclass(slots=True)
class Progress:
    """Where a group is; plain data, so that it survives a crash of the process and a change of the files.

    ``members`` are what it is about, in start order; all indices point into it. ``node`` is its home as it was when
    they were read. ``patient``: a stop that fails is tried again for ever, which nothing waits for. ``index`` is the
    resource whose turn it is. ``known`` maps a resource to what its status said and the ``stamp`` it was asked at;
    ``stamp`` grows with each take and each start. ``pending`` maps op_id to (resource, action, stamp).
    """

    members: list[lrm.ResourceSpec] = field(default_factory=list)
    node: str = ""
    state: GroupState = GroupState.STOPPED
    index: int = 0
    stamp: int = 0
    known: dict[int, tuple[bool, int]] = field(default_factory=dict)
    pending: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)
    stuck: set[int] = field(default_factory=set)
    failing: bool = False
    turn_back: bool = False
    patient: bool = False
    retries: int = 0
    retry_at: Instant | None = None
    failures: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What all groups share: ``new_op`` gives operation ids; effects are appended to what ``sink`` returns."""

    settings: HaclusterConfig
    new_op: Callable[[], int]
    sink: Callable[[], list[Effect]]


class GroupRun:
    """Drives one group.

    ``line`` is what the files say of ``key``: nothing for a group that no line names any more.
    """

    def __init__(
        self,
        key: str,
        node: str,
        line: Sequence[lrm.ResourceSpec],
        means: Means,
    ) -> None:
        self.key = key
        self.node = node
        self.line = tuple(line)
        self.progress = Progress(list(line), node)
        self.news: list[str] = []
        self._settings = means.settings
        self._new_op = means.new_op
        self._sink = means.sink

    @property
    def state(self) -> GroupState:
        """What the group is doing here."""
        return self.progress.state

    @property
    def busy(self) -> bool:
        """Whether operations are under way or due."""
        return self.progress.state in BUSY

    @property
    def deadline(self) -> Instant | None:
        """When a stop is to be tried again."""
        return self.progress.retry_at

    @property
    def settled(self) -> bool:
        """Whether it works on what its line says."""
        return self.node == self.progress.node and self.line == tuple(self.progress.members)

    def started(self) -> list[lrm.ResourceSpec]:
        """What was started here, or may have been, and was not stopped; in start order."""
        return [self.progress.members[index] for index in sorted(self.progress.started | self.progress.stuck)]

    def may_run(self) -> list[lrm.ResourceSpec]:
        """What may run here now: all members while anything is under way.

        What cannot be stopped, too, unless the administrator wants it taken for stopped.
        """
        p = self.progress
        if self.busy:
            return list(p.members)
        ignored = p.stuck if self._settings.on_stop_failure is OnStopFailure.IGNORE else set()
        return [p.members[index] for index in sorted((p.started | p.stuck) - ignored)]

    def rebase(self, started: Sequence[lrm.ResourceSpec]) -> None:
        """At rest: work on the line from now on, of which ``started`` runs."""
        p = self.progress
        assert p.state not in BUSY, p
        before = p.state if self.settled else GroupState.STOPPED
        names = {ident(one) for one in started}
        p.members, p.node = list(self.line), self.node
        p.started = {index for index, one in enumerate(self.line) if ident(one) in names}
        p.stuck &= p.started if before is GroupState.FAILED else set()
        p.known.clear()
        p.pending.clear()
        p.index = 0
        whole = bool(self.line) and len(p.started) == len(self.line)
        if before is not GroupState.FAILED:
            p.state, p.reason = (GroupState.RUNNING if whole else GroupState.STOPPED), ""

    def view(self) -> GroupView:
        """The group for people."""
        p = self.progress
        words = tuple(one.id for one in self.line or p.members)
        stuck = tuple(p.members[index].id for index in sorted(p.stuck))
        return GroupView(self.key, self.node, p.state, words, p.reason, stuck)

    def probe(self) -> None:
        """Ask the status of all resources ahead of time."""
        p = self.progress
        if p.state in {GroupState.STOPPED, GroupState.FAILED}:
            p.stamp += 1
            self._ask_all()

    def take(self, cause: str) -> None:
        """Start the group here. ``cause`` completes "taking KEY because …"."""
        p = self.progress
        if p.state in {GroupState.RUNNING, GroupState.STARTING} and not p.turn_back:
            return
        assert p.state in {GroupState.STOPPED, GroupState.FAILED}, f"{self.key}: take while {p.state}"
        self._say(Severity.INFO, "group-taking", f"taking {self.key} because {cause}")
        p.state, p.index, p.failing, p.turn_back, p.reason = GroupState.STARTING, 0, False, False, ""
        p.stuck.clear()
        p.stamp += 1
        self._ask_all()
        self._advance()

    def give(self, cause: str, *, kill: bool = False, patient: bool = False) -> None:
        """Stop the group here; a start that is under way is waited for, or with ``kill`` killed."""
        p = self.progress
        if p.state is GroupState.STOPPING:
            p.failing = p.patient = False
            return
        if p.state is GroupState.STOPPED and not p.started:
            return
        if p.state is GroupState.FAILED and not p.started:
            p.state, p.reason = GroupState.STOPPED, ""
            return
        self._say(Severity.INFO, "group-giving", f"stopping {self.key} because {cause}")
        p.failing, p.patient = False, patient
        if any(action == "start" for _, action, _ in p.pending.values()) and not kill:
            p.turn_back = True
        else:
            self._begin_stop()

    @property
    def hopeless(self) -> bool:
        """Whether a patient stop has failed so often that nothing waits for it any more."""
        p = self.progress
        return p.patient and p.state is GroupState.STOPPING and p.retries >= max(self._settings.stop_retry_max, 1)

    def assume_running(self) -> None:
        """The group was left running by an earlier life of this node: it has to be stopped, whatever its status."""
        p = self.progress
        self.progress = Progress(
            p.members, p.node, GroupState.RUNNING, stamp=p.stamp, started=set(range(len(p.members))), reason=p.reason
        )

    def announce(self) -> None:
        """Start the addresses again: an agent of an address that is there announces it to the network."""
        p = self.progress
        for index, one in enumerate(p.members):
            if one.type in IP_AGENTS and not any(at == index for at, _, _ in p.pending.values()):
                self._run(index, "again")

    def on_finished(self, event: lrm.OpFinished, now: Instant) -> bool:
        """Take the result of an operation; false when it was not (or is no longer) ours."""
        p = self.progress
        pending = p.pending.pop(event.op_id, None)
        if pending is None:
            return False
        index, action, stamp = pending
        ok = event.end is lrm.OpEnd.DONE and event.rc in _RUNS
        if action == "status" and p.state is not GroupState.STOPPING:
            p.known[index] = (ok, stamp)
            if p.state is GroupState.STARTING:
                self._advance()
        elif action == "start":
            self._on_started(index, event, ok=ok)
        elif action == "again":
            if not ok:
                text = f"{p.members[index].id} could not be announced again: {_why(event)}"
                self._say(Severity.WARNING, "not-announced", text)
        elif action == "stop":
            self._on_stopped(index, event, now, ok=ok)
        else:
            # Only "not running" frees the others to start it: a status that hangs or is gone says nothing.
            self._on_verified(index, runs=event.end is not lrm.OpEnd.DONE or event.rc is not lrm.OcfCode.NOT_RUNNING)
        return True

    def on_time(self, now: Instant) -> None:
        """Try a stop again when it is due."""
        p = self.progress
        if p.retry_at is not None and p.retry_at <= now:
            p.retry_at = None
            self._run(p.index, "stop")

    def hands_restarted(self) -> None:
        """What was under way is lost: do it again, status first."""
        p = self.progress
        p.pending.clear()
        p.known.clear()
        if p.state is GroupState.STARTING:
            if p.turn_back:
                self._begin_stop()
            else:
                p.stamp += 1
                self._advance()
        elif p.state is GroupState.STOPPING and p.retry_at is None:
            self._run(p.index, "stop")

    def resume(self, alive: set[int], results: dict[tuple[str, str], lrm.OpFinished], now: Instant) -> None:
        """After a crash of our process: ``alive`` are the op_ids the hands still have, ``results`` the last ones.

        An operation that ended meanwhile is taken from ``results``; one that the hands never got is asked again.
        """
        p = self.progress
        for op_id, (index, action, stamp) in sorted(p.pending.items()):
            if op_id in alive:
                continue
            asked = self._action(index, action)
            last = results.get((self.progress.members[index].id, asked))
            if last is not None and last.op_id == op_id:
                self.on_finished(last, now)
            elif p.pending.pop(op_id, None) is not None and (action != "status" or p.state in BUSY):
                self._run(index, action, stamp)

    def check(self) -> None:
        """Assert what must hold."""
        p, size = self.progress, len(self.progress.members)
        assert 0 <= p.index <= size, p
        assert p.state in BUSY or p.retry_at is None, p
        running = [action for _, action, _ in p.pending.values() if action not in {"status", "again"}]
        assert len(running) <= 1, f"{self.key}: {running} at once"
        assert not (p.state is GroupState.STOPPING and "start" in running), f"{self.key}: starts while stopping"
        assert p.state in BUSY or not running, f"{self.key}: {running} while {p.state}"
        if p.state is GroupState.RUNNING:
            assert p.started == set(range(size)), p
        if p.state in BUSY:
            assert p.pending or p.retry_at is not None, f"{self.key}: {p.state} with nothing under way"

    def _ask_all(self) -> None:
        p = self.progress
        asked = {index for index, action, _ in p.pending.values() if action == "status"}
        for index in range(len(p.members)):
            if index not in asked and index not in p.known:
                self._run(index, "status")

    def _advance(self) -> None:
        p = self.progress
        size = len(p.members)
        while p.index < size:
            if any(index == p.index or action == "start" for index, action, _ in p.pending.values()):
                return
            runs, stamp = p.known.get(p.index, (True, -1))
            if not runs:
                self._run(p.index, "start")
                return
            if stamp != p.stamp:
                self._run(p.index, "status")
                return
            p.started.add(p.index)
            p.index += 1
        p.known.clear()
        p.state, p.failures = GroupState.RUNNING, 0
        self._say(Severity.INFO, "group-running", f"{self.key} runs here")

    def _on_started(self, index: int, event: lrm.OpFinished, *, ok: bool) -> None:
        p = self.progress
        p.stamp += 1
        if ok:
            p.started.add(index)
            p.known.pop(index, None)
            p.index = index + 1
        if p.turn_back:
            self._begin_stop()
        elif ok:
            self._advance()
        else:
            word = self.progress.members[index].id
            p.failing, p.failures = True, p.failures + 1
            p.reason = f"{word} could not be started: {_why(event)}"
            if event.end is not lrm.OpEnd.NOT_INSTALLED:
                p.started.add(index)
            self._say(Severity.ERROR, "start-failed", f"{p.reason}; stopping the whole group {self.key}")
            self._begin_stop()

    def _begin_stop(self) -> None:
        p = self.progress
        for op_id in p.pending:
            self._sink().append(Send(MachineName.LRM, lrm.CancelOp(op_id, kill=True)))
        p.pending.clear()
        p.known.clear()
        p.state, p.turn_back, p.retries = GroupState.STOPPING, False, 0
        p.index = len(p.members) - 1
        self._run(p.index, "stop")

    def _on_stopped(self, index: int, event: lrm.OpFinished, now: Instant, *, ok: bool) -> None:
        p, word = self.progress, self.progress.members[index].id
        if ok:
            p.started.discard(index)
            self._next_stop()
        elif event.end is lrm.OpEnd.NOT_INSTALLED and index not in p.started:
            self._say(Severity.ERROR, "stop-not-installed", f"{word} has no script here, so it does not run here")
            self._next_stop()
        elif 0 < self._settings.stop_retry_max <= p.retries and not p.patient:
            self._run(index, "verify")
        elif self.hopeless:
            p.retry_at = after(now, PATIENT_MS)
            p.reason = f"{word} is in no line any more and cannot be stopped: {_why(event)}"
            self._say(Severity.ERROR, "remains", f"{p.reason}; trying again each {PATIENT_MS // 1000} s")
        else:
            p.retries += 1
            p.retry_at = after(now, self._settings.stop_retry_delay_ms)
            if not p.failing:
                p.reason = f"{word} could not be stopped: {_why(event)}"
            self._say(Severity.WARNING, "stop-failed", f"{word} could not be stopped: {_why(event)}; trying again")

    def _on_verified(self, index: int, *, runs: bool) -> None:
        p, word = self.progress, self.progress.members[index].id
        if runs:
            p.stuck.add(index)
            p.started.add(index)
            self.news.append(word)
            p.reason = f"{word} cannot be stopped"
            self._say(Severity.CRIT, "stop-gave-up", f"{word} cannot be stopped and may still run")
        else:
            p.started.discard(index)
            self._say(Severity.ERROR, "stop-unclean", f"stopping {word} always fails, but it does not run")
        self._next_stop()

    def _next_stop(self) -> None:
        p = self.progress
        p.retries = 0
        if p.index > 0:
            p.index -= 1
            self._run(p.index, "stop")
            return
        bad = p.failing or p.stuck
        p.state = GroupState.FAILED if bad else GroupState.STOPPED
        p.failing = False
        if not bad:
            p.reason = ""
        self._say(Severity.INFO, "group-stopped", f"{self.key} is stopped here")

    def _action(self, index: int, action: str) -> str:
        if action == "again":
            return "start"
        agent = self.progress.members[index].agent_class
        return _MONITOR.get(agent, "status") if action in {"status", "verify"} else action

    def _run(self, index: int, action: str, stamp: int | None = None) -> None:
        p, resource = self.progress, self.progress.members[index]
        op_id = self._new_op()
        p.pending[op_id] = (index, action, p.stamp if stamp is None else stamp)
        kind = {"verify": "status", "again": "start"}.get(action, action)
        timeout = self._settings.timeout_ms(resource.type, kind)
        start = lrm.StartOp(op_id, resource, self._action(index, action), timeout)
        self._sink().append(Send(MachineName.LRM, start))

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self._sink().append(Say(severity, "haresources", code, text))


def _why(event: lrm.OpFinished) -> str:
    if event.reason:
        return event.reason
    if event.end is lrm.OpEnd.DONE:
        return f"exit status {int(event.rc)}"
    return {lrm.OpEnd.TIMED_OUT: "it timed out", lrm.OpEnd.NOT_INSTALLED: "there is no such script"}.get(
        event.end, event.end.value
    )
