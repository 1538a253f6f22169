"""This node's operations: what the DC asks for, done by the hands, and the history of it.

The history is this node's own: at each view that works it is said anew, whole, so that a DC that was elsewhere knows
what runs here. Results of operations that a former DC asked for are recorded all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hacluster.base.members import ViewId
from hacluster.cib.change import (
    Change,
    NodeForgotten,
    NodeStateSet,
    OperationRecorded,
    ResourceForgotten,
    Words,
)
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.lrm import AgentClass, CancelOp, OcfCode, OpEnd, OpFinished, ResourceSpec, StartOp
from hacluster.msg.record import operation_record, parameters_of, record_id
from hacluster.msg.transition import Task

INFINITY = "INFINITY"
_ENDS = {OpEnd.DONE: 0, OpEnd.TIMED_OUT: 2, OpEnd.CANCELLED: 1, OpEnd.NOT_INSTALLED: 7, OpEnd.ERROR: 4}
"""Execution statuses as ``op-status`` has them."""

_PENDING, _PENDING_RC = -1, 193
"""Status and code of an operation that is under way (PCMK_EXEC_PENDING, PCMK_OCF_UNKNOWN)."""


@dataclass(slots=True)
class _Asked:
    task: Task
    transition_key: str
    view: ViewId
    first: bool = True


@dataclass(slots=True)
class Local:
    """History, and what is under way here. Fail counts are attributes, which attrd keeps."""

    node: str
    asked: dict[int, _Asked] = field(default_factory=dict)
    history: dict[str, dict[str, OperationRecorded]] = field(default_factory=dict)
    serial: int = 0

    def start(self, task: Task, transition_key: str, view: ViewId) -> tuple[StartOp, Change | None]:
        """The operation for the hands, and the record that it is under way: another DC must know of it."""
        self.serial += 1
        self.asked[self.serial] = _Asked(task, transition_key, view)
        meta = tuple((name, value) for name, value in task.attributes if name.startswith("CRM_meta_"))
        spec = ResourceSpec(
            task.resource,
            AgentClass(task.standard or "ocf"),
            task.provider,
            task.type,
            parameters=tuple(sorted(parameters_of(task).items())),
        )
        timeout = task.number("timeout", 0)
        asked = self.asked[self.serial]
        pending: Change | None = None
        if task.operation not in ("monitor", "notify"):
            pending = self._record(asked, _PENDING_RC, _PENDING, -1, 0)
        return StartOp(self.serial, spec, task.operation, timeout or None, task.interval_ms, meta), pending

    def cancel(self, task: Task) -> tuple[list[CancelOp], Change]:
        """Stop a recurring operation, and forget its record."""
        operation, interval = task.meta("operation") or "monitor", task.interval_ms
        ends = [
            CancelOp(op_id)
            for op_id, asked in self.asked.items()
            if (asked.task.resource, asked.task.operation, asked.task.interval_ms)
            == (task.resource, operation, interval)
        ]
        ident = f"{task.resource}_{operation}_{interval}"
        self.history.get(task.resource, {}).pop(ident, None)
        return ends, ResourceForgotten(self.node, task.resource, ident)

    def forget(self, resource: str) -> Change:
        """Everything about a resource is forgotten (lrm_delete)."""
        self.history.pop(resource, None)
        return ResourceForgotten(self.node, resource)

    def clear_failures(self, resource: str) -> list[Change | UpdateAttribute]:
        """The fail counts of a resource are gone."""
        self.history.get(resource, {}).pop(f"{resource}_last_failure_0", None)
        return [
            ResourceForgotten(self.node, resource, f"{resource}_last_failure_0"),
            UpdateAttribute(pattern=f"^(fail-count|last-failure)-{re.escape(resource)}(#.*)?$"),
        ]

    def finished(self, result: OpFinished, unix_s: int) -> tuple[_Asked | None, list[Change | UpdateAttribute]]:
        """An operation has ended: who asked for it, and what the status says now."""
        asked = self.asked.get(result.op_id)
        if asked is None:
            return None, []
        task = asked.task
        if not task.interval_ms or result.end is OpEnd.CANCELLED:
            del self.asked[result.op_id]
        if result.end is OpEnd.CANCELLED or task.operation == "notify":
            return asked, []
        status, rc = _ENDS[result.end], int(result.rc)
        is_probe = task.operation == "monitor" and not task.interval_ms
        failed = status != 0 or (rc != task.target_rc and not (is_probe and rc in (0, 7, 8)))
        if not asked.first and not failed:
            return asked, []
        asked.first = False
        changes: list[Change | UpdateAttribute] = [self._record(asked, rc, status, result.op_id, unix_s)]
        if failed and not (is_probe and rc in (int(OcfCode.ARGS), int(OcfCode.INSTALLED))):
            changes.append(self._record(asked, rc, status, result.op_id, unix_s, failed=True))
            changes += self._count(task, unix_s)
        if task.operation == "stop" and not failed:
            changes += self._end_recurring(task)
        return asked, changes

    def _record(
        self, asked: _Asked, rc: int, status: int, call_id: int, unix_s: int, *, failed: bool = False
    ) -> OperationRecorded:
        task = asked.task
        words: Words = operation_record(
            task, asked.transition_key, rc=rc, status=status, call_id=call_id, unix_s=unix_s, failed=failed
        )
        change = OperationRecorded(self.node, task.resource, words, task.standard, task.provider, task.type)
        self.history.setdefault(task.resource, {})[record_id(task, failed=failed)] = change
        return change

    def _count(self, task: Task, unix_s: int) -> list[UpdateAttribute]:
        place = f"{task.resource}#{task.operation}_{task.interval_ms}"
        value = INFINITY if task.operation in ("start", "stop") else "value++"
        return [
            UpdateAttribute(f"fail-count-{place}", value),
            UpdateAttribute(f"last-failure-{place}", str(unix_s)),
        ]

    def _end_recurring(self, task: Task) -> list[Change]:
        known = self.history.get(task.resource, {})
        gone = [ident for ident, change in known.items() if dict(change.operation).get("interval") != "0"]
        for ident in gone:
            del known[ident]
        for op_id in [i for i, a in self.asked.items() if a.task.resource == task.resource and a.task.interval_ms]:
            del self.asked[op_id]
        return [ResourceForgotten(self.node, task.resource, ident) for ident in gone]

    def said_anew(self) -> list[Change]:
        """The whole of it, and last that this node is a member."""
        changes: list[Change] = [NodeForgotten(self.node, histories_only=True)]
        for records in self.history.values():
            changes += records.values()
        words = (("in_ccm", "true"), ("crmd", "online"), ("join", "member"), ("expected", "member"))
        return [*changes, NodeStateSet(self.node, words, self.node)]
