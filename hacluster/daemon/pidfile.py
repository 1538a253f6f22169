"""One daemon on one host: who it is, and what is left of one that died.

Locks, not texts, say what lives (fcntl(2), flock(2)); they lie in two places.

* The pid file in the run directory, for people and commands. Its lock is the supervisor's.
* ``hacluster.lock`` in the state directory, which outlasts a run directory that was wiped, and is the same when another
  one is given. Its first lock is the supervisor's, too. The second is shared by all processes of the daemon, which
  inherit it: as long as one of them lives, a new daemon waits with its start.

(That two daemons with nothing in common do not use one port is seen by :mod:`hacluster.daemon.preflight`.) None of the
files is opened through a link, waited for, or believed: what is no regular file is set aside.

``hacluster stop`` leaves a mark with the time at which it began, so that a daemon that was started before, and was not
far enough yet to be found, does not begin.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import struct
import time
from collections.abc import Callable
from typing import Final

from hacluster.base.errors import HaError
from hacluster.daemon import files

NAME: Final = "hacluster.pid"
LOCK: Final = "hacluster.lock"
STOP_MARK: Final = "stop-asked"
LAST_WORD: Final = "last-word"
ORPHANS_S: Final = 150.0
"""How long the processes of a daemon that died may release resources before they are killed."""

KILLED_S: Final = 5.0
"""How long a killed one is waited for: one that waits for a dead disk does no harm any more."""

_POLL_S: Final = 0.1
_TRIES: Final = 3
_LOCK_FORM: Final = "hhqqi4x"
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


class PidFile:
    """Held open and locked while the daemon lives."""

    def __init__(self, run_dir: str, state_dir: str) -> None:
        self._path = os.path.join(run_dir, NAME)
        self._lock_path = os.path.join(state_dir, LOCK)
        self._fd = -1
        self._shared = -1

    def take(self) -> None:
        """Lock both and write our pid. :class:`HaError` when a daemon runs already."""
        self._fd = _locked(self._path, 0o644)
        try:
            self._shared = _locked(self._lock_path, 0o600)
        except HaError:
            os.unlink(self._path)
            os.close(self._fd)
            self._fd = -1
            raise
        for fd in (self._fd, self._shared):
            # On a full disk the lock must do: it is what counts.
            with contextlib.suppress(OSError):
                os.ftruncate(fd, 0)
                os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)

    def wait_for_orphans(
        self,
        on_wait: Callable[[], None],
        on_kill: Callable[[list[int]], None],
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Take the shared lock; processes of an earlier daemon that have it for too long are killed. Whether all ended.
        ``enough``: whoever asks does not want it any more.

        One that does not even die of that waits for a disk; it will never run again, and nobody waits for it.
        """
        if self._patient(ORPHANS_S, on_wait, enough):
            return True
        if enough():
            return False
        left = holders(self._shared)
        on_kill(left)
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if self._patient(KILLED_S, lambda: None, enough):
            return True
        os.close(self._shared)
        os.unlink(self._lock_path)
        self._shared = _locked(self._lock_path, 0o600)
        fcntl.flock(self._shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False

    def _patient(self, seconds: float, on_wait: Callable[[], None], enough: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        told = False
        while True:
            try:
                fcntl.flock(self._shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() >= deadline or enough():
                    return False
                if not told:
                    on_wait()
                    told = True
                time.sleep(_POLL_S)

    def release(self) -> None:
        """Remove the pid file, and let go of the locks."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            os.close(self._fd)
            self._fd = -1
        if self._shared >= 0:
            os.close(self._shared)
            self._shared = -1


def _locked(path: str, mode: int) -> int:
    """The file at ``path``, open and locked for us. :class:`HaError` when a daemon has it, or it cannot be had."""
    for _ in range(_TRIES):
        fd = _open(path, mode)
        if fd is None:
            continue
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = _holder(fd)
            os.close(fd)
            if pid is not None:
                raise HaError(f"hacluster is already running [pid {pid}]") from error
            # Somebody who may only read it has locked that one; it is ours to remove.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            continue
        info = os.fstat(fd)
        with contextlib.suppress(OSError):
            there = os.lstat(path)
            if (there.st_dev, there.st_ino) == (info.st_dev, info.st_ino):
                return fd
        os.close(fd)
    raise HaError(f"cannot lock {path}: somebody else does so time and again")


def _open(path: str, mode: int) -> int | None:
    """Open it without following a link or waiting for anybody; ``None`` when something else had to be moved away."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        fd = os.open(path, flags, mode)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
    except OSError as error:
        try:
            if stat.S_ISREG(os.lstat(path).st_mode):
                raise HaError(f"cannot write {path}: {error.strerror}") from error
        except OSError:
            raise HaError(f"cannot write {path}: {error.strerror}") from error
    try:
        files.set_aside(path)
    except OSError as error:
        raise HaError(f"{path} is in the way and cannot be moved: {error.strerror}") from error
    return None


def running(run_dir: str, state_dir: str = "") -> int | None:
    """The pid of the daemon that lives; ``None`` when none does. ``state_dir``: it may have lost its run directory."""
    found = _owner(os.path.join(run_dir, NAME))
    return found if found is not None or not state_dir else _owner(os.path.join(state_dir, LOCK))


def _owner(path: str) -> int | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        # The kernel knows who holds the lock, whatever the file says: struct flock of fcntl(2).
        return _holder(fd) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)


def _holder(fd: int) -> int | None:
    """Who has the lock for writing, which takes the right to write: anybody could have one for reading."""
    asked = struct.pack(_LOCK_FORM, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    kind, _, _, _, pid = struct.unpack(_LOCK_FORM, fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    return None if kind == fcntl.F_UNLCK else pid


def holders(lock: int) -> list[int]:
    """The other processes that have the file ``lock`` open: who shares an inherited lock the kernel does not tell.

    By descriptor: the directory's owner may have put another file in the lock's place by now.
    """
    found = []
    with contextlib.suppress(OSError):
        info = os.fstat(lock)
        for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
            with contextlib.suppress(OSError):
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    there = os.stat(f"/proc/{pid}/fd/{fd}")
                    if pid != os.getpid() and (there.st_dev, there.st_ino) == (info.st_dev, info.st_ino):
                        found.append(pid)
                        break
    return found


def mark_stop(run_dir: str) -> None:
    """Have every daemon not begin that was started before this process was. OSError."""
    os.makedirs(run_dir, 0o755, exist_ok=True)
    files.replace(os.path.join(run_dir, STOP_MARK), f"{_boot_id()} {_started()}\n".encode(), sync=False)


def stop_was_asked(run_dir: str) -> bool:
    """Whether ``hacluster stop`` was called after this process was started.

    In the same tick of the clock counts, too: one that is started after a stop has ended is many ticks younger.
    """
    try:
        data = files.read(os.path.join(run_dir, STOP_MARK), 256)
    except files.DamagedFileError:
        return False
    boot, _, began = (data or b"").decode("ascii", "replace").strip().partition(" ")
    return boot == _boot_id() and began.isdecimal() and int(began) >= _started()


def leave_word(run_dir: str, status: int, kept: str) -> None:
    """What the daemon of this process leaves for ``hacluster stop``: its exit status, and what could not be stopped."""
    with contextlib.suppress(OSError):
        files.replace(os.path.join(run_dir, LAST_WORD), f"{os.getpid()} {status} {kept}\n".encode(), sync=False)


def last_word(run_dir: str, pid: int) -> tuple[int, str] | None:
    """What the daemon that had this number has left; ``None`` when it has left nothing."""
    try:
        data = files.read(os.path.join(run_dir, LAST_WORD), 65_536)
    except files.DamagedFileError:
        return None
    words = (data or b"").decode("utf-8", "replace").rstrip("\n").split(" ", 2)
    if len(words) != 3 or words[0] != str(pid) or not words[1].isdecimal():
        return None
    return int(words[1]), words[2]


def _boot_id() -> str:
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read(64).strip()
    except OSError:
        return "?"


def _started() -> int:
    """When this process began, in clock ticks after boot (proc(5), ``starttime``)."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[19])
