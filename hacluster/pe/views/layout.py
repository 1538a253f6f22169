"""A plain layered layout: for pictures where graphviz is not at hand.

Layers by longest path, order within a layer by barycentres, positions by pulling every node towards its neighbours.
The work is bounded: the number of sweeps is fixed, and very large pictures get none. Same picture, same layout.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hacluster.pe.views.dot import Picture

SWEEPS: Final = 12
"""How often layers are put in order, and positions are improved."""
LARGE: Final = 4000
"""From so many places on, stand-ins for long lines included, nothing is improved any more."""

CROWDED: Final = 50_000
"""With so many stand-ins, lines go straight past the layers between their ends."""

Place = tuple[str, int]
"""A node (0), or the stand-in for a line (its layer) where it passes a layer between its ends."""

Line = tuple[str, str]
"""A line by the names of its ends."""


@dataclass(slots=True)
class Layout:
    """Places by layer, left to right, with the middle of each; lines as the places that they pass; where labels are."""

    layers: list[list[Place]] = field(default_factory=list)
    x: dict[Place, float] = field(default_factory=dict)
    lines: list[tuple[str, str, list[Place]]] = field(default_factory=list)
    labels: dict[Line, Place] = field(default_factory=dict)


def _forward(picture: Picture) -> dict[str, list[str]]:
    """The successors of every node without the edges that close a cycle."""
    kept: dict[str, list[str]] = {name: [] for name in picture}
    state: dict[str, int] = {}
    for root in picture:
        stack = [(root, iter(list(picture.successors(root))))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            name, rest = stack[-1]
            then = next(rest, None)
            if then is None:
                state[name] = 2
                stack.pop()
            elif state.get(then) == 1:
                if then != name:
                    kept[then].append(name)
            else:
                kept[name].append(then)
                if then not in state:
                    state[then] = 1
                    stack.append((then, iter(list(picture.successors(then)))))
    return kept


def _depths(after: Mapping[str, list[str]]) -> dict[str, int]:
    """The layer of every node: the longest way from a node that nothing precedes."""
    waiting = dict.fromkeys(after, 0)
    for thens in after.values():
        for then in thens:
            waiting[then] += 1
    depth = dict.fromkeys(after, 0)
    ready = [name for name in after if not waiting[name]]
    for name in ready:
        for then in after[name]:
            depth[then] = max(depth[then], depth[name] + 1)
            waiting[then] -= 1
            if not waiting[then]:
                ready.append(then)
    return depth


def _neighbours(layout: Layout) -> tuple[dict[Place, list[Place]], dict[Place, list[Place]]]:
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for _first, _then, way in layout.lines:
        for one, other in itertools.pairwise(way):
            below.setdefault(one, []).append(other)
            above.setdefault(other, []).append(one)
    return above, below


def _arrange(layout: Layout) -> None:
    """Order every layer by the barycentres of its neighbours, downwards and upwards in turn."""
    above, below = _neighbours(layout)
    position = {place: index for layer in layout.layers for index, place in enumerate(layer)}
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        nearby = above if down else below
        for layer in layout.layers if down else reversed(layout.layers):
            weights = {}
            for index, place in enumerate(layer):
                others = nearby.get(place)
                weights[place] = sum(position[other] for other in others) / len(others) if others else float(index)
            layer.sort(key=lambda place: (weights[place], position[place]))
            position.update((place, index) for index, place in enumerate(layer))


def _pack(
    layer: list[Place], wanted: Mapping[Place, float], widths: Mapping[Place, float], gap: float
) -> dict[Place, float]:
    """Positions near the wanted ones, without overlap: the mean of packing from the left and from the right."""
    left: dict[Place, float] = {}
    edge = float("-inf")
    for place in layer:
        half = widths[place] / 2
        left[place] = max(wanted[place], edge + gap + half)
        edge = left[place] + half
    right: dict[Place, float] = {}
    edge = float("inf")
    for place in reversed(layer):
        half = widths[place] / 2
        right[place] = min(wanted[place], edge - gap - half)
        edge = right[place] - half
    return {place: (left[place] + right[place]) / 2 for place in layer}


def _position(layout: Layout, widths: Mapping[Place, float], gap: float) -> None:
    above, below = _neighbours(layout)
    for layer in layout.layers:
        edge = 0.0
        for place in layer:
            layout.x[place] = edge + widths[place] / 2
            edge += widths[place] + gap
    if sum(len(layer) for layer in layout.layers) > LARGE:
        return
    for sweep in range(SWEEPS):
        for layer in layout.layers if sweep % 2 == 0 else reversed(layout.layers):
            wanted = {}
            for place in layer:
                others = above.get(place, []) + below.get(place, [])
                wanted[place] = sum(layout.x[other] for other in others) / len(others) if others else layout.x[place]
            layout.x.update(_pack(layer, wanted, widths, gap))
    smallest = min((layout.x[place] - widths[place] / 2 for layer in layout.layers for place in layer), default=0.0)
    for place in layout.x:
        layout.x[place] -= smallest


def lay_out(picture: Picture, widths: Mapping[str, float], gap: float, labels: Mapping[Line, float]) -> Layout:
    """Where the nodes of a picture go.

    ``widths`` of the nodes, the ``gap`` between two of them and the widths of ``labels`` of lines are in one unit. If
    there are labels, every line gets a layer between its ends in which its label has room.
    """
    after = _forward(picture)
    stretch = 2 if labels else 1
    depth = {name: layer * stretch for name, layer in _depths(after).items()}
    layout = Layout([[] for _ in range(max(depth.values(), default=-1) + 1)])
    every: dict[Place, float] = {}
    for name in picture:
        layout.layers[depth[name]].append((name, 0))
        every[name, 0] = widths[name]
    crowded = sum(abs(depth[first] - depth[then]) for first, then in picture.edges()) > CROWDED
    for number, (first, then) in enumerate(picture.edges()):
        if first == then:
            continue
        top, bottom = (first, then) if depth[first] < depth[then] else (then, first)
        passed = range(depth[top] + 1, depth[bottom])
        if crowded:
            passed = passed[:1] if (first, then) in labels else passed[:0]
        middle = [(f"\0{number}", layer) for layer in passed]
        for place in middle:
            layout.layers[place[1]].append(place)
            every[place] = gap / 2
        if (first, then) in labels:
            layout.labels[first, then] = middle[len(middle) // 2]
            every[middle[len(middle) // 2]] = labels[first, then]
        layout.lines.append((first, then, [(top, 0), *middle, (bottom, 0)]))
    if len(every) <= LARGE:
        _arrange(layout)
    _position(layout, every, gap)
    return layout
