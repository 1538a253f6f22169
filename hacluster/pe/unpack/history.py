"""The histories of a node: where resources are, what failed, what is to be done about it."""

from __future__ import annotations

from typing import Final

from hacluster.base.score import INFINITY
from hacluster.base.values import scan_int
from hacluster.cib.records import History, NodeState, OpRecord
from hacluster.pe.model.action import Flag, op_key, resource_actions
from hacluster.pe.model.births import Stage
from hacluster.pe.model.causes import Cause, What, Why
from hacluster.pe.model.cluster import Cluster, Plain
from hacluster.pe.model.kinds import Kind, OnFail, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.create import clear_history, custom_action, task_action
from hacluster.pe.operation.fence import fence_node
from hacluster.pe.unpack.failures import Progress, unpack_op
from hacluster.pe.unpack.find import find_for_history, make_orphan
from hacluster.pe.unpack.records import active_span, in_order
from hacluster.pe.unpack.resources import target_role
from hacluster.pe.unpack.running import add_running


def _note_recurring(rsc: Resource, node: Node, ops: list[OpRecord]) -> None:
    """Recurring operations that run since the last start are made as actions, so that it is known that they run."""
    if not node.online:
        return
    start, stop = active_span(ops)
    for index, op in enumerate(ops):
        if (start < stop and index <= stop) or index < start or op.interval_ms == 0 or op.status == -1:
            continue
        custom_action(rsc, op_key(rsc.id, op.task, op.interval_ms), op.task, node, optional=True)


def _note_known(rsc: Resource, node: Node) -> None:
    entry: Resource | None = rsc
    while entry is not None:
        entry.known |= 1 << node.idx
        entry = None if entry.unique else entry.parent


def _fence_if_lost(rsc: Resource, node: Node) -> None:
    """A node that is gone with an active resource must be fenced before that runs elsewhere."""
    cluster = rsc.cluster
    if rsc.role <= Role.STOPPED or node.online or node.maintenance or not rsc.managed:
        return
    reason = f"{rsc.id} is thought to be active there"
    if node.is_guest:
        rsc.failed = rsc.stop_flag = True
    elif cluster.fencing:
        if node.is_remote and node.remote_rsc is not None and not node.remote_rsc.failed:
            # The connection may come back elsewhere; then the node is seen again and not fenced.
            node.unseen = True
            reason = (
                f"{rsc.id} is active there (fencing will be revoked if remote connection can be "
                "re-established elsewhere)"
            )
    else:
        return
    fence_node(cluster, node, reason, cause=Cause(Why.LOST, rsc.config_id, node.name))


def _reset_remote(rsc: Resource, node: Node) -> None:
    cluster = rsc.cluster
    rsc.failed = rsc.stop_flag = True
    if cluster.fencing and rsc.is_remote:
        remote = cluster.find_node(rsc.id)
        if remote is not None and remote.is_remote and not remote.remote_was_fenced:
            fence_node(cluster, remote, "remote connection is unrecoverable")
    if rsc.role > Role.STOPPED:
        task_action(rsc, "stop", node, optional=False)
    if rsc.remote_reconnect_ms:
        rsc.set_next_role(Role.STOPPED)


def _restart_container(rsc: Resource, node: Node) -> None:
    rsc.failed = rsc.stop_flag = True
    if rsc.container is not None and rsc.bundled:
        rsc.cluster.stop_needed.insert(0, rsc.container)
    elif rsc.container is not None:
        task_action(rsc.container, "stop", node, optional=False)
    elif rsc.role > Role.STOPPED:
        task_action(rsc, "stop", node, optional=False)


_NOTED: Final = {
    OnFail.BLOCK: What.BLOCK,
    OnFail.STOP: What.STOP,
    OnFail.STANDBY: What.STANDBY,
    OnFail.RECOVER: What.RECOVER,
    OnFail.DEMOTE: What.RECOVER,
    OnFail.RESTART_CONTAINER: What.RECOVER,
}


def _handle_on_fail(rsc: Resource, node: Node, on_fail: OnFail, cause: Cause) -> None:
    cluster = rsc.cluster
    what = _NOTED.get(on_fail)
    if what is not None:
        cluster.note(what, node.name if what is What.STANDBY else rsc.id, cause)
    if on_fail is OnFail.DEMOTE:
        rsc.failed = True
        task_action(rsc, "demote", node, optional=False)
    elif on_fail is OnFail.FENCE:
        fence_node(cluster, node, f"{rsc.id} failed there", cause=cause)
    elif on_fail is OnFail.STANDBY:
        node.standby = node.standby_onfail = True
    elif on_fail is OnFail.BLOCK:
        rsc.managed = False
        rsc.blocked = True
    elif on_fail is OnFail.MIGRATE:
        cluster.scores.spread(rsc, node, -INFINITY, cause)
    elif on_fail is OnFail.STOP:
        rsc.set_next_role(Role.STOPPED)
    elif on_fail is OnFail.RECOVER:
        if rsc.role > Role.STOPPED:
            rsc.failed = rsc.stop_flag = True
            task_action(rsc, "stop", node, optional=False)
    elif on_fail is OnFail.RESTART_CONTAINER:
        _restart_container(rsc, node)
    elif on_fail is OnFail.RESET_REMOTE:
        _reset_remote(rsc, node)


def _settle_stopped(rsc: Resource, node: Node) -> None:
    if rsc.clone_name is not None and ":" in rsc.clone_name:
        rsc.cluster.set_clone_name(rsc, None)
    elif rsc.actions:
        for stop in resource_actions(rsc, node, "stop", False):
            stop.set(Flag.OPTIONAL)


def _is_clean_probe(rsc: Resource, ops: list[OpRecord]) -> bool:
    """Whether all that is known is one probe that found nothing, as it should: by far the most frequent history."""
    if len(ops) != 1 or rsc.failure_timeout or rsc.failed or rsc.partial_source is not None:
        return False
    op = ops[0]
    return op.rc == 7 and op.target_rc == 7 and op.status == 0 and op.interval_ms == 0 and op.task == "monitor"


def _settle_state(rsc: Resource, node: Node, progress: Progress) -> None:
    """What the whole history says of the resource on this node."""
    cluster, on_fail, failure = rsc.cluster, progress.on_fail, progress.last_failure
    failed = on_fail is not OnFail.IGNORE
    if rsc.role is not Role.UNKNOWN:
        _note_known(rsc, node)
    _fence_if_lost(rsc, node)
    if node.unclean:
        # Fencing takes care of everything on the node.
        on_fail = OnFail.IGNORE
    _handle_on_fail(rsc, node, on_fail, Cause(Why.ON_FAIL, rsc.config_id if failure is None else failure.id, node.name))
    if rsc.failed and rsc.is_remote:
        remote = cluster.find_node(rsc.id)
        if remote is not None and remote.unclean:
            remote.unseen = False
    if rsc.role > Role.STOPPED:
        add_running(rsc, node, failed)
        if on_fail in (OnFail.DEMOTE, OnFail.BLOCK):
            rsc.failed = True
        elif on_fail is not OnFail.IGNORE:
            rsc.failed = rsc.stop_flag = True
    else:
        _settle_stopped(rsc, node)
    if rsc.role is Role.STOPPED and rsc.partial_source is node and rsc.partial_target is not None and rsc.active_on:
        rsc.role = Role.STARTED


def _note_lock(rsc: Resource, node: Node, history: History) -> None:
    cluster, lock_time = rsc.cluster, scan_int(history.shutdown_lock) or 0
    if lock_time:
        limit = cluster.shutdown_lock_limit
        if limit > 0 and cluster.now.epoch > lock_time + limit:
            clear_history(rsc, node)
        else:
            rsc.lock_node, rsc.lock_time = node, lock_time


def unpack_history(cluster: Cluster, node: Node, history: History) -> Resource | None:
    """Take one resource's history on a node into account."""
    if not history.ops and not cluster.shutdown_lock:
        return None
    rsc = find_for_history(cluster, node, history.id)
    if rsc is None:
        rsc = make_orphan(cluster, history) if history.ops else None
    if rsc is None:
        return None
    if cluster.shutdown_lock:
        _note_lock(rsc, node, history)
    saved_role, rsc.role = rsc.role, Role.UNKNOWN
    if _is_clean_probe(rsc, history.ops):
        rsc.role = Role.STOPPED
        rsc.set_next_role(Role.UNKNOWN)
        _note_known(rsc, node)
        _settle_stopped(rsc, node)
    else:
        ops, progress = in_order(history), Progress()
        for op in ops:
            unpack_op(rsc, node, op, progress)
        _note_recurring(rsc, node, ops)
        _settle_state(rsc, node, progress)
    wanted = target_role(rsc)
    if wanted is not Role.UNKNOWN and (rsc.next_role is Role.UNKNOWN or wanted < rsc.next_role):
        rsc.set_next_role(wanted)
    rsc.role = max(rsc.role, saved_role)
    return rsc


def _plain_primitives(cluster: Cluster) -> dict[str, Plain]:
    """What is no part of a clone, by id.

    Most histories say that such a primitive was looked for on a node and is not there. They only add to the set of
    nodes where its state is known.
    """
    if cluster.shutdown_lock:
        return {}
    if cluster.plain is None:
        cluster.plain = {
            rsc.id: Plain(rsc, target_role(rsc), op_key(rsc.id, "stop"))
            for rsc in cluster.resource_table
            if rsc.kind is Kind.PRIMITIVE
            and (rsc.parent is None or (rsc.parent.kind is Kind.GROUP and rsc.parent.parent is None))
            and not rsc.orphan
            and cluster.find_resource(rsc.id) is rsc
        }
    return cluster.plain


def unpack_histories(cluster: Cluster, node: Node, state: NodeState) -> None:
    """Take all histories of a node into account."""
    orphan_filler = False
    plain, here = _plain_primitives(cluster), 1 << node.idx
    order = sum(other.unpacked for other in cluster.nodes)
    for history in state.histories:
        known = plain.get(history.id)
        if known is not None and _is_clean_probe(known.rsc, history.ops) and known.stop_key not in known.rsc.by_key:
            known.rsc.known |= here
            known.rsc.next_role = known.highest
            continue
        cluster.begin(Stage.STATUS, order, history.place)
        rsc = unpack_history(cluster, node, history)
        orphan_filler = orphan_filler or (rsc is not None and rsc.orphan_filler)
    if not orphan_filler:
        return
    for history in state.histories:
        container = cluster.find_resource(history.container)
        rsc = cluster.find_resource(history.id)
        if container is not None and rsc is not None and rsc.orphan_filler and rsc.container is None:
            rsc.container = container
            container.fillers.append(rsc)
