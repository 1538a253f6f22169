"""What a part of a cluster has in common with the rest: the actions that are nobody's, and those of what makes nodes.

Fencing, unfencing and shutdowns of nodes, and the milestones of orders and of room, are there once, whoever waits for
them. Connections, containers and bundles are in every part, since nodes depend on them. A part is decided with its own
objects for these. If they come out as those of the whole did, the whole's stay, and what belongs to the part is tied to
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from hacluster.pe.graph.build import Synapse
from hacluster.pe.model.action import Action, Flag
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.warm.steady import TRACES, alike

_OF_NODES: Final = frozenset({"stonith", "do_shutdown", "maintenance_nodes"})
"""Tasks that everything has to do with."""
_UNSEEN: Final = TRACES | Flag.ALWAYS
"""Flags that no other action is asked about for."""
_NUMBER: Final = attrgetter("id")


def _around(action: Action) -> Iterable[Action]:
    yield from (edge.action for edge in action.before)
    yield from action.after


class Shared:
    """Replaces actions of a whole by those of a part.

    ``gone``: the actions that go; ``come``: those that take their places; ``twins``: of the part's other actions, the
    one of the whole that each stands for.
    """

    def __init__(self, whole: Cluster, part: Cluster, old: Iterable[Resource], new: Iterable[Resource]) -> None:
        self._whole = whole
        self._part = part
        self.gone = {action for rsc in old for action in rsc.actions}
        self.come = {action for rsc in new for action in rsc.actions}
        self.twins: dict[Action, Action] = {}

    def pair_resources(self, stays: Iterable[tuple[Resource, Resource]]) -> bool:
        """Pair the actions of resources that stay, each given with what the part made of it; false if that differs."""
        for known, rsc in stays:
            if len(known.actions) != len(rsc.actions):
                return False
            pairs = dict(zip(rsc.actions, known.actions, strict=True))
            if not all(alike(kept, other) for other, kept in pairs.items()):
                return False
            self.twins |= pairs
        inside, inside_part = set(self.twins.values()), self.twins.keys()
        return not any(
            self.was_changed(kept, other)
            for other, kept in self.twins.items()
            if not (inside.issuperset(_around(kept)) and inside_part >= set(_around(other)))
        )

    def was_changed(self, kept: Action, other: Action) -> bool:
        """Whether orders changed an action, or what comes before it because of it.

        Then what is said of others, the part's and the rest's, hangs on which one was the first to do so.
        """
        for cluster, action in ((self._whole, kept), (self._part, other)):
            before = cluster.flags_before.get(action, action.flags)
            if action in cluster.pulling or (before ^ action.flags) & ~_UNSEEN:
                return True
        return False

    def pair_milestones(self) -> bool:
        """Pair the actions that are nobody's; what has to do with the part alone goes with it."""
        old, new = self._whole.singletons, self._part.singletons
        gone, come = set(self.gone), set(self.come)
        for key in sorted(old.keys() | new.keys()):
            kept, other = old.get(key), new.get(key)
            if (kept is None or _only(kept, gone)) and (other is None or _only(other, come)):
                self.gone |= set() if kept is None else {kept}
                self.come |= set() if other is None else {other}
            elif kept is None:
                return False
            elif other is None:
                if kept.task in _OF_NODES or not gone.isdisjoint(_around(kept)):
                    return False
            elif not alike(kept, other) or self.was_changed(kept, other):
                return False
            else:
                kept.born = min(kept.born, other.born)  # it is born with the first who asks for it
                self.twins[other] = kept
        for key in [key for key, action in old.items() if action in self.gone]:
            del old[key]
        old.update((key, action) for key, action in new.items() if action in self.come)
        return True

    def _beyond(self, action: Action) -> tuple[set[Action], set[Action]]:
        """What stays of that which comes before an action, and after it."""
        return {edge.action for edge in action.before} - self.gone, action.after.keys() - self.gone

    def strays(self) -> bool:
        """Whether what goes has to do with something that nobody knew of."""
        shared = set(self.twins.values())
        return not all(shared.issuperset(beyond) for action in self.gone for beyond in self._beyond(action))

    def leave(self) -> None:
        """Untie what goes."""
        for action in self.gone:
            firsts, thens = self._beyond(action)
            for first in firsts:
                first.after.pop(action, None)
            for then in thens:
                then.before = [edge for edge in then.before if edge.action is not action]

    def enter(self) -> None:
        """Tie what comes."""
        for action in self.come:
            for edge in action.before:
                kept = self.twins.get(edge.action)
                if kept is not None:
                    kept.after[action] = edge.action.after.get(action, edge.type)
                    edge.action = kept
            for other in [then for then in action.after if then in self.twins]:
                self.twins[other].before += [edge for edge in other.before if edge.action is action]
                action.after[self.twins[other]] = action.after.pop(other)

    def settle(self, kept: Iterable[Synapse], part: Iterable[Synapse]) -> bool:
        """Settle what comes before what, now that all actions have their numbers; false if the graphs do not fit."""
        mine = {synapse.action: synapse for synapse in part}
        for action in self.come & mine.keys():
            inputs = mine[action].inputs
            mine[action].inputs = sorted((self.twins.get(first, first) for first in inputs), key=_NUMBER)
        theirs = {synapse.action: synapse for synapse in kept}
        for other, action in self.twins.items():
            if (action in theirs) is not (other in mine):
                return False
            action.before.sort(key=lambda edge: edge.action.id)
            if action in theirs:
                stay = [first for first in theirs[action].inputs if first not in self.gone]
                comes = [first for first in mine[other].inputs if first in self.come]
                theirs[action].inputs = sorted(stay + comes, key=_NUMBER)
        return True


def _only(action: Action, actions: set[Action]) -> bool:
    """Whether an action has to do with these alone, and with one of them at least."""
    around = list(_around(action))
    return action.task not in _OF_NODES and bool(around) and actions.issuperset(around)
