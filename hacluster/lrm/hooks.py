"""Hook programs: one at a time, in order, in a bounded queue.

Which program a hook has, our own settings say, and what it finds in its environment of ours cannot be overridden: the
one who asks is not root, and may be somebody else's by now.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from hacluster.base.effects import Effect, Say, Spawn
from hacluster.base.report import Severity
from hacluster.lrm.call import last_line
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import HooksRun

SERVICE = "lrm"
_VARIABLE = re.compile(r"HA_\w{1,255}", re.ASCII)


class HookQueue:
    """The hooks that wait, and the one that runs."""

    def __init__(
        self,
        host: Surroundings,
        program: Callable[[str], str | None],
        capacity: int,
        output_limit: int,
        kill_after_ms: int,
    ) -> None:
        self._host = host
        self._program = program
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
        if self._program(hook.hook) is None:
            text = f"the hook {hook.hook[:80]!r} is not run: no line of hacluster.cf names a program for it"
            return [Say(Severity.WARNING, SERVICE, "hook-unknown", text)]
        if len(self._waiting) >= self._capacity:
            text = f"the hook {hook.hook} is not run: {self._capacity} others wait"
            return [Say(Severity.WARNING, SERVICE, "hook-dropped", text)]
        self._waiting.append(hook)
        return []

    def start(self, child_id: int) -> Spawn:
        """Run the next as ``child_id``."""
        hook = self._waiting.popleft()
        self._running = (child_id, hook)
        program = self._program(hook.hook)
        assert program is not None
        env = {name: value for name, value in hook.env if _VARIABLE.fullmatch(name) and "\0" not in value}
        env |= self._host.environment(hook.hook)
        return Spawn(
            child_id,
            (program, hook.hook),
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
