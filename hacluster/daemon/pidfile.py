"""The pid file: which process is the daemon of this host. Its lock, not its text, says whether that daemon lives.

A second lock is shared by all processes of the daemon, which inherit it (flock(2)): as long as one of them lives, a new
daemon waits with its start.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Callable
from typing import Final

from hacluster.base.errors import HaError

NAME: Final = "hacluster.pid"
SHARED_LOCK: Final = "hacluster.lock"
ORPHANS_S: Final = 150.0
_POLL_S: Final = 0.1


class PidFile:
    """Held open and locked while the daemon lives."""

    def __init__(self, run_dir: str) -> None:
        self._path = os.path.join(run_dir, NAME)
        self._fd = -1
        self._shared = -1

    def take(self) -> None:
        """Lock it and write our pid. :class:`HaError` when a daemon runs already."""
        if not self._lock() and not self._lock():
            raise HaError(f"cannot lock {self._path}: somebody else does so time and again")
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def _lock(self) -> bool:
        """Lock the file; false when it had to be removed, because somebody who may only read it has locked that one."""
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HaError(f"cannot write {self._path}: {error.strerror}") from error
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            self._fd = -1
            pid = running(os.path.dirname(self._path))
            if pid is not None:
                raise HaError(f"hacluster is already running [pid {pid}]") from error
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
            return False
        return True

    def wait_for_orphans(self, on_wait: Callable[[], None]) -> bool:
        """Take the shared lock; false when processes of an earlier daemon have it for too long. HaError."""
        path = os.path.join(os.path.dirname(self._path), SHARED_LOCK)
        try:
            self._shared = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HaError(f"cannot write {path}: {error.strerror}") from error
        deadline = time.monotonic() + ORPHANS_S
        told = False
        while True:
            try:
                fcntl.flock(self._shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                if not told:
                    on_wait()
                    told = True
                time.sleep(_POLL_S)

    def release(self) -> None:
        """Remove it, and let go of the shared lock."""
        if self._shared >= 0:
            os.close(self._shared)
            self._shared = -1
        if self._fd >= 0:
            os.unlink(self._path)
            os.close(self._fd)
            self._fd = -1


def running(run_dir: str) -> int | None:
    """The pid of the daemon that lives; ``None`` when none does."""
    try:
        fd = os.open(os.path.join(run_dir, NAME), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # The kernel knows who holds the lock, whatever the file says: struct flock of fcntl(2).
        return _holder(fd)
    finally:
        os.close(fd)


def _holder(fd: int) -> int | None:
    """Who has the lock for writing, which takes the right to write: anybody could have one for reading."""
    layout = "hhqqi4x"
    asked = struct.pack(layout, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(layout, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else pid
