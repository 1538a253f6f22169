"""A transition that is kept from one schedule to the next, and how a part of it is replaced."""

from __future__ import annotations

from operator import attrgetter

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document
from hacluster.pe.graph.build import Graph, Synapse
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.memory import Memory
from hacluster.pe.model.resource import Resource
from hacluster.pe.model.tally import Tally
from hacluster.pe.schedule import Transition, decide
from hacluster.pe.unpack.status import count, unpack
from hacluster.pe.warm.islands import Islands
from hacluster.pe.warm.steady import concerned, is_steady, owners, picture

_ROUNDS = 2
"""A part is scheduled again once, when its first schedule shows that more than thought is concerned."""


class Kept:
    """A whole transition in which single islands can be scheduled anew.

    What is not scheduled anew keeps its objects. The numbers of actions and synapses are given out anew, so that they
    are those that a schedule of everything would have given.
    """

    def __init__(self, transition: Transition, tally: Tally, sanitized: bool) -> None:
        self.transition = transition
        self.sanitized = sanitized
        self._cluster = transition.cluster
        self._tally = tally
        self._picture = picture(self._cluster.node_table)
        self._attrs = [dict(node.attrs) for node in self._cluster.node_table]
        self._failed = owners(self._cluster)
        self._pieces = _pieces(transition)
        tally.replay()

    def renew(
        self, document: Document, now: Moment, islands: Islands, memory: Memory, changed: set[str]
    ) -> Transition | None:
        """The transition for a document in which the histories of these ids are different.

        ``None``, and nothing that can be used any more, if it takes a schedule of everything to find that out.
        """
        wanted: set[str] | None = changed | self._failed
        for _round in range(_ROUNDS):
            places = None if wanted is None else islands.around(wanted)
            if places is None or wanted is None or 2 * len(places) > len(islands):
                return None
            part = self._schedule(islands.excerpt(document, places), now, memory)
            more = self._concerned(part.cluster)
            if more is not None and more <= wanted:
                return self._graft(part, document, now, places)
            wanted = None if more is None else wanted | more
        return None

    def _schedule(self, document: Document, now: Moment, memory: Memory) -> Transition:
        """Schedule an excerpt as if the rest were there."""
        whole = self._cluster
        part = Cluster(document, now, self.sanitized, memory=memory)
        part.recycled = {node.id: node for node in whole.node_table}
        part.tally = self._tally
        self._tally.replay()
        part.have_fencing = whole.have_fencing
        unpack(part)
        return decide(part)

    def _concerned(self, part: Cluster) -> set[str] | None:
        """The resources that changed attributes of nodes are about; ``None`` if other attributes changed."""
        found: set[str] = set()
        for node, old in zip(part.node_table, self._attrs, strict=True):
            more = set() if node.attrs == old else concerned(old, node.attrs)
            if more is None:
                return None
            found |= more
        return found

    def _graft(self, part: Transition, document: Document, now: Moment, places: set[int]) -> Transition | None:
        whole, new = self._cluster, part.cluster
        old = [rsc for rsc in whole.resource_table if rsc.place in places]
        if (
            not is_steady(part)
            or self._tally.differs
            or picture(new.node_table) != self._picture
            or [rsc.id for rsc in old] != [rsc.id for rsc in new.resource_table]
        ):
            return None
        gone = set(old)
        for rsc in old:
            if rsc.parent is None:
                count(whole, rsc, -1)
        _graft_constraints(whole, new, gone)
        actions = [action for action in whole.actions if action.rsc not in gone]
        whole.actions = sorted(actions + new.actions, key=attrgetter("born"))
        for number, action in enumerate(whole.actions, 1):
            action.id = number
        for rsc in new.resources:
            count(whole, rsc)
        whole.replace_resources(old, new.resource_table)
        _note_places(whole)
        whole.document, whole.now, whole.recheck_by, whole.failed_ops = document, now, new.recheck_by, new.failed_ops
        whole.plain = None
        self._attrs = [dict(node.attrs) for node in whole.node_table]
        self._failed = owners(whole)
        self._pieces |= _pieces(part)
        self.transition = Transition(whole, _joined(whole, self._pieces, part.graph))
        return self.transition


def _graft_constraints(whole: Cluster, new: Cluster, gone: set[Resource]) -> None:
    orderings = [entry for entry in whole.orderings if entry.first_rsc not in gone and entry.then_rsc not in gone]
    whole.orderings = sorted(orderings + new.orderings, key=attrgetter("born"))
    whole.colocations = [entry for entry in whole.colocations if entry.dependent not in gone] + new.colocations
    whole.locations = [entry for entry in whole.locations if entry.rsc not in gone] + new.locations


def _note_places(whole: Cluster) -> None:
    """Say on the nodes what runs there: the schedule of the part knew of its own resources alone."""
    for node in whole.node_table:
        node.running, node.load = [], 0
    for rsc in whole.resource_table:
        if rsc.kind is Kind.PRIMITIVE:
            for node in rsc.active_on:
                node.running.append(rsc)
            if rsc.assigned is not None:
                rsc.assigned.load += 1


def _pieces(transition: Transition) -> dict[int, list[Synapse]]:
    """The synapses of each resource, by its place in the configuration."""
    graph, start, found = transition.graph, 0, {}
    for rsc, end in zip(transition.cluster.resources, graph.ends, strict=True):
        found[rsc.place] = graph.synapses[start:end]
        start = end
    return found


def _joined(cluster: Cluster, pieces: dict[int, list[Synapse]], like: Graph) -> Graph:
    """One graph of all pieces, with the limits of another."""
    like.synapses, like.ends = [], []
    for rsc in cluster.resources:
        like.synapses += pieces[rsc.place]
        like.ends.append(len(like.synapses))
    for number, synapse in enumerate(like.synapses):
        synapse.id = number
    return like
