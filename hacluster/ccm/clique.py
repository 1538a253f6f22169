"""The largest set of nodes that all hear one another.

The search is Bron and Kerbosch's with Tomita's pivot (Theoretical Computer Science 363, 2006), over bit masks. It is
exponential in the worst case, so it is bounded; a cluster in which everybody hears everybody takes one step a node, and
one with a few cuts little more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hacluster.base.limits import MAX_CLIQUE_WORK


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def cliques(edges: Sequence[int], within: int, work: int = MAX_CLIQUE_WORK) -> Iterator[int]:
    """The maximal cliques inside ``within``, as bit masks; ``edges[i]`` is the mask of the neighbours of ``i``.

    After ``work`` steps what was chosen so far is filled up with the first that fit, and that is the last one.
    """
    stack = [(0, within, 0)]
    while stack:
        chosen, candidates, excluded = stack.pop()
        work -= 1
        if not candidates:
            if not excluded:
                yield chosen
            continue
        if work <= 0:
            for node in _bits(candidates):
                if chosen & ~edges[node] == 0:
                    chosen |= 1 << node
            yield chosen
            return
        pivot = max(_bits(candidates | excluded), key=lambda node: (edges[node] & candidates).bit_count())
        branches = []
        for node in _bits(candidates & ~edges[pivot]):
            branches.append((chosen | 1 << node, candidates & edges[node], excluded & edges[node]))
            candidates &= ~(1 << node)
            excluded |= 1 << node
        stack += reversed(branches)


def best_clique(
    own: str, order: Sequence[str], heard: Mapping[str, frozenset[str]], worth: Callable[[Sequence[str]], Any]
) -> tuple[str, ...]:
    """The clique with ``own`` in it that is worth most; of equals the one with the first in ``order``.

    ``heard[a]`` holds whom ``a`` hears and is heard by; ``order`` are all names but ``own``, the preferred first.
    """
    places = {name: place for place, name in enumerate(order)}
    near = [name for name in order if name in heard[own]]
    edges = [0] * len(order)
    for name in near:
        for other in heard.get(name, frozenset()):
            if other in places and name in heard.get(other, frozenset()):
                edges[places[name]] |= 1 << places[other]
    within = sum(1 << places[name] for name in near)
    best: tuple[Any, tuple[int, ...]] | None = None
    chosen: tuple[str, ...] = (own,)
    for mask in cliques(edges, within):
        members = (own, *(order[place] for place in _bits(mask)))
        value = (worth(members), tuple(-place for place in _bits(mask)))
        if best is None or value > best:
            best, chosen = value, members
    return chosen
