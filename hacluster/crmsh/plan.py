"""What a change would lead to: both configurations are scheduled over the same status, and what differs is told."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Final

from hacluster.base.errors import HaError
from hacluster.cib.document import XML
from hacluster.pe.model.kinds import Kind
from hacluster.pe.schedule import schedule
from hacluster.pe.views.summary import NodeChange, ResourceChange, summarize
from hacluster.tools.livestatus import document, present

CHANGES: Final = 2
"""Exit status of a plan that says that something changes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``actions``: what the change leads to. ``anyway``: what would be done without it, too.

    ``objects``: ids that are made, changed and removed. ``stops``: resources that run now and will not any more.
    """

    actions: tuple[str, ...] = ()
    anyway: tuple[str, ...] = ()
    objects: dict[str, list[str]] = field(default_factory=dict)
    running: int = 0
    stops: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether anything is different afterwards."""
        return any(self.objects.values()) or bool(self.actions)

    @property
    def stops_all(self) -> bool:
        """Whether everything that runs would be stopped."""
        return self.running > 0 and len(self.stops) == self.running

    def lines(self) -> list[str]:
        """As text."""
        lines = [f"{word} {id_}" for word, ids in self.objects.items() for id_ in ids]
        if not lines:
            lines.append("The configuration stays as it is.")
        lines.append("The cluster would:" if self.actions else "The cluster would do nothing about it.")
        lines += [f"  * {line}" for line in self.actions]
        if self.anyway:
            lines.append("What it does anyway:")
            lines += [f"  * {line}" for line in self.anyway]
        return lines

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "changes": self.changes,
            "objects": self.objects,
            "actions": list(self.actions),
            "anyway": list(self.anyway),
            "stops": list(self.stops),
            "stops-all": self.stops_all,
        }


def plan(before: XML, after: XML, status: XML | None = None) -> Plan:
    """What follows from a change; both are whole CIBs. ``status``: that of afterwards, if not the one of ``before``."""
    new = copy.deepcopy(after)
    for old in new.findall("status"):
        new.remove(old)
    status = before.find("status") if status is None else status
    if status is not None:
        new.append(copy.deepcopy(status))
    was, active, _ = _scheduled(before)
    will, _, left = _scheduled(new)
    stops = tuple(sorted(active - left))
    return Plan(
        tuple(line for line in will if line not in was),
        tuple(line for line in will if line in was),
        _objects(before, after),
        len(active),
        stops,
    )


def _scheduled(root: XML) -> tuple[list[str], set[str], set[str]]:
    """The summary of what would be done, what runs now, and what runs afterwards."""
    try:
        cluster = schedule(document(root), present(root), sanitized=True).cluster
    except HaError as error:
        raise HaError(f"this cannot be planned: {error}") from None
    leaves = [one for one in cluster.resource_table if one.kind is Kind.PRIMITIVE and not one.fence_device]
    active = {one.id for one in leaves if one.active_on}
    wanted = {one.id for one in leaves if one.assigned is not None or (not one.managed and one.active_on)}
    return [_said(item) for item in summarize(cluster)], active, wanted


def _said(item: NodeChange | ResourceChange) -> str:
    if isinstance(item, NodeChange):
        return str(item)
    where = " ".join(item.where.split())
    return f"{item.what} {item.rsc} ({where})" + (f" {item.reason}" if item.reason else "")


def _objects(before: XML, after: XML) -> dict[str, list[str]]:
    from hacluster.client.agents import providers_of  # noqa: PLC0415
    from hacluster.crmsh.objects import Configuration  # noqa: PLC0415
    from hacluster.crmsh.selecting import changed  # noqa: PLC0415

    old, new = Configuration(before, providers_of), Configuration(after, providers_of)
    had = {(one.kind.tag, one.id) for one in old.objects}
    has = {(one.kind.tag, one.id) for one in new.objects}
    moved = [one for one in changed(new, old) if (one.kind.tag, one.id) in had]
    return {
        "create": [one.id for one in new.objects if (one.kind.tag, one.id) not in had],
        "change": [one.id for one in moved],
        "delete": [one.id for one in old.objects if (one.kind.tag, one.id) not in has],
    }
