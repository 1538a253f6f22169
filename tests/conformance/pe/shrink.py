"""Making a CIB smaller, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

_SECTIONS: Final = ("configuration", "crm_config", "nodes", "resources", "constraints", "status")
_NEEDED: Final = ("id", "name", "value", "uname", "operation", "operation_key")
_RESOURCES: Final = ("primitive", "group", "clone", "bundle", "template")


def _candidates(root: etree._Element) -> Iterator[tuple[etree._Element, str | None]]:
    """Elements that may be left out, big ones first, and attributes."""
    elements = [item for item in root.iter() if isinstance(item.tag, str) and item is not root]
    for item in sorted(elements, key=lambda found: -sum(1 for _ in found.iter())):
        if item.tag not in _SECTIONS:
            yield item, None
    for item in elements:
        for name in item.attrib:
            if name not in _NEEDED:
                yield item, name


def _drop_constraints(root: etree._Element, gone: set[str | None]) -> None:
    """Leave out what names a resource that is not there any more."""
    for other in root.xpath("//*[@rsc or @first or @then] | //resource_ref"):
        names = {other.get(key) for key in ("rsc", "with-rsc", "first", "then")}
        if other.tag == "resource_ref":
            names = {other.get("id")}
        if names & gone:
            other.getparent().remove(other)


def without(cib: bytes, number: int) -> bytes | None:
    """The CIB without its ``number``-th part; None if it has not so many."""
    root = etree.fromstring(cib)
    for index, (item, name) in enumerate(_candidates(root)):
        if index < number:
            continue
        if name is not None:
            del item.attrib[name]
            return etree.tostring(root, pretty_print=True)
        if item.tag in _RESOURCES:
            _drop_constraints(root, {found.get("id") for found in item.iter(*_RESOURCES)})
        elif item.tag == "node":
            for other in root.xpath("//rsc_location[@node=$name]", name=item.get("uname")):
                other.getparent().remove(other)
        parent = item.getparent()
        if parent is not None:
            parent.remove(item)
        return etree.tostring(root, pretty_print=True)
    return None
