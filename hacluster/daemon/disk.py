"""The state of a node: one small file per key, replaced atomically, on disk before it is said so.

Keys that Heartbeat knows (``hb_generation``, ``hb_uuid``) lie under Heartbeat's names in Heartbeat's formats, so that a
host can change over and back (WIRE.md section 12); the machines write those formats. Every other key is a file of its
own name beside them. Volatile keys live in the run directory and do not outlast a reboot.

What cannot be a state file of ours (:mod:`hacluster.daemon.files`), or is none to the machine that reads it, is set
aside under another name and said so; the node goes on without it.

The CIB, its journal and what it was before lie in a directory of their own, under names that people know; so does what
decisions were made of, beside it.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Final

from hacluster.base.errors import HaError
from hacluster.base.limits import MAX_CIB_FILE
from hacluster.daemon import files
from hacluster.daemon.privilege import NOBODY, Account, give

VOLATILE: Final = "volatile"
"""The directory in the run directory for keys that do not outlast a reboot; the rest there is root's."""

MAX_FILE: Final = 16 * 1024 * 1024
CIB: Final = "cib"
"""How the keys of what belongs to the CIB begin."""

INPUT: Final = "pe-"
"""How the keys of what decisions were made of begin."""

_KEY: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_TRIAL: Final = "trial"


class Disk:
    """The files of one node. Every method blocks; the driver writes from a thread of its own."""

    def __init__(self, state_dir: str, run_dir: str, cib_dir: str = "") -> None:
        self._state_dir = state_dir
        self._cib_dir = cib_dir
        self._pe_dir = os.path.join(os.path.dirname(cib_dir), "pengine") if cib_dir else ""
        self._run_dir = run_dir
        self._volatile_dir = os.path.join(run_dir, VOLATILE)

    def prepare(self, account: Account = NOBODY) -> None:
        """Make the directories, and see that they can be written; :class:`HaError` when not.

        What pulse and brain write becomes the ``account``'s. A node whose disk fails later goes on as it may; one that
        cannot begin had better say so.
        """
        own = [(self._cib_dir, 0o750), (self._pe_dir, 0o750)] if self._cib_dir else []
        for path, mode in ((self._state_dir, 0o750), (self._run_dir, 0o755), (self._volatile_dir, 0o750), *own):
            try:
                os.makedirs(path, mode, exist_ok=True)
                if account.usable and path != self._run_dir:
                    give(path, account)
                trial = os.path.join(path, f".{_TRIAL}")
                files.replace(trial, b"trial\n", sync=True)
                os.unlink(trial)
                files.sync_directory(path)
            except OSError as error:
                raise HaError(f"cannot use directory {path}: {error.strerror}") from error

    def path(self, key: str, *, volatile: bool = False) -> str:
        """Where ``key`` is kept."""
        assert _KEY.fullmatch(key), key
        if volatile:
            return os.path.join(self._volatile_dir, key)
        places = ((CIB, self._cib_dir), (INPUT, self._pe_dir))
        home = next((path for start, path in places if path and key.startswith(start)), self._state_dir)
        return os.path.join(home, key)

    def write(self, key: str, data: bytes, *, volatile: bool = False) -> None:
        """Replace what is kept under ``key``: after a crash there is the old or the new, never a part. OSError."""
        files.replace(self.path(key, volatile=volatile), data, sync=not volatile)

    def append(self, key: str, data: bytes, *, volatile: bool = False) -> None:
        """Add to the end of ``key``, on disk when this returns. OSError; then a part of it may be there."""
        path = self.path(key, volatile=volatile)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        fd = os.open(path, flags, 0o600)
        try:
            is_new = os.fstat(fd).st_size == 0
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if not volatile:
                os.fsync(fd)
        finally:
            os.close(fd)
        if is_new and not volatile:
            files.sync_directory(os.path.dirname(path))

    def read(self, key: str, *, volatile: bool = False) -> bytes | None:
        """What is kept under ``key``; ``None`` when there is nothing.

        :class:`DamagedFileError` for what is no regular file, too large, somebody else's, or cannot be read.
        """
        limit = MAX_CIB_FILE if key.startswith(CIB) else MAX_FILE
        return files.read(self.path(key, volatile=volatile), limit)

    def has(self, key: str) -> bool:
        """Whether something is kept under ``key``, whatever it is."""
        return os.path.lexists(self.path(key))

    def forget(self, key: str, *, volatile: bool = False) -> None:
        """There is nothing under ``key`` any more. OSError."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path(key, volatile=volatile))

    def set_aside(self, key: str, *, volatile: bool = False) -> str:
        """Give the file another name, and say which. OSError."""
        return files.set_aside(self.path(key, volatile=volatile))
