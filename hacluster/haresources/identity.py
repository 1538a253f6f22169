"""Who a resource is: the program that runs it and what it is told, not where it stands in a line.

Two words mean the same resource when class, agent, arguments and settings are the same; then one command stops what
the other started. Nodes name resources to each other by a digest of that (:func:`ident`), and their files by a digest
of all lines (:class:`Inventory`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from hacluster.config.resources import AgentClass, Haresources, ResourceWord
from hacluster.msg import lrm

IDENT_DIGITS: Final = 12
DIGEST_DIGITS: Final = 16

_CLASS: Final = {AgentClass.HEARTBEAT: lrm.AgentClass.HEARTBEAT, AgentClass.OCF: lrm.AgentClass.OCF}


def spec(resource: ResourceWord) -> lrm.ResourceSpec:
    """The resource as the hands know it; its id is the word as written.

    The provider is left open: the hands look the script or the OCF type up on the host.
    """
    return lrm.ResourceSpec(
        resource.text, _CLASS[resource.agent], "", resource.name, resource.arguments, resource.parameters
    )


def same(one: lrm.ResourceSpec, other: lrm.ResourceSpec) -> bool:
    """Whether one command stops both, however the words are written."""
    return ident(one) == ident(other)


@cache
def ident(resource: lrm.ResourceSpec) -> str:
    """The name of a resource between nodes: hexadecimal digits, the same wherever the same is meant."""
    parameters = [text for pair in resource.parameters for text in pair]
    parts = (resource.agent_class.value, resource.provider, resource.type, *resource.arguments, "", *parameters)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:IDENT_DIGITS]


def idents(resources: Iterable[lrm.ResourceSpec]) -> frozenset[str]:
    """The names of several."""
    return frozenset(ident(resource) for resource in resources)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What one node's files say, as it tells the other: a digest of all, and who is at home where."""

    digest: str
    local: frozenset[str]
    foreign: frozenset[str]


def inventory(groups: Haresources, own_node: str) -> Inventory:
    """What is told of ``groups`` by ``own_node``. Order counts: it is the order of starts."""
    whole = hashlib.sha256()
    sides: dict[bool, set[str]] = {True: set(), False: set()}
    for group in groups.groups:
        names = [ident(spec(resource)) for resource in group.resources]
        whole.update(" ".join((group.node, *names, "\n")).encode())
        sides[group.node == own_node].update(names)
    return Inventory(whole.hexdigest()[:DIGEST_DIGITS], frozenset(sides[True]), frozenset(sides[False]))
