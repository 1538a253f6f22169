"""Constraints as written: sets of resources, tags and templates in place of resources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hacluster.base.values import truth
from hacluster.cib.document import XML, Document
from hacluster.pe.model.cluster import Cluster


@dataclass(slots=True)
class ResourceSet:
    """A set of resource ids with the attributes of its element."""

    id: str
    refs: list[str]
    attrs: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool | None:
        """A boolean attribute; ``None`` if it is not given."""
        return truth(self.attrs.get(name))


def members_of(cluster: Cluster, ident: str) -> list[str] | None:
    """What a tag stands for, or a template (all that use it); ``None`` if it is neither or stands for nothing."""
    if ident in cluster.templates:
        return cluster.templates[ident] or None
    return cluster.tags.get(ident)


def _resources(cluster: Cluster, refs: list[str], within: tuple[str, ...] = ()) -> list[str] | None:
    """Resources in place of tags and templates, and of the tags in them; ``None`` if one name stands for nothing."""
    found: list[str] = []
    for ref in refs:
        if cluster.constraint_resource(ref) is not None:
            found.append(ref)
            continue
        members = None if ref in within else members_of(cluster, ref)
        more = None if members is None else _resources(cluster, members, (*within, ref))
        if more is None:
            return None
        found += more
    return found


def set_elements(document: Document, constraint: XML) -> Iterator[tuple[XML | None, bool]]:
    """The sets of a constraint as Pacemaker reads them, each with whether a reference (``id-ref``) led there.

    After a set that another one is named for come those that follow the other one. ``None`` is one that is not there,
    and the last.
    """
    following, met, referred = constraint.find("resource_set"), set[XML](), False
    while following is not None and following not in met:
        met.add(following)
        element = document.expand(following)
        referred = referred or element is not following
        yield element, referred
        following = None if element is None else next(element.itersiblings("resource_set"), None)


def refs_of(element: XML) -> list[str]:
    """What a set names."""
    return [ref.get("id", "") for ref in element if ref.tag == "resource_ref"]


def read_sets(cluster: Cluster, constraint: XML) -> list[ResourceSet] | None:
    """The resource sets of a constraint with tags and templates replaced; ``None`` if it has none that is to be found.

    As in Pacemaker nothing is replaced if one of the sets names, or stands for, what is not there; nor behind a
    reference.
    """
    expanded = [_resources(cluster, refs_of(element)) for element in constraint.iterchildren("resource_set")]
    found: list[ResourceSet] = []
    for element, referred in set_elements(cluster.document, constraint):
        if element is None:
            return found or None
        refs = None if referred or None in expanded else expanded[len(found)]
        attrs = {str(name): str(value) for name, value in element.attrib.items()}
        found.append(ResourceSet(element.get("id", ""), refs_of(element) if refs is None else refs, attrs))
    return found


def as_set(cluster: Cluster, ident: str, role_name: str, role: str | None) -> ResourceSet | None:
    """What a constraint names, as a set: a tag or template as one without sequence, a resource as itself."""
    attrs = {} if role is None else {role_name: role}
    if cluster.constraint_resource(ident) is not None:
        return ResourceSet(ident, [ident], attrs)
    members = members_of(cluster, ident)
    if members is None:
        return None
    return ResourceSet(ident, list(members), attrs | {"sequential": "false"})
