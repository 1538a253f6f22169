"""The "Transition Summary": what happens to nodes and resources, and why."""

from __future__ import annotations

from dataclasses import dataclass

from hacluster.pe.model.action import Action, find_keyed, op_key, resource_actions
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node is fenced or shut down."""

    what: str
    node: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what} {self.node} '{self.reason}'"


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """Something happens to a resource. ``where`` names nodes and roles."""

    what: str
    rsc: str
    where: str
    reason: str


def _node_change(action: Action) -> NodeChange | None:
    """What happens to a node; without a reason (a shutdown that was asked for) it is not worth a line."""
    if action.rsc is not None or action.optional or action.reason is None:
        return None
    if action.task == "do_shutdown":
        what = "Shutdown"
    elif action.task == "stonith":
        what = f"Fence ({action.meta.get('stonith_action')})"
    else:
        return None
    node = action.node
    name = "" if node is None else node.name
    if node is not None and node.guest_container is not None:
        name = f"{name} (resource: {node.guest_container.id})"
    return NodeChange(what, name, action.reason)


def _where(rsc: Resource, origin: Node | None, target: Node | None) -> str:
    role, next_role = rsc.role.word, rsc.next_role.word
    show_role = rsc.role > Role.STARTED or rsc.next_role > Role.UNPROMOTED
    same_role, same_host = rsc.role is rsc.next_role, origin is target
    if origin is None:
        assert target is not None, rsc.id
        return f"{role} -> {next_role} {target.name}" if show_role else target.name
    if target is None or (same_role and same_host):
        return f"{role} {origin.name}" if show_role else origin.name
    if same_role:
        return f"{origin.name} -> {target.name}" + (f" {role}" if show_role else "")
    if same_host:
        return f"{role} -> {next_role} {origin.name}"
    return f"{role} {origin.name} -> {next_role} {target.name}"


def _item(
    what: str,
    rsc: Resource,
    places: tuple[Node | None, Node | None],
    action: Action | None,
    source: Action | None = None,
) -> ResourceChange:
    source = source or action
    blocked = action is not None and not action.can_run
    if source is not None and source.reason is not None:
        reason = f"due to {source.reason}" + (" (blocked)" if blocked else "")
    else:
        reason = "blocked" if blocked else ""
    return ResourceChange(what, rsc.id, _where(rsc, *places), reason)


def _first(rsc: Resource, node: Node | None, task: str) -> Action | None:
    found = resource_actions(rsc, node, task, False)
    return found[0] if found else None


@dataclass(slots=True)
class _Ops:
    start: Action | None
    stop: Action | None
    promote: Action | None
    demote: Action | None


def _same_role(rsc: Resource, current: Node | None, target: Node | None, ops: _Ops) -> list[ResourceChange]:
    start, stop = ops.start, ops.stop
    if target is None:
        return []
    migrate = _first(rsc, target, "migrate_from")
    if migrate is not None and current is not None and migrate.can_run:
        return [_item("Migrate", rsc, (current, target), start)]
    if rsc.reload:
        return [_item("Reload", rsc, (current, target), start)]
    if start is None or start.optional:
        promote, demote = ops.promote, ops.demote
        if demote is not None and promote is not None and not demote.optional and not promote.optional:
            return [_item("Re-promote", rsc, (current, target), promote, demote)]
        return []
    if not start.can_run:
        source = stop if stop is not None and stop.reason is not None else start
        return [_item("Stop", rsc, (current, None), stop, source)]
    if current is not None and current is not target:
        return [_item("Recover" if rsc.failed else "Move", rsc, (current, target), stop)]
    if rsc.failed:
        return [_item("Recover", rsc, (current, None), stop)]
    return [_item("Restart", rsc, (current, target), start)]


def _stops(rsc: Resource, start: Action | None) -> list[ResourceChange]:
    changes = []
    for node in rsc.active_on:
        found = find_keyed(rsc, op_key(rsc.id, "stop"), node)
        stop = found[0] if found else None
        source = stop if stop is not None and stop.reason is not None else start
        changes.append(_item("Stop", rsc, (node, None), stop, source))
    return changes


def _other_role(rsc: Resource, current: Node | None, target: Node | None, ops: _Ops) -> list[ResourceChange]:
    start, stop = ops.start, ops.stop
    if stop is not None and (rsc.next_role is Role.STOPPED or (start is not None and not start.can_run)):
        return _stops(rsc, start)
    if stop is not None and rsc.failed and rsc.stop_flag:
        return [_item("Recover", rsc, (current, target), stop, start)]
    if current is not None and target is not None and current is not target:
        return [_item("Move", rsc, (current, target), stop)]
    if rsc.reload:
        return [_item("Reload", rsc, (current, target), start)]
    if stop is not None and not stop.optional:
        return [_item("Restart", rsc, (current, target), start)]
    if rsc.role is Role.PROMOTED:
        return [_item("Demote", rsc, (current, target), ops.demote)]
    if rsc.next_role is Role.PROMOTED:
        return [_item("Promote", rsc, (current, target), ops.promote)]
    if rsc.role is Role.STOPPED and rsc.next_role > Role.STOPPED:
        return [_item("Start", rsc, (current, target), start)]
    return []


def _resource_changes(rsc: Resource) -> list[ResourceChange]:
    if rsc.kind is Kind.BUNDLE:
        changes: list[ResourceChange] = []
        for replica in rsc.bundle_data.replicas:
            for part in (replica.ip, replica.container, replica.remote, replica.child):
                if part is not None:
                    changes += _resource_changes(part)
        return changes
    if rsc.instances:
        return [change for child in rsc.instances for change in _resource_changes(child)]
    target, current = rsc.assigned, None
    if rsc.active_on:
        current = rsc.current
        if rsc.role is Role.STOPPED:
            # It is active while a migration is under way.
            rsc.role = Role.STARTED
    if (current is None and rsc.orphan) or not rsc.managed or (current is None and target is None):
        return []
    start = _first(rsc, target, "start")
    stop = _first(rsc, None if start is None or not start.can_run else current, "stop")
    if stop is None and rsc.stop_unexpected:
        stop = _first(rsc, None, "stop")
    ops = _Ops(start, stop, _first(rsc, target, "promote"), _first(rsc, target, "demote"))
    if rsc.role is rsc.next_role:
        return _same_role(rsc, current, target, ops)
    return _other_role(rsc, current, target, ops)


def summarize(cluster: Cluster) -> list[NodeChange | ResourceChange]:
    """Everything that happens, nodes first."""
    changes: list[NodeChange | ResourceChange] = []
    for action in reversed(cluster.actions):
        change = _node_change(action)
        if change is not None:
            changes.append(change)
    for rsc in cluster.resources:
        changes.extend(_resource_changes(rsc))
    return changes


def summary_lines(cluster: Cluster) -> list[str]:
    """The summary as crm_simulate prints it."""
    changes = summarize(cluster)
    name_width, where_width = 5, 5
    for change in changes:
        if isinstance(change, ResourceChange):
            if len(change.rsc) > name_width:
                name_width = len(change.rsc) + 2
            where_width = max(where_width, len(change.where))
    lines = []
    for change in changes:
        if isinstance(change, NodeChange):
            lines.append(str(change))
            continue
        text = f"{change.what:<8}   {change.rsc:<{name_width}}   ( {change.where:>{where_width}} )"
        lines.append(f"{text}  {change.reason}" if change.reason else text)
    return lines
