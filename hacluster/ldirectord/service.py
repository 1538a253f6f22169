"""The driver of a director: one event loop that gives the machine its events and does what it wants.

Checks, ipvsadm, mails and programs are tasks of their own, each with a time limit; nothing that one of them waits for
holds another up. Files are looked at once per check interval: the configuration (``autoreload``, ``callback``) and the
maintenance directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.director.machine import DirectorMachine
from hacluster.director.words import (
    Apply,
    Checked,
    Command,
    Deed,
    Ended,
    Event,
    Log,
    MaintenanceSeen,
    Monitor,
    ReadTable,
    Reloaded,
    Run,
    SendMail,
    StopAsked,
    Tick,
)
from hacluster.ldirectord.checks import look
from hacluster.ldirectord.children import Children
from hacluster.ldirectord.kernel import Ipvsadm
from hacluster.ldirectord.logs import Log as LogFile
from hacluster.ldirectord.logs import stamp
from hacluster.ldirectord.mail import deliver
from hacluster.ldirectord.reading import Configuration, read_configuration
from hacluster.lvs.settings import DirectorSettings

COMMAND_LIMIT_S: Final = 60.0
STOP_LIMIT_S: Final = 20.0


def now() -> Instant:
    """Milliseconds of CLOCK_BOOTTIME."""
    return Instant(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


class Service:
    """One configuration, its machine, and everything that is under way for it."""

    def __init__(self, configuration: Configuration, log: LogFile, *, status_socket: str, children: Children) -> None:
        self._configuration = configuration
        self._log = log
        self._status_socket = status_socket
        self._children = children
        self._kernel = Ipvsadm()
        self._machine = DirectorMachine(configuration.settings, now())
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()
        self._stopping = False
        self._begun = False
        self._ready: Callable[[str], None] = lambda _: None
        self._reloading = asyncio.Lock()
        self._maintenance: frozenset[str] = frozenset()
        self._unreadable = False
        self._seen = _fingerprint(configuration.path)

    async def run(self, ready: Callable[[str], None]) -> int:
        """Until a signal ends it: exit status 0. ``ready`` is told once that the table was read (an empty text).

        When it cannot be read at the start ``ready`` is told why, and the exit status is 1: a load balancer that
        cannot balance has not started.
        """
        self._ready = ready
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._on_stop, signal.Signals(number).name)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        server = await self._serve_status()
        self._give(Tick())
        self._spawn(self._watch_files())
        await self._ended.wait()
        if server is not None:
            server.close()
            with contextlib.suppress(OSError):
                os.unlink(self._status_socket)
        for task in list(self._tasks):
            task.cancel()
        return 0 if self._begun else 1

    @property
    def _settings(self) -> DirectorSettings:
        return self._configuration.settings

    # the machine --------------------------------------------------------------------------------------------------

    def _give(self, event: Event) -> None:
        if self._ended.is_set():
            return
        for deed in self._machine.step(event, now()):
            self._do(deed)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._machine.deadline()
        if deadline is not None:
            wait = max(0, deadline - now()) / 1_000
            self._timer = asyncio.get_running_loop().call_later(wait, self._give, Tick())

    def _do(self, deed: Deed) -> None:
        match deed:
            case ReadTable():
                self._spawn(self._read_table())
            case Apply():
                self._spawn(self._apply(deed))
            case Run():
                self._spawn(self._check(deed))
            case Command():
                self._spawn(self._command(deed.argv))
            case SendMail():
                self._spawn(self._mail(deed))
            case Monitor():
                self._monitor(deed)
            case Log():
                self._log.write(deed.severity, deed.text)
            case Ended():
                self._ended.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.write(Severity.ERROR, f"a fault of the program: {type(error).__name__}: {error}")

    async def _read_table(self) -> None:
        found = await self._kernel.read()
        self._give(found)
        if not self._begun and not self._ended.is_set():
            self._on_first_table(found.fault)

    def _on_first_table(self, fault: str) -> None:
        if fault:
            self._ready(f"cannot read the kernel's table: {fault}")
            self._ended.set()
            return
        self._begun = True
        self._children.run("start", self._settings.execute)
        self._ready("")

    async def _apply(self, deed: Apply) -> None:
        self._give(await self._kernel.apply(deed.rules))

    async def _check(self, deed: Run) -> None:
        begun = time.monotonic()
        up, text = False, "the check was not made"
        try:
            up, text = await look(deed.check, connect_only=deed.connect_only)
        finally:
            took = int((time.monotonic() - begun) * 1_000)
            self._give(Checked(deed.check, deed.connect_only, up, text, took))

    async def _command(self, argv: tuple[str, ...]) -> None:
        words = (*argv[0].split(), *argv[1:])
        try:
            child = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            self._log.write(Severity.ERROR, f"cannot run {words[0]}: {error.strerror}")
            return
        try:
            async with asyncio.timeout(COMMAND_LIMIT_S):
                status = await child.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            self._log.write(Severity.ERROR, f"{' '.join(words)} did not end within {COMMAND_LIMIT_S:.0f} s: killed")
            return
        severity = Severity.INFO if status == 0 else Severity.ERROR
        self._log.write(severity, f"{' '.join(words)} ended with {status}")

    async def _mail(self, letter: SendMail) -> None:
        self._log.write(Severity.INFO, f"emailalert: {letter.subject}")
        fault = await asyncio.to_thread(deliver, letter)
        if fault:
            self._log.write(Severity.ERROR, f"failed to send email message: {fault}")

    def _monitor(self, deed: Monitor) -> None:
        try:
            with open(deed.file, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"[{stamp()}] [{os.getpid()}] {deed.text}\n")
        except OSError as error:
            self._log.write(Severity.ERROR, f"Error writing to monitorfile '{deed.file}': {error.strerror}")

    # signals and files ----------------------------------------------------------------------------------------------

    def _on_stop(self, name: str) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._log.write(Severity.NOTICE, f"Linux Director Daemon terminated on signal: {name.removeprefix('SIG')}")
        self._children.run("stop", self._settings.execute)
        self._give(StopAsked())
        asyncio.get_running_loop().call_later(STOP_LIMIT_S, self._give_up)

    def _give_up(self) -> None:
        if not self._ended.is_set():
            self._log.write(Severity.ERROR, f"the table was not cleaned within {STOP_LIMIT_S:.0f} s: see ipvsadm -L -n")
            self._ended.set()

    def _on_hangup(self) -> None:
        self._log.write(Severity.INFO, "Reloading Linux Director Daemon config on signal")
        self._spawn(self._reload())

    async def _reload(self) -> None:
        async with self._reloading:
            self._seen = _fingerprint(self._configuration.path)
            found = await asyncio.to_thread(read_configuration, self._configuration.path)
            for report in found.reports:
                self._log.write(report.severity, str(report))
            if found.settings is None:
                self._log.write(Severity.ERROR, "the configuration has errors: the old one goes on")
                return
            before = self._settings
            self._configuration = Configuration(self._configuration.path, found.settings)
            self._log.retarget(found.settings.log)
            self._give(Reloaded(found.settings))
            self._children.follow(before.execute, found.settings.execute)

    async def _watch_files(self) -> None:
        while True:
            await self._look_at_maintenance()
            await self._look_at_configuration()
            await asyncio.sleep(self._settings.check_interval_ms / 1_000)

    async def _look_at_maintenance(self) -> None:
        directory = self._settings.maintenance_dir
        names: frozenset[str] | None = frozenset()
        if directory:
            names = await asyncio.to_thread(names_in, directory)
        unreadable, self._unreadable = self._unreadable, names is None
        if names is None:
            if not unreadable:
                self._log.write(Severity.ERROR, f"cannot read {directory}: who is in maintenance stays there")
        elif names != self._maintenance:
            self._maintenance = names
            self._give(MaintenanceSeen(names))

    async def _look_at_configuration(self) -> None:
        settings = self._settings
        if not settings.auto_reload and not settings.callback:
            return
        path = self._configuration.path
        seen = await asyncio.to_thread(_fingerprint, path, self._seen)
        if seen is None or seen == self._seen:
            return
        changed = self._seen is not None and seen.digest != self._seen.digest
        self._seen = seen
        if not changed:
            return
        self._log.write(Severity.INFO, f"Configuration file '{path}' has changed on disk")
        if settings.callback:
            self._spawn(self._command((settings.callback, str(path))))
        if settings.auto_reload:
            self._log.write(Severity.INFO, " - reread new configuration")
            await self._reload()
        else:
            self._log.write(Severity.INFO, " - ignore new configuration")

    # status -----------------------------------------------------------------------------------------------------------

    async def _serve_status(self) -> asyncio.AbstractServer | None:
        with contextlib.suppress(OSError):
            os.unlink(self._status_socket)
        old = os.umask(0o177)
        try:
            return await asyncio.start_unix_server(self._tell, self._status_socket)
        except OSError as error:
            self._log.write(Severity.WARNING, f"no status socket {self._status_socket}: {error.strerror}")
            return None
        finally:
            os.umask(old)

    async def _tell(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        view = asdict(self._machine.view()) | {"now_ms": now(), "configuration": str(self._configuration.path)}
        writer.write(json.dumps(view, default=str).encode())
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                await writer.drain()
        writer.close()


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    """Time of change in nanoseconds, and digest, of a file."""

    mtime: int
    digest: str


def _fingerprint(path: Path, before: _Fingerprint | None = None) -> _Fingerprint | None:
    """``None`` when the file cannot be read. It is read only when its time of change is another than ``before``'s."""
    try:
        mtime = path.stat().st_mtime_ns
        if before is not None and before.mtime == mtime:
            return before
        return _Fingerprint(mtime, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError:
        return None


def names_in(directory: str) -> frozenset[str] | None:
    """The names of a maintenance directory; none when there is no such directory, ``None`` when it cannot be read.

    A directory that cannot be read ends nobody's maintenance: that would give traffic to servers that were taken out.
    """
    try:
        return frozenset(os.listdir(directory))
    except FileNotFoundError:
        return frozenset()
    except OSError:
        return None
