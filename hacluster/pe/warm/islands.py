"""Which resources have anything to do with one another: what no constraint connects is decided apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hacluster.cib.document import XML, Document
from hacluster.cib.records import History, NodeState, Status
from hacluster.pe.operation.failcount import base_name

_RESOURCES: Final = frozenset({"primitive", "group", "clone", "master"})
_NAMED_BY: Final = ("rsc", "with-rsc", "first", "then")

Part = list[tuple[int, XML]]


@dataclass(slots=True)
class Excerpt(Document):
    """A document of which only a part counts: some resources, their constraints and histories."""

    parts: dict[str, Part] = field(default_factory=dict)

    def entries(self, name: str) -> Iterable[tuple[int, XML]]:
        """The elements of a section that count, each with its place in the whole section."""
        return self.parts[name]


class Islands:
    """The resources of a configuration, by their places in it, as islands that no constraint connects."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._resources = list(document.entries("resources"))
        self._places: dict[str, int] = {}
        self._several: dict[str, set[int]] = {}
        self._above = list(range(len(self._resources)))
        self._constraints: list[tuple[int, XML, int]] = []
        self._read_resources()
        self._read_tags()
        self._read_constraints()

    def __len__(self) -> int:
        return len(self._resources)

    def _read_resources(self) -> None:
        for place, top in self._resources:
            for element in top.iter(*_RESOURCES) if top.tag != "template" else ():
                self._places.setdefault(element.get("id", ""), place)
                template = element.get("template")
                if template is not None:
                    self._several.setdefault(template, set()).add(place)

    def _read_tags(self) -> None:
        section = self._document.section("tags")
        for tag in section if section is not None else ():
            for ref in tag:
                self._several.setdefault(tag.get("id", ""), set()).update(self._named(ref.get("id", "")))

    def _named(self, ident: str) -> set[int]:
        place = self._places.get(ident, self._places.get(base_name(ident)))
        several = self._several.get(ident, set())
        return several if place is None else several | {place}

    def _read_constraints(self) -> None:
        for place, element in self._document.entries("constraints"):
            names = [element.get(name) for name in _NAMED_BY]
            names += [ref.get("id") for ref in element.iter("resource_ref")]
            members = set().union(*(self._named(name) for name in names if name is not None))
            if members:
                first = min(members)
                for member in members:
                    self._above[self._island(member)] = self._island(first)
                self._constraints.append((place, element, first))

    def _island(self, place: int) -> int:
        """One resource of the island stands for all of it."""
        above = self._above
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    def around(self, idents: Iterable[str]) -> set[int] | None:
        """The places of all resources on the islands of these ids; ``None`` if one of them is not configured."""
        found = [self._places.get(ident, self._places.get(base_name(ident), -1)) for ident in idents]
        if -1 in found:
            return None
        islands = {self._island(place) for place in found}
        return {place for place in range(len(self._resources)) if self._island(place) in islands}

    def excerpt(self, document: Document, places: set[int]) -> Excerpt:
        """What a document says of the resources at these places."""
        resources = [(place, top) for place, top in self._resources if place in places or top.tag == "template"]
        constraints = [(place, element) for place, element, member in self._constraints if member in places]
        idents = {ident for ident, place in self._places.items() if place in places}

        def concerns(history: History) -> bool:
            return history.id in idents or (":" in history.id and base_name(history.id) in idents)

        states = [
            NodeState(
                state.id,
                state.uname,
                state.attrs,
                state.transient,
                state.has_lrm,
                [history for history in state.histories if concerns(history)],
            )
            for state in document.status.nodes
        ]
        status = Status(states, document.status.tickets)
        return Excerpt(document.root, status, parts={"resources": resources, "constraints": constraints})
