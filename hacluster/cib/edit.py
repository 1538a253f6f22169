"""Changes of a CIB by id or XPath, with the meaning that cibadmin gives them.

``create`` adds a new element, ``modify`` merges into an existing one, ``replace`` puts another in its place and
``delete`` removes it. An element is addressed by its name and id, or by an XPath that is given with the command
(Pacemaker Administration, "cibadmin"; only elements without an id, such as sections, are addressed by name alone).
"""

from __future__ import annotations

import copy
from typing import Final

from lxml import etree

from hacluster.base.errors import HaError
from hacluster.cib.document import XML

SECTIONS: Final = {
    "crm_config": "configuration",
    "rsc_defaults": "configuration",
    "op_defaults": "configuration",
    "nodes": "configuration",
    "resources": "configuration",
    "constraints": "configuration",
    "fencing-topology": "configuration",
    "acls": "configuration",
    "tags": "configuration",
    "alerts": "configuration",
    "configuration": "",
    "status": "",
}
"""Where each section stands; ``""`` is the document element."""

MAX_MATCHES: Final = 100_000
"""Most elements that one XPath may change."""


class EditError(HaError):
    """A change that cannot be made. ``code`` is ``exists``, ``missing``, ``bad-xpath`` or ``bad-section``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def _named(element: XML) -> str:
    ident = element.get("id")
    return f"<{element.tag!s}>" if ident is None else f'<{element.tag!s} id="{ident}">'


def section_of(root: XML, name: str) -> XML:
    """A section by its name, made when it is missing; ``cib`` is the whole."""
    if name == "cib":
        return root
    parent_name = SECTIONS.get(name)
    if parent_name is None:
        raise EditError("bad-section", f'"{name}" is not a section; known are cib, {", ".join(sorted(SECTIONS))}')
    parent = section_of(root, parent_name) if parent_name else root
    found = parent.find(name)
    return found if found is not None else etree.SubElement(parent, name)


def select(root: XML, xpath: str) -> list[XML]:
    """The elements that an XPath selects, or whose attributes it selects.

    Raises :class:`EditError` for what is no XPath or selects other things.
    """
    try:
        found = root.getroottree().xpath(xpath)
    except etree.XPathError as error:
        raise EditError("bad-xpath", f'"{xpath}" is not an XPath: {error}') from None
    if not isinstance(found, list) or len(found) > MAX_MATCHES:
        raise EditError("bad-xpath", f'"{xpath}" does not select elements')
    owners = (item.getparent() if isinstance(item, etree._ElementUnicodeResult) else item for item in found)  # noqa: SLF001
    return [item for item in owners if isinstance(item, etree._Element) and isinstance(item.tag, str)]  # noqa: SLF001


def find_same(scope: XML, element: XML) -> XML | None:
    """The element of the same name and id in ``scope`` or below; without an id, the child or scope of that name."""
    ident = element.get("id")
    if ident is None:
        return scope if scope.tag == element.tag else scope.find(str(element.tag))
    return next((item for item in scope.iter(str(element.tag)) if item.get("id") == ident), None)


def create(parent: XML, element: XML) -> XML:
    """Add a copy of ``element`` as the last child of ``parent``, and of what both have the parts that are new.

    A section given as a whole adds its children. Raises :class:`EditError` ``exists`` when one of them is there.
    """
    if element.get("id") is None and element.tag == parent.tag:
        for child in element:
            create(parent, child)
        return parent
    if element.get("id") is None:
        same = parent.find(str(element.tag))
        if same is not None:
            return create(same, element)
    elif find_same(parent, element) is not None:
        raise EditError("exists", f"{_named(element)} exists already")
    added = copy.deepcopy(element)
    parent.append(added)
    return added


def merge(target: XML, update: XML) -> None:
    """Set the attributes of ``update`` on ``target``, and do the same with children; new children are added."""
    for name, value in update.attrib.items():
        target.set(name, value)
    for child in [part for part in update if isinstance(part.tag, str)]:
        ident = child.get("id")
        same = next((item for item in target.iterchildren(child.tag) if item.get("id") == ident), None)
        if same is None:
            target.append(copy.deepcopy(child))
        else:
            merge(same, child)


def modify(scope: XML, element: XML, *, allow_create: bool = False) -> None:
    """Merge ``element`` into the one of the same name and id in ``scope``."""
    same = find_same(scope, element)
    if same is not None:
        merge(same, element)
    elif allow_create:
        create(scope, element)
    else:
        raise EditError("missing", f"{_named(element)} does not exist")


def replace(scope: XML, element: XML) -> None:
    """Put a copy of ``element`` in the place of the one of the same name and id in ``scope``."""
    same = find_same(scope, element)
    if same is None:
        raise EditError("missing", f"{_named(element)} does not exist")
    replace_element(same, element)


def replace_element(old: XML, new: XML) -> None:
    """Put a copy of ``new`` in the place of ``old``."""
    twin = copy.deepcopy(new)
    parent = old.getparent()
    if parent is None:
        old[:] = list(twin)
        old.attrib.clear()
        for name, value in twin.attrib.items():
            old.set(name, value)
    else:
        parent.replace(old, twin)


def delete(scope: XML, element: XML) -> bool:
    """Remove the element that has the name and all the attributes of ``element``; whether there was one."""
    wanted = {str(name): value for name, value in element.attrib.items()}
    for item in scope.iter(str(element.tag)):
        if item is not scope and all(item.get(name) == value for name, value in wanted.items()):
            remove(item)
            return True
    return False


def remove(element: XML) -> None:
    """Take an element out of its document. Raises :class:`EditError` for the document element."""
    parent = element.getparent()
    if parent is None:
        raise EditError("missing", "the whole document cannot be deleted")
    parent.remove(element)
