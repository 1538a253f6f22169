"""Bundles: containers first, then what belongs to them, then what runs inside."""

from __future__ import annotations

from hacluster.base.score import INFINITY, add_scores
from hacluster.pe.assign.clone import distribute
from hacluster.pe.assign.colocation import exclude_others
from hacluster.pe.assign.dispatch import ASSIGN, COLOCATE, LOCATE, apply_location, assign, colocate
from hacluster.pe.assign.instances import by_claim, compatible_on
from hacluster.pe.assign.nodes import sort_nodes
from hacluster.pe.assign.primitive import force_place, locate_primitive
from hacluster.pe.assign.threshold import threshold_reached
from hacluster.pe.model.bundle import Replica
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import new_colocation

STAGE = "pcmk__bundle_assign"


def _assign_child(replica: Replica, final: bool) -> None:
    """The instance inside may run on its own replica's guest node only."""
    child, node = replica.child, replica.node
    if child is None or child.parent is None:
        return
    scores = child.cluster.scores
    for idx in list(child.allowed):
        if node is None or idx != node.idx:
            scores.set(child, idx, -INFINITY, Cause(Why.BUNDLE, child.parent.config_id))
        elif threshold_reached(child, node) is None:
            scores.set(child, idx, INFINITY, Cause(Why.BUNDLE, child.parent.config_id))
    child.parent.allocating = True
    assign(child, node, final)
    child.parent.allocating = False


def _assign_replica(replica: Replica, prefer: Node | None, final: bool) -> None:
    if replica.ip is not None:
        assign(replica.ip, prefer, final)
    host = replica.box.assigned
    if replica.remote is not None:
        if host is not None and host.is_remote_kind and host.remote_rsc is not None:
            # A nested connection has to be where the connection of its host is.
            new_colocation(replica.remote.config_id, INFINITY, replica.remote, host.remote_rsc, why=Why.CONTAINER)
        assign(replica.remote, prefer, final)
    _assign_child(replica, final)


def assign_bundle(rsc: Resource, prefer: Node | None, final: bool) -> Node | None:
    """Give everything in a bundle its place."""
    cluster, data = rsc.cluster, rsc.bundle_data
    rsc.allocating = True
    if cluster.listener is not None:
        cluster.listener.scores(STAGE, rsc)
    distribute(rsc, by_claim(data.containers), data.count, data.per_host)
    for replica in data.replicas:
        _assign_replica(replica, prefer, final)
    clone = data.child
    if clone is not None:
        own = {replica.node.idx for replica in data.replicas if replica.node is not None}
        for idx in list(clone.allowed):
            cluster.scores.set(clone, idx, 0 if idx in own else -INFINITY, Cause(Why.BUNDLE, rsc.id))
        assign(clone, prefer, final)
    rsc.allocating = rsc.provisional = False
    return None


def _colocate_with_containers(dependent: Resource, primary: Resource, entry: Colocation) -> int:
    places: list[tuple[int, int]] = []
    change = 0
    for replica in primary.bundle_data.replicas:
        if entry.score < INFINITY:
            change = add_scores(change, colocate(dependent, replica.box, entry, False))
            continue
        chosen = replica.box.location(0)
        if chosen is None or replica.box.any_flag("blocked"):
            continue
        if entry.primary_role >= Role.PROMOTED and (replica.child is None or replica.child.next_role < Role.PROMOTED):
            continue
        places.append((chosen.idx, 0))
    if entry.score >= INFINITY:
        exclude_others(dependent, places, False, entry)
    return change


def _compatible_container(dependent: Resource, bundle: Resource) -> Resource | None:
    """The container that goes with an instance: on the same node, else on the best that the instance may use."""
    node = dependent.location(0)
    candidates = sort_nodes(dependent.cluster, dependent.allowed, None) if node is None else [node]
    for candidate in candidates:
        inside = candidate.guest_container
        # The nodes of a bundle are where their containers are.
        host = inside.location(0) if inside is not None and inside.replica is not None else candidate
        found = None if host is None else compatible_on(host, bundle, Role.UNKNOWN, 0)
        if found is not None:
            return found
    return None


def colocate_bundle(dependent: Resource, primary: Resource, entry: Colocation, for_dependent: bool) -> int:
    """Let a colocation with a bundle take effect on a primitive."""
    assert not for_dependent, entry.id
    if primary.provisional:
        return 0
    if entry.dependent.kind <= Kind.GROUP:
        return _colocate_with_containers(dependent, primary, entry)
    pair = _compatible_container(dependent, primary)
    if pair is not None:
        return colocate(dependent, pair, entry, True)
    if entry.score >= INFINITY:
        force_place(dependent, None)
    return 0


def locate_bundle(rsc: Resource, location: Location) -> None:
    """Let a location constraint take effect on a bundle's containers and addresses, its roles on what is inside."""
    locate_primitive(rsc, location)
    data = rsc.bundle_data
    for replica in data.replicas:
        apply_location(replica.box, location)
        if replica.ip is not None:
            apply_location(replica.ip, location)
    if data.child is not None and location.role in (Role.UNPROMOTED, Role.PROMOTED):
        apply_location(data.child, location)
        data.child.locations.append(location)


ASSIGN[Kind.BUNDLE] = assign_bundle
COLOCATE[Kind.BUNDLE] = colocate_bundle
LOCATE[Kind.BUNDLE] = locate_bundle
