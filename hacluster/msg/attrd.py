"""Attributes of nodes that last until the node restarts: what programs ask, and what the nodes tell one another.

Sources: Pacemaker's attribute manager; attrd_updater(8); Pacemaker Explained, "Transient Node Attributes".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hacluster.base.members import ViewId


class Update(StrEnum):
    """What is to be done: to the value, to the dampening, to both, or write everything anew."""

    VALUE = "value"
    DELAY = "delay"
    BOTH = "both"
    REFRESH = "refresh"


class Wait(StrEnum):
    """When a request is answered: at once; when this node knows the value; when the cluster's status has it."""

    NO = "no"
    LOCAL = "local"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class UpdateAttribute:
    """A request, and a message of this node's machines: change an attribute of a node (``""``: of this one).

    ``value`` ``None`` takes it away; ``value++`` and ``value+=N`` count. ``pattern``: all attributes whose names match
    this regular expression. ``delay_ms``: for how long changes are gathered before the status is told. ``private``: it
    is not told to the status at all. ``utilization``: it is one of the node's capacities.
    """

    name: str = ""
    value: str | None = None
    update: Update = Update.VALUE
    pattern: str = ""
    node: str = ""
    delay_ms: int | None = None
    set: str = ""
    private: bool = False
    utilization: bool = False
    wait: Wait = Wait.NO


@dataclass(frozen=True, slots=True)
class AttributeQuery:
    """A request: the value of an attribute on a node (``""``: on all); answered with ``AttributeValues``."""

    name: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """Values by node, of those that are members and have one."""

    name: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """What one node has under one name. ``value`` ``None``: not set (any more)."""

    name: str
    value: str | None
    delay_ms: int = 0
    set: str = ""
    private: bool = False
    utilization: bool = False


@dataclass(frozen=True, slots=True)
class AttributesTold:
    """A node tells what it has: everything (``whole``), or what is new. ``node`` is not a member when the leader
    speaks for it.
    """

    view: ViewId
    node: str
    attributes: tuple[Attribute, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class AttributeAsked:
    """A node asks the one whose attribute it is; ``update`` names it."""

    view: ViewId
    update: UpdateAttribute
