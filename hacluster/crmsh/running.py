"""What runs, as the status says: nothing that runs is deleted or renamed under the cluster's hands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hacluster.cib.document import XML

if TYPE_CHECKING:
    from hacluster.pe.model.resource import Resource


def running(cib: XML) -> dict[str, list[str]]:
    """Nodes on which each resource is active, by its id and by those of what it is in; unmanaged ones are left out."""
    if cib.find("status/node_state/lrm/lrm_resources/lrm_resource/lrm_rsc_op") is None:
        return {}
    from hacluster.tools.livestatus import cluster_of  # noqa: PLC0415  most configurations have no status to look at

    cluster = cluster_of(cib)
    found: dict[str, list[str]] = {}
    for one in cluster.resource_table:
        if one.orphan or not one.managed or not one.active_on:
            continue
        names = [node.name for node in one.active_on]
        at: Resource | None = one
        while at is not None:
            for id_ in {at.id, at.config_id}:
                kept = found.setdefault(id_, [])
                kept += [name for name in names if name not in kept]
            at = at.parent
    return found


def refused(cib: XML, ids: Iterable[str]) -> list[str]:
    """Those of ``ids`` that run and are managed. A group may go: its members stay."""
    active = running(cib)
    groups = {str(one.get("id")) for one in cib.iterfind("configuration/resources//group")}
    return [id_ for id_ in ids if id_ in active and id_ not in groups]
