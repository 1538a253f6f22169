"""ldirectord's log: ``[time|configuration|pid] text`` in a file, to a syslog facility, or on standard output."""

from __future__ import annotations

import os
import sys
import syslog
import time
from typing import Final

from hacluster.base.report import Severity

_FACILITIES: Final = {
    name: getattr(syslog, f"LOG_{name.upper()}")
    for name in ("auth", "cron", "daemon", "kern", "lpr", "mail", "news", "syslog", "user", "uucp")
} | {f"local{number}": getattr(syslog, f"LOG_LOCAL{number}") for number in range(8)}


def stamp() -> str:
    """The time as ldirectord writes it: ``Sat Nov 28 13:45:07 2026``."""
    return time.strftime("%a %b %e %H:%M:%S %Y")


class Log:
    """Where lines go. A log that cannot be written is said once on standard error and then left alone."""

    def __init__(self, target: str, name: str, *, console: bool = False) -> None:
        self._name = name
        self._console = console
        self._target = ""
        self._failed = False
        self.retarget(target)

    def retarget(self, target: str) -> None:
        """A path, or a syslog facility."""
        self._target = target
        self._failed = False
        if not target.startswith("/"):
            facility = _FACILITIES.get(target.lower(), syslog.LOG_DAEMON)
            syslog.openlog(f"ldirectord[{self._name}]", syslog.LOG_PID, facility)

    def write(self, severity: Severity, text: str) -> None:
        """One line; never raises."""
        line = " ".join(text.splitlines())
        if self._console:
            sys.stdout.write(f"[{stamp()}|{self._name}|{os.getpid()}] {line}\n")
            sys.stdout.flush()
            return
        if not self._target.startswith("/"):
            syslog.syslog(severity.value, line)
            return
        try:
            with open(self._target, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(f"[{stamp()}|{self._name}|{os.getpid()}] {line}\n")
            self._failed = False
        except OSError as error:
            if not self._failed:
                self._failed = True
                sys.stderr.write(f"ldirectord: cannot write {self._target}: {error.strerror}\n")
