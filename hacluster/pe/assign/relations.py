"""Which colocations a resource has a part in: its own, and those of what it belongs to or is made of.

A colocation is written down once, with the resources that it names. Who asks what affects a resource walks from there:
the first member of a group stands for the group as a dependent, the last as a primary; an instance has the colocations
of its clone; of a bundle the containers have them, and what is inside once roles are given out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from hacluster.base.score import INFINITY
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import insert_this_with, insert_with_this

Entries = list[Colocation]


class _Side(NamedTuple):
    """One of the two sides of colocations: what a resource has written down, and how one more is sorted in."""

    own: Callable[[Resource], Entries]
    insert: Callable[[Entries, Colocation], None]
    dependent: bool

    def extend(self, found: Entries, more: Entries) -> None:
        """Add a resource's colocations.

        Pacemaker 3.0 adds the first of them as often as there are, unless there was nothing yet; it decides by that.
        """
        if not found:
            found.extend(more)
            return
        for _entry in more:
            self.insert(found, more[0])


_THIS_WITH: Final = _Side(lambda rsc: rsc.this_with, insert_this_with, True)
_WITH_THIS: Final = _Side(lambda rsc: rsc.with_this, insert_with_this, False)


def _of_primitive(rsc: Resource, origin: Resource, found: Entries, side: _Side) -> None:
    own = side.own(rsc)
    if rsc is origin:
        side.extend(found, own)
        if rsc.parent is not None:
            _gather(rsc.parent, origin, found, side)
        return
    for entry in own:
        if entry.explicit:
            side.insert(found, entry)


def _of_group(rsc: Resource, origin: Resource, found: Entries, side: _Side) -> None:
    if not rsc.instances:
        return
    speaker = rsc.instances[0] if side.dependent else rsc.instances[-1]
    if origin is not rsc and origin is not speaker:
        if side.dependent:
            _behind_unmanaged(rsc, origin, found)
        return
    side.extend(found, side.own(rsc))
    if rsc.parent is not None:
        _gather(rsc.parent, origin, found, side)
    if rsc.colocated:
        for member in rsc.instances:
            if member is not origin:
                _gather(member, origin, found, side)


def _behind_unmanaged(group: Resource, origin: Resource, found: Entries) -> None:
    """Members follow the first of them; behind one that is left alone they have to follow by themselves."""
    for member in group.instances:
        if member is origin:
            return
        if not member.managed:
            for entry in group.this_with:
                if entry.score == INFINITY:
                    insert_this_with(found, entry)
            return


def _of_clone(rsc: Resource, origin: Resource, found: Entries, side: _Side) -> None:
    side.extend(found, side.own(rsc))
    if rsc.parent is not None:
        _gather(rsc.parent, origin, found, side)


def _of_bundle(rsc: Resource, origin: Resource, found: Entries, side: _Side) -> None:
    if origin is not rsc and origin.replica is None:
        inside = rsc.bundle_data.child
        if inside is None or not inside.promotable or origin.top is not inside:
            return
        # What is inside has them only while it is decided which instances are promoted, and after that.
        waits = not inside.clone_data.promotion_sorted if origin is inside else origin.provisional
        if waits:
            return
    side.extend(found, side.own(rsc))


_OF: Final = {Kind.PRIMITIVE: _of_primitive, Kind.GROUP: _of_group, Kind.CLONE: _of_clone, Kind.BUNDLE: _of_bundle}


def _gather(rsc: Resource, origin: Resource, found: Entries, side: _Side) -> None:
    _OF[rsc.kind](rsc, origin, found, side)


def this_with(rsc: Resource) -> Entries:
    """The colocations that affect ``rsc`` as a dependent, the most important first. Not to be changed."""
    if rsc.parent is None and rsc.kind is not Kind.GROUP:
        return rsc.this_with
    found: Entries = []
    _gather(rsc, rsc, found, _THIS_WITH)
    return found


def with_this(rsc: Resource) -> Entries:
    """The colocations that affect ``rsc`` as a primary, the most important first. Not to be changed."""
    if rsc.parent is None and rsc.kind is not Kind.GROUP:
        return rsc.with_this
    found: Entries = []
    _gather(rsc, rsc, found, _WITH_THIS)
    return found
