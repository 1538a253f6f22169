"""What is tied to a resource: constraints and tags that name it, and how they follow when it moves, goes or is renamed.

A constraint about something that is put into a container is about the container from then on; one about a container
that is taken away is about its first member; one that is left with nothing to say goes (crmsh's habits).
"""

from __future__ import annotations

from collections.abc import Iterator

from hacluster.cib.document import XML
from hacluster.crmsh.kinds import BY_TAG

REFERENCES = ("rsc", "with-rsc", "first", "then")
_ALONE = frozenset({"rsc_location", "rsc_ticket"})
_TRUE = frozenset({"yes", "true", "on", "1"})


def word_of(element: XML) -> str:
    """``location:ID``, as objects are named in messages."""
    kind = BY_TAG.get(str(element.tag))
    return f"{kind.word if kind else element.tag}:{element.get('id')}"


def about(root: XML, id_: str) -> Iterator[XML]:
    """The constraints that name a resource."""
    for constraint in list(root.iterfind("constraints/*")):
        named = any(constraint.get(name) == id_ for name in REFERENCES)
        if named or any(one.get("id") == id_ for one in constraint.iterfind("resource_set/resource_ref")):
            yield constraint


def tagging(root: XML, id_: str) -> Iterator[XML]:
    """The references of tags to an object."""
    for reference in list(root.iterfind("tags/tag/obj_ref")):
        if reference.get("id") == id_:
            yield reference


def rename(constraint: XML, old: str, new: str) -> bool:
    """Let a constraint name another resource; whether it had named the old one."""
    found = False
    for name in REFERENCES:
        if constraint.get(name) == old:
            constraint.set(name, new)
            found = True
    if found:
        return True
    seen: set[str] = set()
    for reference in list(constraint.iterfind("resource_set/resource_ref")):
        if reference.get("id") == old:
            reference.set("id", new)
            found = True
        if str(reference.get("id")) in seen:
            _take_out(reference)
        seen.add(str(reference.get("id")))
    if found and len(seen) == 2:
        simplify(constraint)
    return found


def drop(constraint: XML, id_: str) -> bool:
    """Take a resource out of a constraint; whether it was in it."""
    found = False
    for name in REFERENCES:
        if constraint.get(name) == id_:
            del constraint.attrib[name]
            found = True
    if found:
        return True
    for reference in list(constraint.iterfind("resource_set/resource_ref")):
        if reference.get("id") == id_:
            _take_out(reference)
            found = True
    parallel, left = False, 0
    for inside in constraint.findall("resource_set"):
        members = len(inside.findall("resource_ref"))
        if not members:
            _take_out(inside)
            found = True
        elif (inside.get("sequential") or "true").lower() not in _TRUE and members > 1:
            parallel = True
        left += members
    if not parallel and left == 2:
        simplify(constraint)
    return found


def simplify(constraint: XML) -> None:
    """Two resources that are left in sets are told without sets, where the constraint has words for it."""
    left = constraint.findall("resource_set/resource_ref")
    names = {"rsc_order": ("first", "then"), "rsc_colocation": ("rsc", "with-rsc")}.get(str(constraint.tag))
    if len(left) != 2 or names is None:
        return
    sets = constraint.findall("resource_set")
    if str(constraint.tag) == "rsc_colocation" and len(sets) == 1:
        left.reverse()  # within a set the later one is with the earlier one
    for name, reference in zip(names, left, strict=True):
        around = reference.getparent()
        constraint.set(name, str(reference.get("id")))
        suffix = "action" if str(constraint.tag) == "rsc_order" else "role"
        value = None if around is None else around.get(suffix)
        if value is not None:
            constraint.set(f"{name}-{suffix}", value)
    for inside in sets:
        _take_out(inside)


def pointless(constraint: XML, id_: str) -> bool:
    """Whether a constraint has nothing to say any more, or ties a resource to itself."""
    members = constraint.findall("resource_set/resource_ref")
    alone = str(constraint.tag) in _ALONE
    if members:
        return len(members) < (1 if alone else 2)
    named = [constraint.get(name) for name in REFERENCES if name in constraint.attrib]
    if alone:
        return not named and "rsc-pattern" not in constraint.attrib
    return len(named) < 2 or named.count(id_) == 2


def _take_out(element: XML) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)
