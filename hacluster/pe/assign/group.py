"""Groups: members one after the other, as a rule all on one node."""

from __future__ import annotations

from hacluster.base.score import INFINITY, add_scores
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
from hacluster.pe.assign.primitive import colocate_primitive, locate_primitive
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

STAGE = "pcmk__group_assign"


def assign_group(rsc: Resource, prefer: Node | None, final: bool) -> Node | None:
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
    if rsc.cluster.listener is not None:
        rsc.cluster.listener.scores(STAGE, rsc)
    first: Node | None = None
    for member in rsc.instances:
        node = assign(member, prefer, final)
        first = first or node
    rsc.set_next_role(rsc.instances[0].next_role)
    rsc.allocating = rsc.provisional = False
    return first if rsc.colocated else None


def _group_with(dependent: Resource, primary: Resource, entry: Colocation) -> int:
    if not dependent.instances:
        return 0
    change = 0
    if dependent.colocated:
        change = colocate(dependent.instances[0], primary, entry, True)
    elif entry.score < INFINITY:
        for member in dependent.instances:
            change = add_scores(change, colocate_primitive(member, primary, entry, False))
    if change:
        dependent.priority = add_scores(change, dependent.priority)
    return change


def _with_group(dependent: Resource, primary: Resource, entry: Colocation) -> int:
    if primary.provisional or not primary.instances:
        return 0
    if primary.colocated:
        # All of the group has to be there if it must be; for a wish it counts where the group begins.
        member = primary.instances[-1 if entry.score >= INFINITY else 0]
        return colocate(dependent, member, entry, False)
    change = 0
    if entry.score < INFINITY:
        for member in primary.instances:
            change = add_scores(change, colocate(dependent, member, entry, False))
    return change


def colocate_group(dependent: Resource, primary: Resource, entry: Colocation, for_dependent: bool) -> int:
    """Let a colocation of a group, or with one, take effect."""
    return (_group_with if for_dependent else _with_group)(dependent, primary, entry)


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
    if rsc.colocated or (rsc.parent is not None and rsc.parent.is_clone):
        found.append(rsc)
        for member in rsc.instances:
            found = colocated_with(member, origin, found)
        return found
    return gather_colocated(rsc, origin, found) if rsc.instances else found


ASSIGN[Kind.GROUP] = assign_group
COLOCATE[Kind.GROUP] = colocate_group
LOCATE[Kind.GROUP] = locate_group
GATHER[Kind.GROUP] = gather_group
