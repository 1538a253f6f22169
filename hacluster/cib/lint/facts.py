"""What the checks ask again and again of one configuration: its resources, nodes, and what they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.base.values import is_true, scan_int
from hacluster.cib.document import XML
from hacluster.cib.places import place_of, short

RESOURCES: Final = ("primitive", "group", "clone", "master", "bundle")
CONSTRAINTS: Final = ("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket")
_CONTAINERS: Final = ("docker", "podman", "rkt")


class Facts:
    """One configuration."""

    def __init__(self, configuration: XML, file: str) -> None:
        self.configuration = configuration
        self.file = file

    def warn(self, element: XML, code: str, text: str, hint: str = "", severity: Severity = Severity.WARNING) -> Report:
        """A finding of ours about an element."""
        return Report(code, severity, text, place_of(element, self.file), hint, own=True)

    @cached_property
    def resources(self) -> dict[str, XML]:
        """Every resource by its id, members and bundled ones too."""
        found: dict[str, XML] = {}
        for element in self.configuration.iterfind("resources//*"):
            ident = element.get("id")
            if element.tag in RESOURCES and ident is not None:
                found.setdefault(ident, element)
        return found

    @cached_property
    def templates(self) -> dict[str, XML]:
        """Every template by its id."""
        return {str(item.get("id")): item for item in self.configuration.iterfind("resources/template")}

    @cached_property
    def tags(self) -> dict[str, list[str]]:
        """What each tag stands for."""
        return {
            str(tag.get("id")): [str(ref.get("id")) for ref in tag.iterfind("obj_ref")]
            for tag in self.configuration.iterfind("tags/tag")
        }

    def expand(self, ident: str | None) -> list[XML]:
        """The resources that a reference stands for: one, or those of a template or tag."""
        if ident is None:
            return []
        if ident in self.resources:
            return [self.resources[ident]]
        if ident in self.templates:
            return [rsc for rsc in self.resources.values() if rsc.get("template") == ident]
        return [self.resources[ref] for ref in self.tags.get(ident, ()) if ref in self.resources]

    def agent(self, primitive: XML) -> XML:
        """The element that names the agent of a primitive: itself or its template."""
        return self.templates.get(primitive.get("template", ""), primitive)

    def is_device(self, resource: XML) -> bool:
        """Whether a resource is a fencing device."""
        return (self.agent(resource).get("class") or "").lower() == "stonith"

    @cached_property
    def devices(self) -> frozenset[str]:
        """The ids of all fencing devices."""
        return frozenset(
            ident for ident, rsc in self.resources.items() if rsc.tag == "primitive" and self.is_device(rsc)
        )

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The names of all nodes in lower case: members, remote nodes, guests and replicas of bundles."""
        names = {node.get("uname") or "" for node in self.configuration.iterfind("nodes/node")}
        for ident, rsc in self.resources.items():
            if rsc.tag == "primitive" and self.agent(rsc).get("type") == "remote":
                names.add(ident)
            for pair in rsc.iterfind("meta_attributes/nvpair[@name='remote-node']"):
                names.add(pair.get("value") or "")
            if rsc.tag == "bundle":
                names.update(self._replicas(rsc))
        return frozenset(name.lower() for name in names if name)

    @staticmethod
    def _replicas(bundle: XML) -> Iterator[str]:
        box = next((child for child in bundle if child.tag in _CONTAINERS), None)
        if box is None:
            return
        count = scan_int(box.get("replicas")) or scan_int(box.get("promoted-max")) or scan_int(box.get("masters")) or 1
        for number in range(max(0, min(count, 1000))):
            yield f"{bundle.get('id')}-{number}"

    def meta(self, resource: XML, name: str) -> str | None:
        """The value of a meta-attribute that a resource has itself, or from what stands around it."""
        at: XML | None = resource
        while at is not None and at.tag in RESOURCES:
            pair = at.find(f"meta_attributes/nvpair[@name='{name}']")
            if pair is not None:
                return pair.get("value")
            at = at.getparent()
        return None

    def outermost(self, resource: XML) -> XML:
        """The resource that stands around a resource, or itself."""
        at = resource
        while True:
            parent = at.getparent()
            if parent is None or parent.tag not in RESOURCES:
                return at
            at = parent

    def is_promotable(self, resource: XML) -> bool:
        """Whether a resource has instances that can be promoted."""
        top = self.outermost(resource)
        if top.tag == "bundle":
            box = next((child for child in top if child.tag in _CONTAINERS), None)
            most = None if box is None else scan_int(box.get("promoted-max")) or scan_int(box.get("masters"))
            return bool(most) or is_true(self.meta(top, "promotable"))
        return top.tag == "master" or (top.tag == "clone" and is_true(self.meta(top, "promotable")))

    @property
    def constraints(self) -> Iterator[XML]:
        """Every constraint."""
        for element in self.configuration.iterfind("constraints/*"):
            if element.tag in CONSTRAINTS:
                yield element


def quoted(text: str | None) -> str:
    """A value as messages show it."""
    return f'"{short(text or "")}"'
