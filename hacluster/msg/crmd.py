"""What programs may ask of a node's resource manager, and how nodes pass it on to whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.members import ViewId
from hacluster.cib.change import Words


@dataclass(frozen=True, slots=True)
class ManagerQuery:
    """A request: how the manager of a node stands (``""``: of this one); answered with ``ManagerStatus``."""

    node: str = ""


@dataclass(frozen=True, slots=True)
class ManagerStatus:
    """``state`` is a state of the table in :mod:`hacluster.crmd.fsa`; ``dc`` is empty while there is none."""

    node: str
    state: str
    dc: str
    quorate: bool


@dataclass(frozen=True, slots=True)
class ForgetResource:
    """A request: a node forgets what it knows of a resource, or of one operation of it, and its failures.

    ``resource`` is the id that the node's executor has. The DC then has it probed anew. Answered with ``Accepted`` when
    the status says so.
    """

    node: str
    resource: str
    operation: str = ""
    interval_ms: int = 0


@dataclass(frozen=True, slots=True)
class FailResource:
    """A request: a resource counts as failed on a node, as if a monitor had found it so; answered with ``Accepted``."""

    node: str
    resource: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One node's manager to another's: a request of a program that concerns you. ``kind`` and ``words`` say which."""

    view: ViewId
    number: int
    kind: str
    words: Words = ()


@dataclass(frozen=True, slots=True)
class ErrandDone:
    """The answer; ``refused`` is the code of a refusal, whose text is then in ``words``."""

    view: ViewId
    number: int
    words: Words = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ManagerOptions:
    """pengine to crmd: what the configuration says to the manager; times in ms.

    ``dc_deadtime_ms`` and ``integration_ms``: ``None`` when it does not say. ``load_threshold``: how much of the host's
    cores may be busy; 0: load counts for nothing. ``action_limit``: operations on one node; 0: two for each core.
    ``times``: whether a ``node_state`` says since when, which only readers of schema 4.0 know to read. ``nodes``: id
    and name of each configured node; ``voters``: the list of who votes. ``told``: what the DC has written about itself,
    by name (``dc-version``, …).
    """

    dc_deadtime_ms: int | None = None
    integration_ms: int | None = None
    recheck_ms: int = 15 * 60_000
    escalation_ms: int = 20 * 60_000
    transition_delay_ms: int = 0
    load_threshold: float = 0.8
    action_limit: int = 0
    times: bool = False
    nodes: Words = ()
    voters: str = ""
    told: Words = ()


@dataclass(frozen=True, slots=True)
class NodeLoad:
    """A member's manager to the DC's: how busy its host is, and how much it may be asked for at one time if it is not.

    ``level``: 0 not, 1 low, 2 medium, 3 high.
    """

    view: ViewId
    level: int
    jobs: int
