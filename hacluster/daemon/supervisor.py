"""The supervisor: starts the processes of the node, watches them, and ends them together.

It has everything imported before it forks (:mod:`hacluster.daemon.preload`), so that the processes share its memory.
It runs no event loop and no threads: what it does is wait for signals and for a word on the control channels.

* A process that ends although nobody asked it to is started again, at once the first time, then with growing pauses.
  The machines of the others are told by the links. Too many ends in a minute: see :meth:`Supervisor._give_up`.
* A process that gives no sign of life for ``hang_timeout`` is ended, and then begun anew like any other that ends.
* A machine that says ``Stop`` ends the node: the others are told to end. With ``restart`` all
  begin anew, with the configuration as it was.
* TERM or INT asks the resource machine to leave cleanly: resources are released, the other node told. A second one is
  answered with a line of log, a third one ends everything at once and leaves resources as they are.
* Killed itself, it leaves processes that release everything and end (:mod:`hacluster.daemon.orphan`); a new supervisor
  waits for that.
* HUP reads the files again. A fault in them changes nothing but the log. Keys alone are exchanged while running; a
  changed haresources is used by a new brain; anything else restarts pulse and brain. The hands, and with them the
  resources, stay as they are. What became of it is written down (:mod:`hacluster.daemon.verdict`).
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from typing import Final, NoReturn

from hacluster import __version__
from hacluster.base.effects import MachineName, Say
from hacluster.base.errors import ConfigError, HaError
from hacluster.base.machine import Instant, after, earliest
from hacluster.base.report import Severity
from hacluster.config.settings import SelfFencePolicy
from hacluster.daemon import clock, plug, preflight, processes
from hacluster.daemon.beat import Beat
from hacluster.daemon.control import End, PassedBy, Ping, Progress, Stage, control_codec
from hacluster.daemon.driver import Outcome
from hacluster.daemon.launch import Launch
from hacluster.daemon.log import Log
from hacluster.daemon.notify import Notifier, watchdog_interval_ms
from hacluster.daemon.pidfile import PidFile, leave_word, stop_was_asked
from hacluster.daemon.preload import preload, settle
from hacluster.daemon.privilege import say_who
from hacluster.daemon.process import EXIT_KEPT, GRACE_MS, MAX_CRASHES, Ends, Process
from hacluster.daemon.respawn import Respawner
from hacluster.daemon.roster import CLIENTS, Roster
from hacluster.daemon.verdict import Verdicts, Word
from hacluster.heartbeat.station import RESTART_EXTRA_MS
from hacluster.msg.driver import StopRequested
from hacluster.msg.membership import AnnounceRestart
from hacluster.node.layout import ProcessName
from hacluster.node.vigil import Look, Vigil

SERVICE: Final = "supervisor"
PAUSES_MS: Final = (0, 500, 1_000, 2_000, 5_000)
CRASH_WINDOW_MS: Final = 60_000
NO_ROOM_MS: Final = 1_000
"""How soon a process is tried again for which the system had no room."""

LATE_RETRY_MS: Final = 30_000
"""How often a process that crashed too often is tried again where the administrator wants no fencing."""

RELEASE_MS: Final = 120_000
"""How long resources may take to be released when the node can no longer be heard."""

SETTLE_MS: Final = 1_000
"""How long an exchanged brain has to hear from the others before the pulse is exchanged too."""

PROOF_MS: Final = 500
"""How long exchanged processes have to live before new files count as used."""

OBSTINATE: Final = "the processes of a daemon that died do not end and are killed"
ORPHANS: Final = "waiting for the processes of a daemon that died: they release its resources"

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    """One node's supervisor. ``reread`` reads the configuration again (HUP)."""

    def __init__(self, launch: Launch, reread: Callable[[], Launch]) -> None:
        self._launch = launch
        self._reread = reread
        self._scribe = processes.scribe_of(launch, SERVICE)
        self._log: Log = processes.log_of(launch, self._scribe.pen(SERVICE))
        self._beat = Beat()
        self._notify = Notifier()
        self._processes = {name: Process(name) for name in launch.settings.layout.hosted}
        self._codec = control_codec()
        self._clients = Roster(launch.run_dir, CLIENTS)
        self._respawner = self._new_respawner()
        self._signals: tuple[int, int] = (-1, -1)
        self._terms = 0
        self._stopping = False
        self._exit: int | None = None
        self._exchange: ProcessName | None = None
        self._pulse_too = True
        self._proven_at: Instant | None = None
        self._verdicts = Verdicts(launch.run_dir)
        self._exchange_at: Instant | None = None
        self._release_by: Instant | None = None
        self._end_by: Instant | None = None
        self._released = self._anew = False
        self._kept = ""
        self._given_up = False
        self._mute = Vigil(launch.settings.ha.deadtime_ms + RELEASE_MS, clock.now())
        self._seen_beat = Instant(0)
        self._passed_by: list[int] = []
        self._announced = False

    def _new_respawner(self) -> Respawner:
        env = tuple((f"HA_{name}", value) for name, value in self._launch.settings.ha.env)
        env = (("HA_DIR", self._launch.config_dir), ("HA_CURHOST", self._launch.settings.node), *env)
        return Respawner(self._launch.settings.ha.clients, env, self._log.say, self._clients)

    def _say(self, severity: Severity, code: str, text: str, *fields: tuple[str, str]) -> None:
        self._log.say(Say(severity, SERVICE, code, text, fields))

    # -- life ----------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """The life of the daemon; the answer is its exit status. :class:`HaError` when it cannot begin."""
        self._launch.begin(self._launch.account)
        self._open_signals()
        pid_file = PidFile(self._launch.run_dir, self._launch.state_dir)
        pid_file.take()
        try:
            alone = pid_file.wait_for_orphans(
                lambda: self._begin_log(Severity.WARNING, "orphans", ORPHANS),
                lambda pids: self._say(Severity.CRIT, "orphans", OBSTINATE, ("pids", " ".join(map(str, pids)))),
                self._stop_was_asked,
            )
            if self._stop_was_asked():
                self._begin_log(Severity.NOTICE, "stop-asked", "this start was told to stop before it had begun")
                self._exit = 0
            else:
                preflight.check(self._launch.settings.ha.media, alone=alone)
                settle(self._launch.settings)
                self._live()
            assert self._exit is not None
            leave_word(self._launch.run_dir, self._exit, self._kept)
        finally:
            processes.remove_sockets(self._launch)
            pid_file.release()
            self._log.close()
            self._scribe.close()
        assert self._exit is not None
        return self._exit

    def _begin_log(self, severity: Severity, code: str, text: str) -> None:
        if not self._scribe.pid:
            self._scribe.start()
        self._say(severity, code, text)

    def _open_signals(self) -> None:
        self._signals = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in SIGNALS:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._signals[1], warn_on_full_buffer=False)

    def _stop_was_asked(self) -> bool:
        self._drain_signals()
        return self._terms > 0 or stop_was_asked(self._launch.run_dir)

    def _live(self) -> None:
        left = self._clients.end_leftovers()
        # Late: what the supervisor does between two forks, it does on copies.
        text = f"hacluster {__version__} starts on {self._launch.settings.node} pid={os.getpid()}"
        self._begin_log(Severity.NOTICE, "starting", text)
        if left:
            text = "ended programs of respawn that a daemon which died had left"
            self._say(Severity.WARNING, "clients-ended", text, ("pids", " ".join(map(str, left))))
        self._log.say(say_who(self._launch.account))
        for process in self._processes.values():
            self._fork(process)
        while self._exit is None:
            self._turn()
        self._end_all()
        if self._kept:
            text = f"hacluster has stopped, but what could not be stopped may still run here: {self._kept}"
            self._say(Severity.CRIT, "kept", text)
            self._exit = EXIT_KEPT
        else:
            self._say(Severity.NOTICE, "stopped", "hacluster has stopped", ("exit", str(self._exit)))

    def _turn(self) -> None:
        """Wait for something to happen, and see to it."""
        channels = {p.channel.sock.fileno(): p for p in self._processes.values() if p.channel is not None}
        brokers = {p.broker.sock.fileno(): p for p in self._processes.values() if p.broker is not None}
        readable, _, _ = select.select([self._signals[0], *channels, *brokers], [], [], self._patience())
        for fd in readable:
            if fd in channels:
                self._on_channel(channels[fd])
            elif fd in brokers:
                brokers[fd].open_socket()
            else:
                for number in os.read(fd, 512):
                    self._on_signal(signal.Signals(number))
        self._reap()
        now = clock.now()
        self._respawner.poll(now)
        if self._respawner.failed_fast:
            self._pull_plug(f"{self._respawner.failed_fast} of failfast ended")
        for process in self._processes.values():
            if process.due is not None and process.due <= now and self._exit is None:
                self._fork(process)
            self._watch(process, now)
        self._see_to_exchange(now)
        self._see_to_scribe()
        self._see_to_mute(now)
        if self._proven_at is not None and self._proven_at <= now:
            self._proven_at = None
            self._verdicts.end(Word.DONE)
        if self._release_by is not None and self._release_by <= now:
            self._pull_plug("resources could not be released in time")
        if self._end_by is not None and self._end_by <= now and self._exit is None:
            if self._anew:
                self._restart_all()
            else:
                self._exit = 0
        if watchdog_interval_ms() is not None:
            self._notify(WATCHDOG="1")

    def _patience(self) -> float | None:
        due = [each.deadline() for each in self._processes.values()]
        own = (self._respawner.deadline(), self._exchange_at, self._release_by, self._end_by, self._mute.deadline())
        deadline = earliest(*own, self._proven_at, *due)
        interval_ms = watchdog_interval_ms()
        if interval_ms is not None:
            deadline = earliest(deadline, after(clock.now(), interval_ms))
        return None if deadline is None else max(0, deadline - clock.now()) / 1000

    # -- processes -----------------------------------------------------------------------------------------------

    def _fork(self, process: Process) -> None:
        """Begin a life of a process. Where the system has no room for one, it is tried until there is."""
        own, media = self._launch.settings.own, self._launch.settings.ha.media
        try:
            ends = process.fork(self._codec, media, own.hang_timeout_ms)
        except OSError as error:
            process.due = after(clock.now(), NO_ROOM_MS)
            text = f"the {process.name} process cannot be started now: {error.strerror}; trying again"
            self._say(Severity.CRIT, "no-room", text)
            return
        if ends is not None:
            self._become(process, ends)

    def _become(self, process: Process, ends: Ends) -> NoReturn:
        code = int(Outcome.CRASHED)
        try:
            signal.set_wakeup_fd(-1)
            for fd in self._signals:
                os.close(fd)
            for other in self._processes.values():
                other.close_channel()
            pen = self._scribe.inherited(process.name)
            code = processes.main(process.name, self._launch, ends.channel, self._beat, pen, ends.asking)
        finally:
            os._exit(code)

    def _watch(self, process: Process, now: Instant) -> None:
        """Ask a process whether it lives; end it when it does not say so, and pass it by when it does not end."""
        if process.kill_at is not None and process.kill_at <= now:
            process.kill(now)
        if process.pass_by_at is not None and process.pass_by_at <= now:
            self._pass_by(process)
        look = Look.WAIT if process.vigil is None or process.expected else process.vigil.look(now)
        if look is not Look.WAIT and process.pid and process.half_dead:
            if not self._reap_one(process):
                self._pass_by(process)
        elif look is Look.ASK and process.channel is not None:
            process.channel.send(None, Ping())
        elif look is Look.HUNG and process.pid and process.kill_at is None and process.pass_by_at is None:
            bound_ms = self._launch.settings.own.hang_timeout_ms
            text = f"the {process.name} process gives no sign of life any more and is ended"
            self._say(Severity.CRIT, "hung", text, ("hang_timeout_ms", str(bound_ms)))
            # ABRT leaves a core for who wants to know; CONT, because a process that is stopped takes no other signal.
            process.signal(signal.SIGABRT)
            process.signal(signal.SIGCONT)
            process.kill_at = after(now, GRACE_MS)

    def _pass_by(self, process: Process) -> None:
        """A process that is killed and does not end waits for a disk: it does no harm, and nobody waits for it.

        What it holds open it goes on holding: the others are told to let go of their connections to it.
        """
        text = f"the {process.name} process does not even end when it is killed; going on without it"
        self._say(Severity.CRIT, "passed-by", text, ("pid", str(process.pid)))
        self._passed_by.append(process.forget())
        for other in self._processes.values():
            if other.channel is not None:
                other.channel.send(None, PassedBy(process.name.value))
        self._on_end(process, -signal.SIGKILL)

    def _see_to_scribe(self) -> None:
        if self._scribe.revive():
            self._say(Severity.WARNING, "scribe", "the process that writes the log ended and was started again")

    def _see_to_mute(self, now: Instant) -> None:
        """No heartbeat leaves and nothing is given up for it: the brain is no help. The administrator decides."""
        if self._beat.last != self._seen_beat:
            self._seen_beat, self._given_up = self._beat.last, False
            self._mute.heard()
        hung = self._mute.look(now) is Look.HUNG
        if hung and self._seen_beat and not self._given_up and self._exit is None:
            self._pull_plug("no heartbeat of this node leaves, and what it holds is not given up")

    def _on_channel(self, process: Process) -> None:
        assert process.channel is not None
        progress = process.channel.receive()
        if progress is None:
            # Its end is seen in reaping, which has the exit status.
            process.channel.close()
            process.channel = None
            return
        for step in progress:
            self._on_progress(process, step)

    def _on_progress(self, process: Process, step: Progress) -> None:
        if process.vigil is not None:
            process.vigil.heard()
        match step.stage:
            case Stage.READY:
                process.ready = True
                if self._exchange is ProcessName.PULSE and process.name is ProcessName.BRAIN:
                    self._exchange_at = after(clock.now(), SETTLE_MS)
                if self._stopping and process.name is ProcessName.BRAIN:
                    self._tell(self._launch.settings.layout.manager, StopRequested())
                whole = all(other.ready for other in self._processes.values())
                if whole and self._exchange is None and self._verdicts.pending:
                    self._proven_at = after(clock.now(), PROOF_MS)
                if whole and not self._announced:
                    self._announced = True
                    self._notify(READY="1", STATUS="running")
            case Stage.COMM_UP:
                self._respawner.start(clock.now())
            case Stage.RELEASED:
                self._on_released(step.detail)
            case Stage.BEGINS_ANEW:
                self._anew = True
                self._on_released("")
            case Stage.GIVEN_UP:
                self._given_up = True
            case Stage.ALIVE:
                pass

    def _on_released(self, kept: str) -> None:
        """The brain has let go of everything, except what cannot be stopped."""
        self._released, self._kept = True, kept
        if self._release_by is not None:
            if not kept:
                self._say(Severity.NOTICE, "released", "all resources are released")
            self._exit = 1
        else:
            # The pulse says goodbye and ends; one that cannot is not waited for.
            self._end_by = after(clock.now(), GRACE_MS)

    def _tell(self, machine: MachineName, body: object) -> None:
        for name, machines in self._launch.settings.layout.hosted.items():
            channel = self._processes[name].channel
            if machine in machines and channel is not None:
                channel.send(machine, body)

    def _reap_one(self, process: Process) -> bool:
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if pid:
            process.forget()
            self._on_end(process, os.waitstatus_to_exitcode(status))
        return pid != 0

    def _reap(self) -> None:
        for process in self._processes.values():
            if process.pid:
                self._reap_one(process)
        self._passed_by = [pid for pid in self._passed_by if not os.waitpid(pid, os.WNOHANG)[0]]

    def _on_end(self, process: Process, code: int) -> None:
        if process.expected or self._exit is not None:
            return
        match code:
            case Outcome.STOPPED:
                self._stopped(process)
            case Outcome.RESTART:
                self._restart_all()
            case Outcome.FENCED:
                self._pull_plug(f"the {process.name} process says so", machine=True)
            case Outcome.PANIC:
                self._pull_plug(f"the {process.name} process says so", policy=SelfFencePolicy.REBOOT)
            case Outcome.NO_ROOM if not process.ready:
                process.due = after(clock.now(), NO_ROOM_MS)
            case Outcome.REFUSED if not self._announced:
                self._say(Severity.CRIT, "refused", f"the {process.name} process cannot start")
                self._exit = 1
            case _:
                self._crashed(process, code)

    def _stopped(self, process: Process) -> None:
        """A process has finished. That is the end of the node only when everything is released, as the brain says."""
        brain = self._processes[ProcessName.BRAIN]
        if not self._released and brain.channel is not None:
            self._on_channel(brain)
        if self._released:
            self._exit = 0 if self._exit is None else self._exit
        else:
            self._release(f"the {process.name} process has finished, although resources may run")

    def _release(self, why: str) -> None:
        """The node cannot go on: what runs here is stopped first, which the brain can see to if there is one."""
        self._say(Severity.CRIT, "releasing", f"{why}: releasing all resources")
        if self._processes[ProcessName.BRAIN].channel is None:
            self._pull_plug(why)
            return
        self._release_by = after(clock.now(), RELEASE_MS)
        self._stopping = True
        self._tell(self._launch.settings.layout.manager, StopRequested(why))

    def _crashed(self, process: Process, code: int) -> None:
        now = clock.now()
        process.crashes.append(now)
        recent = [crash for crash in process.crashes if now - crash < CRASH_WINDOW_MS]
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        if len(recent) > MAX_CRASHES:
            self._give_up(process, how)
            return
        self._verdicts.end(Word.FAILED, [f"the {process.name} process ended with {how}"])
        pause_ms = PAUSES_MS[min(len(recent), len(PAUSES_MS)) - 1]
        process.due = after(now, pause_ms)
        text = f"the {process.name} process ended with {how} and is started again"
        self._say(Severity.ERROR, "crashed", text, ("pause_ms", str(pause_ms)), ("crashes", str(len(recent))))

    def _give_up(self, process: Process, how: str) -> None:
        """A process that cannot live.

        Without a pulse the other node takes everything: what runs here must stop first, and the brain can still see to
        that. Without brain or hands nothing can be stopped: then the administrator's ``self_fence`` decides.
        """
        text = f"the {process.name} process ended {len(process.crashes)} times in a minute, at last with {how}"
        self._say(Severity.CRIT, "too-many-crashes", text)
        if process.name is ProcessName.PULSE and self._processes[ProcessName.BRAIN].channel is not None:
            self._release(text)
        elif self._launch.settings.own.self_fence is SelfFencePolicy.NONE:
            process.due = after(clock.now(), LATE_RETRY_MS)
        else:
            self._pull_plug(text)

    def _pull_plug(self, why: str, *, machine: bool = False, policy: SelfFencePolicy | None = None) -> None:
        policy = policy or plug.policy(self._launch.settings.own, machine=machine)
        self._say(Severity.CRIT, "self-fence", f"this node stops at once: {why}", ("self_fence", policy.value))
        for process in self._processes.values():
            if process.pid:
                process.expected = True
                os.kill(process.pid, signal.SIGKILL)
        plug.pull(policy)
        self._exit = 1

    # -- ends ----------------------------------------------------------------------------------------------------

    def _end(self, names: tuple[ProcessName, ...]) -> None:
        """End processes and wait for them: kindly, then not."""
        for name in names:
            process = self._processes[name]
            process.expected, process.due = True, None
            if process.channel is not None:
                process.channel.send(None, End())
                process.close_channel()
            if process.pid:
                process.kill_at = after(clock.now(), GRACE_MS)
        waiting = [self._processes[name] for name in names]
        while any(process.pid for process in waiting):
            now = clock.now()
            for process in waiting:
                if process.pid and process.kill_at is not None and process.kill_at <= now:
                    self._say(Severity.WARNING, "killed", f"the {process.name} process does not end and is killed")
                    process.kill(now)
                elif process.pid and process.pass_by_at is not None and process.pass_by_at <= now:
                    self._pass_by(process)
            due = earliest(*(each.deadline() for each in waiting if each.pid))
            left = 0 if due is None else max(0, due - clock.now())
            if any(process.pid for process in waiting):
                select.select([self._signals[0]], [], [], left / 1000)
            self._drain_signals()
            self._reap()

    def _drain_signals(self) -> None:
        try:
            for number in os.read(self._signals[0], 512):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._terms += 1
        except BlockingIOError:
            return

    def _end_all(self) -> None:
        self._notify(STOPPING="1")
        # The programs of respawn go while there is still a brain to ask; the order is Heartbeat's: resources first.
        self._respawner.stop(clock.now())
        while not self._respawner.stopped:
            due = self._respawner.deadline()
            select.select([self._signals[0]], [], [], None if due is None else max(0, due - clock.now()) / 1000)
            self._drain_signals()
            self._respawner.poll(clock.now())
        self._end(tuple(self._processes))

    def _restart_all(self) -> None:
        self._say(Severity.NOTICE, "restarting", "hacluster begins anew with the same configuration")
        self._end(tuple(self._processes))
        self._released, self._anew, self._end_by = False, False, None
        if self._terms:
            self._exit = 0
            return
        for process in self._processes.values():
            self._fork(process)

    # -- signals -------------------------------------------------------------------------------------------------

    def _on_signal(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            self._reload()
        elif number in (signal.SIGTERM, signal.SIGINT):
            self._on_term(number)

    def _on_term(self, number: signal.Signals) -> None:
        self._terms += 1
        if self._terms == 1:
            self._say(Severity.NOTICE, "stopping", f"{number.name}: releasing all resources, then stopping")
            self._notify(STOPPING="1", STATUS="releasing resources")
            self._stopping = True
            self._tell(self._launch.settings.layout.manager, StopRequested())
        elif self._terms == 2:
            text = f"{number.name} again: resources are still being released; a third one leaves them as they are"
            self._say(Severity.WARNING, "still-stopping", text)
        else:
            self._say(Severity.CRIT, "forced", f"{number.name} for the third time: resources are left as they are")
            self._exit = 1

    def _reload(self) -> None:
        self._notify(RELOADING="1", MONOTONIC_USEC=str(clock.monotonic_us()))
        self._verdicts.begin()
        try:
            new = self._reread().after(self._launch)
        except ConfigError as error:
            for report in error.reports:
                self._log.say(Say(report.severity, SERVICE, report.code, str(report)))
            self._say(Severity.ERROR, "not-reloaded", "the files have faults; everything goes on as before")
            self._verdicts.tell(Word.REFUSED, map(str, error.reports))
        except HaError as error:
            self._say(Severity.ERROR, "not-reloaded", f"{error}; everything goes on as before")
            self._verdicts.tell(Word.REFUSED, [str(error)])
        else:
            self._adopt(new)
        self._notify(READY="1")

    def _adopt(self, new: Launch) -> None:
        old, self._launch = self._launch, new
        if old.same_but_keys(new):
            if old.keys == new.keys:
                self._say(Severity.INFO, "unchanged", "the files say what they said before")
                self._verdicts.tell(Word.UNCHANGED)
                return
            self._tell(MachineName.HEARTBEAT, new.keys)
            self._say(Severity.NOTICE, "keys-reloaded", "authkeys was read again")
            self._verdicts.tell(Word.KEYS)
            return
        if old.settings.ha.log != new.settings.ha.log:
            scribe = processes.scribe_of(new, SERVICE)
            self._scribe.release()
            self._scribe = scribe
            self._scribe.start()
        self._log = processes.log_of(new, self._scribe.pen(SERVICE))
        preload(new)
        self._pulse_too = (old.settings.ha, old.settings.own) != (new.settings.ha, new.settings.own)
        self._exchange = ProcessName.BRAIN
        if not self._pulse_too:
            text = "haresources has changed: what is in no line any more is stopped, what is new is started"
            self._say(Severity.NOTICE, "reloading", text)
            self._exchange_at = clock.now()
            return
        self._say(Severity.NOTICE, "reloading", "the configuration has changed: restarting, resources stay as they are")
        self._tell(MachineName.HEARTBEAT, AnnounceRestart())
        self._beat.excuse(after(clock.now(), RESTART_EXTRA_MS))
        self._exchange_at = after(clock.now(), 2 * old.settings.ha.keepalive_ms)

    def _see_to_exchange(self, now: Instant) -> None:
        """A changed configuration: first the brain, which goes on from what it noted under the same heartbeat.

        When it has had time to hear from the old pulse and the hands, the pulse: the brain then joins again with what
        runs. Both at once would look like a crash of the whole node, whose resources are stopped.
        """
        if self._exchange is None or self._exchange_at is None or self._exchange_at > now:
            return
        process, self._exchange_at = self._processes[self._exchange], None
        if self._stopping or self._exit is not None:
            self._exchange = None
            self._verdicts.end(Word.FAILED, ["this node is stopping"])
            return
        self._end((process.name,))
        self._fork(process)
        more = process.name is ProcessName.BRAIN and self._pulse_too
        self._exchange = ProcessName.PULSE if more else None
