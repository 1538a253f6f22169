"""migration-threshold: how many failures a resource may have on a node."""

from __future__ import annotations

from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.failcount import failcount


def threshold_reached(rsc: Resource, node: Node) -> Resource | None:
    """What is to be kept off a node because of failures there; ``None`` if they are not too many."""
    if rsc.migration_threshold == 0 or rsc.failure_ignored:
        return None
    count, _last = failcount(rsc, node, effective=True, fillers=True)
    if count <= 0 or rsc.migration_threshold - count > 0:
        return None
    return rsc if rsc.unique else rsc.top
