"""The constraints section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.cib.document import XML
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.rules.evaluate import test_rules
from hacluster.pe.rules.nvpairs import subject_for
from hacluster.pe.unpack.colocations import unpack_colocation
from hacluster.pe.unpack.locations import unpack_location
from hacluster.pe.unpack.orders import unpack_order
from hacluster.pe.unpack.ticketing import unpack_ticket_constraint

_READERS: Final[dict[str, Callable[[Cluster, XML], None]]] = {
    "rsc_order": unpack_order,
    "rsc_colocation": unpack_colocation,
    "rsc_location": unpack_location,
    "rsc_ticket": unpack_ticket_constraint,
}


def unpack_constraints(cluster: Cluster) -> None:
    """Read all constraints; one whose lifetime is not now does not count."""
    for place, element in cluster.document.entries("constraints"):
        reader = _READERS.get(str(element.tag))
        if reader is None or element.get("id") is None:
            continue
        lifetime = element.find("lifetime")
        if lifetime is None or test_rules(lifetime, subject_for(cluster)):
            cluster.begin(Stage.CONSTRAINTS, place)
            cluster.constraint_id = element.get("id")
            reader(cluster, element)
    cluster.constraint_id = None
