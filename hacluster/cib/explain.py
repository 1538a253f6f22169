"""Why a CIB does not fit its grammar, in words: which element, where, what is wrong and what was expected.

libxml2 decides whether a document is valid; this says why not. It compares each element with the shape that it comes
closest to, so that one missing attribute is one message and not three about everything around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.cib.datatypes import Values, accepts, expected
from hacluster.cib.document import XML
from hacluster.cib.places import line_of, place_of, short
from hacluster.cib.shapes import Shape, Shapes

MAX_REPORTS: Final = 1000
"""Most findings of one document; a file of another kind would otherwise give one for each element."""


def _similar(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return "expected: " + ", ".join(sorted(known)) if known else "nothing is expected here"


@dataclass(slots=True)
class _Fault:
    code: str
    text: str
    hint: str = ""
    element: XML | None = None


def _elements(parent: XML) -> list[XML]:
    return [child for child in parent if isinstance(child.tag, str)]


def _bad_values(element: XML, shape: Shape) -> list[str]:
    known = shape.attributes
    return [
        str(name)
        for name, value in element.attrib.items()
        if str(name) in known and not accepts(known[str(name)], str(value))
    ]


def _unknown(element: XML, shape: Shape) -> tuple[list[str], list[XML]]:
    if shape.open:
        return [], []
    known = shape.attributes
    attributes = [str(name) for name in element.attrib if name not in known]
    return attributes, [child for child in _elements(element) if child.tag not in shape.children]


def _missing(element: XML, shape: Shape) -> tuple[list[str], list[tuple[str, ...]]]:
    present = {child.tag for child in _elements(element)}
    attributes = [name for name in shape.required if name not in element.attrib]
    return attributes, [group for group in shape.needed if not present.intersection(group)]


def _repeated(element: XML, shape: Shape) -> list[XML]:
    """Children that stand once too often, counting alternatives of which only one may stand as one."""
    seen: Counter[str] = Counter()
    again = []
    for child in _elements(element):
        seen[str(child.tag)] += 1
        if child.tag in shape.single and seen[str(child.tag)] > 1:
            again.append(child)
    return again


def _misplaced(element: XML, shape: Shape) -> list[tuple[XML, XML]]:
    """Pairs of a child and the earlier one that it should stand before."""
    found: list[tuple[XML, XML]] = []
    last: XML | None = None
    for child in _elements(element):
        place = shape.ranks.get(str(child.tag))
        if place is None:
            continue
        if last is not None and place < shape.ranks[str(last.tag)]:
            found.append((child, last))
        else:
            last = child
    return found


def _cost(element: XML, shape: Shape) -> int:
    unknown, strangers = _unknown(element, shape)
    absent, needed = _missing(element, shape)
    again = len(_repeated(element, shape)) + len(_misplaced(element, shape))
    return len(unknown) + len(strangers) + len(absent) + len(needed) + len(_bad_values(element, shape)) + again


class Explainer:
    """Explains one document. ``shapes`` are those of the version it is validated with."""

    def __init__(self, shapes: Shapes, version: str, file: str) -> None:
        self._shapes = shapes
        self._version = version
        self._file = file
        self._ids: dict[str, XML] = {}
        self._references: list[tuple[XML, str, str]] = []
        self._reports: list[Report] = []

    def explain(self, root: XML) -> list[Report]:
        """Every fault of the tree, in the order of the document; at most :data:`MAX_REPORTS`."""
        if root.tag != "cib":
            self._say(root, _Fault("not-a-cib", f"the document element is <{root.tag!s}>, expected <cib>"))
            return self._reports
        waiting = [(root, self._shapes.root)]
        while waiting and len(self._reports) < MAX_REPORTS:
            element, pattern = waiting.pop()
            shapes = self._shapes.of(pattern)
            shape = min(shapes, key=lambda candidate: _cost(element, candidate))
            for fault in self._faults(element, shape, shapes):
                self._say(element, fault)
            self._note_ids(element, shape)
            waiting.extend(
                (child, shape.children[str(child.tag)])
                for child in reversed(_elements(element))
                if child.tag in shape.children
            )
        self._check_references()
        self._reports.sort(key=lambda report: (report.place.line or 0) if report.place else 0)
        return self._reports[:MAX_REPORTS]

    def _say(self, element: XML, fault: _Fault) -> None:
        at = element if fault.element is None else fault.element
        self._reports.append(Report(fault.code, Severity.ERROR, fault.text, place_of(at, self._file), fault.hint))

    def _faults(self, element: XML, shape: Shape, shapes: tuple[Shape, ...]) -> Iterator[_Fault]:
        unknown, strangers = _unknown(element, shape)
        absent, needed = _missing(element, shape)
        for name in unknown:
            elsewhere = next((s for s in shapes if name in s.attributes), None)
            yield self._unknown_attribute(name, shape, elsewhere)
        for name in absent:
            yield _Fault(
                "missing-attribute", f"attribute {name} is missing", f"expected {expected(shape.required[name])}"
            )
        for name in _bad_values(element, shape):
            yield self._bad_value(name, str(element.get(name)), shapes)
        for child in strangers:
            known = list(shape.children)
            text = f"<{child.tag!s}> is not accepted here by pacemaker-{self._version}"
            yield _Fault("unknown-element", text, _similar(str(child.tag), known), child)
        for group in needed:
            wanted = " or ".join(f"<{name}>" for name in group)
            yield _Fault("missing-element", f"{wanted} is missing", "add it inside this element")
        for child in _repeated(element, shape):
            yield _Fault("repeated-element", f"<{child.tag!s}> may stand here only once", "", child)
        for child, last in _misplaced(element, shape):
            yield _Fault("misplaced-element", f"<{child.tag!s}> must stand before <{last.tag!s}>", "", child)

    def _unknown_attribute(self, name: str, shape: Shape, elsewhere: Shape | None) -> _Fault:
        if elsewhere is None:
            text = f"attribute {name} is not known to pacemaker-{self._version}"
            return _Fault("unknown-attribute", text, _similar(name, list(shape.attributes)))
        companions = [other for other in elsewhere.required if other not in shape.required]
        rivals = [other for other in shape.required if other not in elsewhere.attributes]
        hint = f"it goes together with {', '.join(companions)}" if companions else ""
        text = f"attribute {name} is not accepted together with {', '.join(rivals)}" if rivals else ""
        return _Fault("conflicting-attribute", text or f"attribute {name} is not accepted in this combination", hint)

    @staticmethod
    def _bad_value(name: str, value: str, shapes: tuple[Shape, ...]) -> _Fault:
        ways: list[Values] = []
        for shape in shapes:
            ways.extend(way for way in shape.attributes.get(name, ()) if way not in ways)
        refused = next((way for way in ways if value.strip() in way.excepted), None)
        if refused is not None:
            return _Fault("obsolete-name", f'"{value}" is no longer known as {name}', "upgrade the configuration")
        text = f'attribute {name} has the value "{short(value)}"'
        return _Fault("bad-value", text, f"expected {expected(tuple(ways))}")

    def _note_ids(self, element: XML, shape: Shape) -> None:
        for name, ways in shape.attributes.items():
            value = element.get(name)
            if value is None:
                continue
            if ways[0].type == "IDREF":
                self._references.append((element, name, value.strip()))
            elif ways[0].type == "ID":
                first = self._ids.setdefault(value.strip(), element)
                if first is not element:
                    where = f"line {line_of(first)}" if line_of(first) else "an earlier line"
                    text = f'the id "{short(value)}" is used twice'
                    self._say(element, _Fault("duplicate-id", text, f"first used by <{first.tag!s}> on {where}"))

    def _check_references(self) -> None:
        for element, name, value in self._references:
            if value not in self._ids:
                text = f'{name} refers to "{short(value)}", but no element has this id'
                close = get_close_matches(value, self._ids, n=1) if len(self._ids) < MAX_REPORTS else []
                self._say(element, _Fault("dangling-reference", text, f"did you mean {close[0]}?" if close else ""))
