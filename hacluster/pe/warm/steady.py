"""What can be compared of two schedules, to know whether a part has left the rest of a cluster alone."""

from __future__ import annotations

from typing import Final

from hacluster.pe.model.action import Action, Flag
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.operation.failcount import COUNT, LAST, base_name
from hacluster.pe.schedule import Transition

_LEFT_OUT: Final = frozenset(
    {"attrs", "fail_any", "fail_known", "load", "priority", "remote_rsc", "running", "utilization"}
)
"""Attributes are compared by themselves, loads and capacities by the tally, connections by name. Priorities count where
nodes are fenced with a delay for the more important side, which is always scheduled as a whole."""
_FIELDS: Final = tuple(name for name in Node.__slots__ if name not in _LEFT_OUT)
_OF_RESOURCES: Final = (COUNT, LAST, "master-")
TRACES: Final = Flag.TRACKING | Flag.DEDUP | Flag.DUMPED
"""Flags that say what was looked at, not what was decided."""


def is_steady(transition: Transition) -> bool:
    """Whether parts of a transition can be replaced: what is to be done is of a configured resource, or nobody's."""
    return not has_orphans(transition.cluster) and not weighs_sides(transition.cluster)


def has_orphans(cluster: Cluster) -> bool:
    """Whether something is known of resources that are not configured: it is on no island."""
    return any(rsc.orphan for rsc in cluster.resource_table)


def weighs_sides(cluster: Cluster) -> bool:
    """Whether all that runs on the nodes, and as what, may decide how long a fencing waits."""
    return cluster.priority_fencing_delay > 0 and any(
        action.task == "stonith" for action in cluster.singletons.values()
    )


def settings(cluster: Cluster) -> tuple[object, ...]:
    """What is set for everything: the options, which may have rules, and what is wrong with the document."""
    return cluster.options, cluster.reports


def picture(nodes: list[Node]) -> list[tuple[object, ...]]:
    """What a schedule of a part must find, and leave, as it was: all that is known of nodes but their attributes."""
    return [
        (None if node.remote_rsc is None else node.remote_rsc.id, *(getattr(node, name) for name in _FIELDS))
        for node in nodes
    ]


def alike(one: Action, other: Action) -> bool:
    """Whether two actions are the same but for what comes before and after them."""
    return (
        one.key == other.key
        and one.node is other.node
        and (one.flags ^ other.flags) & ~TRACES == 0
        and (one.task, one.needs, one.on_fail, one.fail_role, one.priority, one.reason, one.cancel_task)
        == (other.task, other.needs, other.on_fail, other.fail_role, other.priority, other.reason, other.cancel_task)
        and one.meta == other.meta
        and one.extra == other.extra
        and (one.runnable_before, one.required_runnable) == (other.runnable_before, other.required_runnable)
    )


def restless(cluster: Cluster) -> set[str]:
    """The resources that may look different by the time alone: they have failed somewhere, or wait for a node."""
    names = (name for node in cluster.nodes if node.has_failures for name in node.attrs)
    found = {_owner(name) for name in names if name.startswith((COUNT, LAST))}
    if cluster.shutdown_lock:
        found |= {rsc.top.config_id for rsc in cluster.resource_table if rsc.lock_node is not None}
        states = cluster.document.status.nodes
        found |= {entry.id for state in states for entry in state.histories if entry.shutdown_lock}
    return found


def _owner(attribute: str) -> str:
    prefix = next(prefix for prefix in _OF_RESOURCES if attribute.startswith(prefix))
    return base_name(attribute[len(prefix) :].partition("#")[0])


def concerned(old: dict[str, str], new: dict[str, str]) -> set[str] | None:
    """The resources whose attributes on a node are different; ``None`` if others are."""
    different = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if not all(name.startswith(_OF_RESOURCES) for name in different):
        return None
    return {_owner(name) for name in different}
