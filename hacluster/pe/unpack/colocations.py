"""Colocation constraints."""

from __future__ import annotations

from contextlib import suppress

from hacluster.base.values import truth
from hacluster.cib.document import XML
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import new_colocation
from hacluster.pe.unpack.sets import ResourceSet, as_set, read_sets


class _DanglingError(Exception):
    """A set names what is not there: what was read of the set, or of the pair of sets, so far holds."""


def instance_of(clone: Resource, number: str | None) -> Resource | None:
    """The numbered instance of a clone; without a number the resource itself, ``None`` if there is no such one."""
    if number is None:
        return clone
    if not clone.is_clone:
        return None
    wanted = f"{clone.clone_data.child_id}:{number}"
    return next((child for child in clone.instances if child.id == wanted), None)


class _Reader:
    def __init__(self, cluster: Cluster, ident: str, influence: str | None) -> None:
        self.cluster = cluster
        self.ident = ident
        self._influence = truth(influence)

    def find(self, ref: str) -> Resource:
        rsc = self.cluster.constraint_resource(ref)
        if rsc is None:
            raise _DanglingError(ref)
        return rsc

    def influence(self, rsc: Resource) -> bool:
        return rsc.critical if self._influence is None else self._influence

    def pair(
        self,
        ident: str,
        score: int,
        dependent: Resource,
        primary: Resource,
        roles: tuple[str | None, ...],
        *,
        critical: Resource | None = None,
    ) -> None:
        """``critical``: whose ``critical`` says whether the dependent has influence, if not its own."""
        new_colocation(
            ident,
            score,
            dependent,
            primary,
            dependent_role=roles[0],
            primary_role=roles[1],
            influence=self.influence(critical or dependent),
        )

    def inside(self, entry: ResourceSet, score: int) -> None:
        """The members of one set with one another."""
        own = entry.attrs.get("score")
        if own is not None:
            score = self.cluster.score_of(own)
        if score == 0 or entry.flag("sequential") is False:
            return
        roles = (entry.attrs.get("role"),) * 2
        if score < 0:
            for ref in entry.refs:
                rsc = self.find(ref)
                # The end is known by the name of what was found: an instance's name never ends it.
                for other in entry.refs:
                    if other.lower() == rsc.id.lower():
                        break
                    self.pair(entry.id, score, rsc, self.find(other), roles)
            return
        grouped = entry.attrs.get("ordering", "group").lower() == "group"
        last: Resource | None = None
        for ref in entry.refs:
            rsc = self.find(ref)
            if last is not None:
                dependent, primary = (rsc, last) if grouped else (last, rsc)
                # Pacemaker asks the later one, also where that is the primary.
                self.pair(entry.id, score, dependent, primary, roles, critical=rsc)
            last = rsc

    def between(self, one: ResourceSet, other: ResourceSet, score: int) -> None:
        """One set with the set after it."""
        if score == 0:
            return
        roles = (one.attrs.get("role"), other.attrs.get("role"))
        primaries = self._ends(other, -1)
        for rsc in self._ends(one, 0):
            for primary in primaries:
                self.pair(self.ident, score, rsc, primary, roles)

    def _ends(self, entry: ResourceSet, end: int) -> list[Resource]:
        """What a neighbour meets of a set: its end, or all members that there are, if they have no sequence."""
        if entry.flag("sequential") is not False:
            return [self.find(entry.refs[end])] if entry.refs else []
        found = (self.cluster.constraint_resource(ref) for ref in entry.refs)
        return [rsc for rsc in found if rsc is not None]


def _simple(cluster: Cluster, xml: XML, reader: _Reader) -> None:
    dependent = cluster.constraint_resource(xml.get("rsc"))
    primary = cluster.constraint_resource(xml.get("with-rsc"))
    if dependent is None or primary is None:
        return
    dependent = instance_of(dependent, xml.get("rsc-instance"))
    primary = instance_of(primary, xml.get("with-rsc-instance"))
    if dependent is None or primary is None:
        return
    new_colocation(
        reader.ident,
        cluster.score_of(xml.get("score")),
        dependent,
        primary,
        dependent_role=xml.get("rsc-role"),
        primary_role=xml.get("with-rsc-role"),
        attribute=xml.get("node-attribute"),
        influence=reader.influence(dependent),
    )


def _tagged(cluster: Cluster, xml: XML) -> list[ResourceSet] | None:
    """A simple constraint in which one side is a tag or template, as two sets; empty if none is."""
    dependent, primary = xml.get("rsc"), xml.get("with-rsc")
    if dependent is None or primary is None:
        return []
    found = cluster.constraint_resource(dependent), cluster.constraint_resource(primary)
    if found[0] is not None and found[1] is not None:
        return []
    one = as_set(cluster, dependent, "role", xml.get("rsc-role"))
    other = as_set(cluster, primary, "role", xml.get("with-rsc-role"))
    if one is None or other is None or (found[0] is None and found[1] is None):
        return None
    return [one, other]


def unpack_colocation(cluster: Cluster, xml: XML) -> None:
    """Read an ``rsc_colocation``."""
    reader = _Reader(cluster, xml.get("id", ""), xml.get("influence"))
    sets = read_sets(cluster, xml)
    if sets is not None and not sets:
        sets = _tagged(cluster, xml)
    if sets is None:
        return
    if not sets:
        _simple(cluster, xml, reader)
        return
    score = cluster.score_of(xml.get("score"))
    last: ResourceSet | None = None
    for entry in sets:
        with suppress(_DanglingError):
            reader.inside(entry, score)
        if last is not None:
            with suppress(_DanglingError):
                reader.between(last, entry, score)
        last = entry
