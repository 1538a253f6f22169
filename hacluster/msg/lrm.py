"""What may be asked of the hands: operations of resource agents.

Sources: OCF Resource Agent API 1.1; LSB core 22.2 "Init Script Actions"; Heartbeat's resource.d convention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class AgentClass(StrEnum):
    """Standards an agent may follow. HEARTBEAT: positional arguments, and the text of ``status`` decides.

    STONITH: a device of the fencer.
    """

    OCF = "ocf"
    LSB = "lsb"
    HEARTBEAT = "heartbeat"
    SYSTEMD = "systemd"
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
class StartOp:
    """Run ``action`` of a resource. Operations of one resource run one at a time, in the order of asking.

    ``interval_ms`` > 0 makes it recurring. ``timeout_ms`` ``None``: the configured default of agent and action.
    ``op_id`` is chosen by the asker and unique per asker and run of the node.
    """

    op_id: int
    resource: ResourceSpec
    action: str
    timeout_ms: int | None = None
    interval_ms: int = 0
    meta: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CancelOp:
    """Do not run ``op_id`` (again); a run under way is killed only with ``kill``."""

    op_id: int
    kill: bool = False


@dataclass(frozen=True, slots=True)
class OpFinished:
    """An operation ended.

    ``rc`` is meaningful for DONE; ``reason`` is the agent's ocf-exit-reason or our own sentence. ``interval_ms`` as
    asked: resource, action and interval together name an operation.
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


@dataclass(frozen=True, slots=True)
class OpsQuery:
    """A message of a brain that has begun anew: answered with ``OpsView``."""


@dataclass(frozen=True, slots=True)
class OpView:
    """One operation that is queued or running."""

    op_id: int
    resource: str
    action: str
    running: bool


@dataclass(frozen=True, slots=True)
class OpsView:
    """What the hands have under way, and the last result of each (resource, action, interval)."""

    pending: tuple[OpView, ...]
    last: tuple[OpFinished, ...]


@dataclass(frozen=True, slots=True)
class HooksRun:
    """Run the program that hacluster.cf names for ``hook``, with that word. ``env`` holds HA_* variables."""

    hook: str
    env: tuple[tuple[str, str], ...]
    timeout_ms: int = 60_000
