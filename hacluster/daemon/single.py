"""``hacluster run --one-process``: all machines in one process and one loop, for development and small hosts.

The parts are those of the three processes and hand each other their messages directly. A fault in any of them ends the
whole; there is no supervisor to begin it anew, but the service manager may.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping

from hacluster.base.effects import MachineName, Say
from hacluster.base.errors import ConfigError, HaError
from hacluster.base.report import Severity
from hacluster.daemon import clock, preflight
from hacluster.daemon.beat import Beat
from hacluster.daemon.control import Stage
from hacluster.daemon.driver import Outcome
from hacluster.daemon.launch import Launch
from hacluster.daemon.log import Log, Threaded
from hacluster.daemon.notify import Notifier
from hacluster.daemon.pidfile import PidFile, leave_word, stop_was_asked
from hacluster.daemon.privilege import NOBODY
from hacluster.daemon.process import EXIT_KEPT
from hacluster.daemon.processes import Part, log_of, log_sinks
from hacluster.daemon.respawn import Respawner
from hacluster.daemon.roster import CLIENTS, Roster
from hacluster.daemon.spawn import widen_limits
from hacluster.daemon.verdict import Verdicts, Word
from hacluster.msg.driver import StopRequested
from hacluster.node.layout import Layout, ProcessName

SERVICE = "hacluster"
POLL_S = 0.5


class Direct:
    """Hands a message to the part that hosts its machine."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.parts: dict[ProcessName, Part] = {}

    def send(self, by: MachineName, to: MachineName, body: object) -> None:  # noqa: ARG002 - as between processes
        """Perform a ``Send`` to a machine of another part."""
        self.parts[self._layout.process_of(to)].driver.post(to, body)


class Single:
    """The node in one process."""

    def __init__(self, launch: Launch, reread: Callable[[], Launch]) -> None:
        self._launch = launch
        self._reread = reread
        self._parts: Mapping[ProcessName, Part] = {}
        self._terms = 0
        self._log: Log | None = None
        self._kept = ""
        self._verdicts = Verdicts(launch.run_dir)

    def run(self) -> int:
        """The life of the daemon; the answer is its exit status. :class:`HaError` when it cannot begin."""
        widen_limits()
        self._launch.begin(NOBODY)
        pid_file = PidFile(self._launch.run_dir, self._launch.state_dir)
        pid_file.take()
        try:
            if stop_was_asked(self._launch.run_dir):
                leave_word(self._launch.run_dir, 0, "")
                return 0
            alone = pid_file.wait_for_orphans(lambda: None, lambda _pids: None)
            preflight.check(self._launch.settings.ha.media, alone=alone)
            outcome = Outcome.RESTART
            while outcome is Outcome.RESTART and not self._terms:
                outcome = asyncio.run(self._live())
        finally:
            pid_file.release()
        status = EXIT_KEPT if self._kept else 0 if outcome in (Outcome.STOPPED, Outcome.RESTART) else 1
        leave_word(self._launch.run_dir, status, self._kept)
        return status

    async def _live(self) -> Outcome:
        log = self._log = log_of(self._launch, Threaded(log_sinks(self._launch)))
        direct, beat = Direct(self._launch.settings.layout), Beat()
        direct.parts = {name: Part(name, self._launch, log.say, beat) for name in self._launch.settings.layout.hosted}
        parts = self._parts = direct.parts
        env = tuple((f"HA_{name}", value) for name, value in self._launch.settings.ha.env)
        roster = Roster(self._launch.run_dir, CLIENTS)
        roster.end_leftovers()
        respawner = Respawner(self._launch.settings.ha.clients, env, log.say, roster)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_term)
        loop.add_signal_handler(signal.SIGHUP, self._on_hup)

        def on_stage(stage: Stage, detail: str) -> None:
            if stage is Stage.COMM_UP:
                respawner.start(clock.now())
            self._kept = detail if stage is Stage.RELEASED else self._kept

        for part in parts.values():
            part.on_stage = on_stage
            await part.open(direct)
        for part in parts.values():
            part.start()
        Notifier()(READY="1", STATUS="running")
        endings = [part.driver.finished for part in parts.values()]
        while not any(ending.done() for ending in endings):
            await asyncio.wait(endings, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
            respawner.poll(clock.now())
            if respawner.failed_fast:
                parts[ProcessName.PULSE].driver.finish(Outcome.FENCED)
        outcome = next(ending.result() for ending in endings if ending.done())
        respawner.stop(clock.now())
        while not respawner.stopped:
            await asyncio.sleep(0.1)
            respawner.poll(clock.now())
        for part in parts.values():
            await part.close(outcome)
        log.close()
        return outcome

    def _on_term(self) -> None:
        self._terms += 1
        if self._terms > 2:
            self._parts[ProcessName.PULSE].driver.finish(Outcome.CRASHED)
        elif self._terms == 1:
            self._parts[ProcessName.BRAIN].driver.post(self._launch.settings.layout.manager, StopRequested())

    def _on_hup(self) -> None:
        assert self._log is not None
        self._verdicts.begin()
        try:
            new = self._reread()
        except ConfigError as error:
            self._verdicts.tell(Word.REFUSED, map(str, error.reports))
            for report in error.reports:
                self._log.say(Say(report.severity, SERVICE, report.code, str(report)))
        except HaError as error:
            self._verdicts.tell(Word.REFUSED, [str(error)])
            self._log.say(Say(Severity.ERROR, SERVICE, "not-reloaded", str(error)))
        else:
            if self._launch.same_but_keys(new):
                self._parts[ProcessName.PULSE].driver.post(MachineName.HEARTBEAT, new.keys)
                self._verdicts.tell(Word.KEYS)
            else:
                text = "only authkeys is read again in one process; restart for the rest"
                self._verdicts.tell(Word.REFUSED, [text])
                self._log.say(Say(Severity.WARNING, SERVICE, "not-reloaded", text))
