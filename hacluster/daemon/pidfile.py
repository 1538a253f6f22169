"""The pid file: which process is the daemon of this host. Its lock, not its text, says whether that daemon lives."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import Final

from hacluster.base.errors import HaError

NAME: Final = "hacluster.pid"


class PidFile:
    """Held open and locked while the daemon lives."""

    def __init__(self, run_dir: str) -> None:
        self._path = os.path.join(run_dir, NAME)
        self._fd = -1

    def take(self) -> None:
        """Lock it and write our pid. :class:`HaError` when a daemon runs already."""
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HaError(f"cannot write {self._path}: {error.strerror}") from error
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = running(os.path.dirname(self._path))
            os.close(self._fd)
            self._fd = -1
            raise HaError(f"hacluster is already running [pid {pid}]") from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Remove it."""
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
    layout = "hhqqi4x"
    asked = struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(layout, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else pid
