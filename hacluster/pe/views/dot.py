"""The transition graph as a picture: names, colours and lines of crm_simulate's ``--save-dotfile``.

Green: is done in this transition. Blue: could be done, but nothing needs it. Red: would have to be done, but cannot.
Orange text: a milestone. Purple text: of a resource that the cluster leaves alone. Dashed: not part of the graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from hacluster.pe.model.action import Action, Flag, Order, notify_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.views.summary import summarize

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
    if action.task in ("notify", "notified") and rsc is not None and rsc.clone_name is not None:
        key = notify_key(rsc.clone_name, action.meta.get("notify_key_type"), action.meta.get("notify_key_operation"))
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


def transition_picture(cluster: Cluster, everything: bool = False) -> Picture:
    """The graph that a schedule of this cluster has made; ``everything``: with what is not needed or not managed."""
    summarize(cluster)  # as in the original, it is the summary that gives some actions their node
    picture: Picture = nx.DiGraph()
    shown: set[Action] = set()
    for action in reversed(cluster.actions):
        if everything or not _hidden(action):
            picture.add_node(action_name(action), **_look(action))
            shown.add(action)
    for action in reversed(cluster.actions):
        for edge in action.before:
            wanted = edge.action in shown and action in shown and edge.type != Order.LOAD
            if edge.dumped:
                picture.add_edge(action_name(edge.action), action_name(action), style="bold")
            elif edge.type != Order.NONE and (everything or wanted):
                picture.add_edge(action_name(edge.action), action_name(action), style="dashed")
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
