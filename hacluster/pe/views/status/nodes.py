"""The list of nodes, and what runs on each."""

from __future__ import annotations

from collections.abc import Callable

from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.views.outline import Item, Listing, Span
from hacluster.pe.views.status.brief import brief_items
from hacluster.pe.views.status.resources import ResourceList
from hacluster.pe.views.status.show import Show, hidden, wanted
from hacluster.pe.views.words import is_plain, node_health, node_word

_OLD_FEATURES = "<3.15.1"
"""What nodes are taken for that do not tell their feature set."""


def feature_set(node: Node) -> str | None:
    """The feature set that a cluster node runs with; ``None`` for what is offline or no cluster node."""
    if not (node.online and node.expected_up) or node.is_remote_kind:
        return None
    return node.attrs.get("#feature-set", _OLD_FEATURES)


def _kind(node: Node) -> str:
    return "Guest" if node.is_guest else "Remote" if node.is_remote else ""


def _features(node: Node, show: Show) -> str:
    found = feature_set(node) if show.detail else None
    return f", feature set {found}" if found is not None else ""


def _text(cluster: Cluster, node: Node, show: Show) -> str:
    health = node_health(cluster, node)
    suffix = " (health is RED)" if health < 0 else " (health is YELLOW)" if health == 0 else ""
    return f"{_kind(node)}Node {show.node_name(node)}: {node_word(node)}{suffix}{_features(node, show)}"


def _status_spans(cluster: Cluster, node: Node, show: Show) -> list[Span]:
    spans: list[Span] = [("online", " online") if node.online else ("offline", " OFFLINE")]
    if node.standby_onfail and node.online:
        spans.append(("standby", " (in standby due to on-fail)"))
    elif node.standby and node.online and node.running:
        spans.append(("standby", " (in standby, with active resources)"))
    elif node.standby:
        spans.append(("standby", " (in standby)"))
    if node.maintenance:
        spans.append(("maint", " (in maintenance mode)"))
    health = node_health(cluster, node)
    if health < 0:
        spans.append(("health_red", " (health is RED)"))
    elif health == 0:
        spans.append(("health_yellow", " (health is YELLOW)"))
    features = _features(node, show)
    return [*spans, (None, features)] if features else spans


def _running(cluster: Cluster, node: Node, show: Show) -> Listing | None:
    """What runs on a node; ``None`` if there is nothing to say of it."""
    found = [rsc for rsc in node.running if wanted(rsc, show) and (show.brief or not hidden(rsc, show))]
    if show.brief:
        return Listing("Resources", list(brief_items(found, show, by_node=True))) if found else None
    collected = ResourceList(cluster, show)
    items = [collected.on_its_node(rsc) for rsc in found]
    if show.page and not node.running:
        return None
    return Listing("Resources", list(items))


def _grouped(cluster: Cluster, node: Node, show: Show) -> Listing | None:
    running = _running(cluster, node, show)
    title = _text(cluster, node, show)
    if show.page:
        item = Item(title, [(None, "Status:"), *_status_spans(cluster, node, show)], running)
        return Listing(title, [item], f"{show.node_name(node)}:")
    if running is None and show.brief:
        return None
    return Listing(title, [running] if running is not None else [])


def _page_items(cluster: Cluster, show: Show, nodes: list[Node]) -> list[Item | Listing]:
    if show.by_node:
        grouped = [_grouped(cluster, node, show) for node in nodes]
        return [item for item in grouped if item is not None]
    return [
        Item("", [("bold", f"{show.node_name(node)}:"), *_status_spans(cluster, node, show)]) for node in nodes
    ]  # fmt: skip


def node_items(cluster: Cluster, show: Show) -> list[Item | Listing]:
    """The nodes: special ones one by one, the others together; on a page and with details each by itself."""
    nodes = [node for node in cluster.nodes if show.has_node(node)]
    if show.page:
        return _page_items(cluster, show, nodes)
    groups: dict[str, list[str]] = {
        name: [] for name in ("Online", "OFFLINE", "RemoteOnline", "RemoteOFFLINE", "GuestOnline")
    }
    items: list[Item | Listing] = []
    for node in nodes:
        if show.by_node:
            grouped = _grouped(cluster, node, show)
            items += [grouped] if grouped is not None else []
        elif show.detail or not is_plain(cluster, node):
            items.append(Item(_text(cluster, node, show)))
        else:
            group = _kind(node) + ("Online" if node.online else "OFFLINE")
            if group in groups:
                groups[group].append(show.node_name(node))
    return items + [Item(f"{name}: [ {' '.join(names)} ]") for name, names in groups.items() if names]


def node_section(cluster: Cluster, show: Show) -> Listing | None:
    """The section of the nodes; ``None`` if none is to be shown."""
    if not any(show.has_node(node) for node in cluster.nodes):
        return None
    return Listing("Node List", node_items(cluster, show))


Renderer = Callable[[Cluster, Show], Listing | None]
