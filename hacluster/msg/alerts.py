"""Alerts: whom the configuration wants told of what, and by which program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What there is to tell of."""

    NODE = "node"
    FENCING = "fencing"
    RESOURCE = "resource"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class AlertAgent:
    """A program that is to be called, for one recipient (``None``: for none in particular).

    ``kinds``: of what it wants to be told; ``attributes``: of which attributes of nodes, empty for all. ``parameters``
    stand in its environment. ``timestamp_format`` is strftime(3)'s, and ``%N`` for nanoseconds.
    """

    id: str
    path: str
    recipient: str | None
    kinds: frozenset[AlertKind]
    attributes: frozenset[str] = frozenset()
    parameters: tuple[tuple[str, str], ...] = ()
    timestamp_format: str = ""
    timeout_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class AlertsConfigured:
    """pengine to crmd: the alerts of the configuration as it is now, and the ids of the nodes (name, id)."""

    agents: tuple[AlertAgent, ...] = ()
    nodes: tuple[tuple[str, str], ...] = ()
