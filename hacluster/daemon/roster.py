"""Which programs run, noted on disk: so that who begins anew can end what was left by the life before.

An agent that outlives the hands would go on beside the same operation asked for anew; a program of ``respawn`` that
outlives the supervisor, beside the next one of its kind. Its number and the time of its
start name it for certain (proc(5), ``starttime``); only if that very process still lives its group is killed. Services
that an agent has started are left alone: their agent has ended, or they are not in its group.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
from typing import Final

from hacluster.daemon import files

NAME: Final = "agents"
CLIENTS: Final = "clients"
"""The programs of ``respawn`` and ``failfast``."""

MAX_FILE: Final = 1_000_000
_ENTRY: Final = re.compile(rb"([1-9][0-9]{0,9}) ([0-9]{1,19})")

END_MS: Final = 2_000
"""How long an agent may take to die of SIGKILL before nobody waits for it any more."""


def birth(pid: int) -> int | None:
    """When a process began, in clock ticks after boot; ``None`` when it is gone or only waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Roster:
    """The file of one node, in its run directory. What cannot be written is not noted: agents run all the same."""

    def __init__(self, run_dir: str, name: str = NAME) -> None:
        self._path = os.path.join(run_dir, name)
        self._agents: dict[int, int] = {}

    def add(self, pid: int) -> None:
        """A program has begun."""
        began = birth(pid)
        if began is not None:
            self._agents[pid] = began
            self._write()

    def remove(self, pid: int) -> None:
        """It has ended."""
        if self._agents.pop(pid, None) is not None:
            self._write()

    def _leftovers(self) -> list[int]:
        return [pid for pid, began in self._read() if birth(pid) == began]

    def signal_leftovers(self, number: int) -> None:
        """Send a signal to the groups of all that an earlier life noted and that still run."""
        for pid in self._leftovers():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, number)

    def end_leftovers(self) -> list[int]:
        """Kill what an earlier life noted and what still runs, with its groups; gives its numbers."""
        left = self._leftovers()
        for pid in left:
            _end(pid)
        self._write()
        return left

    def _read(self) -> list[tuple[int, int]]:
        try:
            data = files.read(self._path, MAX_FILE) or b""
        except files.DamagedFileError:
            with contextlib.suppress(OSError):
                files.set_aside(self._path)
            return []
        return [(int(f[1]), int(f[2])) for line in data.split(b"\n") if (f := _ENTRY.fullmatch(line))]

    def _write(self) -> None:
        text = "".join(f"{pid} {began}\n" for pid, began in self._agents.items())
        with contextlib.suppress(OSError):
            files.replace(self._path, text.encode(), sync=False)


def _end(pid: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        gone = select.poll()
        gone.register(pidfd, select.POLLIN)
        gone.poll(END_MS)
    finally:
        os.close(pidfd)
