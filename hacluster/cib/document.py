"""The CIB document: version, configuration tree and status records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from lxml import etree

from hacluster.base.errors import ConfigError
from hacluster.base.report import Place, Report, Severity
from hacluster.cib.reader import DepthError, DoctypeError, Reader, read_status
from hacluster.cib.records import Status

MAX_CIB_BYTES: Final = 1 << 30
"""Largest CIB that is read."""

MAX_DEPTH: Final = 200
"""Deepest nesting of elements; a real CIB has about 15 levels."""

XML = etree._Element  # noqa: SLF001 - lxml has no public name for the type of an element


_RESOURCES: Final = frozenset({"primitive", "group", "clone", "master", "bundle", "template"})


def own_tree(element: XML) -> XML:
    """What an element is looked at in: the resource that it is of, or the CIB."""
    parent = element.getparent()
    while parent is not None and element.tag not in _RESOURCES:
        element, parent = parent, parent.getparent()
    return element


def expand_within(tree: XML, element: XML) -> XML | None:
    """The element itself, or the one that its ``id-ref`` points to in a tree (``None`` if not unique)."""
    ref = element.get("id-ref")
    if ref is None:
        return element
    found = [entry for entry in tree.iter(element.tag) if entry.get("id") == ref]
    return found[0] if len(found) == 1 else None


@dataclass(slots=True)
class Document:
    """One CIB. ``root`` keeps everything but the status section; ``status`` is that section as records."""

    root: XML
    status: Status
    _ids: dict[tuple[str, str], list[XML]] | None = field(default=None, repr=False)

    def section(self, name: str) -> XML | None:
        """A section of the configuration (``resources``, ``nodes``, …), ``None`` when it is missing."""
        return self.root.find(f"configuration/{name}")

    def entries(self, name: str) -> Iterable[tuple[int, XML]]:
        """The elements of a section of the configuration that count, each with its place in the section."""
        section = self.section(name)
        return enumerate(() if section is None else section)

    def attribute(self, name: str) -> str | None:
        """An attribute of the ``cib`` element."""
        return self.root.get(name)

    def expand(self, element: XML) -> XML | None:
        """The element itself, or the one of the same name that its ``id-ref`` points to (``None`` if not unique)."""
        ref = element.get("id-ref")
        if ref is None:
            return element
        if self._ids is None:
            self._ids = {}
            for node in self.root.iter(etree.Element):
                ident = node.get("id")
                if ident is not None:
                    self._ids.setdefault((str(node.tag), ident), []).append(node)
        found = self._ids.get((str(element.tag), ref), [])
        return found[0] if len(found) == 1 else None


def _broken(file: str, text: str, line: int | None = None, hint: str = "") -> ConfigError:
    return ConfigError([Report("broken-xml", Severity.ERROR, text, Place(file, line), hint)])


def _doctype(file: str) -> ConfigError:
    return _broken(
        file, "the file has a document type declaration", None, "remove <!DOCTYPE …>, a CIB needs no entities"
    )


def parse_tree(data: bytes, file: str = "cib.xml") -> XML:
    """The document element of a CIB, whole. Raises :class:`ConfigError` with the place of the fault when it is none.

    A file from anywhere can be read safely: nothing is fetched, and a document type, the home of entities, is refused.
    """
    if len(data) > MAX_CIB_BYTES:
        raise _broken(file, f"the file has {len(data)} bytes, more than {MAX_CIB_BYTES}")
    if b"<!DOCTYPE" in data[: data.find(b"<cib") + 1] or b"<!ENTITY" in data:
        raise _doctype(file)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, huge_tree=True, load_dtd=False
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise _broken(file, error.msg or "not well-formed XML", error.lineno) from None
    if root.tag != "cib":
        raise _broken(file, f"the document element is <{root.tag!s}>, not <cib>", 1)
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype(file)
    if root.xpath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")"):
        raise _broken(file, f"elements are nested more than {MAX_DEPTH} deep")
    return root


def document_of(root: XML) -> Document:
    """The document of a tree, which loses its status section to the records."""
    status = root.find("status")
    if status is None:
        return Document(root, Status())
    root.remove(status)
    return Document(root, read_status(status))


def parse_document(data: bytes, file: str = "cib.xml") -> Document:
    """Read a CIB in one pass. Raises :class:`ConfigError` as :func:`parse_tree` does, for the same reasons."""
    if len(data) > MAX_CIB_BYTES:
        raise _broken(file, f"the file has {len(data)} bytes, more than {MAX_CIB_BYTES}")
    if not data:
        raise _broken(file, "the file is empty")
    reader = Reader(MAX_DEPTH)
    try:
        reader.read(data)
    except expat.ExpatError as error:
        raise _broken(file, expat.ErrorString(error.code) or "not well-formed XML", error.lineno) from None
    except DoctypeError:
        raise _doctype(file) from None
    except (DepthError, ValueError, LookupError) as error:
        raise _broken(file, str(error), reader.line) from None
    root = reader.root
    if root is None or root.tag != "cib":
        raise _broken(file, f"the document element is <{'' if root is None else root.tag!s}>, not <cib>", 1)
    return Document(root, reader.status)
