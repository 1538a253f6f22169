"""Reading a CIB in one pass: the configuration becomes a tree, the status section becomes records.

The status section is by far the largest part of a busy cluster's CIB. It is never a tree: each operation goes from the
parser's attributes straight into its record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from xml.parsers import expat

from lxml import etree

from hacluster.cib.records import History, NodeState, Status, read_op

_Attrs = dict[str, str]
_Start = Callable[[str, _Attrs], None]
_End = Callable[[str], None]
_ANY_DEPTH: Final = 1 << 16


class DoctypeError(Exception):
    """The document has a document type, the home of entities."""


class DepthError(Exception):
    """Elements are nested too deep."""


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name


def _clark_all(attrs: _Attrs) -> _Attrs:
    return {_clark(key): value for key, value in attrs.items()}


class Reader:
    """Takes the parser's events; ``root`` and ``status`` are there at the end."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self.root: etree._Element | None = None
        self.status = Status()
        self._open: list[etree._Element] = []
        self._depth = 0
        self._path: list[str] = []  # the elements of the status section that are open and have no tree
        self._skipping = 0  # the depth of an unknown element of the status section; 0 is none
        self._level = 0  # how many elements are open inside ``lrm_resources``
        self._history: History | None = None
        texts: dict[str, str] = {}
        self._share: Callable[[str, str], str] = texts.setdefault
        self._has_status = False
        parser = self._parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        self._start: _Start
        self._end: _End
        self._switch(self._start_element, self._end_element, self._text)
        parser.StartDoctypeDeclHandler = self._doctype

    def read(self, data: bytes) -> None:
        """Read the whole document. Raises :class:`xml.parsers.expat.ExpatError` and the errors of this module."""
        self._parser.Parse(data, True)

    @property
    def line(self) -> int:
        """The line that is being read."""
        return self._parser.CurrentLineNumber

    def _doctype(self, *_details: object) -> None:
        raise DoctypeError

    def take(self, element: etree._Element) -> None:
        """Read a tree instead of text."""
        self._start(str(element.tag), {str(name): str(value) for name, value in element.attrib.items()})
        for child in element.iterchildren(etree.Element):
            self.take(child)
        self._end(str(element.tag))

    def _start_element(self, name: str, attrs: _Attrs) -> None:
        self._depth += 1
        if self._skipping:
            return
        if self._path and len(self._open) == 1:
            self._start_record(name, attrs)
            return
        if self._depth > self._max_depth:
            raise DepthError(f"elements are nested more than {self._max_depth} deep")
        if self._depth == 2 and name == "status" and not self._has_status:
            self._has_status = True
            self._path.append(name)
            return
        if self._open:
            self._push(etree.SubElement(self._open[-1], _clark(name), _clark_all(attrs)))
            return
        self.root = etree.Element(_clark(name), _clark_all(attrs))
        self._push(self.root)

    def _push(self, element: etree._Element) -> None:
        element.sourceline = self.line  # type: ignore[assignment]  # the stubs know no setter
        self._open.append(element)

    def _start_record(self, name: str, attrs: _Attrs) -> None:
        parent = self._path[-1]
        if name == "transient_attributes" and parent == "node_state" and self.status.nodes[-1].transient is None:
            element = self.status.nodes[-1].transient = etree.Element(name, _clark_all(attrs))
            self._push(element)
            return
        if not self._start_part(parent, name, attrs):
            self._skipping = self._depth
            return
        self._path.append(name)
        if name == "lrm_resources":
            self._switch(self._start_history, self._end_history, None)

    def _start_part(self, parent: str, name: str, attrs: _Attrs) -> bool:
        """Begin what is inside the status section and above an operation; whether that is anything known."""
        match parent, name:
            case "status", "node_state":
                self.status.nodes.append(NodeState(attrs.pop("id", None), attrs.pop("uname", None), attrs))
            case "tickets", "ticket_state":
                self.status.tickets.append(attrs)
            case "node_state", "lrm":
                state = self.status.nodes[-1]
                known, state.has_lrm = not state.has_lrm, True
                return known
            case ("status", "tickets") | ("lrm", "lrm_resources"):
                pass
            case _:
                return False
        return True

    def _switch(self, start: _Start, end: _End, text: _End | None) -> None:
        """Let others take the events: what is inside ``lrm_resources`` is nearly all of a large CIB."""
        self._start, self._end = start, end
        self._parser.StartElementHandler, self._parser.EndElementHandler = start, end
        self._parser.CharacterDataHandler = text

    def _start_history(self, name: str, attrs: _Attrs) -> None:
        """Elements inside ``lrm_resources``: histories, in them operations."""
        level = self._level = self._level + 1
        if level == 2 and name == "lrm_rsc_op":
            if self._history is not None:
                self._history.ops.append(read_op(attrs, self._share))
        elif level == 1:
            self._history = None
            get, share = attrs.get, self._share
            ident = get("id")
            if name == "lrm_resource" and ident:
                kind, standard, provider = get("type"), get("class"), get("provider")
                self._history = History(
                    share(ident, ident),
                    kind and share(kind, kind),
                    standard and share(standard, standard),
                    provider and share(provider, provider),
                    get("container"),
                    get("shutdown-lock"),
                )
                self.status.nodes[-1].histories.append(self._history)

    def _end_history(self, name: str) -> None:
        self._level -= 1
        if self._level < 0:
            self._level = 0
            self._switch(self._start_element, self._end_element, self._text)
            self._end_element(name)

    def _text(self, text: str) -> None:
        if not self._open or (self._path and len(self._open) == 1) or not text.strip():
            return
        parent = self._open[-1]
        if len(parent):
            parent[-1].tail = (parent[-1].tail or "") + text
        else:
            parent.text = (parent.text or "") + text

    def _end_element(self, _name: str) -> None:
        if self._skipping:
            self._skipping = 0 if self._skipping == self._depth else self._skipping
        elif self._path and len(self._open) == 1:
            self._path.pop()
        else:
            self._open.pop()
        self._depth -= 1


def read_status(section: etree._Element) -> Status:
    """The records of a status section that is a tree."""
    reader = Reader(_ANY_DEPTH)
    whole = etree.Element("cib")
    whole.append(section)
    reader.take(whole)
    return reader.status
