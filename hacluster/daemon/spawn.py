"""Children of the hands: each in a session and process group of its own, bounded in time and output.

Rules.

* A child that ends by itself leaves its process group alone: an init script that starts a service in the background
  has done its work. Only a child that ran out of time takes its whole group with it.
* The end of a child is the end of its first process, seen on a pidfd, not the end of its pipes: a service started in
  the background may hold those open for ever. They are read on and thrown away, so that the service does not die of
  SIGPIPE, as long as this process lives and not more than ``MAX_ORPHANED_PIPES`` are held.
* Which agents run is noted (:mod:`hacluster.daemon.roster`), so that hands that begin anew can end what was left.
* A child for which the system has no room (descriptors, processes, memory) is tried again as long as its time lasts:
  want of room here is no verdict on a resource.
* A process that even SIGKILL does not end (it waits for a dead disk) is reported after ``UNKILLABLE_MS``, so that
  nobody waits for ever; it is reaped when the kernel lets go of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pwd
import resource
import select
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from typing import Final, TypedDict

from hacluster.base.effects import Kill, Spawn
from hacluster.base.machine import Instant
from hacluster.daemon import clock, scene, secrets
from hacluster.daemon.roster import Roster
from hacluster.msg.driver import ChildEnd, ChildExited

MAX_ORPHANED_PIPES: Final = 128
UNKILLABLE_MS: Final = 10_000
RETRY_S: Final = 0.2
TRY_MS: Final = 60_000
"""How long a child without a time limit is tried when the system has no room for it."""

LOOK_MS: Final = 500
"""How long it may take to see what a program is doing whose time is up."""

CLOSE_MS: Final = 1_000
_CHUNK: Final = 65_536
_LAST_CHUNKS: Final = 64
"""Reads of a pipe after the child's end: a pipe holds at most 1 MiB (fs.pipe-max-size)."""

NO_ROOM: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOBUFS})
"""fork(2), pipe(2): the system has no room for another process now. That says nothing of the program."""

_BASE_ENV: Final = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def identity(user: str) -> _Identity:
    """What Popen needs to run as ``user`` with all its groups; nothing for the daemon's own user.

    :class:`LookupError` when there is no such user.
    """
    if not user:
        return {}
    entry = pwd.getpwnam(user)
    if entry.pw_uid == os.geteuid():
        return {}
    groups = os.getgrouplist(user, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


def start(
    argv: tuple[str, ...],
    env: tuple[tuple[str, str], ...],
    user: str,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, with exactly ``env`` and a PATH; OSError or LookupError if it cannot."""
    child = subprocess.Popen(
        argv,
        env={**_BASE_ENV, **dict(env)},
        cwd="/",
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        umask=0o022,
        **identity(user),
    )
    # The daemon may be spared by the OOM killer; what it starts is not.
    with contextlib.suppress(OSError), open(f"/proc/{child.pid}/oom_score_adj", "w", encoding="ascii") as file:
        file.write("0")
    # The daemon may have many descriptors open; what it starts has the limit that the daemon was started with.
    with contextlib.suppress(OSError, ValueError):
        resource.prlimit(child.pid, resource.RLIMIT_NOFILE, _started_with)
    return child


_started_with: tuple[int, int] = resource.getrlimit(resource.RLIMIT_NOFILE)


def widen_limits() -> None:
    """As many open descriptors as we may have, for this process alone: agents that select(2) know 1,024."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (_started_with[1], _started_with[1]))


class _Stream:
    """One pipe of a child: keeps the first ``limit`` bytes and counts the rest."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, limit: int) -> None:
        self._loop = loop
        self._limit = limit
        self.fd = fd
        self.kept = bytearray()
        self.dropped = 0
        self.open = True
        os.set_blocking(fd, False)
        loop.add_reader(fd, self.read)

    def read(self) -> bool:
        """Read one chunk; false when nothing is left for now or for ever."""
        try:
            data = os.read(self.fd, _CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        room = max(0, self._limit - len(self.kept))
        self.kept += data[:room]
        self.dropped += len(data) - len(data[:room])
        return True

    def drain(self) -> None:
        """Take what the pipe holds now."""
        for _ in range(_LAST_CHUNKS):
            if not self.open or not self.read():
                return

    def close(self) -> None:
        """Give the pipe up."""
        if self.open:
            self.open = False
            self._loop.remove_reader(self.fd)
            os.close(self.fd)


def _filled_pipe(data: bytes, cleanup: contextlib.ExitStack) -> int:
    """The reading end of a pipe with all of ``data`` in it and nobody to write more; OSError when it does not fit."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    cleanup.callback(os.close, reading)
    try:
        os.set_blocking(writing, False)
        if os.write(writing, data) < len(data):
            raise OSError(errno.E2BIG, "the input does not fit into a pipe")
    finally:
        os.close(writing)
    return reading


class _Child:
    def __init__(
        self, spawn: Spawn, process: subprocess.Popen[bytes], started: Instant, hide: Callable[[bytes], bytes]
    ) -> None:
        self.spawn = spawn
        self.hide = hide
        self.process = process
        self.started = started
        self.pidfd = -1
        self.streams: list[_Stream] = []
        self.timer: asyncio.TimerHandle | None = None
        self.timed_out = False
        self.reported = False
        self.ended = False
        self.told_to_end = False
        self.stamp = 0
        self.scene = ""


class Children:
    """The children of one process; ``on_exit`` is called once for each that was started, or could not be."""

    def __init__(self, on_exit: Callable[[ChildExited], None], roster: Roster | None = None) -> None:
        self._on_exit = on_exit
        self._roster = roster
        self._children: dict[int, _Child] = {}
        self._waiting: dict[int, tuple[Spawn, Instant, asyncio.TimerHandle]] = {}
        self._orphans: deque[_Stream] = deque()

    def __len__(self) -> int:
        return len(self._children) + len(self._waiting)

    def start(self, spawn: Spawn) -> None:
        """Perform ``Spawn``. A program that is not there is reported as NOT_STARTED, never raised."""
        assert spawn.child_id not in self._children, spawn
        assert spawn.child_id not in self._waiting, spawn
        self._try(spawn, clock.now())

    def _try(self, spawn: Spawn, since: Instant) -> None:
        loop = asyncio.get_running_loop()
        self._waiting.pop(spawn.child_id, None)
        try:
            child = self._begin(spawn, since)
        except (OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
            code = error.errno if isinstance(error, OSError) and error.errno else 0
            left_ms = (TRY_MS if spawn.timeout_ms is None else spawn.timeout_ms) - (clock.now() - since)
            if code in NO_ROOM and left_ms > 0:
                timer = loop.call_later(min(RETRY_S, left_ms / 1000), self._try, spawn, since)
                self._waiting[spawn.child_id] = (spawn, since, timer)
                return
            failed = ChildExited(spawn.child_id, ChildEnd.NOT_STARTED, code, stderr=str(error).encode())
            loop.call_soon(self._on_exit, failed)
            return
        self._children[spawn.child_id] = child
        if self._roster is not None:
            self._roster.add(child.process.pid)
        loop.add_reader(child.pidfd, self._ended, child)
        if spawn.timeout_ms is not None:
            left_ms = max(0, spawn.timeout_ms - (clock.now() - since))
            child.timer = loop.call_later(left_ms / 1000, self._overdue, child)

    @staticmethod
    def _begin(spawn: Spawn, since: Instant) -> _Child:
        """Start it; everything that takes a descriptor comes before it, so that it fails before the program begins."""
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as on_failure, contextlib.ExitStack() as theirs:
            ours, ends = [], []
            for _ in range(2):
                reading, writing = os.pipe2(os.O_CLOEXEC)
                on_failure.callback(os.close, reading)
                theirs.callback(os.close, writing)
                ours.append(reading)
                ends.append(writing)
            given = secrets.filled_in(spawn)
            stdin = _filled_pipe(given.stdin, theirs) if given.stdin else subprocess.DEVNULL
            process = start(spawn.argv, given.env, spawn.user, stdin=stdin, stdout=ends[0], stderr=ends[1])
            on_failure.pop_all()
        child = _Child(spawn, process, since, given.hide)
        child.stamp = _stamp(spawn.argv[0])
        # Popen had two descriptors of its own until now: there is room for one.
        child.pidfd = os.pidfd_open(process.pid)
        child.streams = [_Stream(loop, fd, spawn.output_limit) for fd in ours]
        return child

    def kill(self, kill: Kill) -> None:
        """Perform ``Kill``: the signal goes to the whole group; one that waits for room is not started any more."""
        child = self._children.get(kill.child_id)
        waiting = self._waiting.pop(kill.child_id, None)
        if child is not None:
            _signal_group(child, kill.signal)
        elif waiting is not None:
            waiting[2].cancel()
            never = ChildExited(kill.child_id, ChildEnd.SIGNALED, kill.signal)
            asyncio.get_running_loop().call_soon(self._on_exit, never)

    def _overdue(self, child: _Child) -> None:
        """Time is up: first see what it is doing, if that can be seen soon, and then end it."""
        loop = asyncio.get_running_loop()
        child.timed_out = True

        def seen(text: str) -> None:
            child.scene = text
            self._terminate(child)

        def tell(text: str) -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(seen, text)

        child.timer = loop.call_later(LOOK_MS / 1000, self._terminate, child)
        scene.look_beside(child.process.pid, child.spawn.env, tell)

    def _terminate(self, child: _Child) -> None:
        if child.ended or child.told_to_end:
            return
        child.told_to_end = True
        if child.timer is not None:
            child.timer.cancel()
        _signal_group(child, signal.SIGTERM)
        child.timer = asyncio.get_running_loop().call_later(child.spawn.kill_after_ms / 1000, self._obstinate, child)

    def _obstinate(self, child: _Child) -> None:
        _signal_group(child, signal.SIGKILL)
        child.timer = asyncio.get_running_loop().call_later(UNKILLABLE_MS / 1000, self._unkillable, child)

    def _unkillable(self, child: _Child) -> None:
        child.timer = None
        self._report(child, -signal.SIGKILL)

    def _ended(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        child.ended = True
        loop.remove_reader(child.pidfd)
        os.close(child.pidfd)
        if child.timer is not None:
            child.timer.cancel()
        if child.timed_out:
            # Before the first process is reaped: until then nobody else can have its group's number.
            _signal_group(child, signal.SIGKILL)
        code = child.process.wait()
        if self._roster is not None:
            self._roster.remove(child.process.pid)
        self._report(child, code)
        del self._children[child.spawn.child_id]

    def _report(self, child: _Child, code: int) -> None:
        if child.reported:
            return
        child.reported = True
        for stream in child.streams:
            stream.drain()
            if stream.open:
                self._adopt(stream)
        end = ChildEnd.EXITED if code >= 0 else ChildEnd.SIGNALED
        stdout, stderr = child.streams
        self._on_exit(
            ChildExited(
                child.spawn.child_id,
                ChildEnd.TIMED_OUT if child.timed_out else end,
                abs(code),
                child.hide(bytes(stdout.kept)),
                child.hide(bytes(stderr.kept)),
                stdout.dropped + stderr.dropped,
                clock.now() - child.started,
                child.stamp,
                child.hide(child.scene.encode()).decode("utf-8", "replace"),
            )
        )

    def _adopt(self, stream: _Stream) -> None:
        self._orphans = deque(orphan for orphan in self._orphans if orphan.open)
        if len(self._orphans) >= MAX_ORPHANED_PIPES:
            self._orphans.popleft().close()
        self._orphans.append(stream)

    def close(self) -> None:
        """Let go of everything; children that still run are killed with their groups.

        One that does not die of it (it waits for a disk) is not waited for, and stays noted for the next hands.
        """
        loop = asyncio.get_running_loop()
        for _, _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        for child in self._children.values():
            if child.timer is not None:
                child.timer.cancel()
            _signal_group(child, signal.SIGKILL)
        until = clock.now() + CLOSE_MS
        for child in self._children.values():
            child.ended = True
            loop.remove_reader(child.pidfd)
            gone = select.poll()
            gone.register(child.pidfd, select.POLLIN)
            if gone.poll(max(0, until - clock.now())):
                child.process.wait()
                if self._roster is not None:
                    self._roster.remove(child.process.pid)
            os.close(child.pidfd)
            for stream in child.streams:
                stream.close()
        self._children.clear()
        while self._orphans:
            self._orphans.pop().close()


def _stamp(path: str) -> int:
    """A number that differs when the file of a program does."""
    try:
        found = os.stat(path)
    except OSError:
        return 0
    return found.st_mtime_ns ^ found.st_ino ^ (found.st_size << 20)


def _signal_group(child: _Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, number)
