"""One operation result at a time: what it says of the resource, and what to do about a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hacluster.base.score import INFINITY
from hacluster.cib.records import OpRecord
from hacluster.pe.model.action import Order, order
from hacluster.pe.model.causes import Cause, What, Why
from hacluster.pe.model.digests import Verdict
from hacluster.pe.model.kinds import OnFail, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import configure
from hacluster.pe.operation.create import task_action
from hacluster.pe.operation.digest import compare, needs_remote_name
from hacluster.pe.operation.failcount import clear_failcount, failcount
from hacluster.pe.operation.fence import can_fence, fence_action
from hacluster.pe.unpack.migrations import after_failed_migrate_from, after_failed_migrate_to, after_migrate_to

PENDING, DONE, CANCELLED, TIMEOUT, NOT_SUPPORTED, ERROR, ERROR_HARD, ERROR_FATAL = range(-1, 7)
NOT_INSTALLED, NOT_CONNECTED, INVALID, NO_DEVICE, NO_SECRETS = range(7, 12)

_SEVERITY: Final = {
    OnFail.IGNORE: 0,
    OnFail.DEMOTE: 1,
    OnFail.RECOVER: 2,
    OnFail.RESET_REMOTE: 3,
    OnFail.RESTART_CONTAINER: 4,
    OnFail.MIGRATE: 5,
    OnFail.BLOCK: 6,
    OnFail.STOP: 7,
    OnFail.STANDBY: 8,
    OnFail.FENCE: 9,
}
_FORGIVABLE: Final = frozenset({OnFail.BLOCK, OnFail.IGNORE, OnFail.DEMOTE, OnFail.RECOVER, OnFail.RESTART_CONTAINER})
_EFFECTIVE_RC: Final = {190: 0, 191: 8}
_TELLING: Final = frozenset({"monitor", "start", "stop", "promote", "demote", "migrate_to", "migrate_from", "asyncmon"})
"""Operations whose results say something of a resource's state."""
_LAST_RC: Final = 255
_ROLE_AFTER: Final = {
    "start": Role.STARTED,
    "stop": Role.STOPPED,
    "promote": Role.PROMOTED,
    "demote": Role.UNPROMOTED,
    "migrate_from": Role.STARTED,
}


@dataclass(slots=True)
class Progress:
    """What the records of one history, taken oldest first, have come to; ``expired``: the one at hand is forgotten."""

    on_fail: OnFail = OnFail.IGNORE
    last_failure: OpRecord | None = None
    expired: bool = False


def set_active(rsc: Resource) -> None:
    """It is active in some role."""
    rsc.role = Role.UNPROMOTED if rsc.top.promotable else Role.STARTED


def record_failed(op: OpRecord, node: Node, rsc: Resource) -> None:
    """Put an operation on the list of failures, once; one without a key goes by its id."""
    if not node.online:
        return
    failed = rsc.cluster.failed_ops
    if not any(name == node.name and known.key == op.key for known, name in failed):
        failed.append((op, node.name))


def _param_change(op: OpRecord, rsc: Resource, node: Node) -> bool:
    if op.task not in ("start", "monitor"):
        return False
    if needs_remote_name(rsc):
        rsc.cluster.param_checks.insert(0, (op, rsc, node, False, rsc.cluster.birth()))
        return False
    return compare(rsc, op, node) not in (Verdict.UNKNOWN, Verdict.MATCH)


def _keeps_failure(rsc: Resource, op: OpRecord) -> bool:
    """A connection with a reconnect interval does not forget failed monitors before its node is fenced."""
    if not (rsc.remote_reconnect_ms and rsc.cluster.fencing and op.interval_ms and op.task == "monitor"):
        return False
    node = rsc.cluster.find_node(rsc.id)
    return node is not None and not node.remote_was_fenced


def _expired(rsc: Resource, node: Node, op: OpRecord) -> bool:
    """Whether a failure is old enough to be forgotten; has its fail count cleared if it is."""
    cluster, expired, unexpired = rsc.cluster, False, 0
    is_last_failure = op.id.endswith("_last_failure_0")
    why: str | None = None
    if rsc.failure_timeout > 0 and op.last_change is not None:
        if cluster.now.epoch >= op.last_change + rsc.failure_timeout and not _keeps_failure(rsc, op):
            expired = True
        unexpired, last = failcount(rsc, node, effective=True, op=op)
        if unexpired:
            cluster.recheck_at(last + rsc.failure_timeout + 1)
    if expired:
        if failcount(rsc, node, effective=False, op=op)[0]:
            if unexpired:
                expired = False
            else:
                why = "it expired"
        elif is_last_failure and rsc.remote_reconnect_ms:
            why = "reconnect interval is set"
    if not expired and is_last_failure and _param_change(op, rsc, node):
        why = "resource parameters have changed"
    if why is not None:
        clear = clear_failcount(rsc, node, why)
        if cluster.fencing and rsc.remote_reconnect_ms:
            remote = cluster.find_node(rsc.id)
            if remote is not None:
                order(fence_action(cluster, remote, None, True, None), clear, Order.IMPLIES_THEN)
    if expired and op.is_probe and op.rc in (0, 7, 8, 190, 191):
        return False
    return expired


def _unrecoverable(rsc: Resource, node: Node, op: OpRecord) -> None:
    """A stop that cannot succeed on a node that cannot be fenced: leave the resource alone."""
    if op.task == "stop" and not can_fence(rsc.cluster, node):
        rsc.cluster.note(What.BLOCK, rsc.id, Cause(Why.STOP_FAILED, op.id, node.name))
        rsc.managed = False
        rsc.blocked = True


_HARD: Final = frozenset({2, 3, 4, 5})
"""Codes that say that the agent cannot do it on this node at all."""


def _is_stopped(op: OpRecord, rsc: Resource) -> bool:
    """Whether "not running" is no failure: it was to be found out, or is nobody's business."""
    return op.is_probe or op.target_rc == 7 or not rsc.managed


def _meaning(op: OpRecord, rc: int, rsc: Resource) -> int:
    """The status that an exit code means."""
    status = ERROR if op.target_rc < 0 or op.target_rc != rc else DONE
    if rc == 0:
        return DONE if op.is_probe and op.target_rc == 7 else status
    if rc == 7:
        return DONE if _is_stopped(op, rsc) else status
    if rc == 8:
        return DONE if op.is_probe and op.target_rc != rc else status
    if rc == 6:
        return ERROR_FATAL
    if rc in _HARD:
        return NOT_SUPPORTED if rc == 3 and op.interval_ms else ERROR_HARD
    return ERROR


def _take_code(op: OpRecord, rc: int, rsc: Resource, node: Node, progress: Progress) -> None:
    """What an exit code says of the resource by itself."""
    if rc == 7 and _is_stopped(op, rsc):
        rsc.role = Role.STOPPED
        progress.on_fail = OnFail.IGNORE
        rsc.set_next_role(Role.UNKNOWN)
    elif rc == 8:
        if not progress.expired or op.target_rc == rc:
            rsc.role = Role.PROMOTED
    elif rc == 9 and not progress.expired:
        rsc.role = Role.PROMOTED
    elif rc in _HARD and not progress.expired and not (rc == 3 and op.interval_ms):
        _unrecoverable(rsc, node, op)


def _remap(op: OpRecord, rsc: Resource, node: Node, progress: Progress) -> tuple[int, int]:
    """The exit code and status that count, after what the agent's code means here."""
    rc, status = op.rc, op.status
    if rc in _EFFECTIVE_RC:
        if not progress.expired and (not node.shutdown or node.online):
            record_failed(op, node, rsc)
        rc = _EFFECTIVE_RC[rc]
    if not rsc.bundled and op.masks_probe_failure:
        rc, status = 7, DONE
    if status in (DONE, ERROR):
        status = _meaning(op, rc, rsc)
        _take_code(op, rc, rsc, node, progress)
    elif status in (NO_DEVICE, NO_SECRETS):
        status = ERROR_HARD
    return rc, status


def _forgive(rsc: Resource, progress: Progress) -> None:
    """Something that succeeded later makes good for an earlier failure."""
    if progress.on_fail in _FORGIVABLE or (progress.on_fail is OnFail.RESET_REMOTE and rsc.remote_reconnect_ms == 0):
        progress.on_fail = OnFail.IGNORE
        rsc.set_next_role(Role.UNKNOWN)


def _note_result(rsc: Resource, node: Node, op: OpRecord, rc: int, progress: Progress) -> None:
    """What a result that counts as a success says of the resource."""
    task, forgive = op.task, False
    if rc == 5 or (not rsc.bundled and op.masks_probe_failure):
        rsc.role = Role.STOPPED
    elif rc == 7:
        forgive = True
    elif task == "monitor":
        last = progress.last_failure
        forgive = last is not None and last.key == op.key
        if rsc.role < Role.STARTED:
            set_active(rsc)
    elif task == "migrate_to":
        after_migrate_to(rsc, node, op)
    elif task in _ROLE_AFTER:
        forgive = task != "demote" or progress.on_fail is OnFail.DEMOTE
        rsc.role = _ROLE_AFTER[task]
    elif rsc.role < Role.STARTED:
        set_active(rsc)
    if forgive:
        _forgive(rsc, progress)


def _ban_after_fail_role(rsc: Resource, cause: Cause) -> None:
    """on-fail=stop: it may run nowhere."""
    target = rsc
    if rsc.parent is not None and rsc.top.is_clone and not rsc.top.unique:
        target = rsc.top
    rsc.cluster.scores.ban_everywhere(target, rsc.cluster.nodes, -INFINITY, cause)


def _note_failure(rsc: Resource, node: Node, op: OpRecord, rc: int, progress: Progress) -> None:
    """What a failure says of the resource, and what its ``on-fail`` asks for."""
    cluster, task = rsc.cluster, op.task
    progress.last_failure = op
    if cluster.symmetric or rc != 5:
        record_failed(op, node, rsc)
    config = configure(rsc, op.key, task)
    if _SEVERITY[progress.on_fail] < _SEVERITY[config.on_fail]:
        progress.on_fail = config.on_fail
    if task == "stop":
        cluster.scores.spread(rsc, node, -INFINITY, Cause(Why.STOP_FAILED, op.id, node.name))
    elif task == "migrate_to":
        after_failed_migrate_to(rsc, node, op)
    elif task == "migrate_from":
        after_failed_migrate_from(rsc, node, op)
    elif task == "promote":
        rsc.role = Role.PROMOTED
    elif task == "demote":
        if config.on_fail is OnFail.BLOCK:
            rsc.role = Role.PROMOTED
            rsc.set_next_role(Role.STOPPED)
        else:
            rsc.role = Role.STOPPED if rc == 7 else Role.UNPROMOTED
    if op.is_probe and rc == 5:
        rsc.role = Role.STOPPED
    elif rsc.role < Role.STARTED:
        set_active(rsc)
    if config.fail_role is not Role.STARTED and rsc.next_role < config.fail_role:
        rsc.set_next_role(config.fail_role)
    if config.fail_role is Role.STOPPED:
        _ban_after_fail_role(rsc, Cause(Why.ON_FAIL, op.id, node.name))


def _has_ended(op: OpRecord, last: OpRecord | None) -> bool:
    """Whether a pending recurring operation has failed since: the failure is kept under a name of its own."""
    if last is None or op.task != last.task or op.interval_ms != last.interval_ms:
        return False
    return op.last_change is not None and last.last_change is not None and last.last_change >= op.last_change


def _note_pending(rsc: Resource, node: Node, op: OpRecord, progress: Progress) -> None:
    if _has_ended(op, progress.last_failure):
        return
    if op.task == "start":
        rsc.start_pending = True
        set_active(rsc)
    elif op.task == "promote":
        rsc.role = Role.PROMOTED
    elif op.task == "migrate_to" and node.unclean:
        target = rsc.cluster.find_node(op.target)
        if target is not None:
            task_action(rsc, "stop", target, optional=False)
    if rsc.pending_task is None and (op.interval_ms or op.task != "monitor"):
        rsc.pending_task = op.task
        rsc.pending_node = node


def _handle_failure(rsc: Resource, node: Node, op: OpRecord, result: tuple[int, int], progress: Progress) -> None:
    rc, status = result
    banned = rsc if rsc.unique else rsc.top
    scores, strategy = rsc.cluster.scores, configure(rsc, op.key, op.task).on_fail
    if status == NOT_CONNECTED and node.is_remote_kind:
        connection = node.remote_rsc
        if connection is not None and connection.managed:
            connection.failed = connection.stop_flag = True
    if strategy is OnFail.IGNORE or (strategy is OnFail.RESTART_CONTAINER and op.task == "stop"):
        _note_result(rsc, node, op, op.target_rc, progress)
        rsc.failure_ignored = True
        record_failed(op, node, rsc)
        if strategy is OnFail.RESTART_CONTAINER and _SEVERITY[progress.on_fail] <= _SEVERITY[OnFail.RECOVER]:
            progress.on_fail = strategy
        return
    _note_failure(rsc, node, op, rc, progress)
    if status == ERROR_HARD:
        scores.spread(banned, node, -INFINITY, Cause(Why.HARD_ERROR, op.id, node.name))
    elif status == ERROR_FATAL:
        scores.everywhere(banned, rsc.cluster.nodes, -INFINITY, Cause(Why.FATAL_ERROR, op.id, node.name))


def _forgotten(rsc: Resource, node: Node, op: OpRecord, rc: int, masked: bool) -> bool:
    """Whether an expired result is left out altogether."""
    if masked and op.rc != op.target_rc:
        if rsc.role <= Role.STOPPED:
            rsc.role = Role.UNKNOWN
        return True
    if rc == op.target_rc:
        return False
    if op.interval_ms == 0:
        return True
    if node.online and not node.unclean:
        # The recurring operation is run anew: its digest must not match any more.
        op.restart_digest = "calculated-failure-timeout"
        return True
    return False


def unpack_op(rsc: Resource, node: Node, op: OpRecord, progress: Progress) -> None:
    """Take one record of a history into account."""
    if op.task not in _TELLING or not PENDING <= op.status <= NO_SECRETS or op.status == CANCELLED:
        return
    if not 0 <= op.rc <= _LAST_RC:
        return
    banned = rsc if rsc.unique else rsc.top
    progress.expired = op.status != NOT_INSTALLED and _expired(rsc, node, op)
    rc, status = _remap(op, rsc, node, progress)
    masked = not rsc.bundled and op.masks_probe_failure
    if progress.expired and _forgotten(rsc, node, op, rc, masked):
        return
    if masked:
        _note_result(rsc, node, op, op.target_rc, progress)
        record_failed(op, node, rsc)
        rsc.cluster.scores.spread(banned, node, -INFINITY, Cause(Why.MASKED_PROBE, op.id, node.name))
    elif status == PENDING:
        _note_pending(rsc, node, op, progress)
    elif status == DONE:
        _note_result(rsc, node, op, rc, progress)
    elif status == NOT_INSTALLED:
        if configure(rsc, op.key, op.task).on_fail is OnFail.IGNORE:
            progress.on_fail = OnFail.MIGRATE
        rsc.cluster.scores.spread(banned, node, -INFINITY, Cause(Why.HARD_ERROR, op.id, node.name))
        _note_failure(rsc, node, op, rc, progress)
    else:
        _handle_failure(rsc, node, op, (rc, status), progress)
