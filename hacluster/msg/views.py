"""Views: what nodes say to one another to agree on one, and what a node's machines are told of it.

The protocol is told at the head of :mod:`hacluster.ccm.machine`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.base.members import Member, Rank, ViewId
from hacluster.cib.store import Position
from hacluster.cib.version import Version
from hacluster.cib.voters import Voters


@dataclass(frozen=True, slots=True)
class CopyState:
    """Of a node's copy of the CIB, what others need to know. ``newest``: the view of its last record.

    ``met_all``: in this life, this node was in a view with all voters whose sync it had on disk.
    """

    position: Position
    digest: str
    version: Version
    newest: ViewId
    voters: Voters
    damaged: bool = False
    met_all: bool = False


@dataclass(frozen=True, slots=True)
class CopyIs:
    """cibd to ccm: our copy is this now."""

    state: CopyState


@dataclass(frozen=True, slots=True)
class Propose:
    """Promise this view, and tell me where you stand."""

    id: ViewId
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accept:
    """The promise is on disk and the sender is in no view. It describes the copy as it is now."""

    id: ViewId
    member: Member
    hears: frozenset[Member]
    rank: Rank
    last_view: ViewId
    copy: CopyState
    gives_up: bool = False
    """The sender reaches none of its ping nodes: its votes are not to be counted."""

    @property
    def keeps_content(self) -> bool:
        """False for a witness."""
        return not self.rank.witness


@dataclass(frozen=True, slots=True)
class Refuse:
    """No: ``promise`` is what the sender promised. ``busy``: it belongs to a view that it will not leave for this
    one.
    """

    id: ViewId
    promise: ViewId
    busy: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """An agreed view: the same for everybody who installs it. ``table`` has every member's ``Accept``.

    ``sound``: those whose copies are not damaged have a quorum by themselves. ``alone``: one of two nodes, which may do
    nothing but fence the other until that is confirmed. ``why``: what is missing for quorum, for people.
    """

    id: ViewId
    members: tuple[Member, ...]
    leader: str
    quorate: bool
    sound: bool
    alone: bool
    table: tuple[Accept, ...]
    why: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The names of the members."""
        return frozenset(member.name for member in self.members)

    @property
    def keepers(self) -> frozenset[str]:
        """The names of the members that keep a copy and run resources: all but a witness."""
        return frozenset(accept.member.name for accept in self.table if accept.keeps_content)

    def accept_of(self, name: str) -> Accept:
        """What a member said when it promised."""
        return next(accept for accept in self.table if accept.member.name == name)


@dataclass(frozen=True, slots=True)
class Install:
    """The view is agreed: enter it if it is what you promised last."""

    view: View


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The sender leaves cleanly: it holds nothing any more, and will do nothing before it has a new life."""


@dataclass(frozen=True, slots=True)
class ViewEntered:
    """ccm to the other machines of its node: this is our view now; joined and left compare with the last one here."""

    view: View
    joined: tuple[Member, ...] = ()
    left: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewLeft:
    """ccm to the other machines: we are in no view any more; nothing of ``id`` may be answered or begun."""

    id: ViewId


@dataclass(frozen=True, slots=True)
class ViewSynced:
    """cibd to ccm and crmd: the view works; every member has the CIB on disk."""

    id: ViewId


@dataclass(frozen=True, slots=True)
class ViewStalled:
    """cibd to ccm: an acknowledgement of this view is overdue, so something was lost."""

    id: ViewId
    reason: str


@dataclass(frozen=True, slots=True)
class PromiseLost:
    """ccm to cibd at its start: what this node promised is not known; so its copy counts for nothing until it is
    healed.
    """


@dataclass(frozen=True, slots=True)
class FencedInView:
    """A fencing of the other node that was asked for in view ``id`` has succeeded."""

    id: ViewId
    node: str


@dataclass(frozen=True, slots=True)
class PersonConfirmed:
    """A person says that ``node`` is down; logged, and shown."""

    node: str


@dataclass(frozen=True, slots=True)
class DownConfirmed:
    """ccm to cibd: the other of two nodes is confirmed down in this view; the view may sync."""

    id: ViewId


@dataclass(frozen=True, slots=True)
class CallView:
    """Call these nodes together now, whatever the clique is: asked for by a person, and by schedules of tests."""

    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ViewQuery:
    """A request: answered with ``ViewStatus``."""


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """Where this node stands, for people."""

    own: Member
    view: View | None
    synced: bool
    promise: ViewId
    hears: tuple[Member, ...]
    voters: Voters
    why: str
