"""What the director and its driver say to one another.

Events come in, deeds go out and are done in order. The driver may finish checks in any order, late, or never: each is
bounded by its own time limit there, and the machine asks again at the next turn only when the last one was answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.base.report import Severity
from hacluster.lvs.rules import Rule
from hacluster.lvs.settings import Check, DaemonStatus, DirectorSettings, Mail
from hacluster.lvs.table import ServiceId, Table


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has come."""


@dataclass(frozen=True, slots=True)
class TableRead:
    """The kernel's table as it is now; ``fault`` when it could not be read, and ``table`` is to be ignored."""

    table: Table
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """The rules of the last :class:`Apply` were tried; ``faults`` has each that failed and what ipvsadm said."""

    faults: tuple[tuple[Rule, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A check has ended. ``text`` is one line: what the server said, or why it counts as down."""

    check: Check
    connect_only: bool
    up: bool
    text: str
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class MaintenanceSeen:
    """The files of the maintenance directory by name; real servers that one of them names count as down."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The configuration was read anew and is sound."""

    settings: DirectorSettings


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The daemon is to end."""


Event = Tick | TableRead | Applied | Checked | MaintenanceSeen | Reloaded | StopAsked


@dataclass(frozen=True, slots=True)
class ReadTable:
    """Read the kernel's table and come back with :class:`TableRead`."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Do these rules in order and come back with :class:`Applied`."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Begin a check; ``connect_only`` for the connects between the negotiations of a combined check."""

    check: Check
    connect_only: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """Run a program (``fallbackcommand``) and log how it ended; nothing waits for it."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SendMail:
    """Send an alert; ``lines`` are its text."""

    mail: Mail
    subject: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Monitor:
    """Append a line to a monitor file; the driver puts time and process in front."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Log:
    """One line of log; ``code`` is for tests."""

    severity: Severity
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """All that the stop asked for is done."""


Deed = ReadTable | Apply | Run | Command | SendMail | Monitor | Log | Ended


@dataclass(frozen=True, slots=True)
class ServerView:
    """One real server as people see it. Times are instants in milliseconds; ``None`` for never."""

    name: str
    state: str
    weight: int | None
    configured_weight: int
    forward: str
    failures: int
    failure_count: int
    since_ms: int | None
    checked_ms: int | None
    took_ms: int
    text: str
    why: str
    check: str


@dataclass(frozen=True, slots=True)
class VirtualView:
    """One virtual service as people see it. ``fallback`` is its address and ``fallback_state`` how it does."""

    id: ServiceId
    name: str
    scheduler: str
    persistent: int | None
    servers: tuple[ServerView, ...] = ()
    fallback: str = ""
    fallback_state: str = ""


@dataclass(frozen=True, slots=True)
class DirectorView:
    """The whole director: state of the daemon, every virtual service, and the last fault with the kernel's table."""

    status: DaemonStatus
    virtuals: tuple[VirtualView, ...] = field(default=())
    table_fault: str = ""
