"""What a transition says is to be done and never can be: actions that wait for one another.

A graph with a loop is written as it is (as Pacemaker does), and a run of it ends at the loop: "An invalid transition
was produced". Nobody may be told that what stands in it, or waits for it, is going to happen.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from hacluster.pe.explain.answer import Because
from hacluster.pe.explain.blocked import left_out, title
from hacluster.pe.graph.build import Graph
from hacluster.pe.model.action import Action
from hacluster.pe.ordering.select import belongs

_MOST: Final = 12
"""Longest circle that is told step by step."""


def stuck_actions(graph: Graph) -> frozenset[Action]:
    """The actions of a graph that a run of it never reaches, whatever succeeds."""
    waiting = {synapse.action: set(synapse.inputs) for synapse in graph.synapses}
    behind: dict[Action, list[Action]] = {}
    for action, inputs in waiting.items():
        for first in inputs:
            behind.setdefault(first, []).append(action)
    ready = [action for action, inputs in waiting.items() if not inputs]
    while ready:
        done = ready.pop()
        del waiting[done]
        for action in behind.get(done, ()):
            inputs = waiting[action]
            inputs.discard(done)
            if not inputs:
                ready.append(action)
    return frozenset(waiting)


def _waited_for(start: Action, stuck: Collection[Action]) -> list[Action]:
    """The stuck actions that an action waits for, itself first."""
    found = {start: None}
    waiting = [start]
    while waiting:
        for edge in waiting.pop(0).before:
            if edge.dumped and edge.action in stuck and edge.action not in found:
                found[edge.action] = None
                waiting.append(edge.action)
    return list(found)


def _missing(start: Action, stuck: Collection[Action]) -> Action | None:
    """What is waited for and is not part of the transition at all."""
    for action in _waited_for(start, stuck):
        for edge in action.before:
            if edge.dumped and edge.action not in stuck and not belongs(edge.action):
                return edge.action
    return None


def _circle(start: Action, stuck: Collection[Action]) -> list[tuple[Action, str | None]]:
    """A circle that ``start`` waits for: each action with the constraint that makes it wait for the next."""
    path: list[tuple[Action, str | None]] = []
    places: dict[Action, int] = {}
    action: Action | None = start
    while action is not None and action not in places:
        places[action] = len(path)
        edge = next((one for one in action.before if one.dumped and one.action in stuck), None)
        path.append((action, None if edge is None else edge.cause))
        action = None if edge is None else edge.action
    return [] if action is None else path[places[action] :]


def stuck_reasons(action: Action, stuck: Collection[Action]) -> list[Because]:
    """Why an action of the graph is never reached."""
    missing = _missing(action, stuck)
    if missing is not None:
        text = f"the transition is invalid: {action.key} waits for {title(missing)}, which is not part of it"
        return [Because(text, None, None, tuple(left_out(missing)))]
    circle = _circle(action, stuck)
    if not circle:
        return [Because("the transition is invalid: what it waits for is never done", None)]
    steps = list(dict.fromkeys(one.key for one, _ in reversed(circle)))
    if len(steps) > _MOST:
        steps = [*steps[:_MOST], "…"]
    causes = dict.fromkeys(cause for _, cause in circle if cause is not None)
    chain = " → ".join([*steps, steps[0]])
    behind = tuple(Because(f"constraint {cause} is part of the circle", cause) for cause in causes)
    text = f"the transition is invalid: its actions wait for one another in a circle, {chain}"
    return [Because(text, next(iter(causes), None), None, behind)]
