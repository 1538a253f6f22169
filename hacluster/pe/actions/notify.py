"""Notifications of clones: who is told before and after a change (Pacemaker Administration, "Clone Notifications")."""

from __future__ import annotations

from typing import Final

from hacluster.base.score import INFINITY
from hacluster.pe.model.action import Action, Flag, Order, find_first, notify_key, order
from hacluster.pe.model.cluster import node_key
from hacluster.pe.model.kinds import Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.notify import Entry, NotifyData
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import custom_action

_CHANGES: Final = ("start", "stop", "promote", "demote")


def _pseudo(rsc: Resource, action: Action, task: str, kind: str) -> Action:
    notify = custom_action(rsc, notify_key(rsc.id, kind, action.task), task, None, optional=action.optional)
    notify.set(Flag.PSEUDO)
    notify.default_meta("notify_key_type", kind)
    notify.default_meta("notify_key_operation", action.task)
    return notify


def _describe(action: Action, when: str, task: str) -> None:
    action.default_meta("notify_type", when)
    action.default_meta("notify_operation", task)


def notification_milestones(
    rsc: Resource, task: str, action: Action | None, complete: Action | None
) -> NotifyData | None:
    """The milestones around a change of a clone: before ``action``, after ``complete``; ``None`` if nobody is told."""
    if not rsc.notify:
        return None
    data = NotifyData(task)
    if action is not None:
        data.pre = _pseudo(rsc, action, "notify", "pre")
        data.pre_done = _pseudo(rsc, action, "notified", "confirmed-pre")
        for milestone in (data.pre, data.pre_done):
            milestone.set(Flag.RUNNABLE)
            _describe(milestone, "pre", task)
        order(data.pre, data.pre_done, Order.OPTIONAL)
        order(data.pre_done, action, Order.OPTIONAL)
    if complete is not None:
        data.post = _pseudo(rsc, complete, "notify", "post")
        data.post_done = _pseudo(rsc, complete, "notified", "confirmed-post")
        for milestone in (data.post, data.post_done):
            milestone.priority = INFINITY
            milestone.clear(Flag.RUNNABLE)
            milestone.set(complete.flags & Flag.RUNNABLE)
            _describe(milestone, "post", task)
        order(complete, data.post, Order.IMPLIES_THEN)
        order(data.post, data.post_done, Order.IMPLIES_THEN)
    if action is not None and complete is not None:
        order(data.pre_done, data.post, Order.OPTIONAL)
    return data


def _collect(rsc: Resource, data: NotifyData, activity: bool) -> None:
    if data.allowed is None:
        data.allowed = rsc.allowed
    for child in rsc.instances:
        _collect(child, data, activity)
    if rsc.instances:
        return
    entry: Entry = (rsc, rsc.active_on[0] if rsc.active_on else None)
    if rsc.role is Role.STOPPED:
        data.inactive.append(entry)
    elif rsc.role > Role.STOPPED:
        data.active.append(entry)
        if rsc.role is Role.UNPROMOTED:
            data.unpromoted.append(entry)
        elif rsc.role is Role.PROMOTED:
            data.promoted.append(entry)
    if not activity:
        return
    for action in rsc.actions:
        if action.optional or action.node is None or action.task not in _CHANGES:
            continue
        if action.can_run or (action.task == "stop" and action.node.unclean):
            getattr(data, action.task).append((rsc, action.node))


def _names(entries: list[Entry], with_nodes: bool) -> tuple[str, str]:
    """Resources and nodes as blank-separated lists; a single blank for an empty one."""
    rscs: list[str] = []
    nodes: list[str] = []
    last: str | None = None
    for rsc, node in sorted(entries, key=lambda entry: (entry[0].id, "" if entry[1] is None else entry[1].id)):
        if (with_nodes and node is None) or rsc.id == last:
            continue
        last = rsc.id
        rscs.append(rsc.id)
        if node is not None:
            nodes.append(node.name)
    return " ".join(rscs) or " ", " ".join(nodes) or " "


def _host_name(node: Node) -> str:
    container = node.guest_container
    host = container.current if container is not None and container.active_on else None
    return (host or node).name


def _add_keys(rsc: Resource, data: NotifyData) -> None:
    """The environment of the notifications, and whether the change asks for them."""
    cluster = rsc.cluster
    stops = _names(data.stop, True)[0] != " "
    required = stops if data.task == "stop" else bool(getattr(data, data.task))
    lists = (
        ("stop", data.stop), ("start", data.start), ("demote", data.demote), ("promote", data.promote),
        ("active", data.active), ("unpromoted", data.unpromoted), ("slave", data.unpromoted),
        ("promoted", data.promoted), ("master", data.promoted),
    )  # fmt: skip
    for word, entries in lists:
        rscs, nodes = _names(entries, True)
        data.keys += [(f"notify_{word}_resource", rscs), (f"notify_{word}_uname", nodes)]
    data.keys.append(("notify_inactive_resource", _names(data.inactive, False)[0]))
    allowed = sorted((cluster.node_table[idx] for idx in data.allowed or {}), key=node_key)
    data.keys.append(("notify_available_uname", " ".join(node.name for node in allowed) or " "))
    if rsc.meta.get("container-attribute-target") == "host":
        data.keys.append(("notify_all_hosts", " ".join(_host_name(node) for node in cluster.nodes) or " "))
    data.keys.append(("notify_all_uname", " ".join(node.name for node in cluster.nodes) or " "))
    if required:
        for milestone in (data.pre, data.pre_done, data.post, data.post_done):
            if milestone is not None:
                milestone.clear(Flag.OPTIONAL)


def _notify_one(rsc: Resource, node: Node, op: Action | None, done: Action | None, data: NotifyData) -> Action | None:
    if op is None or done is None or not node.online or not op.can_run:
        return None
    key = notify_key(rsc.id, op.meta.get("notify_type"), op.meta.get("notify_operation"))
    notify = custom_action(rsc, key, op.task, node, optional=op.optional)
    for name, value in op.meta.items():
        notify.meta.setdefault(name, value)
    for name, value in data.keys:
        notify.default_meta(name, value)
    order(op, notify, Order.OPTIONAL)
    order(notify, done, Order.OPTIONAL)
    return notify


def _notify_after(rsc: Resource, node: Node, data: NotifyData) -> None:
    notify = _notify_one(rsc, node, data.post, data.post_done, data)
    if notify is not None:
        notify.priority = INFINITY
    if data.post_done is None:
        return
    for monitor in rsc.actions:
        if monitor.meta.get("interval", "0") != "0" and monitor.task != "cancel":
            order(data.post_done, monitor, Order.OPTIONAL)


def _notify_down(rsc: Resource, data: NotifyData) -> None:
    stop = find_first(rsc.actions, None, "stop", None)
    for node in rsc.active_on:
        if stop is not None and stop.pseudo and (node.unclean or node.remote_requires_reset):
            continue
        _notify_one(rsc, node, data.pre, data.pre_done, data)
        if data.task == "demote" or stop is None or stop.optional:
            _notify_after(rsc, node, data)


def _notify_up(rsc: Resource, data: NotifyData) -> None:
    start = find_first(rsc.actions, None, "start", None)
    if start is not None and start.node is not None and start.node.remote_rsc is not None:
        connection = find_first(start.node.remote_rsc.actions, None, "start", None)
        if connection is not None and not connection.can_run:
            return
    if rsc.assigned is None:
        return
    if data.task != "start" or start is None or start.optional:
        _notify_one(rsc, rsc.assigned, data.pre, data.pre_done, data)
    _notify_after(rsc, rsc.assigned, data)


def _create(rsc: Resource, data: NotifyData) -> None:
    for child in rsc.instances:
        _create(child, data)
    if rsc.instances:
        return
    for action in rsc.actions:
        if not action.optional and action.node is not None and action.task in _CHANGES:
            for name, value in data.keys:
                action.default_meta(name, value)
    if data.task in ("start", "promote", "demote") and not getattr(data, data.task):
        return
    if rsc.role is not Role.STOPPED and data.task in ("stop", "demote"):
        _notify_down(rsc, data)
    if rsc.next_role is not Role.STOPPED and data.task in ("start", "promote"):
        _notify_up(rsc, data)


def create_notifications(rsc: Resource, data: NotifyData | None) -> None:
    """Make the notifications of one kind of change of a clone."""
    if data is not None:
        _collect(rsc, data, True)
        _add_keys(rsc, data)
        _create(rsc, data)


def notify_after_fencing(stop: Action, rsc: Resource, fencing: Action) -> None:
    """Tell the other instances that one is gone with its node."""
    data = notification_milestones(rsc, "stop", None, fencing)
    if data is not None and stop.node is not None:
        _collect(rsc, data, False)
        data.keys += [("notify_stop_resource", rsc.id), ("notify_stop_uname", stop.node.name)]
        _create(rsc.top, data)
