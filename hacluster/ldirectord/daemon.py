"""Becoming a daemon: the parent waits for word that the child has begun, and gives its exit status."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import select
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hacluster.base.report import Severity
from hacluster.ldirectord.children import Children
from hacluster.ldirectord.logs import Log
from hacluster.ldirectord.pidfile import hold
from hacluster.ldirectord.places import run_file
from hacluster.ldirectord.reading import Configuration
from hacluster.ldirectord.service import Service
from hacluster.lvs.settings import DirectorSettings


@dataclass(frozen=True, slots=True)
class _Paths:
    """What the daemon needs later, when it has left the directory in which it was called."""

    configuration: Path
    pid_file: Path
    status_socket: Path
    program: str


def _leave(path: Path, name: str) -> _Paths:
    """Go to where nothing can be unmounted or removed below the daemon."""
    pid_file, status_socket = (run_file(name, suffix).absolute() for suffix in ("pid", "sock"))
    paths = _Paths(path.absolute(), pid_file, status_socket, os.path.abspath(sys.argv[0]))
    os.chdir("/")
    return paths


def foreground(path: Path, name: str, settings: DirectorSettings) -> int:
    """Run here, with the log on standard output."""
    paths = _leave(path, name)
    log = Log(settings.log, path.name, console=True)
    log.write(Severity.NOTICE, f"Starting ldirectord of hacluster with pid: {os.getpid()}")
    return _serve(paths, settings, log, lambda _: None)


def in_background(path: Path, name: str, settings: DirectorSettings, limit_s: float) -> int:
    """Run in a session of its own; 0 when the child says that it has begun, 1 when it ended before."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        ready, _, _ = select.select([reading], [], [], limit_s)
        word = os.read(reading, 4096).decode("utf-8", "replace") if ready else ""
        if word == "+":
            return 0
        sys.stderr.write(f"ldirectord did not start: {word or 'see its log'}\n")
        return 1
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    paths = _leave(path, name)
    log = Log(settings.log, path.name)
    try:
        hold(paths.pid_file)
    except OSError as error:
        log.write(Severity.ERROR, f"Can not open {paths.pid_file}: {error.strerror}")
        sys.stderr.write(f"Can not open {paths.pid_file}: {error.strerror}\n")
        os._exit(1)
    _detach()
    log.write(Severity.NOTICE, "Starting ldirectord of hacluster as daemon")

    def begun(fault: str) -> None:
        with contextlib.suppress(OSError):
            os.write(writing, fault.encode()[:4096] or b"+")
            os.close(writing)

    status = 1
    try:
        status = _serve(paths, settings, log, begun)
    finally:
        with contextlib.suppress(OSError):
            paths.pid_file.unlink()
        os._exit(status)


def _detach() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    os.close(null)


def _serve(paths: _Paths, settings: DirectorSettings, log: Log, ready: Callable[[str], None]) -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    async def run() -> int:
        children = Children((paths.program,), log)
        configuration = Configuration(paths.configuration, settings)
        service = Service(configuration, log, status_socket=str(paths.status_socket), children=children)
        return await service.run(ready)

    return asyncio.run(run())
