"""The constraints section."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.cib.document import XML
from hacluster.pe.model.births import Stage
from hacluster.pe.model.cluster import Cluster
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
    """Read all constraints.

    As Pacemaker's upgrade to the schema 4.0 has it, a lifetime never ends, but for a location it never begins: its rule
    becomes part of one that has no score.
    """
    for place, element in cluster.document.entries("constraints"):
        reader = _READERS.get(str(element.tag))
        if reader is None or element.get("id") is None:
            continue
        if element.tag == "rsc_location" and element.find("lifetime") is not None:
            continue
        cluster.begin(Stage.CONSTRAINTS, place)
        cluster.constraint_id = element.get("id")
        reader(cluster, element)
    cluster.constraint_id = None
