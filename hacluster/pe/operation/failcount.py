"""Fail counts: how often operations of a resource failed on a node, and when that is forgotten."""

from __future__ import annotations

import functools
import re
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.base.score import add_scores
from hacluster.base.values import scan_int
from hacluster.cib.records import OpRecord
from hacluster.pe.model.action import Action, op_key
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import op_entries
from hacluster.pe.operation.create import custom_action

COUNT: Final = "fail-count-"
LAST: Final = "last-failure-"
_TRAILING: Final = re.compile(r":\d+$")


@functools.lru_cache(maxsize=1 << 16)
def base_name(rsc_id: str) -> str:
    """A resource id without its instance number."""
    return _TRAILING.sub("", rsc_id) if ":" in rsc_id[1:] else rsc_id


def _matches(attribute: str, name: str, unique: bool) -> bool:
    """Whether what follows the prefix of an attribute's name is about this resource."""
    if not attribute.startswith(name):
        return False
    rest = attribute[len(name) :]
    if not unique and rest.startswith(":"):
        digits = len(rest) - len(rest[1:].lstrip("0123456789"))
        rest = rest[digits:] if digits > 1 else rest
    return re.fullmatch(r"#.+_[0-9]+", rest) is not None


def _attributes(rsc: Resource, node: Node) -> tuple[int, int]:
    """The sum of the fail counts and the time of the last failure."""
    name = rsc.clone_name if rsc.clone_name is not None else rsc.id
    if not rsc.unique:
        name = base_name(name)
    count, last = 0, 0
    for attribute, value in node.attrs.items():
        if attribute.startswith(COUNT):
            if _matches(attribute[len(COUNT) :], name, rsc.unique):
                count = add_scores(count, rsc.cluster.score_of(value))
        elif attribute.startswith(LAST) and _matches(attribute[len(LAST) :], name, rsc.unique):
            last = max(last, scan_int(value) or 0)
    return count, last


def _is_failure_of(name: str, task: str, interval: int, op: OpRecord) -> bool:
    if op.interval_ms != interval or op.task.lower() != task.lower():
        return False
    if op.id == op_key(name, "last_failure"):
        return True
    return op.id == op_key(name, task, interval) and op.rc != op.target_rc


def _blocked(rsc: Resource, node: Node, op: OpRecord | None) -> bool:
    """Whether the failure is of an operation with ``on-fail=block``: that is not forgotten by itself."""
    name = base_name(rsc.id)
    for entry in op_entries(rsc):
        if entry.xml.get("on-fail") != "block":
            continue
        if op is not None:
            if _is_failure_of(name, entry.name, entry.interval, op):
                return True
            continue
        state = rsc.cluster.document.status.by_uname(node.name)
        history = None if state is None else state.history(name)
        if history is not None and any(
            _is_failure_of(name, entry.name, entry.interval, record) for record in history.with_task(entry.name)
        ):
            return True
    return False


def failcount(
    rsc: Resource, node: Node, *, effective: bool, fillers: bool = False, op: OpRecord | None = None
) -> tuple[int, int]:
    """Fail count and time of the last failure (0 when there is none).

    ``effective``: a count that is older than the failure-timeout is 0. ``fillers``: failures of what runs inside
    the resource count too.
    """
    if not fillers and not node.has_failures:
        return 0, 0
    count, last = _attributes(rsc, node) if node.has_failures else (0, 0)
    last_failure = last if count > 0 else 0
    if count > 0 and rsc.failure_timeout and _blocked(rsc, node, op):
        text = f"the failure-timeout of {rsc.id} is ignored: with on-fail=block a failure stays"
        rsc.cluster.reports.append(Report("no-failure-timeout", Severity.WARNING, text))
        rsc.failure_timeout = 0
    timeout = rsc.failure_timeout
    if effective and count > 0 and last > 0 and timeout and rsc.cluster.now.epoch > last + timeout:
        count = 0
    if fillers and rsc.fillers and not rsc.bundled:
        for filler in rsc.fillers:
            more, when = failcount(filler, node, effective=effective, fillers=True, op=op)
            count += more
            last_failure = max(last_failure, when)
    return count, last_failure


def clear_failcount(rsc: Resource, node: Node, reason: str) -> Action:
    """Have the fail count of a resource on a node cleared."""
    action = custom_action(rsc, op_key(rsc.id, "clear_failcount"), "clear_failcount", node, optional=False)
    assert reason
    action.default_meta("op_no_wait", "true")
    return action
