"""The pid file, locked by its daemon as long as that lives: no number that another process got since deceives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 2.0
"""How long a start waits for the lock: somebody who asks for the status holds it for an instant."""

POLL_S: Final = 0.02


def holder(path: Path) -> int | None:
    """The daemon's pid; ``None`` when nobody holds the file, or it is not there."""
    with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = int(file.read().strip())
            return pid if pid > 1 else None
    return None


def hold(path: Path) -> int:
    """Write our pid and hold the file until this process ends; gives the open file's number.

    Raises :class:`BlockingIOError` when another daemon holds it, :class:`OSError` when it cannot be written.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(file)
                raise
            time.sleep(POLL_S)
    os.ftruncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode("ascii"))
    return file
