"""What the status shows on demand: attributes of nodes, fail counts, failed operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.values import scan_int
from hacluster.cib.records import OpRecord
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.failcount import failcount
from hacluster.pe.operation.params import rsc_params
from hacluster.pe.views.words import INDENT, exit_text

Clock = Callable[[int], str]
"""Tells seconds since 1970 as a local date and time, as ctime(3) does."""

_HIDDEN: Final = ("fail-count", "last-failure", "shutdown", "terminate", "standby", "#")
STATUS: Final = {
    -1: "Pending", 0: "Done", 1: "Cancelled", 2: "Timed out", 3: "Unsupported", 4: "Error", 5: "Hard error",
    6: "Fatal error", 7: "Not installed", 8: "Internal communication failure", 9: "Cannot execute now",
    10: "No fence device", 11: "CIB secrets unavailable",
}  # fmt: skip


def is_hidden(name: str) -> bool:
    """Whether an attribute is for the cluster itself, or told elsewhere in a status."""
    return name.startswith(_HIDDEN)


def expected_connectivity(rscs: list[Resource], node: Node, name: str) -> int | None:
    """What a connectivity attribute should be when all hosts answer; ``None`` for any other attribute."""
    for rsc in rscs:
        below = expected_connectivity(rsc.instances, node, name)
        if below is not None:
            return below
        if rsc.meta.get("type", "").lower() in ("ping", "pingd"):
            params = rsc_params(rsc, node)
            if params.get("name", "pingd").lower() == name.lower():
                hosts = params.get("host_list")
                multiplier = scan_int(params.get("multiplier"))
                return (0 if hosts is None else hosts.count(" ") + 1) * (1 if multiplier is None else multiplier)
    return None


def _attribute(node: Node, name: str, value: str) -> str:
    text = f"{name:<32}\t: {value:<10}"
    expected = expected_connectivity(node.running, node, name)
    found = scan_int(value) or 0
    if expected is None or found >= expected > 0 or (found > 0 and expected <= 0):
        return text
    if found <= 0:
        return f"{text}\t: Connectivity is lost"
    return f"{text}\t: Connectivity is degraded (Expected={expected})"


def attribute_lines(cluster: Cluster) -> list[str]:
    """The attributes of the nodes that are online, without those that other parts of the status tell."""
    lines: list[str] = []
    for node in cluster.nodes:
        names = sorted(name for name in node.attrs if not is_hidden(name))
        if node.online and names:
            lines.append(f"{INDENT * 2}* Node: {node.name}:")
            lines += [f"{INDENT * 3}* {_attribute(node, name, node.attrs[name])}" for name in names]
    return [f"{INDENT}* Node Attributes:", *lines] if lines else []


def failcount_lines(cluster: Cluster, clock: Clock) -> list[str]:
    """What failed how often on the nodes that are online."""
    lines: list[str] = []
    seen = False
    for state in cluster.document.status.nodes:
        node = next((entry for entry in cluster.nodes if entry.id == state.id), None)
        if node is None or not node.online:
            continue
        seen = True
        told: list[str] = []
        for history in state.histories:
            rsc = cluster.find_resource(history.id)
            count, last = (0, 0) if rsc is None else failcount(rsc, node, effective=False)
            if rsc is not None and count > 0:
                when = f" last-failure='{clock(last)}'" if last > 0 else ""
                limit = f"migration-threshold={rsc.migration_threshold}"
                told.append(f"{INDENT * 3}* {history.id}: {limit} fail-count={count}{when}")
        if told:
            lines += [f"{INDENT * 2}* Node: {node.name}:", *told]
    return [f"{INDENT}* Migration Summary:", *lines] if seen else []


def _failed(op: OpRecord, node_name: str, clock: Clock) -> str:
    call = str(op.call_id) if op.has_call_id else "unknown"
    code, status = exit_text(op.rc), STATUS.get(op.status, "Unrecognized status (bug?)")
    text = f"{op.key} on {node_name} '{code}' ({op.rc}): call={call}, status='{status}'"
    if op.exit_reason:
        text += f", exitreason='{op.exit_reason}'"
    if op.last_change is not None:
        text += f", last-rc-change='{clock(op.last_change)}'"
    queued, executed = op.timing
    text += "" if not queued else f", queued={queued}ms"
    return text + ("" if not executed else f", exec={executed}ms")


def failed_lines(cluster: Cluster, clock: Clock) -> list[str]:
    """The operations that failed on nodes that are online."""
    failed = [entry for entry in cluster.failed_ops if not entry[0].masks_probe_failure]
    lines = [f"{INDENT * 2}* {_failed(op, name, clock)}" for op, name in failed]
    return [f"{INDENT}* Failed Resource Actions:", *lines] if lines else []
