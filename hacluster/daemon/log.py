"""Where lines of log go: syslog, the two files of ha.cf, standard error. One event is one line.

Lines in files have the form of Heartbeat's own (cluster-glue, ``cl_log``), since people's log watchers know it:
``Nov 22 09:46:33 alpha heartbeat: [123]: info: text``, or with ``syslogmsgfmt off``
``heartbeat[123]: 2026/11/22_09:46:33 info: text``.

No process of the node writes its log itself, since a file system may hang for as long as it likes: lines go to one
process that does nothing else (:mod:`hacluster.daemon.scribe`), or with ``--one-process`` to a thread. What is not
taken at once is dropped, counted, and the count told.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from hacluster.base.effects import Say
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.config.settings import LogConfig

WORDS: Final[Mapping[Severity, str]] = {
    Severity.CRIT: "CRIT",
    Severity.ERROR: "ERROR",
    Severity.WARNING: "WARN",
    Severity.NOTICE: "notice",
    Severity.INFO: "info",
    Severity.DEBUG: "debug",
}
"""Heartbeat's words for severities."""

FACILITIES: Final[Mapping[str, int]] = {
    "kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9,
    "authpriv": 10, "ftp": 11, "local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21,
    "local6": 22, "local7": 23,
}  # fmt: skip
"""RFC 3164, section 4.1.1, by the names of syslog(3)."""

DEFAULT_FACILITY: Final = "daemon"
MAX_WAITING: Final = 4_096
MAX_LINE: Final = 4_096
CLOSE_S: Final = 1.0
WINDOW_MS: Final = 10_000
"""A line of the same service and code is written at most ``log_rate_limit`` times in this span."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of log: who said it (service, pid) and when (Unix seconds)."""

    severity: Severity
    service: str
    text: str
    pid: int
    when: float


class Sink(Protocol):
    """Somewhere lines go."""

    def write(self, line: Line) -> None:
        """Write one line; never raises for what the world does."""
        ...


class Stderr:
    """Standard error; under the journal each line has its priority in front (sd-daemon(3))."""

    def __init__(self) -> None:
        self._prefix = False
        with contextlib.suppress(OSError, ValueError):
            info = os.fstat(2)
            self._prefix = os.environ.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}"

    def write(self, line: Line) -> None:
        """One line."""
        if self._prefix:
            text = f"<{line.severity.value}>{line.service}: {line.text}\n"
        else:
            text = f"{_clock('%H:%M:%S', line)} {line.service}: {WORDS[line.severity]}: {line.text}\n"
        with contextlib.suppress(OSError):
            os.write(2, text.encode("utf-8", "backslashreplace"))


class LogFile:
    """A file in Heartbeat's form. It is reopened when it was moved away (logrotate)."""

    def __init__(self, path: str, node: str, *, syslog_format: bool, debug: bool) -> None:
        self._path = path
        self._node = node
        self._syslog_format = syslog_format
        self._debug = debug
        self._fd = -1
        self._inode = (-1, -1)

    def write(self, line: Line) -> None:
        """One line; debug lines only where they belong."""
        if line.severity is Severity.DEBUG and not self._debug:
            return
        word = WORDS[line.severity]
        if self._syslog_format:
            who = f"{self._node} {line.service}: [{line.pid}]"
            text = f"{_clock('%b %d %H:%M:%S', line)} {who}: {word}: {line.text}\n"
        else:
            text = f"{line.service}[{line.pid}]: {_clock('%Y/%m/%d_%H:%M:%S', line)} {word}: {line.text}\n"
        with contextlib.suppress(OSError):
            self._open()
            os.write(self._fd, text.encode("utf-8", "backslashreplace"))

    def _open(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            info = os.stat(self._path)
            if self._fd >= 0 and (info.st_dev, info.st_ino) == self._inode:
                return
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._fd = os.open(self._path, flags, 0o640)
        info = os.fstat(self._fd)
        self._inode = (info.st_dev, info.st_ino)


class Syslog:
    """The system's log through /dev/log; a log that does not take the line at once loses it."""

    def __init__(self, facility: str, address: str = "/dev/log") -> None:
        self._facility = FACILITIES[facility]
        self._address = address
        self._sock: socket.socket | None = None

    def write(self, line: Line) -> None:
        """One line."""
        priority = self._facility * 8 + line.severity.value
        text = f"<{priority}>{line.service}[{line.pid}]: {WORDS[line.severity]}: {line.text}"
        data = text.encode("utf-8", "backslashreplace")
        for _ in range(2):
            try:
                if self._sock is None:
                    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                    sock.setblocking(False)
                    self._sock = sock
                    sock.connect(self._address)
                self._sock.send(data)
                return
            except BlockingIOError:
                return
            except OSError:
                if self._sock is not None:
                    self._sock.close()
                self._sock = None


def _clock(form: str, line: Line) -> str:
    return time.strftime(form, time.localtime(line.when))


def sinks(config: LogConfig, node: str, *, stderr: bool) -> list[Sink]:
    """What ha.cf's directives ask for: syslog unless only files are named, and the files."""
    found: list[Sink] = [Stderr()] if stderr else []
    if config.logfile:
        found.append(LogFile(config.logfile, node, syslog_format=config.syslog_format, debug=False))
    if config.debugfile:
        found.append(LogFile(config.debugfile, node, syslog_format=config.syslog_format, debug=True))
    if config.facility in FACILITIES:
        found.append(Syslog(config.facility or DEFAULT_FACILITY))
    elif not config.facility_given and not config.logfile and not config.debugfile and not stderr:
        found.append(Syslog(DEFAULT_FACILITY))
    return found


class Throttle:
    """Lets ``limit`` lines of one service and code through in ``WINDOW_MS``, and counts the rest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[tuple[str, str], tuple[Instant, int]] = {}

    def admit(self, say: Say, now: Instant) -> list[Say]:
        """The lines to write now: the given one, none, or before it how many of its kind were left out."""
        key = (say.service, say.code)
        since, count = self._counts.get(key, (now, 0))
        before: list[Say] = []
        if now - since >= WINDOW_MS:
            left_out = count - self._limit
            if left_out > 0:
                text = f"{left_out} more lines like the last ({say.code}) were left out"
                before.append(Say(say.severity, say.service, "left-out", text))
            since, count = now, 0
        if len(self._counts) > MAX_WAITING:
            self._counts.clear()
        self._counts[key] = (since, count + 1)
        return before if count >= self._limit else [*before, say]


class Writer(Protocol):
    """Who has lines written."""

    def put(self, line: Line) -> bool:
        """Take a line; false when there is no room for it. Never waits."""
        ...

    def close(self) -> None:
        """Have written what waits, for a second at most."""
        ...


class InLine:
    """Writes at once, and waits for it."""

    def __init__(self, sinks: list[Sink]) -> None:
        self._sinks = sinks

    def put(self, line: Line) -> bool:
        """One line."""
        for sink in self._sinks:
            sink.write(line)
        return True

    def close(self) -> None:
        """Nothing waits."""


class Threaded:
    """Writes from a thread."""

    def __init__(self, sinks: list[Sink]) -> None:
        self._sinks = sinks
        self._queue: queue.SimpleQueue[Line | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, line: Line) -> bool:
        """One line."""
        if self._queue.qsize() >= MAX_WAITING:
            return False
        self._queue.put(line)
        return True

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            for sink in self._sinks:
                sink.write(line)

    def close(self) -> None:
        """Wait for the thread."""
        self._queue.put(None)
        self._thread.join(CLOSE_S)


class Log:
    """The log of one process."""

    def __init__(self, writer: Writer, *, debug: bool = False, limit: int = 20, clock: Callable[[], Instant]) -> None:
        self._writer = writer
        self._debug = debug
        self._clock = clock
        self._throttle = Throttle(limit)
        self._dropped = 0

    def say(self, say: Say) -> None:
        """Write one line, within the rate limits."""
        if say.severity is Severity.DEBUG and not self._debug:
            return
        for line in self._throttle.admit(say, self._clock()):
            self._put(line)

    def _put(self, say: Say) -> None:
        if self._dropped:
            text = f"{self._dropped} lines were dropped: the log does not take them fast enough"
            if not self._writer.put(_line(Say(Severity.WARNING, "log", "dropped", text))):
                self._dropped += 1
                return
            self._dropped = 0
        if not self._writer.put(_line(say)):
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, for a second at most."""
        self._writer.close()
        sys.stderr.flush()


def _line(say: Say) -> Line:
    text = f"{say.text}{''.join(f' {key}={value}' for key, value in say.fields)}"
    return Line(say.severity, say.service, clean(text), os.getpid(), time.time())


def clean(text: str) -> str:
    """As one line of bounded length, without what a terminal takes for a command."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[:MAX_LINE])
