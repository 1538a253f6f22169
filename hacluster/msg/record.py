"""The record of an operation (``lrm_rsc_op``), in the words that Pacemaker writes."""

from __future__ import annotations

from typing import Final

from hacluster.base.digest import parameters_digest
from hacluster.cib.change import Words
from hacluster.msg.transition import Task

FEATURE_SET: Final = "3.16.1"
_NO_PARAMETERS: Final = ("CRM_meta_", "crm_feature_set")


def parameters_of(task: Task) -> dict[str, str]:
    """The agent's own parameters."""
    return {name: value for name, value in task.attributes if not name.startswith(_NO_PARAMETERS)}


def digest_of(task: Task) -> str:
    """The digest of what the operation was run with; that of a recurring one has its time limit in it."""
    found = parameters_of(task)
    timeout = task.meta("timeout")
    if task.interval_ms and timeout:
        found["CRM_meta_timeout"] = timeout
    return parameters_digest(found)


def record_id(task: Task, *, failed: bool = False) -> str:
    """The id of the record: one for what is done once, one for each recurring operation, one for the last failure."""
    if failed:
        return f"{task.resource}_last_failure_0"
    if task.interval_ms:
        return f"{task.resource}_{task.operation}_{task.interval_ms}"
    return f"{task.resource}_last_0"


def operation_record(
    task: Task, transition_key: str, *, rc: int, status: int, call_id: int, unix_s: int, failed: bool = False
) -> Words:
    """The words of a record. ``status``: 0 done, 2 timed out, 4 error (pcmk_exec_status)."""
    words = {
        "id": record_id(task, failed=failed),
        "operation_key": f"{task.resource}_{task.operation}_{task.interval_ms}",
        "operation": task.operation,
        "crm_feature_set": FEATURE_SET,
        "transition-key": transition_key,
        "transition-magic": f"{status}:{rc};{transition_key}",
        "on_node": task.node,
        "call-id": str(call_id),
        "rc-code": str(rc),
        "op-status": str(status),
        "interval": str(task.interval_ms),
        "last-rc-change": str(unix_s),
        "op-digest": digest_of(task),
    }
    return tuple(words.items())
