"""Ordering constraints."""

from __future__ import annotations

from enum import IntEnum
from itertools import pairwise
from typing import Final

from hacluster.base.values import is_true, min_int, truth
from hacluster.cib.document import XML
from hacluster.pe.model.action import Flag, Order, op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.fence import pseudo_action
from hacluster.pe.operation.orderings import new_ordering, order_before_task, order_tasks
from hacluster.pe.unpack.colocations import instance_of
from hacluster.pe.unpack.sets import ResourceSet, as_set, read_sets


class Strength(IntEnum):
    """``kind`` of an order."""

    OPTIONAL = 0
    MANDATORY = 1
    SERIALIZE = 2


class Symmetry(IntEnum):
    """Whether an order also holds backwards, and whether this is that direction."""

    ASYMMETRIC = 0
    SYMMETRIC = 1
    INVERSE = 2


_INVERSE: Final = {
    "start": "stop", "promote": "demote", "promoted": "demoted", "running": "stopped",
    "stop": "start", "demote": "promote", "demoted": "promoted", "stopped": "running",
}  # fmt: skip
_KINDS: Final = {kind.name.lower(): kind for kind in Strength}


class _DanglingError(Exception):
    """A set names what is not there."""


def _strength(cluster: Cluster, attrs: dict[str, str]) -> Strength:
    kind = attrs.get("kind")
    if kind is not None:
        return _KINDS.get(kind.lower(), Strength.MANDATORY)
    score = attrs.get("score")
    return Strength.OPTIONAL if score is not None and cluster.score_of(score) == 0 else Strength.MANDATORY


def _symmetry(cluster: Cluster, attrs: dict[str, str], outer: Strength, outer_symmetrical: str | None) -> Symmetry:
    strength = _strength(cluster, attrs) if "kind" in attrs or "score" in attrs else outer
    symmetrical = truth(attrs.get("symmetrical"))
    if symmetrical is None and outer_symmetrical is not None:
        symmetrical = is_true(outer_symmetrical)
    if symmetrical is None:
        return Symmetry.ASYMMETRIC if strength is Strength.SERIALIZE else Symmetry.SYMMETRIC
    return Symmetry.SYMMETRIC if symmetrical and strength is not Strength.SERIALIZE else Symmetry.ASYMMETRIC


def _flags(strength: Strength, first_task: str | None, symmetry: Symmetry) -> int:
    if strength is Strength.SERIALIZE:
        return Order.SERIALIZE
    if strength is Strength.OPTIONAL:
        return Order.OPTIONAL
    if symmetry is Symmetry.ASYMMETRIC:
        return Order.OPTIONAL | Order.ASYMMETRICAL
    if symmetry is Symmetry.INVERSE:
        return Order.OPTIONAL | Order.IMPLIES_FIRST
    runnable = Order.RUNNABLE_LEFT if first_task in ("start", "promote") else 0
    return Order.OPTIONAL | Order.IMPLIES_THEN | runnable


def _attributes(xml: XML) -> dict[str, str]:
    return {str(name): str(value) for name, value in xml.attrib.items()}


def _minimum_instances(first: Resource, attrs: dict[str, str]) -> int:
    """How many instances of a clone are enough; 0 for all."""
    if not first.is_clone:
        return 0
    clone_min = first.meta.get("clone-min")
    if clone_min is not None:
        return min_int(clone_min, 0)
    return 1 if "require-all" in attrs and not is_true(attrs["require-all"]) else 0


def _simple(cluster: Cluster, xml: XML) -> None:
    attrs, ident = _attributes(xml), xml.get("id", "")
    first_rsc, then_rsc = cluster.constraint_resource(xml.get("first")), cluster.constraint_resource(xml.get("then"))
    first = None if first_rsc is None else instance_of(first_rsc, xml.get("first-instance"))
    then = None if then_rsc is None else instance_of(then_rsc, xml.get("then-instance"))
    if first is None or then is None:
        return
    first_task = attrs.get("first-action", "start")
    then_task = attrs.get("then-action", first_task)
    strength = _strength(cluster, attrs)
    symmetry = _symmetry(cluster, attrs, strength, None)
    flags = _flags(strength, first_task, symmetry)
    enough = _minimum_instances(first, attrs)
    if enough > 0:
        met = pseudo_action(cluster, f"clone-one-or-more:{ident}")
        met.required_runnable = enough
        met.set(Flag.REQUIRES_ANY)
        for child in first.instances:
            new_ordering(child, op_key(child.id, first_task), met, None, Order.ONE_OR_MORE | Order.THEN_PRINTED)
        order_before_task(met, then, then_task, flags | Order.RUNNABLE_LEFT)
    else:
        order_tasks(first, first_task, then, then_task, flags)
    if symmetry is Symmetry.SYMMETRIC and first_task in _INVERSE and then_task in _INVERSE:
        flags = _flags(strength, _INVERSE[first_task], Symmetry.INVERSE)
        order_tasks(then, _INVERSE[then_task], first, _INVERSE[first_task], flags)


class _Reader:
    def __init__(self, cluster: Cluster, ident: str, strength: Strength, symmetrical: str | None) -> None:
        self.cluster = cluster
        self.ident = ident
        self.strength = strength
        self.symmetrical = symmetrical

    def find(self, ref: str) -> Resource:
        rsc = self.cluster.constraint_resource(ref)
        if rsc is None:
            raise _DanglingError(ref)
        return rsc

    def inside(self, entry: ResourceSet) -> None:
        """The members of one set, one after the other."""
        task = entry.attrs.get("action", "start")
        strength = _strength(self.cluster, entry.attrs) if "kind" in entry.attrs else self.strength
        sequential = is_true(entry.attrs.get("sequential", "1"))
        symmetry = _symmetry(self.cluster, entry.attrs, self.strength, self.symmetrical)
        resources = [self.find(ref) for ref in entry.refs]
        if len(resources) < 2:
            return
        flags = _flags(strength, task, symmetry)
        if strength is Strength.SERIALIZE:
            for position, rsc in enumerate(resources):
                for other in resources[position + 1 :]:
                    order_tasks(rsc, task, other, task, flags)
        elif sequential:
            for rsc, other in pairwise(resources):
                order_tasks(rsc, task, other, task, flags)
        inverse = _INVERSE.get(task)
        if symmetry is Symmetry.ASYMMETRIC or not sequential or inverse is None:
            return
        flags = _flags(strength, inverse, Symmetry.INVERSE)
        for rsc, other in pairwise(resources):
            order_tasks(other, inverse, rsc, inverse, flags)

    def _any_of(self, one: ResourceSet, first_task: str, other: ResourceSet, then_task: str, flags: int) -> None:
        met = pseudo_action(self.cluster, f"one-or-more:{one.id}")
        met.set(Flag.REQUIRES_ANY)
        for ref in one.refs:
            rsc = self.find(ref)
            new_ordering(rsc, op_key(rsc.id, first_task), met, None, Order.ONE_OR_MORE | Order.THEN_PRINTED)
        for ref in other.refs:
            order_before_task(met, self.find(ref), then_task, flags | Order.RUNNABLE_LEFT)

    def between(self, one: ResourceSet, other: ResourceSet, symmetry: Symmetry) -> None:
        """One set before another."""
        tasks: list[str | None] = [one.attrs.get("action", "start"), other.attrs.get("action", "start")]
        inverse = symmetry is Symmetry.INVERSE
        if inverse:
            tasks = [_INVERSE.get(task or "") for task in tasks]
        first_task, then_task = tasks
        if first_task is None or then_task is None:
            return
        flags = _flags(self.strength, first_task, symmetry)
        if one.flag("require-all") is False and first_task not in ("stop", "demote"):
            self._any_of(one, first_task, other, then_task, flags)
            return
        firsts, thens = one.refs, other.refs
        if one.flag("sequential"):
            firsts = firsts[:1] if inverse else firsts[-1:]
        if other.flag("sequential"):
            thens = thens[-1:] if inverse else thens[:1]
        for ref in firsts:
            rsc = self.find(ref)
            for then in thens:
                order_tasks(rsc, first_task, self.find(then), then_task, flags)


def _tagged(cluster: Cluster, xml: XML) -> list[ResourceSet] | None:
    """A simple constraint with a tag or template, as two sets; empty if it has none."""
    first, then = xml.get("first"), xml.get("then")
    if first is None or then is None:
        return []
    if cluster.constraint_resource(first) is not None and cluster.constraint_resource(then) is not None:
        return []
    one = as_set(cluster, first, "action", xml.get("first-action"))
    other = as_set(cluster, then, "action", xml.get("then-action"))
    return None if one is None or other is None else [one, other]


def unpack_order(cluster: Cluster, xml: XML) -> None:
    """Read an ``rsc_order``."""
    attrs = _attributes(xml)
    strength = _strength(cluster, attrs)
    symmetry = _symmetry(cluster, attrs, strength, None)
    sets = read_sets(cluster, xml)
    if sets is not None and not sets:
        sets = _tagged(cluster, xml)
    if sets is None:
        return
    if not sets:
        _simple(cluster, xml)
        return
    reader = _Reader(cluster, xml.get("id", ""), strength, attrs.get("symmetrical"))
    last: ResourceSet | None = None
    try:
        for entry in sets:
            reader.inside(entry)
            if last is not None:
                reader.between(last, entry, symmetry)
                if symmetry is Symmetry.SYMMETRIC:
                    reader.between(entry, last, Symmetry.INVERSE)
            last = entry
    except _DanglingError:
        return
