"""Where in the CIB something is said: the ids of settings, attributes, constraints and failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.cib.options import option_names
from hacluster.cib.records import OpRecord
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

_CONSTRAINTS: Final = ("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket")


def find(cluster: Cluster, ident: str) -> XML | None:
    """The element of the configuration with that id."""
    return next((entry for entry in cluster.document.root.iter(etree.Element) if entry.get("id") == ident), None)


def constraint_of(cluster: Cluster, ident: str) -> XML | None:
    """The constraint with that id, or the one that the rule or set with that id is part of."""
    element = find(cluster, ident)
    while element is not None and element.tag not in _CONSTRAINTS:
        element = element.getparent()
    return element


def _named(parent: XML | None, name: str, value: str | None) -> str | None:
    for pair in parent.iter("nvpair") if parent is not None else ():
        if pair.get("name") == name and (value is None or pair.get("value") == value):
            return pair.get("id")
    return None


def _own_sets(element: XML) -> Iterator[XML]:
    """The sets of a resource itself, not of what is in it."""
    for child in element:
        if child.tag in ("meta_attributes", "instance_attributes", "utilization"):
            yield child


def meta_id(rsc: Resource, name: str) -> str | None:
    """The id of the nvpair that gives a resource this meta-attribute: its own, its parents', or the defaults'."""
    value, entry = rsc.meta.get(name), rsc
    while True:
        for part in _own_sets(entry.xml):
            ident = _named(part, name, value)
            if ident is not None:
                return ident
            ref = part.get("id-ref")
            if ref is not None:
                ident = _named(rsc.cluster.document.expand(part), name, value)
                if ident is not None:
                    return ident
        if entry.parent is None:
            return _named(rsc.cluster.rsc_defaults, name, value)
        entry = entry.parent


def option_id(cluster: Cluster, name: str) -> str:
    """The id of the nvpair that sets a cluster option; the option's own name when it has its default value."""
    section = cluster.document.section("crm_config")
    return next((ident for word in option_names(name) if (ident := _named(section, word, None))), name)


def node_attribute_id(cluster: Cluster, node: Node, name: str) -> str | None:
    """The id of the nvpair that gives a node this attribute, permanent or transient."""
    value = node.attrs.get(name)
    state = cluster.document.status.by_uname(node.name)
    if state is not None:
        ident = _named(state.transient, name, value)
        if ident is not None:
            return ident
    section = cluster.document.section("nodes")
    for element in section if section is not None else ():
        if element.get("uname") == node.name:
            return _named(element, name, value)
    return None


def operation(cluster: Cluster, node: str, ident: str) -> OpRecord | None:
    """The record of an operation on a node."""
    state = cluster.document.status.by_uname(node)
    for history in state.histories if state is not None else ():
        for op in history.ops:
            if op.id == ident:
                return op
    return None


def failcount_attributes(rsc: Resource, node: Node) -> list[tuple[str, str]]:
    """Names and values of the fail counts of a resource on a node."""
    prefix = f"fail-count-{rsc.xml_id}"
    return [
        (name, value)
        for name, value in sorted(node.attrs.items())
        if name == prefix or name.startswith((f"{prefix}#", f"{prefix}:"))
    ]
