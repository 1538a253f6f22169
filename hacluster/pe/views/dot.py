"""The transition graph as a picture: names, colours and lines of crm_simulate's ``--save-dotfile``.

Green: is done in this transition. Blue: could be done, but nothing needs it. Red: would have to be done, but cannot.
Orange text: a milestone. Purple text: of a resource that the cluster leaves alone. Dashed: not part of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from hacluster.pe.graph.xml import instance_key
from hacluster.pe.model.action import Action, Edge, Flag, Order
from hacluster.pe.model.cluster import Cluster

if TYPE_CHECKING:
    Picture = nx.DiGraph[str]
    """Nodes by name, with ``style``, ``color`` and ``fontcolor``; edges with ``style``."""


def action_name(action: Action) -> str:
    """The name under which crm_simulate shows an action."""
    node = "" if action.node is None else action.node.name
    if action.task == "stonith":
        return f"stonith '{action.meta.get('stonith_action')}' {node}"
    if action.task == "do_shutdown":
        return f"do_shutdown {node}"
    rsc, key = action.rsc, action.key
    if action.task == "notify":
        key = instance_key(action)
    elif rsc is not None and rsc.clone_name is not None and key.startswith(f"{rsc.id}_"):
        key = rsc.clone_name + key[len(rsc.id) :]
    if action.cancel_task is not None:
        key = f"Cancel {key}"
    if not node:
        return key if action.pseudo else f"{key} <none>"
    return f"{key} {node}"


def _look(action: Action) -> dict[str, str]:
    font = "orange" if action.pseudo else "black"
    if action.flags & Flag.DUMPED:
        return {"style": "bold", "color": "green", "fontcolor": font}
    if action.rsc is not None and not action.rsc.managed:
        return {"style": "dashed", "color": "red", "fontcolor": "purple"}
    return {"style": "dashed", "color": "blue" if action.optional else "red", "fontcolor": font}


def _hidden(action: Action) -> bool:
    """Whether only those who ask for everything see it: nothing needs it, or the cluster leaves it alone."""
    look = _look(action)
    return look["color"] == "blue" or look["fontcolor"] == "purple"


def _line(then: Action, edge: Edge, everything: bool) -> str | None:
    """How an edge is drawn; ``None`` if it is not."""
    if edge.dumped:
        return "bold"
    first = edge.action
    if edge.type == Order.NONE or (first.pseudo and edge.type & Order.PRESERVE):
        return None
    needed = not (first.optional or then.optional) and edge.type != Order.LOAD
    return "dashed" if needed or everything else None


def transition_picture(cluster: Cluster, everything: bool = False) -> Picture:
    """The graph that a schedule of this cluster has made; ``everything``: with what is not needed or not managed."""
    picture: Picture = nx.DiGraph()
    for action in reversed(cluster.actions):
        if everything or not _hidden(action):
            picture.add_node(action_name(action), **_look(action))
    for action in reversed(cluster.actions):
        for edge in action.before:
            style = _line(action, edge, everything)
            if style == "bold" or (style and everything) or (style and not (_hidden(action) or _hidden(edge.action))):
                picture.add_edge(action_name(edge.action), action_name(action), style=style)
    return picture


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dot_text(picture: Picture) -> str:
    """A picture in the DOT language, laid out as crm_simulate does it."""
    lines = [' digraph "g" {']
    for name, look in picture.nodes(data=True):
        if look:
            extra = f' shape="{look["shape"]}"' if "shape" in look else ""
            text = f'style={look["style"]} color="{look["color"]}" fontcolor="{look["fontcolor"]}"{extra}'
            lines.append(f"{_quoted(name)} [ {text}]")
    for first, then, look in picture.edges(data=True):
        extra = "".join(f' {key}="{look[key]}"' for key in ("label", "color") if key in look)
        lines.append(f"{_quoted(first)} -> {_quoted(then)} [ style = {look['style']}{extra}]")
    lines.append("}")
    return "\n".join(lines) + "\n"
