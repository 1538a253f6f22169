"""Groups: members one after the other, as a rule all on one node."""

from __future__ import annotations

from hacluster.base.score import INFINITY
from hacluster.pe.assign.colocation import gather_colocated
from hacluster.pe.assign.dispatch import (
    ASSIGN,
    COLOCATE,
    GATHER,
    LOCATE,
    apply_location,
    assign,
    colocate,
    colocated_with,
)
from hacluster.pe.assign.primitive import locate_primitive
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import add_this_with, add_with_this

STAGE = "pcmk__group_assign"


def _pass_colocations_on(rsc: Resource) -> None:
    """The group with something is its first member with it; something with the group is with its last."""
    for entry in rsc.this_with:
        add_this_with(rsc.instances[0], entry)
    any_unmanaged = not rsc.instances[0].managed
    for member in rsc.instances[1:]:
        if any_unmanaged:
            for entry in rsc.this_with:
                if entry.score == INFINITY:
                    add_this_with(member, entry)
        elif not member.managed:
            any_unmanaged = True
    rsc.this_with = []
    for entry in rsc.with_this:
        add_with_this(rsc.instances[-1], entry)
    rsc.with_this = []


def assign_group(rsc: Resource, prefer: Node | None) -> Node | None:
    """Give all members their places; the answer is where the first that got one went."""
    if not rsc.provisional:
        return rsc.assigned
    if rsc.allocating:
        return None
    if not rsc.instances:
        rsc.provisional = False
        return None
    rsc.allocating = True
    rsc.role = rsc.instances[0].role
    _pass_colocations_on(rsc)
    if rsc.cluster.listener is not None:
        rsc.cluster.listener.scores(STAGE, rsc)
    first: Node | None = None
    for member in rsc.instances:
        node = assign(member, prefer)
        first = first or node
    rsc.set_next_role(rsc.instances[0].next_role)
    rsc.allocating = rsc.provisional = False
    return first if rsc.colocated else None


def _group_with(dependent: Resource, primary: Resource, entry: Colocation) -> None:
    if dependent.colocated:
        for member in dependent.instances[:1]:
            colocate(member, primary, entry, True)
    elif entry.score < INFINITY:
        for member in dependent.instances:
            colocate(member, primary, entry, True)


def _with_group(dependent: Resource, primary: Resource, entry: Colocation) -> None:
    if primary.provisional:
        return
    if primary.colocated:
        for member in primary.instances[-1:] if entry.score >= INFINITY else primary.instances[:1]:
            colocate(dependent, member, entry, False)
    elif entry.score < INFINITY:
        for member in primary.instances:
            colocate(dependent, member, entry, False)


def colocate_group(dependent: Resource, primary: Resource, entry: Colocation, for_dependent: bool) -> None:
    """Let a colocation of a group, or with one, take effect."""
    if for_dependent:
        _group_with(dependent, primary, entry)
    else:
        _with_group(dependent, primary, entry)


def locate_group(rsc: Resource, location: Location) -> None:
    """Let a location constraint take effect; in a group that stays together the score counts once."""
    locate_primitive(rsc, location)
    nodes = location.nodes
    for position, member in enumerate(rsc.instances):
        if position and rsc.colocated:
            location.nodes = [(node, 0) for node, _score in nodes]
        apply_location(member, location)
    location.nodes = nodes


def gather_group(rsc: Resource, origin: Resource | None, found: list[Resource]) -> list[Resource]:
    """What must be where the group is."""
    origin = origin or rsc
    together = rsc.colocated or (rsc.parent is not None and rsc.parent.is_clone)
    for member in rsc.instances if together else rsc.instances[:1]:
        found = colocated_with(member, origin, found)
    return gather_colocated(rsc, origin, found)


ASSIGN[Kind.GROUP] = assign_group
COLOCATE[Kind.GROUP] = colocate_group
LOCATE[Kind.GROUP] = locate_group
GATHER[Kind.GROUP] = gather_group
