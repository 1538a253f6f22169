"""Which resources have anything to do with one another: what no constraint connects is decided apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from hacluster.cib.document import XML, Document
from hacluster.cib.records import History, NodeState, Status
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.failcount import base_name
from hacluster.pe.unpack.sets import refs_of, set_elements

_RESOURCES: Final = frozenset({"primitive", "group", "clone", "master", "bundle"})
_NAMED_BY: Final = ("rsc", "with-rsc", "first", "then")

Part = list[tuple[int, XML]]
Pick = Callable[[NodeState, int, set[str]], list[History]]
"""The histories of a node, the how-manyeth among the states, that are about these resources, in their order."""


@dataclass(slots=True)
class Excerpt(Document):
    """A document of which only a part counts: some resources, their constraints and histories."""

    parts: dict[str, Part] = field(default_factory=dict)

    def entries(self, name: str) -> Iterable[tuple[int, XML]]:
        """The elements of a section that count, each with its place in the whole section."""
        return self.parts[name]


def is_timed(element: XML) -> bool:
    """Whether what an element says may depend on the time."""
    return next(element.iter("date_expression"), None) is not None or any(
        "interval-origin" in (entry.get("name"), *entry.keys()) for entry in element.iter("op", "nvpair")
    )


def _refers(element: XML) -> bool:
    return any(entry.get("id-ref") is not None for entry in element.iter() if isinstance(entry.tag, str))


class Islands:
    """The resources of a configuration, by their places in it, as islands that no constraint connects.

    ``timed``: resources, by their ids, that may look different by the time alone.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._resources = list(document.entries("resources"))
        self._places: dict[str, int] = {}
        self._several: dict[str, set[int]] = {}
        self._above = list(range(len(self._resources)))
        self._constraints: list[tuple[int, XML, int]] = []
        self._patterns: Part = []
        self._aliases: dict[int, int] = {}
        self._idents: dict[int, set[str]] = {}
        self.timed: set[str] = set()
        self._read_resources()
        self._read_tags()
        self._read_constraints()
        self._read_times()

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
        tags = [] if section is None else list(section)
        for _depth in range(len(tags)):  # a tag may name another one
            before = sum(map(len, self._several.values()))
            for tag in tags:
                for ref in tag:
                    self._several.setdefault(tag.get("id", ""), set()).update(self._named(ref.get("id", "")))
            if sum(map(len, self._several.values())) == before:
                break

    def _named(self, ident: str) -> set[int]:
        place = self._places.get(ident, self._places.get(base_name(ident)))
        several = self._several.get(ident, set())
        return several if place is None else several | {place}

    def _read_constraints(self) -> None:
        for place, element in self._document.entries("constraints"):
            if element.get("rsc-pattern") is not None:
                # It is about single resources, whichever these are.
                self._patterns.append((place, element))
                continue
            names = [element.get(name) for name in _NAMED_BY]
            for entry, _referred in set_elements(self._document, element):
                names += [] if entry is None else refs_of(entry)
            members = set().union(*(self._named(name) for name in names if name is not None))
            if members:
                first = min(members)
                for member in members:
                    self._above[self._island(member)] = self._island(first)
                self._constraints.append((place, element, first))

    def _read_times(self) -> None:
        configuration = self._document.root.find("configuration")
        if configuration is None or not is_timed(configuration):
            return
        for _place, top in self._resources:
            if is_timed(top) or _refers(top):
                places = self._several.get(top.get("id", ""), set()) if top.tag == "template" else ()
                self.timed |= {self._resources[place][1].get("id", "") for place in places}
                if top.tag != "template":
                    self.timed.add(top.get("id", ""))
        for _place, element, member in self._constraints:
            if is_timed(element) or _refers(element):
                self.timed.add(self._resources[member][1].get("id", ""))
        if any(is_timed(element) or _refers(element) for _place, element in self._patterns):
            self.timed |= {top.get("id", "") for _place, top in self._resources if top.tag != "template"}

    def learn(self, cluster: Cluster) -> None:
        """Take the resources in that exist in the engine only: those that bundles and guest nodes are made of."""
        for rsc in cluster.resource_table:
            if rsc.is_remote and rsc.container is not None:
                self._aliases[rsc.place] = rsc.container.place
        for rsc in cluster.resource_table:
            self._places.setdefault(base_name(rsc.id), self.home(rsc))
        self._idents = {}
        for ident, place in self._places.items():
            self._idents.setdefault(place, set()).update((ident, base_name(ident)))

    @property
    def aliased(self) -> Iterable[int]:
        """The places of connections to guests, which are no elements of the configuration."""
        return self._aliases

    def home(self, rsc: Resource) -> int:
        """The place of what a resource is part of; a guest's connection is part of what the guest lives in."""
        place = rsc.place
        return self._aliases.get(place, place)

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
        return None if -1 in found else self.spread(found)

    def spread(self, places: Iterable[int]) -> set[int]:
        """The places of all resources on the islands of these."""
        islands = {self._island(place) for place in places}
        return {place for place in range(len(self._resources)) if self._island(place) in islands}

    def excerpt(self, document: Document, places: set[int], pick: Pick | None = None) -> Excerpt:
        """What a document says of the resources at these places."""
        resources = [(place, top) for place, top in self._resources if place in places or top.tag == "template"]
        constraints = [(place, element) for place, element, member in self._constraints if member in places]
        if self._patterns:
            constraints = sorted(constraints + self._patterns, key=lambda entry: entry[0])
        if self._idents:
            idents = set().union(*(self._idents.get(place, ()) for place in places))
        else:
            idents = {ident for ident, place in self._places.items() if place in places}

        def concerns(history: History) -> bool:
            return history.id in idents or (":" in history.id and base_name(history.id) in idents)

        def histories(number: int, state: NodeState) -> list[History]:
            if pick is not None:
                return pick(state, number, idents)
            return [history for history in state.histories if concerns(history)]

        states = [
            NodeState(
                state.id,
                state.uname,
                state.attrs,
                state.transient,
                state.has_lrm,
                histories(number, state),
            )
            for number, state in enumerate(document.status.nodes)
        ]
        status = Status(states, document.status.tickets)
        return Excerpt(document.root, status, parts={"resources": resources, "constraints": constraints})


def makes_nodes(rsc: Resource) -> bool:
    """Whether nodes depend on a resource: a connection, a container or what is inside it, a bundle."""
    return bool(rsc.is_remote or rsc.container or rsc.fillers or rsc.kind is Kind.BUNDLE or rsc.replica)
