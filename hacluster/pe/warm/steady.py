"""Whether the resources of a cluster have nothing to do with one another but constraints and the load of nodes."""

from __future__ import annotations

from typing import Final

from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.operation.failcount import COUNT, LAST, base_name
from hacluster.pe.schedule import Transition

_TELLING: Final = (b"rsc-pattern", b"remote-node", b'"container"', b'"remote"')
"""Words of a configuration whose resources cannot be told apart."""
_LEFT_OUT: Final = frozenset({"attrs", "fail_any", "fail_known", "load", "priority", "running", "utilization"})
"""Attributes are compared by themselves, loads by the tally; priorities count where nodes are fenced, and capacities
and what they leave with other placement strategies."""
_FIELDS: Final = tuple(name for name in Node.__slots__ if name not in _LEFT_OUT)
_OF_RESOURCES: Final = (COUNT, LAST, "master-")


def is_divisible(configuration: bytes) -> bool:
    """Whether a configuration has nothing that reaches across its resources without naming them."""
    return not any(word in configuration for word in _TELLING)


def is_steady(transition: Transition) -> bool:
    """Whether nothing was decided that concerns more than single resources: no fencing, no shutdown, no orphan."""
    cluster, graph = transition.cluster, transition.graph
    return (
        not cluster.singletons
        and not cluster.have_remote_nodes
        and not cluster.shutdown_lock
        and not cluster.unfencing
        and not cluster.reports
        and not graph.maintenance
        and cluster.placement == "default"
        and cluster.health_strategy == "none"
        and len(graph.synapses) == (graph.ends[-1] if graph.ends else 0)
        and not any(rsc.orphan or rsc.container or rsc.fillers or rsc.utilization for rsc in cluster.resource_table)
    )


def picture(nodes: list[Node]) -> list[tuple[object, ...]]:
    """What a schedule of a part must find, and leave, as it was: all that is known of nodes but their attributes."""
    return [tuple(getattr(node, name) for name in _FIELDS) for node in nodes]


def owners(cluster: Cluster) -> set[str]:
    """The resources that have failed somewhere: how long that counts depends on the time."""
    names = (name for node in cluster.nodes if node.has_failures for name in node.attrs)
    return {_owner(name) for name in names if name.startswith((COUNT, LAST))}


def _owner(attribute: str) -> str:
    prefix = next(prefix for prefix in _OF_RESOURCES if attribute.startswith(prefix))
    return base_name(attribute[len(prefix) :].partition("#")[0])


def concerned(old: dict[str, str], new: dict[str, str]) -> set[str] | None:
    """The resources whose attributes on a node are different; ``None`` if others are."""
    different = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if not all(name.startswith(_OF_RESOURCES) for name in different):
        return None
    return {_owner(name) for name in different}
