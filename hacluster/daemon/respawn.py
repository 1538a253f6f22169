"""The programs of ``respawn`` and ``failfast``: started when this node is a full member, stopped in reverse order.

A program that ends is started again, at once the first time and then with growing pauses; exit status 100 means that
it does not want to be. The end of a ``failfast`` program is the end of the node. ipfail is not among them: it is built
in (see the haresources machine). ha.cf(5), ``respawn``, ``failfast``, ``env``.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.machine import Instant, after, earliest
from hacluster.base.report import Severity
from hacluster.config.settings import Client
from hacluster.daemon import spawn
from hacluster.daemon.roster import Roster

SERVICE: Final = "respawn"
ENOUGH: Final = 100
"""The exit status of a program that does not want to be started again."""

PAUSES_MS: Final = (0, 1_000, 2_000, 5_000, 10_000, 30_000)
STABLE_MS: Final = 60_000
"""A program that ran so long starts with the first pause again."""

STOP_MS: Final = 10_000
"""How long a program has between TERM and KILL."""

BUILT_IN: Final = frozenset({"ipfail"})


class _Program:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.process: subprocess.Popen[bytes] | None = None
        self.started = Instant(0)
        self.failures = 0
        self.due: Instant | None = None

    @property
    def name(self) -> str:
        return self.client.argv[0]


class Respawner:
    """The programs of one node. It is polled: after SIGCHLD, and at :meth:`deadline`."""

    def __init__(
        self,
        clients: Sequence[Client],
        env: tuple[tuple[str, str], ...],
        log: Callable[[Say], None],
        roster: Roster | None = None,
    ) -> None:
        self._roster = roster
        self._programs = [_Program(client) for client in clients if client.name not in BUILT_IN]
        self._env = env
        self._log = log
        self._started = False
        self._stopping = False
        self._kill_at: Instant | None = None
        self.failed_fast = ""
        """The ``failfast`` program that ended, if one did."""

    def start(self, now: Instant) -> None:
        """This node is a full member: begin."""
        if not self._started:
            self._started = True
            for program in self._programs:
                program.due = now
            self.poll(now)

    def stop(self, now: Instant) -> None:
        """Begin to stop them, the last one first."""
        if not self._stopping:
            self._stopping = True
            for program in self._programs:
                program.due = None
            self._stop_next(now)

    @property
    def stopped(self) -> bool:
        """Whether none runs and none will."""
        return all(program.process is None for program in self._programs) and (self._stopping or not self._started)

    def deadline(self) -> Instant | None:
        """When to be polled next."""
        return earliest(self._kill_at, *(program.due for program in self._programs))

    def poll(self, now: Instant) -> None:
        """Reap what ended and start what is due."""
        for program in self._programs:
            if program.process is not None and program.process.poll() is not None:
                self._ended(program, now)
            if program.due is not None and program.due <= now:
                self._begin(program, now)
        if self._stopping:
            if self._kill_at is not None and self._kill_at <= now:
                self._signal_last(signal.SIGKILL)
                self._kill_at = after(now, STOP_MS)
            self._stop_next(now)

    def _begin(self, program: _Program, now: Instant) -> None:
        program.due = None
        client = program.client
        try:
            program.process = spawn.start(client.argv, self._env, client.user)
        except (OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
            self._again(program, now, f"{program.name} cannot be started: {error}")
            return
        program.started = now
        if self._roster is not None:
            self._roster.add(program.process.pid)
        fields = (("pid", str(program.process.pid)), ("user", client.user))
        self._log(Say(Severity.INFO, SERVICE, "client-started", f"started {program.name}", fields))

    def _ended(self, program: _Program, now: Instant) -> None:
        assert program.process is not None
        code = program.process.returncode
        if self._roster is not None:
            self._roster.remove(program.process.pid)
        program.process = None
        how = f"exit status {code}" if code >= 0 else f"signal {-code}"
        if self._stopping:
            self._kill_at = None
            self._log(Say(Severity.INFO, SERVICE, "client-stopped", f"stopped {program.name}"))
        elif program.client.failfast:
            self.failed_fast = program.name
            self._log(Say(Severity.CRIT, SERVICE, "client-failed", f"{program.name} ended with {how}"))
        elif code == ENOUGH:
            self._log(Say(Severity.NOTICE, SERVICE, "client-done", f"{program.name} asks not to be started again"))
        else:
            if now - program.started >= STABLE_MS:
                program.failures = 0
            self._again(program, now, f"{program.name} ended with {how} and is started again")

    def _again(self, program: _Program, now: Instant, text: str) -> None:
        pause_ms = PAUSES_MS[min(program.failures, len(PAUSES_MS) - 1)]
        program.failures += 1
        program.due = after(now, pause_ms)
        self._log(Say(Severity.WARNING, SERVICE, "client-ended", text, (("pause_ms", str(pause_ms)),)))

    def _stop_next(self, now: Instant) -> None:
        if self._kill_at is None and any(program.process is not None for program in self._programs):
            self._kill_at = after(now, STOP_MS)
            self._signal_last(signal.SIGTERM)

    def _signal_last(self, number: int) -> None:
        running = [program.process for program in self._programs if program.process is not None]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running[-1].pid, number)
