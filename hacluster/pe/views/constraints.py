"""The constraint graph as a picture: resources, and what constraints say between them, nodes and tickets.

Solid lines are orders (first to then), dashed ones colocations (dependent to primary), dotted ones locations and
tickets. Green asks for something, red forbids it; the label is the score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import networkx as nx

from hacluster.base.score import show_score
from hacluster.pe.model.action import Order
from hacluster.pe.model.causes import Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Ordering
from hacluster.pe.model.kinds import Role
from hacluster.pe.model.resource import Resource

if TYPE_CHECKING:
    from hacluster.pe.views.dot import Picture

_RESOURCE: Final = {"style": "bold", "color": "black", "fontcolor": "black", "shape": "box"}
_NODE: Final = {"style": "bold", "color": "blue", "fontcolor": "blue", "shape": "ellipse"}
_TICKET: Final = {"style": "bold", "color": "orange", "fontcolor": "black", "shape": "diamond"}
_MILESTONE: Final = {"style": "dashed", "color": "black", "fontcolor": "orange", "shape": "box"}


def _color(score: int) -> str:
    return "green" if score >= 0 else "red"


def _role(role: Role) -> str:
    return "" if role is Role.UNKNOWN else f" {role.word}"


class _Drawer:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.picture: Picture = nx.DiGraph()

    def resource(self, rsc: Resource) -> str:
        name = rsc.config_id
        if name not in self.picture:
            self.picture.add_node(name, **_RESOURCE)
        return name

    def edge(self, first: str, then: str, label: str, style: str, color: str) -> None:
        """Several constraints between the same two share a line; the labels are joined."""
        if not self.picture.has_edge(first, then):
            self.picture.add_edge(first, then, label=label, style=style, color=color)
            return
        known = self.picture.edges[first, then]
        if label not in known["label"].split(", "):
            known["label"] += f", {label}"

    def orders(self) -> None:
        told: set[tuple[str, str, str]] = set()
        for entry in self.cluster.orderings:
            if entry.cause is None or not entry.flags & ~Order.ANTI_COLOCATION:
                continue
            first, then = self._end(entry, True), self._end(entry, False)
            if first is None or then is None or first == then:
                continue
            if (entry.cause, first, then) not in told and (entry.cause, then, first) not in told:
                told.add((entry.cause, first, then))
                self.edge(first, then, entry.cause, "solid", "black")

    def _end(self, entry: Ordering, first: bool) -> str | None:
        rsc, action = (entry.first_rsc, entry.first) if first else (entry.then_rsc, entry.then)
        if rsc is not None:
            return self.resource(rsc)
        if action is None:
            return None
        self.picture.add_node(action.key, **_MILESTONE)
        return action.key

    def colocations(self) -> None:
        for entry in self.cluster.colocations:
            if entry.why is Why.COLOCATION:
                label = f"{entry.id}{_role(entry.primary_role)} {show_score(entry.score)}"
                dependent, primary = self.resource(entry.dependent), self.resource(entry.primary)
                self.edge(dependent, primary, label, "dashed", _color(entry.score))

    def locations(self) -> None:
        for entry in self.cluster.locations:
            for node, score in entry.nodes if entry.why is Why.LOCATION else ():
                self.picture.add_node(node.name, **_NODE)
                label = f"{entry.id}{_role(entry.role)} {show_score(score)}"
                self.edge(self.resource(entry.rsc), node.name, label, "dotted", _color(score))

    def tickets(self) -> None:
        for rsc in self.cluster.resource_table:
            for entry in rsc.tickets:
                ticket = f"ticket {entry.ticket.id}"
                self.picture.add_node(ticket, **_TICKET)
                held = entry.ticket.granted and not entry.ticket.standby
                self.edge(self.resource(rsc), ticket, f"{entry.id}{_role(entry.role)}", "dotted", _color(held - 1))


def constraint_picture(cluster: Cluster) -> Picture:
    """The constraints of a cluster that has been scheduled."""
    drawer = _Drawer(cluster)
    for rsc in cluster.resources:
        drawer.resource(rsc)
    drawer.orders()
    drawer.colocations()
    drawer.locations()
    drawer.tickets()
    return drawer.picture
