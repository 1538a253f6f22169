"""Stage 6: the transition graph."""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.pe.actions.notify import create_notifications
from hacluster.pe.model.action import Action, Flag
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.digest import bundle_remote_name, needs_remote_name
from hacluster.pe.operation.fence import pseudo_action
from hacluster.pe.operation.params import rsc_params
from hacluster.pe.ordering.flags import action_flags
from hacluster.pe.ordering.select import belongs, includes, merge_edges


@dataclass(slots=True, eq=False)
class Synapse:
    """One action of the graph and what has to be done before."""

    id: int
    action: Action
    inputs: list[Action]
    priority: int = 0


@dataclass(slots=True)
class Graph:
    """The transition: what is to be done, in which order, and under which limits.

    ``ends``: how many synapses there are after each resource of the cluster, in its order; what follows is nobody's.
    """

    synapses: list[Synapse] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    cluster_delay: str = "60s"
    fencing_timeout: str = "60s"
    batch_limit: str = "0"
    migration_limit: str | None = None
    start_failure_fatal: bool = True
    recheck_by: int = 0
    maintenance: list[tuple[str, bool]] = field(default_factory=list)


class _Builder:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.graph = Graph()

    def add(self, action: Action) -> None:
        if not action.flags & Flag.DEDUP:
            merge_edges(action)
            action.set(Flag.DEDUP)
        if action.flags & Flag.DUMPED or not belongs(action):
            return
        action.set(Flag.DUMPED)
        priority = max(0 if action.rsc is None else action.rsc.priority, action.priority, 0)
        synapse = Synapse(len(self.graph.synapses), action, [], priority)
        self.graph.synapses.append(synapse)
        for edge in action.before:
            if includes(action, edge):
                edge.dumped = True
                synapse.inputs.append(edge.action)

    def _own(self, rsc: Resource) -> None:
        for action in list(reversed(rsc.actions)):
            self.add(action)

    def _clone(self, rsc: Resource) -> None:
        data = rsc.clone_data
        for action in list(reversed(rsc.actions)):
            action_flags(action, None)
        for notify in (data.start_notify, data.stop_notify, data.promote_notify, data.demote_notify):
            create_notifications(rsc, notify)
        for child in rsc.instances:
            self.resource(child)
        self._own(rsc)
        for child in rsc.instances:
            self.resource(child)
        data.start_notify = data.stop_notify = data.promote_notify = data.demote_notify = None

    def _bundle(self, rsc: Resource) -> None:
        data = rsc.bundle_data
        if data.child is not None:
            self.resource(data.child)
        for replica in data.replicas:
            remote = replica.remote
            if remote is not None and needs_remote_name(remote):
                address = bundle_remote_name(remote)
                if address is not None:
                    for table in (rsc_params(remote, None), *remote.params.values()):
                        table["addr"] = address
            for part in (replica.ip, replica.container, remote):
                if part is not None:
                    self.resource(part)

    def resource(self, rsc: Resource) -> None:
        if rsc.kind is Kind.CLONE:
            self._clone(rsc)
        elif rsc.kind is Kind.BUNDLE:
            self._bundle(rsc)
        else:
            self._own(rsc)
            for child in rsc.instances:
                self.resource(child)


def _maintenance_changes(cluster: Cluster) -> list[tuple[str, bool]]:
    """Remote nodes whose maintenance mode their own record does not show yet."""
    return [
        (node.id, node.maintenance)
        for node in cluster.nodes
        if node.is_remote_kind and int(node.maintenance) != node.remote_maintenance
    ]


def build_graph(cluster: Cluster) -> Graph:
    """Make the graph of what is to be done."""
    builder, options = _Builder(cluster), cluster.options
    graph = builder.graph
    graph.cluster_delay, graph.fencing_timeout = options["cluster-delay"], options["fencing-timeout"]
    graph.batch_limit = options["batch-limit"]
    limit = options["migration-limit"]
    graph.migration_limit = limit if limit.strip("+").isdecimal() and int(limit) > 0 else None
    graph.start_failure_fatal = cluster.start_failure_fatal
    graph.recheck_by = cluster.recheck_by
    for rsc in cluster.resources:
        cluster.begin(Stage.GRAPH, rsc.rank)
        builder.resource(rsc)
        graph.ends.append(len(graph.synapses))
    cluster.begin(Stage.END, 0)
    graph.maintenance = _maintenance_changes(cluster)
    if graph.maintenance:
        pseudo_action(cluster, "maintenance_nodes").set(Flag.ALWAYS)
    for action in list(reversed(cluster.actions)):
        if not action.flags & Flag.DUMPED:
            builder.add(action)
    return graph
