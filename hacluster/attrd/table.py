"""Attributes of all nodes as this node knows them, and what counting in a value means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from hacluster.base.score import clamp, parse_score
from hacluster.msg.attrd import Attribute

_COUNTING = re.compile(r"value(?:\+\+|\+=(.*))")


def counted(old: str | None, value: str | None) -> str | None:
    """The value after an update: ``value++`` and ``value+=N`` count from the old one, up to INFINITY."""
    found = _COUNTING.fullmatch(value) if value is not None else None
    if found is None:
        return value
    start = parse_score(old)
    total = start + (1 if found[1] is None else parse_score(found[1]))
    return str(clamp(total))


@dataclass(slots=True)
class Table:
    """Node → name → attribute. One that was taken away is not in it."""

    nodes: dict[str, dict[str, Attribute]] = field(default_factory=dict)

    def of(self, node: str) -> dict[str, Attribute]:
        """What a node has; not to be changed."""
        return self.nodes.get(node, {})

    def get(self, node: str, name: str) -> Attribute | None:
        """One attribute of a node."""
        return self.of(node).get(name)

    def put(self, node: str, attribute: Attribute) -> None:
        """An attribute of a node is this now."""
        known = self.nodes.setdefault(node, {})
        if attribute.value is None:
            known.pop(attribute.name, None)
        else:
            known[attribute.name] = attribute

    def take_whole(self, node: str, attributes: tuple[Attribute, ...]) -> None:
        """A node has these, and no others."""
        self.nodes[node] = {entry.name: entry for entry in attributes if entry.value is not None}

    def forget(self, node: str) -> None:
        """A node is gone."""
        self.nodes.pop(node, None)

    def names(self, pattern: str) -> list[str]:
        """All names that match. Raises :class:`re.error`."""
        wanted = re.compile(pattern)
        return sorted({name for known in self.nodes.values() for name in known if wanted.search(name)})

    def values(self, name: str, nodes: frozenset[str]) -> tuple[tuple[str, str], ...]:
        """The values of these nodes under one name, by node."""
        found = [(node, self.get(node, name)) for node in sorted(nodes)]
        return tuple((node, entry.value) for node, entry in found if entry is not None and entry.value is not None)

    def template(self, name: str) -> Attribute:
        """What an attribute of this name is like on other nodes: its dampening, and whether it is private."""
        for known in self.nodes.values():
            if name in known:
                return replace(known[name], value=None)
        return Attribute(name, None)
