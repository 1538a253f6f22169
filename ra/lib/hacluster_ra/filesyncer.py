"""The process behind the agent filesync: watches a tree and runs rsync. Imported by the process that becomes it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from hacluster_ra.filesync_plan import Target
from hacluster_ra.inotify import Tree

VANISHED = 24
"""rsync's exit status when files went away while it ran: what is there was sent, and the event of it comes."""

LOOK_S = 0.1
RESCAN_S = 60.0
"""How often everything is compared while not everything can be watched."""


class Job:
    """One rsync that runs."""

    def __init__(self, argv: Sequence[str], directories: frozenset[str], whole: bool) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has ended
        self._list: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._list.write(b"".join(os.fsencode(f"{one}/") + b"\0" for one in sorted(directories)))
        self._list.seek(0)
        how = ["--recursive"] if whole else ["--no-recursive", "--dirs", "--from0", "--files-from=-"]
        self.process = subprocess.Popen(
            [argv[0], *how, *argv[1:]], stdin=self._list, stdout=self._said, stderr=self._said, start_new_session=True
        )

    def fault(self) -> str | None:
        """What was wrong, empty for nothing; ``None`` while it runs."""
        status = self.process.poll()
        if status is None:
            return None
        self._said.seek(0)
        lines = self._said.read(65536).decode(errors="replace").strip().splitlines()
        self._said.close()
        self._list.close()
        return "" if status in (0, VANISHED) else (lines[0] if lines else f"rsync ended with {status}")[:300]


class Syncer:
    """All targets of one source. ``argv(target)`` are the words of rsync."""

    def __init__(
        self, source: str, targets: Sequence[Target], argv: dict[str, list[str]], status_file: str, *, full_s: float
    ) -> None:
        self._source, self._targets, self._argv = source, targets, argv
        self._status_file, self._full_s = status_file, full_s
        self._identity = _identity(source)
        self._tree = Tree(source)
        self._jobs: dict[str, Job] = {}
        self._leaving: float | None = None
        self._next_full = 0.0
        self._fault = ""
        self._written = ""

    def work(self, flush_s: float) -> None:
        """Until SIGTERM; what waits then is sent first, for ``flush_s`` seconds at most."""
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGTERM, lambda *_: self._leave(flush_s))
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            now = time.monotonic()
            self._note(now)
            self._reap(now)
            if self._leaving is not None and (now >= self._leaving or not any(t.is_behind for t in self._targets)):
                break
            self._begin(now)
            self._tell()
            due_times = (None if self._fault else target.due() for target in self._targets)
            dues = [due for due in due_times if due is not None]
            wait = min([self._next_full, now + 1.0 if self._is_behind() else now + 60.0, *dues]) - now
            poll = select.poll()
            poll.register(read, select.POLLIN)
            poll.register(self._tree.file, select.POLLIN)
            poll.poll(max(0.0, wait) * 1000 + 1)
            with suppress(BlockingIOError):
                os.read(read, 4096)
        for job in self._jobs.values():
            os.killpg(job.process.pid, signal.SIGTERM)
        self._tell()

    def _leave(self, flush_s: float) -> None:
        if self._leaving is None:
            self._leaving = time.monotonic() + flush_s
            for target in self._targets:
                target.hurry()

    def _is_behind(self) -> bool:
        return any(target.is_behind for target in self._targets)

    def _note(self, now: float) -> None:
        self._fault = "" if _identity(self._source) == self._identity else f"{self._source} is another directory now"
        changed, lost = self._tree.events()
        if lost:
            self._tree.close()
            self._tree = Tree(self._source)
        for target in self._targets:
            if lost or now >= self._next_full:
                target.note_all(now)
            elif changed:
                target.note(changed, now)
        if now >= self._next_full:
            self._next_full = now + (self._full_s if self._tree.is_whole else min(RESCAN_S, self._full_s))

    def _reap(self, now: float) -> None:
        for target in self._targets:
            job = self._jobs.get(target.name)
            if job is not None and (fault := job.fault()) is not None:
                del self._jobs[target.name]
                target.end(fault, now)

    def _begin(self, now: float) -> None:
        if self._fault:
            return  # an empty mount point must not empty the targets
        for target in self._targets:
            due = target.due()
            if due is not None and due <= now:
                whole, directories = target.begin(now)
                # What went away meanwhile is a change of the directory above, which is in the list.
                there = frozenset(one for one in directories if os.path.isdir(os.path.join(self._source, one)))
                try:
                    self._jobs[target.name] = Job(self._argv[target.name], there, whole)
                except OSError as error:
                    target.end(f"rsync cannot be run: {error.strerror}", now)

    def _tell(self) -> None:
        """The state for people and for the monitor; times are seconds of CLOCK_MONOTONIC."""
        targets = [
            {"target": t.name, "since": t.since, "finished": t.finished, "failures": t.failures, "error": t.error}
            for t in self._targets
        ]
        text = json.dumps({"fault": self._fault, "watch": self._tree.fault, "targets": targets})
        if text != self._written:
            new = f"{self._status_file}.new"
            try:
                with open(new, "w", encoding="utf-8") as file:
                    file.write(text + "\n")
                os.replace(new, self._status_file)
            except OSError:
                return  # said by the monitor, which finds it old
            self._written = text


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
