"""What may be asked of the hands: operations of resource agents.

Sources: OCF Resource Agent API 1.1; LSB core 22.2 "Init Script Actions"; Heartbeat's resource.d convention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class AgentClass(StrEnum):
    """Standards an agent may follow.

    HEARTBEAT: positional arguments, and the text of ``status`` decides. SERVICE: an init script where there is one,
    else a unit of systemd. NAGIOS: a plugin that can only look. STONITH: a device of the fencer.
    """

    OCF = "ocf"
    LSB = "lsb"
    HEARTBEAT = "heartbeat"
    SYSTEMD = "systemd"
    SERVICE = "service"
    NAGIOS = "nagios"
    STONITH = "stonith"


class OcfCode(IntEnum):
    """OCF exit codes; agents of every class are mapped onto them."""

    OK = 0
    GENERIC = 1
    ARGS = 2
    UNIMPLEMENTED = 3
    PERM = 4
    INSTALLED = 5
    CONFIGURED = 6
    NOT_RUNNING = 7
    RUNNING_PROMOTED = 8
    FAILED_PROMOTED = 9
    DEGRADED = 190
    DEGRADED_PROMOTED = 191


class OpEnd(StrEnum):
    """How an operation ended."""

    DONE = "done"
    TIMED_OUT = "timed-out"
    CANCELLED = "cancelled"
    NOT_INSTALLED = "not-installed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ResourceSpec:
    """A resource as its agent sees it. ``arguments`` are positional (heartbeat class), ``parameters`` named (OCF)."""

    id: str
    agent_class: AgentClass
    provider: str
    type: str
    arguments: tuple[str, ...] = field(default=())
    parameters: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class AgentTraits:
    """What the digests of an operation depend on, out of the agent's meta-data.

    ``reloads``: it can take changed parameters over without a restart, all but those in ``restart``. ``private``:
    parameters that are nobody's business. Names are in the order in which Pacemaker writes them (last one first).
    ``older``: its word for taking over is ``reload``, as before OCF 1.1.
    """

    reloads: bool = False
    restart: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    older: bool = False


@dataclass(frozen=True, slots=True)
class StartOp:
    """Run ``action`` of a resource. Operations of one resource run one at a time, in the order of asking.

    ``interval_ms`` > 0 makes it recurring; its first run is ``start_delay_ms`` from now. ``timeout_ms`` ``None``: the
    configured default of agent and action. ``op_id`` is chosen by the asker and unique per asker and run of the node.
    ``context`` is the asker's own and comes back with each result; who gives one is told the times of its results and
    the agent's traits, and nothing of it is lost with a process (``OpsNoted``). ``asker`` is the machine that is
    answered; empty: the one that the hands work for.
    """

    op_id: int
    resource: ResourceSpec
    action: str
    timeout_ms: int | None = None
    interval_ms: int = 0
    meta: tuple[tuple[str, str], ...] = field(default=())
    start_delay_ms: int = 0
    context: str = ""
    asker: str = ""


@dataclass(frozen=True, slots=True)
class CancelOp:
    """Do not run ``op_id`` (again); a run under way is killed only with ``kill``."""

    op_id: int
    kill: bool = False
    asker: str = ""


@dataclass(frozen=True, slots=True)
class OpFinished:
    """An operation ended.

    ``rc`` is meaningful for DONE; ``reason`` is the agent's ocf-exit-reason or our own sentence. ``interval_ms`` as
    asked: resource, action and interval together name an operation. ``queued_ms``: what it waited for its turn;
    ``began_s``, ``changed_s``: Unix seconds at which this run began, and at which the answer became what it is.
    ``serial`` counts the results that an asker is told. ``scene``: what was going on when time was up.
    """

    op_id: int
    resource: str
    action: str
    end: OpEnd
    rc: OcfCode
    reason: str = ""
    output: str = ""
    elapsed_ms: int = 0
    interval_ms: int = 0
    queued_ms: int = 0
    began_s: int = 0
    changed_s: int = 0
    serial: int = 0
    context: str = ""
    scene: str = ""
    traits: AgentTraits | None = None


@dataclass(frozen=True, slots=True)
class OpsNoted:
    """The asker has worked results off, up to ``serial``, and has this kept for it; ``None`` forgets a key.

    Both at once or neither: of a result that was not noted a new life of the asker is told again.
    """

    serial: int
    notes: tuple[tuple[str, str | None], ...] = ()
    asker: str = ""


@dataclass(frozen=True, slots=True)
class OpsQuery:
    """A message of a brain that has begun anew: answered with ``OpsView``."""

    asker: str = ""


@dataclass(frozen=True, slots=True)
class OpView:
    """One operation that is queued, running, or recurring."""

    op_id: int
    resource: str
    action: str
    running: bool
    context: str = ""


@dataclass(frozen=True, slots=True)
class OpsView:
    """What the hands have under way, and the last result of each (resource, action, interval).

    To an asker that gives contexts: what it has under way, recurring operations included, and its ``notes``, in as many
    views as it takes (``more`` is true for all but the last); ``last`` has the results that it has not noted, in order.
    """

    pending: tuple[OpView, ...]
    last: tuple[OpFinished, ...]
    notes: tuple[tuple[str, str], ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class HooksRun:
    """Run the program that hacluster.cf names for ``hook``, with that word. ``env`` holds HA_* variables."""

    hook: str
    env: tuple[tuple[str, str], ...]
    timeout_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class RunAlert:
    """Run the alert agent at ``path`` for the alert or recipient of that id; nobody is told of its end."""

    alert: str
    path: str
    env: tuple[tuple[str, str], ...]
    timeout_ms: int
