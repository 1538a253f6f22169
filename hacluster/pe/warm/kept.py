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
from hacluster.pe.operation.fence import unfencing_devices
from hacluster.pe.schedule import Transition, decide
from hacluster.pe.unpack.status import count, unpack
from hacluster.pe.warm.defaults import Defaults
from hacluster.pe.warm.islands import Islands, Pick, makes_nodes
from hacluster.pe.warm.shared import Shared
from hacluster.pe.warm.steady import concerned, is_steady, picture, restless, settings

_ROUNDS = 2
"""A part is scheduled again once, when its first schedule shows that more than thought is concerned."""


class Kept:
    """A whole transition in which single islands can be scheduled anew.

    What is not scheduled anew keeps its objects. The numbers of actions and synapses are given out anew, so that they
    are those that a schedule of everything would have given.
    """

    def __init__(self, transition: Transition, tally: Tally, islands: Islands, defaults: Defaults) -> None:
        self.transition = transition
        self._cluster = cluster = transition.cluster
        self._tally = tally
        self._islands = islands
        self._defaults = defaults
        self._picture = picture(cluster.node_table)
        self._attrs = [dict(node.attrs) for node in cluster.node_table]
        islands.learn(cluster)
        devices = unfencing_devices(cluster.resources) if cluster.unfencing else []
        makers = {islands.home(rsc) for rsc in cluster.resource_table if makes_nodes(rsc)}
        self._always = islands.spread(makers | {islands.home(rsc) for rsc in devices})
        self._restless = islands.timed | restless(cluster)
        self._pieces = _pieces(transition)
        self._tail = transition.graph.synapses[transition.graph.ends[-1] if transition.graph.ends else 0 :]
        tally.replay()

    def renew(
        self, document: Document, now: Moment, memory: Memory | None, changed: set[str], pick: Pick
    ) -> Transition | None:
        """The transition for a document in which the histories of these ids are different.

        ``None``, and nothing that can be used any more, if it takes a schedule of everything to find that out.
        """
        wanted: set[str] | None = changed | self._restless
        if not self._defaults.hold(now):
            return None
        for _round in range(_ROUNDS):
            places = None if wanted is None else self._islands.around(wanted)
            if places is None or wanted is None:
                return None
            places = self._with_dependents(places)
            if 2 * len(places | self._always) > len(self._islands):
                return None
            part = self._schedule(self._islands.excerpt(document, places | self._always, pick), now, memory)
            more = self._concerned(part.cluster)
            if more is not None and more <= wanted:
                return self._graft(part, document, now, places)
            wanted = None if more is None else wanted | more
        return None

    def _with_dependents(self, places: set[int]) -> set[int]:
        """These places; with what makes nodes, what is or is to be done there, and all that waits for that."""
        islands = self._islands
        while not places.isdisjoint(self._always):
            found = set(places)
            for action in self._cluster.actions:
                rsc = action.rsc
                if rsc is None:
                    continue
                here = islands.home(rsc)
                others = {islands.home(other.rsc) for other in action.after if other.rsc is not None}
                host = None if action.node is None else action.node.remote_rsc
                if host is not None:
                    others.add(islands.home(host))
                if here in places:
                    found |= others
                elif not others.isdisjoint(places):
                    found.add(here)
            found = islands.spread(found)
            if found == places:
                break
            places = found
        return places

    def _schedule(self, document: Document, now: Moment, memory: Memory | None) -> Transition:
        """Schedule an excerpt as if the rest were there."""
        whole = self._cluster
        part = Cluster(document, now, whole.sanitized, memory=memory)
        part.recycled = {node.id: node for node in whole.node_table}
        part.tally = self._tally
        self._tally.replay()
        part.have_fencing = whole.have_fencing
        unpack(part)
        self._tally.capacities(part.node_table)
        return decide(part)

    def _concerned(self, part: Cluster) -> set[str] | None:
        """The resources that changed attributes of nodes are about; ``None`` if other attributes changed."""
        found: set[str] = set()
        if len(part.node_table) != len(self._attrs):
            return None
        for node, old in zip(part.node_table, self._attrs, strict=True):
            more = set() if node.attrs == old else concerned(old, node.attrs)
            if more is None:
                return None
            found |= more
        return found

    def _graft(self, part: Transition, document: Document, now: Moment, places: set[int]) -> Transition | None:
        whole, new, home = self._cluster, part.cluster, self._islands.home
        old = [rsc for rsc in whole.resource_table if home(rsc) in places]
        come = [rsc for rsc in new.resource_table if home(rsc) in places]
        others = [rsc for rsc in whole.resource_table if home(rsc) in self._always and home(rsc) not in places]
        standins = [rsc for rsc in new.resource_table if home(rsc) not in places]
        if (
            not is_steady(part)
            or self._tally.differs
            or picture(new.node_table) != self._picture
            or lineup(old) != lineup(come)
            or lineup(others) != lineup(standins)
            or settings(new) != settings(whole)
        ):
            return None
        shared = Shared(whole, new, old, come)
        if not shared.pair_resources(zip(others, standins, strict=True)) or not shared.pair_milestones():
            return None
        if shared.strays():
            return None
        shared.leave()
        shared.enter()
        for rsc in old:
            if rsc.parent is None:
                count(whole, rsc, -1)
        _graft_constraints(whole, new, set(old), set(come))
        actions = [action for action in whole.actions if action not in shared.gone]
        actions += [action for action in new.actions if action in shared.come]
        whole.actions = sorted(actions, key=attrgetter("born"))
        for number, action in enumerate(whole.actions, 1):
            action.id = number
        for rsc in new.resources:
            if home(rsc) in places:
                count(whole, rsc)
        whole.replace_resources(old, come)
        _note_places(whole, dict(zip(standins, others, strict=True)))
        if not self._join(part, shared, set(come)):
            return None
        self._tally.accept()
        whole.document, whole.now, whole.failed_ops, whole.plain = document, now, new.failed_ops, None
        whole.recheck_by = part.graph.recheck_by = self._defaults.recheck(new)
        self._attrs = [dict(node.attrs) for node in whole.node_table]
        self._restless = self._islands.timed | restless(whole)
        return self.transition

    def _join(self, part: Transition, shared: Shared, come: set[Resource]) -> bool:
        """Make one graph of what stays and what comes, with the limits of the part's."""
        graph, cluster = part.graph, self._cluster
        tail = graph.synapses[graph.ends[-1] if graph.ends else 0 :]
        kept = [synapse for place in self._always for synapse in self._pieces.get(place, ())]
        kept += [synapse for place in self._islands.aliased for synapse in self._pieces.get(place, ())]
        if not shared.settle(kept + self._tail, graph.synapses):
            return False
        self._tail = [synapse for synapse in self._tail if synapse.action not in shared.gone]
        self._tail += [synapse for synapse in tail if synapse.action in shared.come]
        self._tail.sort(key=lambda synapse: -synapse.action.id)
        fresh = _pieces(part)
        self._pieces |= {rsc.place: fresh[rsc.place] for rsc in part.cluster.resources if rsc in come}
        joined: Graph = graph
        joined.synapses, joined.ends = [], []
        for rsc in cluster.resources:
            joined.synapses += self._pieces[rsc.place]
            joined.ends.append(len(joined.synapses))
        joined.synapses += self._tail
        for number, synapse in enumerate(joined.synapses):
            synapse.id = number
        self.transition = Transition(cluster, joined)
        return True


def lineup(resources: list[Resource]) -> list[tuple[str, int]]:
    """Which resources there are, and how urgent: by a rule an instance may be there that was not, or come sooner."""
    return [(rsc.id, rsc.priority) for rsc in resources]


def _graft_constraints(whole: Cluster, new: Cluster, gone: set[Resource], come: set[Resource]) -> None:
    """Constraints are looked at by those who draw them; all that they say is done already."""
    orderings = [entry for entry in whole.orderings if entry.first_rsc not in gone and entry.then_rsc not in gone]
    orderings += [entry for entry in new.orderings if entry.first_rsc in come or entry.then_rsc in come]
    whole.orderings = sorted(orderings, key=attrgetter("born"))
    whole.colocations = [entry for entry in whole.colocations if entry.dependent not in gone]
    whole.colocations += [entry for entry in new.colocations if entry.dependent in come]
    whole.locations = [entry for entry in whole.locations if entry.rsc not in gone]
    whole.locations += [entry for entry in new.locations if entry.rsc in come]


def _note_places(whole: Cluster, stays: dict[Resource, Resource]) -> None:
    """Say on the nodes what runs there: the schedule of the part knew of its own resources alone."""
    for node in whole.node_table:
        node.running, node.load = [], 0
        if node.remote_rsc is not None:
            node.remote_rsc = stays.get(node.remote_rsc, node.remote_rsc)
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
