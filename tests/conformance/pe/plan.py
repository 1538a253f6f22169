"""What the parts of a random CIB know of each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from tests.conformance.pe.choices import Choices

NOW = 1_600_000_000
"""The effective time of every random CIB: its execution-date."""


@dataclass(slots=True)
class Host:
    """A cluster node, remote node, guest node or bundle container."""

    name: str
    uuid: str
    kind: str = "member"
    up: bool = True


@dataclass(slots=True)
class Leaf:
    """A primitive, and how many instances of it may run."""

    name: str
    standard: str
    provider: str | None
    kind: str
    params: dict[str, str] = field(default_factory=dict)
    monitors: list[tuple[str, int, str]] = field(default_factory=list)
    timeout: int = 20
    clone: str | None = None
    unique: bool = False
    promotable: bool = False
    instances: int = 1
    fencing: bool = False


@dataclass(slots=True)
class Plan:
    """The CIB as far as it is built."""

    choices: Choices
    features: frozenset[str]
    cib: etree._Element
    hosts: list[Host] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    tops: list[str] = field(default_factory=list)
    promotable: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    guests: list[str] = field(default_factory=list)
    bundles: list[etree._Element] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    serial: int = 0

    def has(self, feature: str) -> bool:
        return feature in self.features

    def section(self, path: str) -> etree._Element:
        found = self.cib.find(path)
        assert found is not None, path
        return found

    def fresh(self, prefix: str) -> str:
        """An id that nothing else has."""
        self.serial += 1
        return f"{prefix}-{self.serial}"


_UNDERSCORED: Final = frozenset({"in_ccm", "remote_node", "node_fenced", "operation_key", "on_node"})


def _attribute(name: str) -> str:
    return name if name in _UNDERSCORED else name.rstrip("_").replace("_", "-")


def put(parent: etree._Element, tag: str, **attrs: str | None) -> etree._Element:
    """A new child; ``_`` in names is mostly ``-``, a trailing ``_`` is dropped, None is left out."""
    return etree.SubElement(
        parent, tag, {_attribute(name): value for name, value in attrs.items() if value is not None}
    )


def pairs(plan: Plan, parent: etree._Element, tag: str, values: dict[str, str]) -> etree._Element | None:
    """A block of name-value pairs, unless there are none."""
    if not values:
        return None
    block = put(parent, tag, id=plan.fresh(tag[:4]))
    for name, value in values.items():
        put(block, "nvpair", id=f"{block.get('id')}-{name.strip('#')}", name=name, value=value)
    return block
