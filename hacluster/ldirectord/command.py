"""The ``ldirectord`` command: start, stop, restart, try-restart, reload, force-reload, status; -t to test a file.

Words and exit statuses are those of ldirectord 4.12: status gives 0 (running), 1 (a stale pid file), 3 (stopped); a
configuration with errors gives 2; reload of what does not run gives 1. What differs: ``start`` waits until the daemon
has read the kernel's table, ``stop`` until the process has ended and its services are out of the table.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hacluster.base.report import Severity
from hacluster.ldirectord.pidfile import holder
from hacluster.ldirectord.places import run_file
from hacluster.ldirectord.reading import Reading, find, read_configuration
from hacluster.lvs.ldirectord_cf import DEFAULT_FILE
from hacluster.lvs.settings import DirectorSettings

COMMANDS: Final = ("start", "stop", "restart", "try-restart", "reload", "force-reload", "status")
STOP_LIMIT_S: Final = 30.0
READY_LIMIT_S: Final = 60.0
USAGE: Final = """usage: ldirectord [-d] [--] [CONFIGURATION] start|stop|restart|try-restart|reload|force-reload|status
       ldirectord -t [CONFIGURATION]     say everything that is wrong with it
       ldirectord -h | -v

CONFIGURATION is looked for below /etc/ha.d, then below /etc/ha.d/conf, then as given; without one: ldirectord.cf
  -d, --debug    stay in the foreground and log to standard output
  -t, --test     read the configuration, report, exit with 0 or 2
"""


@dataclass(slots=True)
class Call:
    """A command line."""

    command: str = ""
    configuration: str | None = None
    debug: bool = False
    test: bool = False


def parse(words: Sequence[str]) -> Call | str:
    """The call, or a text to print instead: the usage, or the version."""
    call, rest = Call(), list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        if word in {"-h", "-?", "--help"}:
            return USAGE
        if word in {"-v", "--version"}:
            from hacluster import __version__  # noqa: PLC0415  only this word needs it

            return f"ldirectord of hacluster {__version__}\n"
        if word in {"-d", "--debug"}:
            call.debug = True
        elif word in {"-t", "--test"}:
            call.test = True
        else:
            raise SystemExit(_usage_fault(f"unknown option {word}"))
    if call.test:
        if len(rest) > 1:
            raise SystemExit(_usage_fault("one configuration at a time"))
        call.configuration = rest[0] if rest else None
        return call
    if not rest or len(rest) > 2 or rest[-1] not in COMMANDS:
        raise SystemExit(_usage_fault("a command is missing" if not rest else f"unknown command {rest[-1]}"))
    call.command = rest[-1]
    call.configuration = rest[0] if len(rest) == 2 else None
    return call


def _usage_fault(text: str) -> int:
    sys.stderr.write(f"ldirectord: {text}\n{USAGE}")
    return 255


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status."""
    call = parse(sys.argv[1:] if words is None else words)
    if isinstance(call, str):
        sys.stdout.write(call)
        return 0
    path = find(call.configuration)
    name = Path(call.configuration).name if call.configuration else "ldirectord"
    pid_file = run_file(name, "pid")
    if call.command in {"status", "stop"}:
        # What the file says, and whether it is still there, matters to neither.
        return _look_or_stop(call.command, path or Path(call.configuration or DEFAULT_FILE), pid_file)
    if path is None:
        sys.stderr.write(f"Config file {call.configuration or 'ldirectord.cf'} not found\n")
        return 2 if call.test else 1
    reading = read_configuration(path)
    if call.test:
        return _test(path, reading)
    _say_reports(reading, Severity.WARNING)
    if call.command in {"start", "restart"} and reading.settings is None:
        return 2
    return _perform(call, path, name, pid_file, reading.settings)


def _test(path: Path, reading: Reading) -> int:
    _say_reports(reading, Severity.DEBUG)
    if reading.settings is None:
        return 2
    servers = sum(len(virtual.reals) for virtual in reading.settings.virtuals)
    virtuals = len(reading.settings.virtuals)
    sys.stdout.write(f"{path}: {virtuals} virtual services, {servers} real servers\n")
    return 0


def _say_reports(reading: Reading, least: Severity) -> None:
    for report in reading.reports:
        if report.severity <= least:
            sys.stderr.write(f"{report}\n")


def _look_or_stop(command: str, path: Path, pid_file: Path) -> int:
    pid = holder(pid_file)
    if command == "status":
        return _status(path, pid_file, pid)
    return 0 if pid is None else _stop(pid)


def _perform(call: Call, path: Path, name: str, pid_file: Path, settings: DirectorSettings | None) -> int:
    pid = holder(pid_file)
    match call.command:
        case "reload" | "force-reload":
            if pid is None:
                sys.stderr.write(f"ldirectord is stopped for {path}\n")
                return 1
            if settings is None:
                return 2
            os.kill(pid, signal.SIGHUP)
            return 0
        case "try-restart" if pid is None:
            return 0
        case "start" if pid is not None:
            return 0
        case "restart" | "try-restart" if pid is not None:
            status = _stop(pid)
            if status != 0:
                return status
    if settings is None:
        return 2
    return _start(call, path, name, settings)


def _status(path: Path, pid_file: Path, pid: int | None) -> int:
    if pid is not None:
        sys.stderr.write(f"ldirectord for {path} is running with pid: {pid}\n")
        return 0
    status = 3
    if pid_file.exists():
        sys.stderr.write(f"ldirectord stale pid file {pid_file} for {path}\n")
        status = 1
    sys.stdout.write(f"ldirectord is stopped for {path}\n")
    return status


def _stop(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    while Path(f"/proc/{pid}").exists() and not _zombie(pid):
        if time.monotonic() > deadline:
            sys.stderr.write(f"ldirectord with pid {pid} has not ended within {STOP_LIMIT_S:.0f} s\n")
            return 1
        time.sleep(0.05)
    return 0


def _zombie(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    return True


def _start(call: Call, path: Path, name: str, settings: DirectorSettings) -> int:
    from hacluster.ldirectord.daemon import foreground, in_background  # noqa: PLC0415  asyncio is for the daemon only

    if call.debug or settings.supervised:
        return foreground(path, name, settings)
    return in_background(path, name, settings, READY_LIMIT_S)


def script() -> None:
    """The console script."""
    sys.exit(main())
