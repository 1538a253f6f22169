"""Alert agents: run beside one another and beside everything else, as the cluster's user, so many at a time.

What an agent is called with, the configuration says; what is root's alone it could not do anyhow. An agent that fails
or takes too long is worth a line of log, and nothing else.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from hacluster.base.effects import Effect, Say, Spawn
from hacluster.base.limits import MAX_ALERTS, MAX_ALERTS_WAITING
from hacluster.base.report import Severity
from hacluster.lrm.call import last_line
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import RunAlert

_SERVICE: Final = "lrm"
_FORBIDDEN: Final = ("LD_", "PYTHON", "BASH_ENV", "ENV", "IFS", "PATH")
"""What an agent finds of these is ours."""


class AlertRuns:
    """The alerts that run, and those that wait. ``user``: in whose name; empty for the daemon's own."""

    def __init__(self, host: Surroundings, output_limit: int, kill_after_ms: int) -> None:
        self._host, self._output_limit, self._kill_after_ms = host, output_limit, kill_after_ms
        self._waiting: deque[RunAlert] = deque()
        self._running: dict[int, RunAlert] = {}

    @property
    def idle(self) -> bool:
        """Whether one waits that may run."""
        return bool(self._waiting) and len(self._running) < MAX_ALERTS

    def runs(self, child_id: int) -> bool:
        """Whether that child is an alert."""
        return child_id in self._running

    def push(self, alert: RunAlert) -> list[Effect]:
        """Line one up, or say that it is dropped."""
        fault = ""
        if not alert.path.startswith("/") or "\0" in alert.path:
            fault = "its path is not absolute"
        elif len(self._waiting) >= MAX_ALERTS_WAITING:
            fault = f"{MAX_ALERTS_WAITING} others wait"
        if fault:
            text = f"the alert {alert.alert[:80]!r} is not run: {fault}"
            return [Say(Severity.WARNING, _SERVICE, "alert-dropped", text)]
        self._waiting.append(alert)
        return []

    def start(self, child_id: int) -> Spawn:
        """Run the next as ``child_id``."""
        alert = self._waiting.popleft()
        self._running[child_id] = alert
        env = {n: v for n, v in alert.env if "\0" not in v and "=" not in n and not n.startswith(_FORBIDDEN)}
        env |= {"PATH": self._host.search_path, "LANG": "C", "HOME": "/"}
        return Spawn(
            child_id,
            (alert.path,),
            tuple(sorted(env.items())),
            alert.timeout_ms,
            kill_after_ms=self._kill_after_ms,
            output_limit=self._output_limit,
            user=self._host.alerts_user,
        )

    def finished(self, exited: ChildExited) -> list[Effect]:
        """One is over; only a failure is worth a line."""
        alert = self._running.pop(exited.child_id)
        if exited.end is ChildEnd.EXITED and exited.code == 0:
            return []
        said = last_line(exited.stderr, exited.stdout)
        text = f"the alert {alert.alert} ({alert.path}) failed ({exited.end} {exited.code})"
        return [Say(Severity.WARNING, _SERVICE, "alert-failed", f"{text}: {said}" if said else text)]

    def check(self) -> None:
        """Assert the bounds."""
        assert len(self._waiting) <= MAX_ALERTS_WAITING
        assert len(self._running) <= MAX_ALERTS
