"""Small durable files: one per key, replaced atomically, on disk before it is said so.

Keys that Heartbeat knows (``hb_generation``, ``hb_uuid``) lie under Heartbeat's names in Heartbeat's formats, so that a
host can change over and back (WIRE.md section 12); the machines write those formats. Every other key is a file of its
own name beside them. Volatile keys live in the run directory and do not outlast a reboot.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Final

from hacluster.base.errors import HaError

MAX_FILE: Final = 16 * 1024 * 1024
_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class Disk:
    """The files of one node. Every method blocks; the driver calls ``write`` from a thread of its own."""

    def __init__(self, state_dir: str, run_dir: str) -> None:
        self._state_dir = state_dir
        self._run_dir = run_dir

    def prepare(self) -> None:
        """Make the two directories; :class:`HaError` when that cannot be."""
        for path, mode in ((self._state_dir, 0o750), (self._run_dir, 0o755)):
            try:
                os.makedirs(path, mode, exist_ok=True)
                _sync_directory(path)
            except OSError as error:
                raise HaError(f"cannot use directory {path}: {error.strerror}") from error

    def path(self, key: str, *, volatile: bool = False) -> str:
        """Where ``key`` is kept."""
        assert _KEY.fullmatch(key), key
        return os.path.join(self._run_dir if volatile else self._state_dir, key)

    def write(self, key: str, data: bytes, *, volatile: bool = False) -> None:
        """Replace what is kept under ``key``: after a crash there is the old or the new, never a part. OSError."""
        path = self.path(key, volatile=volatile)
        directory, name = os.path.split(path)
        draft = os.path.join(directory, f".{name}.new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(draft, flags, 0o600)
        try:
            os.fchmod(fd, 0o600)
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if not volatile:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(draft, path)
        if not volatile:
            _sync_directory(directory)

    def append(self, key: str, data: bytes) -> None:
        """Add to the end of ``key``, on disk when this returns. OSError; then a part of it may be there."""
        path = self.path(key)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(path, flags, 0o600)
        try:
            is_new = os.fstat(fd).st_size == 0
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        if is_new:
            _sync_directory(os.path.dirname(path))

    def read(self, key: str, *, volatile: bool = False) -> bytes | None:
        """What is kept under ``key``; ``None`` when there is nothing.

        :class:`HaError` for what is no regular file, too large, or cannot be read: the caller says so and goes on.
        """
        path = self.path(key, volatile=volatile)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise HaError(f"cannot read {path}: {error.strerror}") from error
        with os.fdopen(fd, "rb") as file:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                raise HaError(f"{path} is not a regular file")
            if info.st_size > MAX_FILE:
                raise HaError(f"{path} has {info.st_size} bytes, more than {MAX_FILE}")
            try:
                return file.read(MAX_FILE)
            except OSError as error:
                raise HaError(f"cannot read {path}: {error.strerror}") from error


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
