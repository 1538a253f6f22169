"""resource-discovery=exclusive: a resource is looked for, and may run, only where a constraint says so."""

from __future__ import annotations

from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.kinds import Discovery
from hacluster.pe.model.resource import Resource


def exclusive_cause(rsc: Resource) -> Cause:
    """The constraint that makes it so."""
    for entry in (rsc, rsc.top):
        for location in entry.locations:
            if location.discovery is Discovery.EXCLUSIVE:
                return Cause(Why.EXCLUSIVE, location.id)
    return Cause(Why.EXCLUSIVE, rsc.config_id)
