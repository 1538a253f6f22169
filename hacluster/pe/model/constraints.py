"""Constraints as the stages use them, after sets, tags and templates are expanded."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.kinds import Discovery, Role

if TYPE_CHECKING:
    from hacluster.pe.model.action import Action
    from hacluster.pe.model.births import Birth
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource


@dataclass(slots=True, eq=False)
class Location:
    """Scores of a resource on some nodes."""

    id: str
    rsc: Resource
    nodes: list[tuple[Node, int]] = field(default_factory=list)
    role: Role = Role.UNKNOWN
    discovery: Discovery = Discovery.ALWAYS
    why: Why = Why.LOCATION

    @property
    def cause(self) -> Cause:
        """What the ledger keeps with its scores."""
        return Cause(self.why, self.id)


@dataclass(slots=True, eq=False)
class Colocation:
    """``dependent`` shall be where ``primary`` is, or not there when the score is negative."""

    id: str
    dependent: Resource
    primary: Resource
    score: int
    dependent_role: Role
    primary_role: Role
    attribute: str | None
    influence: bool
    why: Why = Why.COLOCATION

    @property
    def explicit(self) -> bool:
        """Whether it is configured, and not implied by a group or a container."""
        return self.why is Why.COLOCATION

    @property
    def following(self) -> Cause:
        """What the ledger keeps with scores of the dependent: it follows the primary."""
        return Cause(self.why, self.id, other=self.primary.id)

    @property
    def pulling(self) -> Cause:
        """What the ledger keeps with scores of the primary: the dependent has a say."""
        return Cause(self.why, self.id, other=self.dependent.id, pulls=True)


@dataclass(slots=True, eq=False)
class Ordering:
    """An order between actions that may not exist yet: each side is a resource and a key, or an action.

    ``cause`` is the id of the constraint that it is part of, ``born`` when it was written down.
    """

    flags: int
    first_rsc: Resource | None
    first_key: str | None
    first: Action | None
    then_rsc: Resource | None
    then_key: str | None
    then: Action | None
    cause: str | None = None
    born: Birth = ()


@dataclass(slots=True, eq=False)
class Ticket:
    """A ticket of a multi-site cluster."""

    id: str
    granted: bool = False
    standby: bool = False
    state: dict[str, str] = field(default_factory=dict)


class LossPolicy(IntEnum):
    """What happens when a ticket is lost."""

    STOP = 0
    DEMOTE = 1
    FENCE = 2
    FREEZE = 3


@dataclass(slots=True, eq=False)
class TicketConstraint:
    """A resource that needs a ticket."""

    id: str
    rsc: Resource
    ticket: Ticket
    loss: LossPolicy
    role: Role
