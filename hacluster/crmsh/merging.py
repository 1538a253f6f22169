"""Two people's changes of one configuration: put together where they are about different objects, refused where not.

What is compared are objects (a resource with all that is in it, a constraint, a node, a set of options), as they were
when this copy was taken, as they are here, and as they are in the cluster now.
"""

from __future__ import annotations

import copy

from lxml import etree

from hacluster.cib.document import XML
from hacluster.cib.unconfirmed import canonical, parts


def alike(one: XML, other: XML) -> bool:
    """Whether two configurations are the same, order counted."""
    return canonical(one) == canonical(other)


def together(base: XML, mine: XML, theirs: XML) -> tuple[XML, list[str]]:
    """The configuration with both changes, and what both changed (then it must not be used)."""
    before, here, there = parts(base), parts(mine), parts(theirs)
    result = copy.deepcopy(theirs)
    into = parts(result)
    clashes: list[str] = []
    for key in [*before, *(key for key in here if key not in before)]:
        own, old, other = canonical(here.get(key)), canonical(before.get(key)), canonical(there.get(key))
        if own in (old, other):
            continue
        if other != old:
            clashes.append(key[2])
            continue
        at, new = into.get(key), here.get(key)
        parent = at.getparent() if at is not None else None
        if at is not None and parent is not None and new is not None:
            parent.replace(at, copy.deepcopy(new))
        elif at is not None and parent is not None:
            parent.remove(at)
        elif new is not None:
            section = result.find(key[0])
            if section is None:
                section = etree.SubElement(result, key[0])
            section.append(copy.deepcopy(new))
    ids = [str(one.get("id")) for one in result.iter("*") if one.get("id") and one.tag not in _REFERENCES]
    clashes += sorted({id_ for id_ in ids if ids.count(id_) > 1} - set(clashes)) if len(ids) != len(set(ids)) else []
    return result, clashes


_REFERENCES = frozenset({"resource_ref", "obj_ref", "role", "role_ref"})
