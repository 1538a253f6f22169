"""What a clone keeps about the notifications of one kind of change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hacluster.pe.model.action import Action
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource

Entry = tuple["Resource", "Node | None"]


@dataclass(slots=True, eq=False)
class NotifyData:
    """The milestones around one change, and who is affected by what."""

    task: str
    pre: Action | None = None
    pre_done: Action | None = None
    post: Action | None = None
    post_done: Action | None = None
    active: list[Entry] = field(default_factory=list)
    inactive: list[Entry] = field(default_factory=list)
    start: list[Entry] = field(default_factory=list)
    stop: list[Entry] = field(default_factory=list)
    promote: list[Entry] = field(default_factory=list)
    demote: list[Entry] = field(default_factory=list)
    promoted: list[Entry] = field(default_factory=list)
    unpromoted: list[Entry] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)
    allowed: dict[int, int] | None = None
