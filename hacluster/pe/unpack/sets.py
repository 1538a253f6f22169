"""Constraints as written: sets of resources, tags and templates in place of resources."""

from __future__ import annotations

from dataclasses import dataclass, field

from hacluster.base.values import truth
from hacluster.cib.document import XML
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


def read_sets(cluster: Cluster, constraint: XML) -> list[ResourceSet] | None:
    """The resource sets of a constraint with tags and templates replaced; ``None`` if a set is not to be found."""
    found: list[ResourceSet] = []
    for child in constraint:
        if child.tag != "resource_set":
            continue
        element = cluster.document.expand(child)
        if element is None:
            return None
        refs = [ref.get("id", "") for ref in element if ref.tag == "resource_ref"]
        attrs = {str(name): str(value) for name, value in element.attrib.items()}
        found.append(ResourceSet(element.get("id", ""), refs, attrs))
    every = [ref for entry in found for ref in entry.refs]
    if all(cluster.constraint_resource(ref) is not None or members_of(cluster, ref) is not None for ref in every):
        for entry in found:
            expanded: list[str] = []
            for ref in entry.refs:
                if cluster.constraint_resource(ref) is not None:
                    expanded.append(ref)
                else:
                    expanded.extend(members_of(cluster, ref) or ())
            entry.refs = expanded
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
