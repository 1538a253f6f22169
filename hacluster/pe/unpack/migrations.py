"""What is left of live migrations that did not come to their end."""

from __future__ import annotations

from typing import Final

from hacluster.cib.records import OpRecord
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.unpack.records import compare_age, find_history, find_only_op
from hacluster.pe.unpack.running import add_running

_STATE_TASKS = ("start", "stop", "migrate_to", "migrate_from")


_PENDING_RC: Final = 193


def _unknown_on(cluster: Cluster, rsc_id: str, node_name: str) -> bool:
    """Whether nothing has ended on a node yet: what is still pending there says nothing."""
    history = find_history(cluster, rsc_id, node_name)
    return history is None or all(op.rc == _PENDING_RC for op in history.ops)


def _newer_state_op(cluster: Cluster, rsc_id: str, node_name: str, op: OpRecord | None) -> bool:
    """Whether something other than a monitor happened on a node after ``op``."""
    history = find_history(cluster, rsc_id, node_name)
    if history is None or op is None:
        return False
    return any(other is not op and other.task in _STATE_TASKS and compare_age(other, op) > 0 for other in history.ops)


def _newer_state(
    cluster: Cluster, rsc_id: str, node_name: str, to_op: OpRecord | None, from_op: OpRecord | None
) -> bool:
    """Whether what is known of a node is newer than the migration."""
    op = to_op if from_op is None else from_op
    if op is None:
        return False
    if op is not to_op and to_op is not None and op.source is not None and node_name.lower() == op.source.lower():
        op = to_op
    if _newer_state_op(cluster, rsc_id, node_name, op):
        return True
    monitor = find_only_op(cluster, rsc_id, "monitor", node_name, partner=None, target_rc=7)
    return monitor is not None and compare_age(monitor, op) > 0


def _names(op: OpRecord, *, source: Node | None = None, target: Node | None = None) -> tuple[str, str] | None:
    """Source and target of a migration; ``None`` if the record does not fit the node that it is from."""
    if op.source is None or op.target is None:
        return None
    if source is not None and op.source.lower() != source.name.lower():
        return None
    if target is not None and op.target.lower() != target.name.lower():
        return None
    return op.source, op.target


def _broke(rsc: Resource) -> None:
    rsc.failed = rsc.stop_flag = True
    rsc.allow_migrate = False


def _half_done(rsc: Resource, target: str, from_op: OpRecord | None, newer: tuple[bool, bool], source: str) -> None:
    """A migrate_to succeeded and a migrate_from has not: where is it now?"""
    cluster, (source_newer, target_newer) = rsc.cluster, newer
    target_node, source_node = cluster.find_node(target), cluster.find_node(source)
    usable = not target_newer and target_node is not None and target_node.online
    if from_op is not None and from_op.status != -1:
        if usable and target_node is not None:
            add_running(rsc, target_node, True)
        else:
            _broke(rsc)
    elif target_node is not None and target_node.online and _unknown_on(cluster, rsc.id, target):
        # The history has been cleaned; a probe will tell.
        return
    elif usable and target_node is not None:
        add_running(rsc, target_node, False)
        if source_node is not None and source_node.online:
            rsc.partial_target, rsc.partial_source = target_node, source_node
    elif not source_newer:
        _broke(rsc)


def after_migrate_to(rsc: Resource, node: Node, op: OpRecord) -> None:
    """A migrate_to succeeded: complete, failed on the other side, or still under way."""
    cluster, names = rsc.cluster, _names(op, source=node)
    if names is None:
        return
    source, target = names
    source_newer = _newer_state_op(cluster, rsc.id, source, op)
    from_op = find_only_op(cluster, rsc.id, "migrate_from", target, partner=source, target_rc=-1)
    if source_newer and from_op is not None:
        return
    target_newer = _newer_state(cluster, rsc.id, target, op, from_op)
    if source_newer and target_newer:
        return
    if from_op is not None and from_op.rc == 0 and from_op.status == 0:
        rsc.role = Role.STOPPED
        rsc.dangling.insert(0, node)
        return
    rsc.role = Role.STARTED
    _half_done(rsc, target, from_op, (source_newer, target_newer), source)


def after_failed_migrate_to(rsc: Resource, node: Node, op: OpRecord) -> None:
    """A migrate_to failed: the resource may be on either side, or both."""
    cluster, names = rsc.cluster, _names(op, source=node)
    if names is None:
        return
    source, target = names
    rsc.role = Role.STARTED
    from_op = find_only_op(cluster, rsc.id, "migrate_from", target, partner=source, target_rc=0)
    if not _unknown_on(cluster, rsc.id, target) and not _newer_state(cluster, rsc.id, target, op, from_op):
        target_node = cluster.find_node(target)
        if target_node is not None and target_node.online:
            add_running(rsc, target_node, False)
    elif not _newer_state_op(cluster, rsc.id, source, op):
        rsc.dangling.insert(0, node)


def after_failed_migrate_from(rsc: Resource, node: Node, op: OpRecord) -> None:
    """A migrate_from failed: the resource may still be on the source."""
    cluster, names = rsc.cluster, _names(op, target=node)
    if names is None:
        return
    source, target = names
    rsc.role = Role.STARTED
    to_op = find_only_op(cluster, rsc.id, "migrate_to", source, partner=target, target_rc=0)
    if not _unknown_on(cluster, rsc.id, source) and not _newer_state(cluster, rsc.id, source, to_op, op):
        source_node = cluster.find_node(source)
        if source_node is not None and source_node.online:
            add_running(rsc, source_node, True)
