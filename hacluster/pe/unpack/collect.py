"""All resources of the configuration, tied to one another."""

from __future__ import annotations

from operator import attrgetter

from hacluster.base.score import INFINITY
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import PLACE_BITS
from hacluster.pe.unpack import bundles
from hacluster.pe.unpack.remotes import link_containers, link_remote_node, unpack_remote_nodes
from hacluster.pe.unpack.resources import unpack_resource


def unpack_resources(cluster: Cluster) -> None:
    """Read the resources; those of higher priority come first from here on."""
    assert bundles.unpack_bundle is not None
    connections = unpack_remote_nodes(cluster)
    entries = list(cluster.document.entries("resources"))
    # Their places are the same in an excerpt of the document.
    section = cluster.document.section("resources")
    entries += enumerate(connections, 0 if section is None else len(section))
    for place, element in entries:
        ident = element.get("id")
        if not ident:
            continue
        if element.tag == "template":
            cluster.templates.setdefault(ident, [])
            continue
        rsc = unpack_resource(cluster, element, None)
        if rsc is not None:
            rsc.rank = (INFINITY - rsc.priority) << PLACE_BITS | place
            cluster.resources.append(rsc)
    for rsc in cluster.resources:
        link_containers(cluster, rsc)
        link_remote_node(cluster, rsc)
    cluster.resources.sort(key=attrgetter("rank"))
