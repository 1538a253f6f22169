"""Probes come before what depends on knowing where things are."""

from __future__ import annotations

from typing import Final

from hacluster.base.values import is_true
from hacluster.pe.assign.instances import find_compatible
from hacluster.pe.model.action import Action, Order, find_keyed, order, resource_actions
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Ordering
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.resource import Resource


def _needed_before(probe: Action, then: Action) -> bool:
    """A probe need not wait for, nor precede, the unfencing of its own node or the shutdown of another."""
    if probe.node is None or then.node is None:
        return True
    if then.task == "stonith" and probe.node is then.node:
        return then.meta.get("stonith_action") != "on"
    return not (then.task == "do_shutdown" and probe.node is not then.node)


def _first_is_stop(entry: Ordering) -> bool:
    if entry.first is not None:
        return entry.first.task == "stop"
    return entry.first_key is not None and entry.first_key.endswith("_stop_0")


def _then_is_stop(entry: Ordering) -> bool:
    if entry.then is not None:
        return entry.then.task == "stop"
    return entry.then_key is not None and entry.then_key.endswith("_stop_0")


def _order_for_stop(entry: Ordering) -> None:
    """What waits for a stop waits for the probes that may find that a stop is needed."""
    rsc = entry.first_rsc
    if entry.flags == Order.NONE or rsc is None or rsc is entry.then_rsc or not _first_is_stop(entry):
        return
    if entry.then is None and entry.then_key is None:
        return
    if entry.then_rsc is not None and rsc.container is entry.then_rsc and _then_is_stop(entry):
        return
    flags = Order.OPTIONAL | (entry.flags & (Order.FIRST_NON_MIGRATABLE | Order.SAME_NODE))
    if entry.flags in (Order.ANTI_COLOCATION, Order.LOAD):
        flags = entry.flags
    probes = resource_actions(rsc, None, "monitor", False)
    if not probes:
        return
    if entry.then is not None:
        thens = [entry.then]
    elif entry.then_rsc is not None and entry.then_key is not None:
        thens = find_keyed(entry.then_rsc, entry.then_key, None)
    else:
        thens = []
    for probe in probes:
        for then in thens:
            if _needed_before(probe, then):
                order(probe, then, flags)


_UNDO: Final = {"start": "stop", "promote": "demote"}


class _Restarts:
    """Finds the stops and demotes that the result of a resource's probes could make necessary.

    They are the same for its probes on all nodes: following the edges once per resource keeps long chains of orders
    from being followed once per resource and node. ``barren`` are actions from which nothing is found, whoever is
    probed: of a chain that is not running, each link is followed once and not once per resource before it.
    """

    def __init__(self, probed: Resource, barren: set[Action]) -> None:
        self._probed = probed
        self._barren = barren
        self._seen: set[Action] = set()
        self._depends = False  # on what is probed, and not only on where the edges lead
        self.found: list[Action] = []

    def search(self, after: Action) -> list[Action]:
        """What is found along the edges from ``after``."""
        self.follow(after)
        if not self.found and not self._depends:
            self._barren |= self._seen
        return self.found

    def follow(self, after: Action) -> None:
        """Go along the edges from ``after``."""
        if after in self._seen or after in self._barren:
            return
        self._seen.add(after)
        probed, rsc = self._probed, after.rsc
        if rsc is not None and rsc.kind is Kind.PRIMITIVE:
            self._find_down(after, rsc)
        elif rsc is not None:
            self._depends = True
        interleave, compatible = False, None
        if rsc is not None and rsc.kind > Kind.GROUP:
            interleave = is_true(rsc.meta.get("interleave"))
            if interleave:
                compatible = find_compatible(probed, rsc, Role.UNKNOWN, 0)
        for then, kind in reversed(after.after.items()):
            if kind & Order.IMPLIES_THEN or self._member_follows(after, then, interleave, compatible):
                self.follow(then)

    def _find_down(self, after: Action, rsc: Resource) -> None:
        task = _UNDO.get(after.task)
        if task is None:
            return
        found = [then for then in resource_actions(rsc, None, task, False) if not then.pseudo]
        if rsc is not self._probed:
            self.found += found
        elif found:
            self._depends = True

    def _member_follows(self, after: Action, then: Action, interleave: bool, compatible: Resource | None) -> bool:
        """From a collection's milestone on to its own members."""
        rsc, member = after.rsc, then.rsc
        if (
            rsc is None
            or rsc.kind < Kind.GROUP
            or self._probed.parent is rsc
            or member is None
            or member.kind > Kind.GROUP
            or rsc is not member.parent
        ):
            return False
        return not (rsc.kind > Kind.GROUP and interleave and compatible is not member)


def _keep_instances_down(probe: Action, start: Action, kind: int) -> None:
    """A node that cannot be asked must not lead to too many instances: none is started that is not up already.

    Those that are up are left alone, so that the start of the clone as a whole does not wait for that.
    """
    clone = start.rsc
    if clone is None or clone.kind <= Kind.GROUP or probe.can_run or kind & Order.RUNNABLE_LEFT:
        return
    if probe.rsc is None or probe.rsc.top is not clone or start.task != "start":
        return
    for then in reversed(list(start.after)):
        if then.rsc is not None and not then.rsc.active_on and then.rsc.top is clone and then.task == "start":
            order(probe, then, Order.OPTIONAL | Order.RUNNABLE_LEFT)


def _order_restarts(top: Resource, barren: set[Action]) -> None:
    for rsc in top.walk():
        if rsc.kind is not Kind.PRIMITIVE:
            continue
        known: dict[Action, list[Action]] = {}
        for probe in resource_actions(rsc, None, "monitor", False):
            if probe.task != "monitor":
                continue
            for after, kind in reversed(list(probe.after.items())):
                _keep_instances_down(probe, after, kind)
                found = known.get(after)
                if found is None:
                    found = known[after] = _Restarts(rsc, barren).search(after)
                for then in found:
                    order(probe, then, Order.OPTIONAL)


def order_probes(cluster: Cluster) -> None:
    """Order probes before everything that needs to know their results."""
    barren: set[Action] = set()
    for rsc in cluster.resources:
        _order_restarts(rsc, barren)
    for entry in cluster.orderings:
        _order_for_stop(entry)
