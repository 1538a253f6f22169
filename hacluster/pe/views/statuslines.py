"""The cluster status: nodes and resources, as crm_simulate prints them."""

from __future__ import annotations

from hacluster.pe.model.cluster import Cluster
from hacluster.pe.views.outline import text_lines
from hacluster.pe.views.status.nodes import node_items
from hacluster.pe.views.status.resources import resource_items
from hacluster.pe.views.status.show import Show
from hacluster.pe.views.words import INDENT


def status_lines(cluster: Cluster, show_pending: bool = False) -> list[str]:
    """Nodes and resources, indented as below a title."""
    show = Show(inactive=True, pending=show_pending)
    lines = [f"{INDENT}* Node List:"] if cluster.nodes else []
    lines += [line for item in node_items(cluster, show) for line in text_lines(item, 2)]
    if lines:
        lines.append("")
    lines.append(f"{INDENT}* Full List of Resources:")
    items = resource_items(cluster, show)
    lines += [line for item in items for line in text_lines(item, 2)] or [f"{INDENT * 2}* No resources"]
    return lines
