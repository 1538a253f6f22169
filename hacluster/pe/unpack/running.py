"""Saying where a resource is active, and what follows if that is not right."""

from __future__ import annotations

from hacluster.base.score import INFINITY
from hacluster.pe.model.causes import Cause, What, Why
from hacluster.pe.model.kinds import Kind, Multiple, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource


def _add_priority(rsc: Resource, node: Node, failed: bool) -> None:
    """A node is as important as what runs on it; the promoted role counts one more."""
    if rsc.priority == 0 or failed:
        return
    priority = rsc.priority + (1 if rsc.role is Role.PROMOTED else 0)
    node.priority += priority
    container = node.guest_container
    if container is not None:
        for host in container.active_on:
            host.priority += priority


def _multiply_active(rsc: Resource) -> bool:
    if rsc.kind is not Kind.PRIMITIVE:
        return False
    _node, every, clean = rsc.find_active()
    return (every if rsc.needs_fencing else clean) > 1


def _handle_multiple(rsc: Resource) -> None:
    if rsc.multiple is Multiple.STOP_ONLY:
        rsc.cluster.scores.ban_everywhere(rsc, rsc.cluster.nodes, -INFINITY, Cause(Why.MULTIPLE_ACTIVE, rsc.config_id))
    elif rsc.multiple is Multiple.BLOCK:
        rsc.cluster.note(What.BLOCK, rsc.id, Cause(Why.MULTIPLE_ACTIVE, rsc.config_id))
        rsc.managed = False
        rsc.blocked = True
        parent = rsc.parent
        if parent is not None and parent.kind in (Kind.GROUP, Kind.BUNDLE) and parent.multiple is Multiple.BLOCK:
            for child in parent.instances:
                child.managed = False
                child.blocked = True


def add_running(rsc: Resource, node: Node, failed: bool) -> None:
    """Note that a resource is active on a node, and with it what it is part of."""
    if node in rsc.active_on:
        return
    rsc.active_on.append(node)
    if rsc.kind is Kind.PRIMITIVE:
        node.running.append(rsc)
        _add_priority(rsc, node, failed)
        if node.maintenance:
            rsc.managed = False
            rsc.maintenance = True
    if not rsc.managed:
        rsc.cluster.scores.spread(rsc, node, INFINITY, Cause(Why.UNMANAGED, rsc.config_id))
        parent = rsc.parent
        while parent is not None:
            parent.active_on.append(node)
            parent = parent.parent
        return
    if _multiply_active(rsc):
        _handle_multiple(rsc)
    if rsc.parent is not None:
        add_running(rsc.parent, node, False)
