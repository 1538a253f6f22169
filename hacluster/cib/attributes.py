"""Attributes in a CIB: options of the cluster, attributes of nodes, defaults, tickets' own; found, and as updates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from hacluster.cib.document import XML

OPTIONS: Final = "cib-bootstrap-options"
"""The set that options of the cluster are put into."""

_SETS: Final = {
    "crm_config": ("configuration/crm_config", "cluster_property_set"),
    "rsc_defaults": ("configuration/rsc_defaults", "meta_attributes"),
    "op_defaults": ("configuration/op_defaults", "meta_attributes"),
}
SECTIONS: Final = (*_SETS, "nodes", "status", "tickets")
"""Where attributes may stand."""


def options_xml(options: Iterable[tuple[str, str]]) -> str:
    """These cluster options as a section ``crm_config`` that can be merged into one."""
    crm_config = etree.Element("crm_config")
    pairs = etree.SubElement(crm_config, "cluster_property_set", id=OPTIONS)
    for name, value in options:
        etree.SubElement(pairs, "nvpair", id=f"{OPTIONS}-{name}", name=name, value=value)
    return etree.tostring(crm_config, encoding="unicode")


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look. ``node`` is the id of a node; ``kind`` the element of a set, if not the usual one."""

    section: str
    node: str | None = None
    kind: str = "instance_attributes"
    set_id: str | None = None

    def sets(self, root: XML) -> list[XML]:
        """The sets of attributes there."""
        match self.section:
            case "nodes":
                path = f"configuration/nodes/node[@id={_quoted(self.node)}]/{self.kind}"
            case "status":
                path = f"status/node_state[@id={_quoted(self.node)}]/transient_attributes/{self.kind}"
            case "tickets":
                path = "status/tickets/instance_attributes"
            case _:
                path = "/".join(_SETS[self.section])
        found = root.findall(path)
        return [item for item in found if self.set_id is None or item.get("id") == self.set_id]

    def default_set(self) -> str:
        """The id that a new set gets."""
        if self.section == "crm_config":
            return OPTIONS
        if self.node is None:
            return f"{self.section}-options"
        suffix = "-utilization" if self.kind == "utilization" else ""
        return f"{self.section}-{self.node}{suffix}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "''"
    return f"'{text}'" if "'" not in text else f'"{text}"'


def find_pairs(root: XML, place: Place, name: str | None = None, ident: str | None = None) -> list[XML]:
    """The ``nvpair`` elements of a name, an id, or all."""
    return [
        pair
        for group in place.sets(root)
        for pair in group.iter("nvpair")
        if (name is None or pair.get("name") == name) and (ident is None or pair.get("id") == ident)
    ]


def update_of(
    root: XML, place: Place, pair: XML | None, name: str | None, value: str, *, ident: str | None
) -> tuple[str, XML]:
    """The scope and the element that set a value: that of a pair which is there, or a new one's with what holds it."""
    if pair is not None:
        attrs = {"id": pair.get("id") or ""} | ({} if name is None else {"name": name}) | {"value": value}
        update = etree.Element("nvpair", attrs)
        return place.section if place.section != "tickets" else "status", update
    set_id = place.set_id or place.default_set()
    attrs = {"id": ident or f"{set_id}-{name}".replace(":", "."), "name": name or "", "value": value}
    nvpair = etree.Element("nvpair", attrs)
    match place.section:
        case "nodes":
            outer = [("node", place.node or ""), (place.kind, set_id)]
        case "status":
            outer = [("node_state", place.node or ""), ("transient_attributes", place.node or ""), (place.kind, set_id)]
        case "tickets":
            outer = [("tickets", ""), ("instance_attributes", set_id)]
        case _:
            outer = [(_SETS[place.section][1], set_id)]
    whole = nvpair
    for tag, found in reversed(outer):
        above = etree.Element(tag, {"id": found} if found else {})
        if tag == "node" and root.find(f"configuration/nodes/node[@id={_quoted(found)}]") is None:
            above.attrib.update({"type": "remote", "uname": found})  # guest nodes are configured by their attributes
        above.append(whole)
        whole = above
    return "status" if place.section == "tickets" else place.section, whole


def node_id(root: XML, name: str) -> str | None:
    """The id of a node that has a name: a cluster node's, or that of a remote or guest node."""
    for node in root.iterfind("configuration/nodes/node"):
        if (node.get("uname") or "").lower() == name.lower():
            return node.get("id")
    for primitive in root.iterfind("configuration/resources//primitive"):
        ident = primitive.get("id")
        if ident == name and primitive.get("provider") == "pacemaker" and primitive.get("type") == "remote":
            return ident
        for pair in primitive.iterfind("meta_attributes/nvpair[@name='remote-node']"):
            if pair.get("value") == name:
                return name
    for state in root.iterfind("status/node_state"):
        if state.get("remote_node") is not None and (state.get("uname") or "").lower() == name.lower():
            return state.get("id")
    return None
