"""Effects: the small closed set of things a machine may ask its driver to do.

They are performed in list order. What answers an effect comes back as an event of :mod:`hacluster.msg`:
``Persist`` as ``Persisted``, ``Spawn`` as ``ChildOutput``/``ChildExited``. A machine that must not lose something
acknowledges only after ``Persisted``: save before send.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hacluster.base.report import Severity


class MachineName(StrEnum):
    """The machines of a node, as addresses. Which process hosts which is a ``hacluster.node.layout``."""

    HEARTBEAT = "heartbeat"
    SPEECH = "speech"
    CCM = "ccm"
    HARESOURCES = "haresources"
    CIBD = "cibd"
    CRMD = "crmd"
    TE = "te"
    PENGINE = "pengine"
    LRM = "lrm"
    STONITH = "stonith"
    ATTRD = "attrd"
    ARBITER = "arbiter"


@dataclass(frozen=True, slots=True)
class Send:
    """Hand ``body`` (a dataclass of ``hacluster.msg``) to another machine of the same node. Ordered per pair."""

    to: MachineName
    body: object


@dataclass(frozen=True, slots=True)
class Transmit:
    """Put one datagram on a medium. ``medium`` is the index of the medium in the configuration's list."""

    medium: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Screen:
    """Let in what can be ours, on all media but ping, and drop the rest before it costs anything.

    ``strict``: only what has one of these key ids and beginnings of boot nonces (four bytes each), or, where
    ``classic`` datagrams count at all, comes from one of these addresses; the rule is :mod:`hacluster.wire.screen`'s.
    """

    strict: bool = False
    classic: bool = True
    keys: tuple[bytes, ...] = ()
    boots: tuple[bytes, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the request ``request_id`` of a local client. ``last`` is false when more answers will follow."""

    request_id: int
    body: object
    last: bool = True


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell every local client that subscribed to ``topic``."""

    topic: str
    body: object


@dataclass(frozen=True, slots=True)
class Persist:
    """Write ``data`` under ``key`` durably (atomic replace, fsync); answered by ``Persisted(key, token)``.

    ``volatile`` data lives until the host reboots (/run) and is written without fsync.
    """

    key: str
    data: bytes
    token: int
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """Add ``data`` to the end of what is kept under ``key``, durably; answered like ``Persist``, in one order with it.

    After a crash a part of ``data`` may be there: the reader must be able to tell, and the end is then cut off.
    ``volatile`` as with ``Persist``.
    """

    key: str
    data: bytes
    token: int
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class SetAside:
    """What lies under ``key`` is none of this machine's: give it another name, in order with the writes, and say so."""

    key: str
    volatile: bool = False


@dataclass(frozen=True, slots=True)
class Spawn:
    """Run a program in a process group of its own.

    ``argv[0]`` is an absolute path. At ``timeout_ms`` the driver sends TERM to the whole group and KILL
    ``kill_after_ms`` later. Output beyond ``output_limit`` bytes per stream is counted and dropped. ``user`` is a login
    name, empty for the daemon's own. ``stdin`` is what the program reads, then the end of the file: a pipe, so that
    no secret in it is on a disk, among arguments or in an environment; it must fit into one (:data:`MAX_STDIN`).
    ``secrets`` are variables of ``env`` whose values lie in files (cibsecret(8)), ``stdin_secrets`` such values that
    follow ``stdin`` as lines ``name=value``: one that cannot be had, or is not what its signature says, is
    ``NOT_STARTED`` with EBADMSG. Of what the program says they are taken out.
    """

    child_id: int
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    timeout_ms: int | None
    kill_after_ms: int = 5_000
    output_limit: int = 65_536
    user: str = ""
    stdin: bytes = field(default=b"", repr=False)
    secrets: tuple[tuple[str, str], ...] = ()
    stdin_secrets: tuple[tuple[str, str], ...] = ()


class UnitVerb(StrEnum):
    """What may be asked of a unit of the service manager."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    RELOAD = "reload"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class UnitJob:
    """Have systemd do something with a unit, by a job that is waited for; answered by ``UnitDone(child_id, …)``.

    Numbers are shared with ``Spawn``, and ``Kill`` ends the waiting (systemd goes on with the job).
    """

    child_id: int
    unit: str
    verb: UnitVerb
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Kill:
    """Send ``signal`` (a number) to the process group of ``child_id``. A child that is gone is no error."""

    child_id: int
    signal: int


@dataclass(frozen=True, slots=True)
class Say:
    """One line of log. ``text`` is a sentence; ``fields`` follow it as ``key=value``; ``code`` is for tests."""

    severity: Severity
    service: str
    code: str
    text: str
    fields: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        tail = "".join(f" {key}={value}" for key, value in self.fields)
        return f"{self.service}: {self.text}{tail}"


@dataclass(frozen=True, slots=True)
class SelfFence:
    """This node must stop at once: the driver reboots, exits or only says so, as the administrator decided.

    ``panic``: it reboots, whatever was decided: others count on it.
    """

    reason: str
    panic: bool = False


@dataclass(frozen=True, slots=True)
class Vouch:
    """Whether this node is fit to be kept alive by its watchdog, from now on. Without a watchdog it means nothing."""

    fit: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """This machine has finished; with ``restart`` the daemon starts afresh, keeping its configuration."""

    reason: str
    restart: bool = False


Effect = (
    Send
    | Transmit
    | Screen
    | Reply
    | Publish
    | Persist
    | Append
    | SetAside
    | Vouch
    | Spawn
    | UnitJob
    | Kill
    | Say
    | SelfFence
    | Stop
)
