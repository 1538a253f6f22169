"""One group on this node: its resources started left to right and stopped right to left, one operation at a time.

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

from collections.abc import Callable
from dataclasses import dataclass, field

from hacluster.base.effects import Effect, MachineName, Say, Send
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.config.resources import AgentClass, Group, ResourceWord
from hacluster.config.settings import HaclusterConfig
from hacluster.msg import lrm
from hacluster.msg.haresources import GroupState, GroupView

BUSY = frozenset({GroupState.STARTING, GroupState.STOPPING})
_RUNS = frozenset({lrm.OcfCode.OK, lrm.OcfCode.RUNNING_PROMOTED, lrm.OcfCode.DEGRADED, lrm.OcfCode.DEGRADED_PROMOTED})
_CLASS = {AgentClass.HEARTBEAT: lrm.AgentClass.HEARTBEAT, AgentClass.OCF: lrm.AgentClass.OCF}
_MONITOR = {AgentClass.HEARTBEAT: "status", AgentClass.OCF: "monitor"}


def spec(resource: ResourceWord) -> lrm.ResourceSpec:
    """The resource as the hands know it; its id is the word as written.

    The provider is left open: the hands look the script or the OCF type up on the host.
    """
    return lrm.ResourceSpec(
        resource.text, _CLASS[resource.agent], "", resource.name, resource.arguments, resource.parameters
    )


@dataclass(slots=True)
class Progress:
    """Where a group is; plain data, so that it survives a crash of the process.

    ``index`` is the resource whose turn it is. ``known`` maps a resource to what its status said and the ``stamp`` it
    was asked at; ``stamp`` grows with each take and each start. ``pending`` maps op_id to (resource, action, stamp).
    """

    state: GroupState = GroupState.STOPPED
    index: int = 0
    stamp: int = 0
    known: dict[int, tuple[bool, int]] = field(default_factory=dict)
    pending: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    started: set[int] = field(default_factory=set)
    stuck: set[int] = field(default_factory=set)
    failing: bool = False
    turn_back: bool = False
    retries: int = 0
    retry_at: Instant | None = None
    failures: int = 0
    reason: str = ""


class GroupRun:
    """Drives one group. ``new_op`` gives operation ids; effects are appended to the list that ``sink`` returns."""

    def __init__(
        self, group: Group, settings: HaclusterConfig, new_op: Callable[[], int], sink: Callable[[], list[Effect]]
    ) -> None:
        self.group = group
        self.progress = Progress()
        self.news: list[str] = []
        self._settings = settings
        self._new_op = new_op
        self._sink = sink

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

    def view(self) -> GroupView:
        """The group for people."""
        p, g = self.progress, self.group
        return GroupView(g.key, g.node, p.state, g.words, p.reason)

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
        assert p.state in {GroupState.STOPPED, GroupState.FAILED}, f"{self.group.key}: take while {p.state}"
        self._say(Severity.INFO, "group-taking", f"taking {self.group.key} because {cause}")
        p.state, p.index, p.failing, p.turn_back, p.reason = GroupState.STARTING, 0, False, False, ""
        p.stuck.clear()
        p.stamp += 1
        self._ask_all()
        self._advance()

    def give(self, cause: str, *, kill: bool = False) -> None:
        """Stop the group here; a start that is under way is waited for, or with ``kill`` killed."""
        p = self.progress
        if p.state is GroupState.STOPPING:
            p.failing = False
            return
        if p.state is GroupState.STOPPED and not p.started:
            return
        if p.state is GroupState.FAILED and not p.started:
            p.state, p.reason = GroupState.STOPPED, ""
            return
        self._say(Severity.INFO, "group-giving", f"stopping {self.group.key} because {cause}")
        p.failing = False
        if any(action == "start" for _, action, _ in p.pending.values()) and not kill:
            p.turn_back = True
        else:
            self._begin_stop()

    def assume_running(self) -> None:
        """The group was left running by an earlier life of this node: it has to be stopped, whatever its status."""
        p = self.progress
        p.state = GroupState.RUNNING
        p.started = set(range(len(self.group.resources)))

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
            last = results.get((self.group.resources[index].text, asked))
            if last is not None and last.op_id == op_id:
                self.on_finished(last, now)
            elif p.pending.pop(op_id, None) is not None and (action != "status" or p.state in BUSY):
                self._run(index, action, stamp)

    def check(self) -> None:
        """Assert what must hold."""
        p, size = self.progress, len(self.group.resources)
        assert 0 <= p.index <= size, p
        assert p.state in BUSY or p.retry_at is None, p
        running = [action for _, action, _ in p.pending.values() if action != "status"]
        assert len(running) <= 1, f"{self.group.key}: {running} at once"
        assert not (p.state is GroupState.STOPPING and "start" in running), f"{self.group.key}: starts while stopping"
        assert p.state in BUSY or not running, f"{self.group.key}: {running} while {p.state}"
        if p.state is GroupState.RUNNING:
            assert p.started == set(range(size)), p
        if p.state in BUSY:
            assert p.pending or p.retry_at is not None, f"{self.group.key}: {p.state} with nothing under way"

    def _ask_all(self) -> None:
        p = self.progress
        asked = {index for index, action, _ in p.pending.values() if action == "status"}
        for index in range(len(self.group.resources)):
            if index not in asked and index not in p.known:
                self._run(index, "status")

    def _advance(self) -> None:
        p = self.progress
        size = len(self.group.resources)
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
        self._say(Severity.INFO, "group-running", f"{self.group.key} runs here")

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
            word = self.group.resources[index].text
            p.failing, p.failures = True, p.failures + 1
            p.reason = f"{word} could not be started: {_why(event)}"
            if event.end is not lrm.OpEnd.NOT_INSTALLED:
                p.started.add(index)
            self._say(Severity.ERROR, "start-failed", f"{p.reason}; stopping the whole group {self.group.key}")
            self._begin_stop()

    def _begin_stop(self) -> None:
        p = self.progress
        for op_id in p.pending:
            self._sink().append(Send(MachineName.LRM, lrm.CancelOp(op_id, kill=True)))
        p.pending.clear()
        p.known.clear()
        p.state, p.turn_back, p.retries = GroupState.STOPPING, False, 0
        p.index = len(self.group.resources) - 1
        self._run(p.index, "stop")

    def _on_stopped(self, index: int, event: lrm.OpFinished, now: Instant, *, ok: bool) -> None:
        p, word = self.progress, self.group.resources[index].text
        if ok:
            p.started.discard(index)
            self._next_stop()
        elif event.end is lrm.OpEnd.NOT_INSTALLED and index not in p.started:
            self._say(Severity.ERROR, "stop-not-installed", f"{word} has no script here, so it does not run here")
            self._next_stop()
        elif 0 < self._settings.stop_retry_max <= p.retries:
            self._run(index, "verify")
        else:
            p.retries += 1
            p.retry_at = after(now, self._settings.stop_retry_delay_ms)
            self._say(Severity.WARNING, "stop-failed", f"{word} could not be stopped: {_why(event)}; trying again")

    def _on_verified(self, index: int, *, runs: bool) -> None:
        p, word = self.progress, self.group.resources[index].text
        if runs:
            p.stuck.add(index)
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
        self._say(Severity.INFO, "group-stopped", f"{self.group.key} is stopped here")

    def _action(self, index: int, action: str) -> str:
        resource = self.group.resources[index]
        return _MONITOR[resource.agent] if action in {"status", "verify"} else action

    def _run(self, index: int, action: str, stamp: int | None = None) -> None:
        p, resource = self.progress, self.group.resources[index]
        op_id = self._new_op()
        p.pending[op_id] = (index, action, p.stamp if stamp is None else stamp)
        kind = "status" if action == "verify" else action
        timeout = self._settings.timeout_ms(resource.name, kind)
        start = lrm.StartOp(op_id, spec(resource), self._action(index, action), timeout)
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
