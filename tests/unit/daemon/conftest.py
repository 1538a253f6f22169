"""What the tests of the daemon share: a log that remembers, and a host behind a local server."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hacluster.base.effects import Say
from hacluster.msg.driver import Request, RequesterGone
from hacluster.wire.ipc import Frame, Hello


@dataclass
class Sayings:
    """Lines of log, by code."""

    lines: list[Say] = field(default_factory=list)

    def __call__(self, say: Say) -> None:
        self.lines.append(say)

    @property
    def codes(self) -> list[str]:
        return [say.code for say in self.lines]


@dataclass
class RecordingHost:
    """A process behind a server: remembers everything it is told."""

    process: str = "pulse"
    incarnation: int = 1
    machines: tuple[str, ...] = ("heartbeat", "haresources")
    requests: list[tuple[str, Request | RequesterGone]] = field(default_factory=list)
    connected: list[Hello] = field(default_factory=list)
    spoken: list[Frame] = field(default_factory=list)
    gone: int = 0

    def request(self, machine, event):
        self.requests.append((machine, event))

    def process_connected(self, connection, hello):
        self.connected.append(hello)

    def process_spoke(self, connection, frame):
        self.spoken.append(frame)

    def process_gone(self, connection):
        self.gone += 1


@pytest.fixture
def sayings() -> Sayings:
    return Sayings()


@pytest.fixture
def host() -> RecordingHost:
    return RecordingHost()


@contextlib.contextmanager
def no_descriptors_left() -> Iterator[None]:
    """The process has as many open as it may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, before[1]))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        yield
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
