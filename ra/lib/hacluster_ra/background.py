"""A process that outlives its agent's start.

It holds a lock on its pid file as long as it lives. So "is it running" needs no trust in a process number, and no stale
file deceives.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable

from hacluster_ra import ocf
from hacluster_ra.ocf import SIGKILL, SIGTERM, Failure, Values

POLL_S = 0.02
KILL_AFTER_S = 5.0


def _lock(path: str) -> int | None:
    """Take the pid file's lock; ``None`` when somebody holds it. OSError when the file cannot be opened."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _lock_patiently(path: str) -> int:
    """Take the lock for good; a monitor may hold it for a moment."""
    for _ in range(50):
        lock = _lock(path)
        if lock is not None:
            return lock
        time.sleep(POLL_S)
    raise OSError(f"another process holds {path}")


def is_alive(path: str) -> bool:
    """Whether a process holds the pid file, also when somebody has removed its name."""
    if not ocf.exists(path):
        return bool(orphan(path))
    file = _lock(path)
    if file is None:
        return True
    os.close(file)
    return False


def orphan(path: str) -> int:
    """The process that holds a pid file of which the name is gone, as when HA_RSCTMP was emptied; 0: none."""
    gone = os.path.realpath(path) + " (deleted)"
    here = os.readlink("/proc/self/ns/net")
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            held = [os.readlink(f"/proc/{entry}/fd/{number}") for number in os.listdir(f"/proc/{entry}/fd")]
            if gone in held and os.readlink(f"/proc/{entry}/ns/net") == here:
                return int(entry)
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
    return 0


def begin(path: str, prepare: Callable[[], Callable[[], None]], name: str) -> None:
    """Begin a process that is nobody's child and return when it is ready.

    In it ``prepare`` is called, with the pid file locked and nothing else open, and what it returns is the process's
    work. :class:`Failure` with the reason when it raises OSError or ends.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            os.close(read)
            os.setsid()
            if os.fork() == 0:
                _become(path, prepare, write, name)
        finally:
            os._exit(0)
    os.close(write)
    os.wait()
    with os.fdopen(read, "rb") as pipe:
        word = pipe.read().decode(errors="replace")
    if word != "ready":
        raise Failure(ocf.ERR_GENERIC, word or f"the {name} ended before it was ready")


def _become(path: str, prepare: Callable[[], Callable[[], None]], write: int, name: str) -> None:
    word, work = "ready", None
    os.closerange(3, write)
    os.closerange(write + 1, 1 << 20)
    try:
        lock = _lock_patiently(path)
        work = prepare()
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
        null = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
    except OSError as error:
        word = f"the {name} cannot begin: {error}"
    os.write(write, word.encode())
    os.close(write)
    if word == "ready" and work is not None:
        work()


def end(path: str, values: Values, name: str, kill_after_s: float = KILL_AFTER_S) -> int:
    """TERM, then KILL; returns when it is gone."""
    begun = time.monotonic()
    number = SIGTERM
    sent = 0
    while is_alive(path):
        now = time.monotonic()
        if now > begun + values.timeout_s * 0.9:
            raise Failure(ocf.ERR_GENERIC, f"the {name} does not end")
        if now > begun + min(kill_after_s, values.timeout_s / 2):
            number = SIGKILL
        text = (ocf.read_file(path) or "").strip() or str(orphan(path))
        if text.isdecimal() and int(text) > 1 and sent != number:
            sent = number
            try:
                os.kill(int(text), number)
            except ProcessLookupError:
                continue
        time.sleep(POLL_S)
    if ocf.exists(path):
        os.unlink(path)
    return ocf.OK
