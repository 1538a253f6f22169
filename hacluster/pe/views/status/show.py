"""What of a status is to be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hacluster.base.values import is_true
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

SUMMARY: Final = ("stack", "dc", "times", "counts", "maint-mode")
"""The sections that ``summary`` stands for."""

SECTIONS: Final = (
    *SUMMARY, "options", "nodes", "resources", "attributes", "failcounts", "operations", "failures",
    "fencing-failed", "fencing-pending", "fencing-succeeded", "tickets", "bans",
)  # fmt: skip
"""Every section."""

Clock = Callable[[int], str]
"""Tells seconds since 1970 as a local date and time, as ctime(3) does."""


@dataclass(frozen=True, slots=True)
class Show:
    """What is shown. ``nodes`` and ``rscs`` limit it to some, by name or id; ``None``: all."""

    sections: frozenset[str] = frozenset()
    inactive: bool = False
    by_node: bool = False
    brief: bool = False
    detail: bool = False
    """Ids of nodes, feature sets, single instances, what a bundle is made of."""
    timing: bool = False
    pending: bool = True
    bans: str = ""
    """How ids of bans have to begin."""
    nodes: frozenset[str] | None = None
    rscs: frozenset[str] | None = None
    places: bool = True
    """Whether primitives tell where they run."""
    page: bool = False
    """For a page, not for text."""
    clock: Clock = str
    stamp: Clock = str
    """Tells seconds since 1970 as ISO 8601 does."""
    now: str = ""
    """The present, in words."""

    def has_node(self, node: Node) -> bool:
        """Whether a node is to be shown."""
        return self.nodes is None or node.name.lower() in self.nodes

    def names_rsc(self, ident: str) -> bool:
        """Whether a resource is to be shown by this id."""
        return self.rscs is None or ident in self.rscs

    def node_name(self, node: Node) -> str:
        """How a node is called: a guest node with its host, and with ids where details are wanted."""
        name = node.name
        if not self.detail:
            return name
        container = node.guest_container
        if container is not None:
            host = container.current
            return f"{name}@{host.name}" if host is not None else f"{name}@"
        return name if node.id.lower() == name.lower() else f"{name} ({node.id})"


def wanted(rsc: Resource, show: Show, check_parent: bool = True) -> bool:
    """Whether a resource is to be shown: named itself, or part of what is named, or with a part that is named."""
    if show.rscs is None:
        return True
    top = rsc.top if not rsc.bundled else rsc.top.parent or rsc.top
    if check_parent and rsc is not top and (show.names_rsc(top.id) or _named(rsc.parent, show)):
        return True
    if _named(rsc, show):
        return True
    parts = [part for part in rsc.walk() if part is not rsc]
    if rsc.bundle is not None:
        parts += [part for replica in rsc.bundle_data.replicas for piece in replica.parts() for part in piece.walk()]
    return any(_named(part, show) for part in parts)


def _named(rsc: Resource | None, show: Show) -> bool:
    return rsc is not None and (show.names_rsc(rsc.id) or show.names_rsc(rsc.printable_id))


def filtered_by_node(rsc: Resource, show: Show) -> bool:
    """Whether a resource runs, but on no node that is to be shown."""
    return rsc.is_active(False) and not runs_on_any(rsc, show)


def hidden(rsc: Resource, show: Show) -> bool:
    """Whether a resource is the cluster's own, and details are not wanted."""
    return is_true(rsc.meta.get("internal-rsc")) and not show.detail


def runs_on_any(rsc: Resource, show: Show) -> bool:
    """Whether a resource runs on a node that is to be shown; what runs nowhere counts."""
    return show.nodes is None or any(show.has_node(node) for node in rsc.places(1))
