"""The replicated CIB: what the nodes of a view say to one another, and what a node's clients and machines may ask.

The protocol is told at the head of :mod:`hacluster.cibd.machine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hacluster.base.members import ViewId
from hacluster.cib.change import Change
from hacluster.cib.store import Position, Record, RequestId, Snapshot


@dataclass(frozen=True, slots=True)
class Fetch:
    """The leader asks a member for its copy, which is the best."""

    view: ViewId


@dataclass(frozen=True, slots=True)
class CopyOf:
    """The answer to ``Fetch``."""

    view: ViewId
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Sync:
    """Have this copy from now on, under this position.

    Either ``snapshot`` is the whole, or ``records`` lead to it from the copy with the digest ``base``, or neither is
    there: the receiver keeps no content.
    """

    view: ViewId
    position: Position
    digest: str
    base: str = ""
    records: tuple[Record, ...] = ()
    snapshot: Snapshot | None = None
    status: str = ""
    updates: int = 0


@dataclass(frozen=True, slots=True)
class SyncAck:
    """The copy of this view is on the sender's disk."""

    view: ViewId


@dataclass(frozen=True, slots=True)
class Synced:
    """All have it on disk; everything up to ``seq`` is committed, and writes are taken."""

    view: ViewId
    seq: int


@dataclass(frozen=True, slots=True)
class Patch:
    """The next record; acknowledged when it is on disk."""

    view: ViewId
    record: Record


@dataclass(frozen=True, slots=True)
class Ack:
    """Record ``seq`` of this view is on the sender's disk."""

    view: ViewId
    seq: int


@dataclass(frozen=True, slots=True)
class Commit:
    """All have everything up to ``seq`` on disk."""

    view: ViewId
    seq: int


@dataclass(frozen=True, slots=True)
class StatusAsked:
    """A member asks the leader to make a change of the status."""

    view: ViewId
    change: Change


@dataclass(frozen=True, slots=True)
class StatusCast:
    """The leader's ``n``-th change of the status in this view; in memory only."""

    view: ViewId
    n: int
    change: Change


@dataclass(frozen=True, slots=True)
class WriteAsked:
    """A member asks the leader for a write in the name of a client."""

    view: ViewId
    request: RequestId
    patch: str
    forced: bool


@dataclass(frozen=True, slots=True)
class VotersAsked:
    """A member asks the leader for another list of voters (text of the option ``quorum-voters``)."""

    view: ViewId
    request: RequestId
    voters: str


class WriteEnd(StrEnum):
    """What became of a write.

    ``COMMITTED`` is on all members' disks and stays. ``KEPT`` was forced without quorum: kept as long as no newer
    quorate copy turns up. ``REFUSED`` and ``TOO_OLD`` did nothing. ``UNKNOWN``: ask again with the same request id.
    """

    COMMITTED = "committed"
    KEPT = "kept"
    REFUSED = "refused"
    TOO_OLD = "too-old"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Edit:
    """One operation on the CIB with the meaning that :mod:`hacluster.cib.operations` gives it; ``data`` is XML."""

    operation: str
    scope: str | None = None
    data: str | None = None
    xpath: str | None = None
    create: bool = False
    every: bool = False


@dataclass(frozen=True, slots=True)
class EditAsked:
    """A member asks the leader for an operation on the newest CIB, in the name of a client.

    ``user`` ``None``: an administrator, whom no access control binds. ``client`` is what the program calls itself, and
    is kept with the change, for people.
    """

    view: ViewId
    request: RequestId
    edit: Edit
    forced: bool
    user: str | None = None
    groups: tuple[str, ...] = ()
    client: str = ""


@dataclass(frozen=True, slots=True)
class WriteAnswered:
    """The leader's answer to ``WriteAsked`` and ``EditAsked``; never ``UNKNOWN``, which is silence.

    ``status``: the exit status that a refusal stands for (:mod:`hacluster.base.results`), ``report`` XML about it.
    """

    view: ViewId
    request: RequestId
    end: WriteEnd
    seq: int = 0
    text: str = ""
    status: int = 0
    report: str = ""


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """A request: change the configuration by a patchset of format 2; answered with ``Written``.

    ``request`` is the id of an earlier try of the same write, if there was one. ``forced``: also without quorum.
    """

    patch: str
    request: RequestId | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class SetVoters:
    """A request: have this list of voters (text of the option ``quorum-voters``), by as many safe steps as it takes.

    Answered with ``Written`` when the last step is committed; a step that is refused ends it there, and the text says
    so.
    """

    voters: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A request: keep this piece of a text that is too long for one frame; answered with ``Uploaded``.

    ``token`` names the text, and is the client's to choose; pieces come in order. A text that nobody asked for is
    forgotten soon.
    """

    token: str
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """So many characters of the text are kept."""

    length: int


@dataclass(frozen=True, slots=True)
class EditRequest:
    """A request: make an edit on the newest CIB, wherever that is; answered with ``Written``.

    ``token``: the edit's data was uploaded under it. ``request`` is the id of an earlier try of the same edit, if there
    was one. ``forced``: also without quorum. ``user``: in whose name, which only an administrator may say.
    """

    edit: Edit
    token: str = ""
    request: RequestId | None = None
    forced: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write. ``request`` is ``None`` only when no id could be handed out."""

    end: WriteEnd
    request: RequestId | None
    seq: int = 0
    text: str = ""
    status: int = 0
    report: str = ""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request: the CIB as it is committed here, as far as the user may see it; answered with ``CibText``.

    A long text comes in pieces: ask again with the ``token`` of the first answer and the next ``offset``. ``user``: in
    whose name, which only an administrator may say. ``bare``: without the status, which may be large.
    """

    token: str = ""
    offset: int = 0
    user: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class CibText:
    """A piece of the CIB as XML; ``left`` characters follow.

    ``synced`` is false while this node is in no working view, so that others may know more. ``mark`` names what is
    shown: it differs when anything does.
    """

    text: str
    synced: bool
    token: str = ""
    left: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class AwaitChange:
    """A request: answered with ``Changed`` when the CIB here is another than ``mark`` names, at once or later."""

    mark: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The CIB is this now."""

    mark: str
    synced: bool


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    """A machine of this node has a change of the status; lost when there is no working view, and so to be said
    again.
    """

    change: Change


@dataclass(frozen=True, slots=True)
class Committed:
    """cibd to those who follow: this record is in the configuration now."""

    record: Record


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """cibd to those who follow: this change of the status was made."""

    change: Change


@dataclass(frozen=True, slots=True)
class CopyTaken:
    """cibd to who keeps a copy, at each sync: this is the whole now, configuration and status."""

    view: ViewId
    text: str


@dataclass(frozen=True, slots=True)
class StatesKnown:
    """cibd to crmd, at each sync: the nodes of which the status knows, and whether it calls them members."""

    view: ViewId
    nodes: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class WriteWanted:
    """crmd of the DC to cibd: an edit like a program's; nobody waits for it."""

    edit: Edit


@dataclass(frozen=True, slots=True)
class VotersWanted:
    """crmd of the DC to cibd: have these vote, by steps that are safe; nobody waits for it."""

    voters: str
