"""Hook programs: one at a time, in order, in a bounded queue. Which program a hook has, the settings say."""

from __future__ import annotations

from collections import deque

from hacluster.base.effects import Effect, Say, Spawn
from hacluster.base.report import Severity
from hacluster.lrm.call import last_line
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import HooksRun

SERVICE = "lrm"


class HookQueue:
    """The hooks that wait, and the one that runs."""

    def __init__(self, host: Surroundings, capacity: int, output_limit: int, kill_after_ms: int) -> None:
        self._host = host
        self._capacity = capacity
        self._output_limit = output_limit
        self._kill_after_ms = kill_after_ms
        self._waiting: deque[HooksRun] = deque()
        self._running: tuple[int, HooksRun] | None = None

    @property
    def idle(self) -> bool:
        """Whether a hook waits and none runs."""
        return self._running is None and bool(self._waiting)

    def runs(self, child_id: int) -> bool:
        """Whether that child is the hook under way."""
        return self._running is not None and self._running[0] == child_id

    def push(self, hook: HooksRun) -> list[Effect]:
        """Line one up, or say that it is dropped."""
        if len(self._waiting) >= self._capacity:
            text = f"the hook {hook.hook} is not run: {self._capacity} others wait"
            return [Say(Severity.WARNING, SERVICE, "hook-dropped", text)]
        self._waiting.append(hook)
        return []

    def start(self, child_id: int) -> Spawn:
        """Run the next as ``child_id``."""
        hook = self._waiting.popleft()
        self._running = (child_id, hook)
        env = self._host.environment(hook.hook) | dict(hook.env)
        return Spawn(
            child_id,
            hook.argv,
            tuple(sorted(env.items())),
            hook.timeout_ms,
            kill_after_ms=self._kill_after_ms,
            output_limit=self._output_limit,
        )

    def finished(self, exited: ChildExited) -> list[Effect]:
        """The hook under way is over; only a failure is worth a line."""
        assert self._running is not None
        hook = self._running[1]
        self._running = None
        if exited.end is ChildEnd.EXITED and exited.code == 0:
            return []
        said = last_line(exited.stderr, exited.stdout)
        text = f"the hook {hook.hook} failed ({exited.end} {exited.code})"
        return [Say(Severity.WARNING, SERVICE, "hook-failed", f"{text}: {said}" if said else text)]

    def check(self) -> None:
        """Assert the bound."""
        assert len(self._waiting) <= self._capacity
