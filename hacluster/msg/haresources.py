"""What may be asked of the v1 resource manager, and what it answers. Words: HARESOURCES.md sections 5 and 6."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Hold(StrEnum):
    """Which resource groups, relative to the node that says the word."""

    NONE = "none"
    LOCAL = "local"
    FOREIGN = "foreign"
    ALL = "all"


class GroupState(StrEnum):
    """What a group is doing on this node."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StandbyRequest:
    """A request (hb_standby): give up ``which``.

    Answered at once with ``HandoverAccepted`` or ``Refused``; with ``wait`` a ``HandoverFinished`` follows.
    """

    which: Hold
    wait: bool = False


@dataclass(frozen=True, slots=True)
class TakeoverRequest:
    """A request (hb_takeover): take ``which`` from the peer. Answers as for ``StandbyRequest``."""

    which: Hold
    wait: bool = False


@dataclass(frozen=True, slots=True)
class HandoverAccepted:
    """The handshake has begun; ``text`` says what will move where."""

    text: str


@dataclass(frozen=True, slots=True)
class HandoverFinished:
    """The handshake is over."""

    ok: bool
    text: str
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class ResourcesQuery:
    """A request (cl_status rscstatus and the like): answered with ``ResourcesView``."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """One line of haresources: its key, preferred node, and what it is doing here.

    ``reason``: why it failed; ``stuck``: those of ``resources`` that could not be stopped; ``held``: this node holds
    its side and is to run it.
    """

    key: str
    node: str
    state: GroupState
    resources: tuple[str, ...]
    reason: str = ""
    stuck: tuple[str, ...] = field(default=())
    held: bool = False


@dataclass(frozen=True, slots=True)
class ResourcesView:
    """``status`` is cl_status's word: none, local, foreign, all, or transition while unstable.

    ``notes``: what is not as it should be, in sentences.
    """

    status: str
    rstate: str
    standby: str
    hold: Hold
    other_hold: Hold
    other_stable: bool
    auto_failback: str
    groups: tuple[GroupView, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ResourcesChanged:
    """Published under ``resources`` whenever the view changes."""

    view: ResourcesView
