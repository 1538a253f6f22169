"""XML of a CIB as text: read leniently (a fragment, with comments), written as Pacemaker's tools write it."""

from __future__ import annotations

import copy

from lxml import etree

from hacluster.cib.document import XML

_INVALID = "not well-formed XML"


def read_markup(data: bytes) -> XML | None:
    """An element from text; ``None`` for what is not XML. White space between elements is dropped, comments stay.

    Nothing is fetched, and a document type is refused as no XML at all.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_blank_text=True, remove_pis=True, huge_tree=True, load_dtd=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root.getroottree().docinfo.internalDTD is not None else root


def show_markup(element: XML) -> str:
    """An element as indented text with a newline at its end."""
    if element.getparent() is not None or element.tail is not None:
        element = copy.deepcopy(element)
        element.tail = None
    _drop_blanks(element)
    return etree.tostring(element, pretty_print=True, encoding="unicode")


def flat_markup(element: XML) -> str:
    """An element as text in one line, as the digest of a file sees it."""
    if element.getparent() is not None or element.tail is not None:
        element = copy.deepcopy(element)
        element.tail = None
    return etree.tostring(element, encoding="unicode")


def _drop_blanks(root: XML) -> None:
    """White space of other trees that elements came from would break the indentation."""
    for element in root.iter():
        if element.text is not None and not element.text.strip() and isinstance(element.tag, str):
            element.text = None
        if element.tail is not None and not element.tail.strip():
            element.tail = None


def attributes(element: XML) -> dict[str, str]:
    """The attributes as a dictionary of texts."""
    return {str(name): str(value) for name, value in element.attrib.items()}


def shallow(element: XML) -> XML:
    """A copy without what is inside."""
    twin = etree.Element(element.tag, attributes(element))
    twin.text = None
    return twin
