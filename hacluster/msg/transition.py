"""Transitions: what the policy engine hands over, what the transition engine runs, and what nodes are told to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hacluster.base.members import ViewId
from hacluster.cib.change import Words


class TaskKind(StrEnum):
    """PSEUDO is a milestone, RESOURCE an operation of an agent, CRM something that the cluster itself does."""

    PSEUDO = "pseudo"
    RESOURCE = "resource"
    CRM = "crm"


@dataclass(frozen=True, slots=True)
class Task:
    """One action of a transition.

    ``key`` is unique per node (``A_start_0``, for an instance of a clone with its number); ``inputs`` are the ids of
    what must be done before. ``attributes`` are the agent's parameters and, as ``CRM_meta_NAME``, everything else.
    ``fail_value``: what its fail count becomes when it fails; empty: one more.
    """

    id: int
    kind: TaskKind
    operation: str
    key: str
    node: str = ""
    resource: str = ""
    standard: str = ""
    provider: str = ""
    type: str = ""
    attributes: Words = field(default=())
    inputs: tuple[int, ...] = field(default=())
    priority: int = 0
    fail_value: str = ""

    def meta(self, name: str) -> str:
        """A ``CRM_meta_`` attribute; empty when it is not there."""
        return dict(self.attributes).get(f"CRM_meta_{name}", "")

    def number(self, name: str, default: int) -> int:
        """A ``CRM_meta_`` attribute that is a number."""
        text = self.meta(name)
        return int(text) if text.lstrip("-").isdecimal() else default

    @property
    def interval_ms(self) -> int:
        """How often it recurs; 0: once."""
        return self.number("interval", 0)

    @property
    def target_rc(self) -> int:
        """The exit code that it should have."""
        return self.number("op_target_rc", 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """A transition. ``recheck_by``: Unix seconds at which to think again; 0: never.

    ``batch_limit``: how much may be under way at one time in the cluster; 0: as much as the load of its nodes allows,
    less: any number. ``migration_limit``: how many live migrations on one node; below 1: any number. ``way_ms``: what a
    result may take beyond the agent's own time (cluster-delay).
    """

    number: int
    tasks: tuple[Task, ...]
    batch_limit: int = 0
    recheck_by: int = 0
    migration_limit: int = -1
    way_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class JobLimits:
    """crmd to te: what the load of the nodes allows to be under way at one time.

    ``nodes``: by node, at least 1; ``other``: on nodes that are not named, 0: any number. ``total``: in the whole
    cluster, 0: any number.
    """

    nodes: tuple[tuple[str, int], ...] = ()
    other: int = 0
    total: int = 0

    def total_with(self, batch_limit: int) -> int:
        """How many in the cluster, beside what the configuration says: below 0 it knows no load."""
        if batch_limit <= 0 or not self.total:
            return batch_limit or self.total
        return min(batch_limit, self.total)


@dataclass(frozen=True, slots=True)
class ScheduleAt:
    """crmd to pengine: what is to be done now? Answered with ``Scheduled`` of the same number."""

    number: int
    unix_s: int
    quorate: bool
    leader: str


@dataclass(frozen=True, slots=True)
class WeighSides:
    """crmd to pengine, of one of two nodes that is alone: is the other more important? See ``SidesWeighed``."""

    other: str


@dataclass(frozen=True, slots=True)
class SidesWeighed:
    """pengine to crmd. ``delay_ms``: how long the fencing of ``other`` waits, so that the more important side wins."""

    other: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """pengine to crmd. ``fault`` says why there is no plan; ``input`` names the file of what it was decided on."""

    plan: Plan
    fault: str = ""
    input: str = ""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """crmd to te: run this one from now on; what is under way and is in it, too, goes on."""

    view: ViewId
    plan: Plan


@dataclass(frozen=True, slots=True)
class HaltPlan:
    """crmd to te: begin nothing more."""


@dataclass(frozen=True, slots=True)
class Fire:
    """te to crmd: have this done; ``transition_key`` comes back with the record of its result."""

    task: Task
    transition_key: str


@dataclass(frozen=True, slots=True)
class PlanEnded:
    """te to crmd: nothing of the plan is under way. ``left``: keys of tasks that could not be begun."""

    number: int
    left: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Touched:
    """te to crmd: something happened that the plan did not expect."""

    why: str


@dataclass(frozen=True, slots=True)
class DoTask:
    """The DC to a node's crmd: do this in this view."""

    view: ViewId
    task: Task
    transition_key: str


@dataclass(frozen=True, slots=True)
class TaskDone:
    """A task that leaves no record is done: a notification, a cancelled operation, what the cluster does itself."""

    view: ViewId
    transition_key: str
    rc: int
