"""The beginning of the daemon: read the files, say what is wrong with them, have everything ready, and live."""

from __future__ import annotations

import contextlib
import sys
from typing import Final

from hacluster.base.errors import ConfigError, HaError
from hacluster.base.report import Severity
from hacluster.daemon.launch import Launch, Places, prepare
from hacluster.daemon.preload import preload
from hacluster.daemon.single import Single
from hacluster.daemon.supervisor import Supervisor

EXIT_CONFIG: Final = 6


def _complain(what: object) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{what}\n")
        sys.stderr.flush()


def begin(places: Places, *, one_process: bool = False, log_stderr: bool = False) -> int:
    """The whole life of it in the foreground. Exit status: 0 stopped as asked, 1 could not begin or had to stop, 6 the
    configuration has errors, 7 stopped, but not every resource could be."""

    def read() -> Launch:
        return prepare(places, log_stderr=log_stderr)

    try:
        launch = read()
    except ConfigError as error:
        for report in error.reports:
            _complain(report)
        _complain("Configuration error, hacluster not started.")
        return EXIT_CONFIG
    for report in launch.reports:
        if report.severity <= Severity.WARNING:
            _complain(report)
    preload(launch)
    try:
        return Single(launch, read).run() if one_process else Supervisor(launch, read).run()
    except HaError as error:
        _complain(f"hacluster: {error}")
        return 1
