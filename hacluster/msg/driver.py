"""What a driver tells a machine: time, the host, the disk, children, datagrams, and requests of local clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Tick:
    """The machine's deadline has come (or passed: the driver may be late)."""


@dataclass(frozen=True, slots=True)
class HostSample:
    """The host as it is now: wall clock in Unix milliseconds, the text of /proc/loadavg, seconds east of UTC, and how
    many cores it has.

    Delivered before anything else at start, then about once a second, and at once when the wall clock was set.
    """

    unix_ms: int
    loadavg: str
    east_s: int = 0
    cores: int = 1


@dataclass(frozen=True, slots=True)
class Restored:
    """At start: what was last persisted under ``key``; ``None`` when there is nothing (or it could not be read)."""

    key: str
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Persisted:
    """The effect ``Persist(key, …, token)`` is on disk."""

    key: str
    token: int


@dataclass(frozen=True, slots=True)
class PersistFailed:
    """The effect ``Persist(key, …, token)`` could not be carried out; ``error`` is the system's text."""

    key: str
    token: int
    error: str


@dataclass(frozen=True, slots=True)
class DatagramReceived:
    """One datagram from a medium. ``source`` is the sender's address as text, for logs and source filters only."""

    medium: int
    data: bytes
    source: str


@dataclass(frozen=True, slots=True)
class MediumFailed:
    """Sending on a medium failed, or it could not be opened; the driver retries on its own.

    ``gone``: this host has no such interface (any more).
    """

    medium: int
    error: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class MediumReady:
    """A medium is open (again)."""

    medium: int


class ChildEnd(StrEnum):
    """How a child process ended."""

    EXITED = "exited"
    SIGNALED = "signaled"
    TIMED_OUT = "timed-out"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, slots=True)
class ChildExited:
    """A child of ``Spawn`` is gone: its first process, that is.

    What it left behind in its process group lives on (an init script may have started a service there), except after
    a time-out or ``Kill``, which end the whole group. ``code`` is the exit status, the signal number, or for
    NOT_STARTED the errno. ``dropped`` counts the bytes beyond the output limit. ``stamp`` changes when the program's
    file does; 0: not known. ``scene``: what its processes were doing when time was up, a line each.
    """

    child_id: int
    end: ChildEnd
    code: int
    stdout: bytes = b""
    stderr: bytes = b""
    dropped: int = 0
    elapsed_ms: int = 0
    stamp: int = 0
    scene: str = ""


class UnitEnd(StrEnum):
    """How a job of the service manager ended. UNREACHABLE: it cannot be asked. CANCELLED: by ``Kill``."""

    DONE = "done"
    FAILED = "failed"
    NO_SUCH_UNIT = "no-such-unit"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class UnitDone:
    """What became of a ``UnitJob``. ``active`` and ``loaded`` are the unit's ActiveState and LoadState after it.

    ``detail``: systemd's own word for the failure.
    """

    child_id: int
    end: UnitEnd
    active: str = ""
    loaded: str = ""
    detail: str = ""
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as SO_PEERCRED and the client's own name say.

    ``name`` is what the client calls itself, and proves nothing. ``user`` and ``group_names`` are what this host calls
    ``uid`` and the groups, where the driver was able to find out; rights go by them.
    """

    name: str
    uid: int
    gid: int
    pid: int
    groups: tuple[int, ...] = field(default=())
    user: str = ""
    group_names: tuple[str, ...] = field(default=())

    @property
    def is_administrator(self) -> bool:
        """Whether no access control binds the user: root, and the user of the daemons."""
        return self.uid == 0 or self.user in ("root", "hacluster")


@dataclass(frozen=True, slots=True)
class Request:
    """A local client's request to this machine, to be answered with ``Reply(request_id, …)``."""

    request_id: int
    peer: Peer
    body: object


@dataclass(frozen=True, slots=True)
class RequesterGone:
    """The client of ``request_id`` has hung up; replies to it are dropped from now on."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The common negative answer: ``code`` is a kebab-case word, ``text`` a sentence, ``hint`` what to do instead."""

    code: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The administrator stops the cluster on this node (SIGTERM): leave cleanly, then emit ``Stop``.

    ``reason``: of a machine that asks for it in the administrator's stead.
    """

    reason: str = ""


@dataclass(frozen=True, slots=True)
class MachineRestarted:
    """Another machine of this node lost its state and began anew (its process crashed); ``machine`` is its name."""

    machine: str
