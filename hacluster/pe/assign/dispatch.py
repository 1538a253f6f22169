"""One door per question that every kind of resource answers in its own way while places are given out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

Assign = Callable[[Resource, Node | None, bool], Node | None]
Colocate = Callable[[Resource, Resource, Colocation, bool], int]
Gather = Callable[[Resource, Resource | None, list[Resource]], list[Resource]]
Needs = Callable[[Resource, Resource, list[Resource], dict[str, str]], None]
Locate = Callable[[Resource, Location], None]

ASSIGN: Final[dict[Kind, Assign]] = {}
COLOCATE: Final[dict[Kind, Colocate]] = {}
GATHER: Final[dict[Kind, Gather]] = {}
NEEDS: Final[dict[Kind, Needs]] = {}
LOCATE: Final[dict[Kind, Locate]] = {}


def assign(rsc: Resource, prefer: Node | None, final: bool = True) -> Node | None:
    """Give a resource and all of its parts their places, unless they have them; the node of a primitive or group.

    What gets none is stopped, if the try is ``final``.
    """
    return ASSIGN[rsc.kind](rsc, prefer, final)


def colocate(dependent: Resource, primary: Resource, colocation: Colocation, for_dependent: bool) -> int:
    """Let a colocation change the scores of the dependent, as the kind of the dependent or of the primary asks.

    Answers with what it added to the dependent's priority for promotion.
    """
    kind = dependent.kind if for_dependent else primary.kind
    return COLOCATE[kind](dependent, primary, colocation, for_dependent)


def colocated_with(rsc: Resource, origin: Resource | None, found: list[Resource]) -> list[Resource]:
    """Add what must be on the same node."""
    return GATHER[rsc.kind](rsc, origin, found)


def add_needs(rsc: Resource, origin: Resource, every: list[Resource], table: dict[str, str]) -> None:
    """Add up what a resource that has no place yet takes."""
    NEEDS[rsc.kind](rsc, origin, every, table)


def apply_location(rsc: Resource, location: Location) -> None:
    """Let a location constraint change the scores of a resource."""
    LOCATE[rsc.kind](rsc, location)
