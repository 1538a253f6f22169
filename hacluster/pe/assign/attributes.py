"""The node attributes by which colocations and promotion scores look at nodes."""

from __future__ import annotations

from typing import Final

from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

BY_NAME: Final = (None, "#uname")
"""The node attributes of colocations that mean the node itself."""


def _looks_at_host(rsc: Resource, container: Resource) -> bool:
    if container.replica is not None and rsc.bundled:
        bundle = rsc.top.parent
        # What is with a bundle, or inside it, is where the containers are; only the inside runs on a bundle's own node.
        if bundle is not None and rsc.top is bundle.bundle_data.child:
            return True
    return rsc.meta.get("container-attribute-target", "").lower() == "host"


def colocation_value(node: Node | None, attribute: str | None, rsc: Resource) -> str | None:
    """The value by which a colocation compares a node, as ``rsc`` sees it: a guest node's may be that of its host."""
    if node is None:
        return None
    name, container = attribute or "#uname", node.guest_container
    if container is None or not _looks_at_host(rsc, container):
        return node.attrs.get(name)
    return None if container.assigned is None else container.assigned.attrs.get(name)


def sees_nodes(rsc: Resource) -> bool:
    """Whether a resource always compares nodes themselves, never the hosts behind them."""
    return not rsc.cluster.have_remote_nodes or not (rsc.bundled or "container-attribute-target" in rsc.meta)
