"""Promotable clones: which instances are promoted."""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.base.score import INFINITY, add_scores
from hacluster.base.values import same_text
from hacluster.pe.assign.attributes import colocation_value
from hacluster.pe.assign.colocation import add_dependent_scores, exclude_others
from hacluster.pe.assign.dispatch import colocate
from hacluster.pe.assign.instances import by_promotion, find_compatible
from hacluster.pe.assign.nodes import guest_will_run
from hacluster.pe.assign.relations import this_with, with_this
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.constraints import Colocation, Location
from hacluster.pe.model.kinds import Quorum, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.failcount import base_name
from hacluster.pe.unpack.find import clone_member
from hacluster.pe.unpack.locations import node_attribute


@dataclass(slots=True)
class _Presence:
    """Where a clone's instances are, as long as their order stays: asked for every instance on every node."""

    clone: Resource
    _found: dict[str, tuple[dict[int, Resource], int]] = field(default_factory=dict)

    def of(self, ident: str) -> tuple[dict[int, Resource], int]:
        """The first instance (or part of one) of that id that is active on each node, and where any is known."""
        found = self._found.get(ident)
        if found is None:
            active: dict[int, Resource] = {}
            known = 0
            for child in self.clone.instances:
                member = clone_member(child, ident)
                known |= 0 if member is None else member.known
                for entry in child.walk():
                    if ident in (entry.id, entry.xml_id):
                        for node in entry.active_on:
                            active.setdefault(node.idx, entry)
            found = self._found[ident] = active, known
        return found

    def free(self, ident: str) -> int:
        """The nodes, as bits, where it is known that no instance of that id is active."""
        active, known = self.of(ident)
        for idx in active:
            known &= ~(1 << idx)
        return known


def _may_apply(rsc: Resource, presence: _Presence) -> int:
    """The nodes, as bits, whose promotion scores may be this instance's business: most are another one's."""
    if rsc.instances or (not rsc.active_on and not rsc.known):
        return -1
    nodes = rsc.known
    for node in rsc.active_on:
        nodes |= 1 << node.idx
    return nodes if rsc.unique else nodes | presence.free(base_name(rsc.id))


def _score_applies(rsc: Resource, node: Node, presence: _Presence) -> bool:
    """Whether a node's promotion score is this instance's business."""
    allowed = rsc.allowed.get(node.idx, -1) >= 0
    if not rsc.unique:
        actives, known = presence.of(base_name(rsc.id))
        active = actives.get(node.idx)
        if active is rsc or (active is None and known >> node.idx & 1):
            return allowed
    if not rsc.active_on and not rsc.known:
        return allowed
    return (rsc.known_on(node) or node in rsc.active_on) and allowed


def _promotion_score(rsc: Resource, node: Node, presence: _Presence) -> tuple[int, bool]:
    """The promotion score of an instance on a node, and whether that is only the default."""
    if rsc.instances:
        scores = [_promotion_score(child, node, presence) for child in rsc.instances]
        return sum(score for score, _default in scores), all(default for _score, default in scores)
    if not _score_applies(rsc, node, presence):
        return 0, True
    name, planned = rsc.id if rsc.clone_name is None else rsc.clone_name, not rsc.provisional
    value = node_attribute(node, f"master-{name}", rsc, planned=planned)
    if value is None and not rsc.unique:
        base = base_name(rsc.id)
        if base != rsc.id:
            value = node_attribute(node, f"master-{base}", rsc, planned=planned)
    if value is None:
        return 0, True
    return rsc.cluster.score_of(value), False


def add_promotion_scores(clone: Resource) -> None:
    """Let instances prefer nodes on which they could be promoted."""
    data = clone.clone_data
    if data.promotion_added:
        return
    data.promotion_added = True
    scores, presence, table = clone.cluster.scores, _Presence(clone), clone.cluster.node_table
    for child in clone.instances:
        nodes = _may_apply(child, presence)
        for idx in list(child.allowed):
            node = table[idx]
            if not node.available:
                continue
            score = _promotion_score(child, node, presence)[0] if nodes >> idx & 1 else 0
            if score > 0:
                scores.add(child, node, score, Cause(Why.PROMOTION, clone.config_id))
            child.priority = max(child.priority, score)


def _apply_promoted_locations(child: Resource, locations: list[Location], chosen: Node) -> None:
    for location in locations:
        if location.role is Role.PROMOTED:
            for node, score in location.nodes:
                if node is chosen:
                    child.priority = add_scores(child.priority, score)
                    break


def _mark_current_unpromoted(rsc: Resource) -> None:
    for entry in rsc.walk():
        if entry.role is Role.STARTED:
            entry.role = Role.UNPROMOTED


def _set_priority(instance: Resource, clone: Resource, presence: _Presence) -> None:
    """How much an instance deserves promotion."""
    if instance.state(True) is Role.STARTED:
        _mark_current_unpromoted(instance)
    chosen = instance.location(0)
    if chosen is None:
        return
    next_role = instance.state(False)
    if next_role in (Role.STARTED, Role.UNKNOWN):
        score, default = _promotion_score(instance, chosen, presence)
        instance.priority = -1 if default else score
    elif next_role in (Role.UNPROMOTED, Role.STOPPED):
        instance.priority = -INFINITY
    _apply_promoted_locations(instance, instance.locations, chosen)
    _apply_promoted_locations(instance, clone.locations, chosen)
    for entry in list(this_with(instance)):
        colocate(instance, entry.primary, entry, True)
    instance.sort_index = INFINITY if next_role is Role.PROMOTED else instance.priority


def _require_tickets(clone: Resource) -> None:
    for entry in clone.tickets:
        if entry.role is Role.PROMOTED and (not entry.ticket.granted or entry.ticket.standby):
            clone.cluster.scores.everywhere(clone, clone.cluster.nodes, -INFINITY, Cause(Why.TICKET, entry.id))


def _sort_by_promotion(clone: Resource) -> None:
    """Order the instances: scores of the nodes and colocations of the promoted role count."""
    data, scores = clone.clone_data, clone.cluster.scores
    if data.promotion_sorted:
        return
    data.promotion_sorted = True
    clone.merging = True
    for child in clone.instances:
        chosen = None if child.sort_index < 0 else child.location(0)
        if chosen is not None:
            scores.add(clone, chosen, child.sort_index, Cause(Why.PROMOTION_ORDER, clone.config_id))
    # What the clone itself is to be with has had its say in the instances' priorities.
    for entry in list(with_this(clone)):
        if entry.primary_role is Role.PROMOTED:
            add_dependent_scores(clone, entry)
    _require_tickets(clone)
    for child in clone.instances:
        chosen = child.location(0)
        if not child.managed and child.next_role is Role.PROMOTED:
            child.sort_index = INFINITY
        elif chosen is None:
            child.sort_index = -INFINITY
        elif child.sort_index >= 0:
            child.sort_index = clone.allowed[chosen.idx]
    clone.instances[:] = by_promotion(clone.instances)
    clone.merging = False


def _promotion_node(rsc: Resource) -> Node | None:
    """Where an instance can be promoted, if it can."""
    clone = rsc.top
    for child in rsc.instances:
        if _promotion_node(child) is None:
            return None
    node = rsc.location(0)
    if node is None:
        return None
    if not rsc.managed:
        if rsc.state(True) is not Role.PROMOTED:
            return None
    elif rsc.priority < 0 or not node.available or not guest_will_run(node):
        return None
    if node.idx not in clone.allowed:
        return None
    full = clone.counts.get(node.idx, 0) >= clone.clone_data.promoted_node_max
    return None if full and rsc.managed else node


def _set_unpromoted(rsc: Resource) -> None:
    for entry in rsc.walk():
        entry.set_next_role(Role.UNPROMOTED if entry.places(0) else Role.STOPPED)


def _set_role(instance: Resource, clone: Resource, promoted: int) -> int:
    """Promote an instance if it deserves it and there is room; answers with the number of promoted ones."""
    cluster = instance.cluster
    if cluster.listener is not None:
        cluster.listener.promotion(instance, instance.location(0), instance.sort_index)
    chosen: Node | None = None
    if instance.sort_index >= 0 and (promoted < clone.clone_data.promoted_max or not clone.managed):
        chosen = _promotion_node(instance)
    frozen = instance.role < Role.PROMOTED and not cluster.have_quorum and cluster.quorum_policy is Quorum.FREEZE
    if chosen is None or frozen:
        _set_unpromoted(instance)
        return promoted
    clone.counts[chosen.idx] = clone.counts.get(chosen.idx, 0) + 1
    for entry in instance.walk():
        if entry.next_role is Role.UNKNOWN:
            entry.set_next_role(Role.PROMOTED)
    return promoted + 1


def set_instance_roles(clone: Resource) -> None:
    """Decide which instances are promoted."""
    clone.counts = {}
    presence = _Presence(clone)
    for child in list(clone.instances):
        _set_priority(child, clone, presence)
    _sort_by_promotion(clone)
    promoted = 0
    for child in list(clone.instances):
        promoted = _set_role(child, clone, promoted)


def update_dependent_with_promotable(primary: Resource, dependent: Resource, entry: Colocation) -> None:
    """Pull a dependent to where instances have the colocation's role."""
    cluster = dependent.cluster
    found: list[tuple[int, int]] = []
    for instance in primary.instances:
        node = instance.location(0)
        if node is None or instance.state(False) is not entry.primary_role:
            continue
        if entry.score < INFINITY:
            value = colocation_value(node, entry.attribute, primary)
            for idx in list(dependent.allowed):
                other = cluster.node_table[idx]
                if same_text(value, colocation_value(other, entry.attribute, dependent)):
                    cluster.scores.add(dependent, other, entry.score, entry.following)
        score = next((part.assigned_score for part in instance.walk() if part.assigned is node), 0)
        found.append((node.idx, score))
    # Instances that are not promoted must be able to start elsewhere.
    both_promoted = entry.dependent_role is Role.PROMOTED and entry.primary_role is Role.PROMOTED
    if entry.score >= INFINITY and not both_promoted:
        exclude_others(dependent, found[::-1], True, entry)


def update_promotable_dependent(primary: Resource, dependent: Resource, entry: Colocation) -> int:
    """Make an instance more fit for promotion where the primary has the colocation's role; answers by how much."""
    if find_compatible(dependent, primary, entry.primary_role, 0, entry.attribute or "#uname") is not None:
        dependent.priority = add_scores(dependent.priority, entry.score)
        return entry.score
    if entry.score >= INFINITY:
        dependent.priority = -INFINITY
        return -INFINITY
    return 0
