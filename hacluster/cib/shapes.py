"""The shapes that an element may have, read from the grammar, so that messages can say what was expected.

An element's pattern is a set of alternatives ("rsc, score and node" or "rsc and rules"). A :class:`Shape` is one of
them: attributes it must and may have, children it must and may have and their order. What a document's element lacks
is what it lacks of the shape it comes closest to.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final

from hacluster.cib.datatypes import ANY, Values
from hacluster.cib.document import XML
from hacluster.cib.grammar import local

MAX_SHAPES: Final = 256
"""More alternatives than any element of the grammar has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One alternative. ``children`` maps names to patterns, ``ranks`` to their place in the order."""

    required: dict[str, tuple[Values, ...]] = field(default_factory=dict)
    optional: dict[str, tuple[Values, ...]] = field(default_factory=dict)
    children: dict[str, XML] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    needed: tuple[tuple[str, ...], ...] = ()
    single: frozenset[str] = frozenset()
    open: bool = False

    @property
    def attributes(self) -> dict[str, tuple[Values, ...]]:
        """All attributes, required ones first."""
        return self.required | self.optional

    def loosened(self) -> Shape:
        """The same with nothing in it required."""
        return replace(self, required={}, optional=self.attributes, needed=())

    def repeated(self) -> Shape:
        """The same with every child allowed again, in any order."""
        return replace(self, single=frozenset(), ranks=dict.fromkeys(self.ranks, 0))

    @property
    def is_one_thing(self) -> bool:
        """Whether it holds a single attribute or kind of child, so that "optional" needs no second alternative."""
        return len(self.required) + len(self.optional) + len(self.children) == 1


def _joined(one: Shape, other: Shape, *, in_order: bool) -> Shape:
    shift = max(one.ranks.values(), default=-1) + 1 if in_order else 0
    return Shape(
        one.required | other.required,
        one.optional | other.optional,
        one.children | other.children,
        one.ranks | {name: place + shift for name, place in other.ranks.items()},
        one.needed + other.needed,
        one.single | other.single,
        one.open or other.open,
    )


class Shapes:
    """The shapes of the elements of one version's grammar."""

    def __init__(self, grammar: XML) -> None:
        self._definitions = {str(entry.get("name")): entry for entry in grammar if local(entry) == "define"}
        self._known: dict[XML, tuple[Shape, ...]] = {}
        start = next(entry for entry in grammar if local(entry) == "start")
        (self.root,) = self._of(start)[0].children.values()
        """The pattern of the document element."""

    def of(self, element: XML) -> tuple[Shape, ...]:
        """The shapes of an ``element`` pattern (:attr:`root` or one of a shape's ``children``)."""
        if element not in self._known:
            self._known[element] = tuple(self._group([part for part in element if local(part) not in _NAME_CLASSES]))
        return self._known[element]

    def _group(self, parts: list[XML], *, in_order: bool = True) -> list[Shape]:
        combined = [Shape()]
        for part in parts:
            combined = [_joined(one, other, in_order=in_order) for one in combined for other in self._of(part)]
            assert len(combined) <= MAX_SHAPES
        return combined

    def _of(self, pattern: XML) -> list[Shape]:
        kind = local(pattern)
        reader = _READERS.get(kind)
        assert reader is not None, kind
        return reader(self, pattern)

    def _values(self, pattern: XML) -> tuple[Values, ...]:
        kind = local(pattern)
        if kind == "ref":
            return self._values(self._definitions[str(pattern.get("name"))][0])
        if kind == "value":
            return (Values(words=(pattern.text or "",)),)
        if kind == "data":
            limits = [str(param.text) for param in pattern if local(param) == "param"]
            excepted = [
                str(word.text) for part in pattern if local(part) == "except" for word in part.iter() if word.text
            ]
            kept = tuple(word.strip() for word in excepted if word.strip())
            return (Values(str(pattern.get("type")), (), limits[0] if limits else None, kept),)
        if kind == "choice":
            found = [value for part in pattern for value in self._values(part)]
            words = tuple(word for value in found for word in value.words)
            return (*(value for value in found if not value.words), *([Values(words=words)] if words else ()))
        assert kind == "text", kind
        return (ANY,)

    def _attribute(self, pattern: XML) -> list[Shape]:
        name = pattern.get("name")
        if name is None:
            return [Shape(open=True)]
        return [Shape(required={str(name): self._values(pattern[0]) if len(pattern) else (ANY,)})]

    def _element(self, pattern: XML) -> list[Shape]:
        name = pattern.get("name")
        if name is None:
            return [Shape(open=True)]
        word = str(name)
        return [Shape(children={word: pattern}, ranks={word: 0}, needed=((word,),), single=frozenset((word,)))]

    def _reference(self, pattern: XML) -> list[Shape]:
        return self._group(list(self._definitions[str(pattern.get("name"))]))

    def _sequence(self, pattern: XML) -> list[Shape]:
        return self._group(list(pattern))

    def _interleave(self, pattern: XML) -> list[Shape]:
        return self._group(list(pattern), in_order=False)

    def _choice(self, pattern: XML) -> list[Shape]:
        return [shape for part in pattern for shape in self._of(part)]

    def _optional(self, pattern: XML) -> list[Shape]:
        inner = self._group(list(pattern))
        if len(inner) == 1 and inner[0].is_one_thing:
            return [inner[0].loosened()]
        return [Shape(), *inner]

    def _any_number(self, pattern: XML) -> list[Shape]:
        if any(reference.get("name") == "anything" for reference in pattern.iter(f"{{{_NS}}}ref")):
            return [Shape(open=True)]
        parts = [shape.loosened() for shape in self._group(list(pattern))]
        return [reduce(lambda one, other: _joined(one, other, in_order=False), parts).repeated()]

    def _at_least_one(self, pattern: XML) -> list[Shape]:
        (shape,) = self._any_number(pattern)
        return [replace(shape, needed=(tuple(shape.children),))]

    def _nothing(self, pattern: XML) -> list[Shape]:
        del pattern
        return [Shape()]


_NAME_CLASSES: Final = frozenset({"anyName"})
_NS: Final = "http://relaxng.org/ns/structure/1.0"
_READERS: Final = {
    "start": Shapes._sequence,  # noqa: SLF001 - the table belongs to the class
    "group": Shapes._sequence,  # noqa: SLF001
    "interleave": Shapes._interleave,  # noqa: SLF001
    "choice": Shapes._choice,  # noqa: SLF001
    "optional": Shapes._optional,  # noqa: SLF001
    "zeroOrMore": Shapes._any_number,  # noqa: SLF001
    "oneOrMore": Shapes._at_least_one,  # noqa: SLF001
    "ref": Shapes._reference,  # noqa: SLF001
    "attribute": Shapes._attribute,  # noqa: SLF001
    "element": Shapes._element,  # noqa: SLF001
    "empty": Shapes._nothing,  # noqa: SLF001
    "text": Shapes._nothing,  # noqa: SLF001
}
