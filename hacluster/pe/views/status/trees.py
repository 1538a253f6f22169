"""The sections of a status as trees, in the shape of Pacemaker's XML."""

from __future__ import annotations

from typing import Final

from hacluster.base.tree import Tree
from hacluster.cib.records import OpRecord
from hacluster.pe.model.action import parse_op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Role
from hacluster.pe.views.details import STATUS
from hacluster.pe.views.status import facts
from hacluster.pe.views.status.show import Show, runs_on_any, wanted
from hacluster.pe.views.status.summary import summary_tree
from hacluster.pe.views.tree import node_tree, resource_tree
from hacluster.pe.views.words import exit_text


def _nodes(cluster: Cluster, show: Show) -> Tree | None:
    found = []
    for node in cluster.nodes:
        if not show.has_node(node):
            continue
        tree = node_tree(cluster, node)
        if show.by_node:
            tree.children += [resource_tree(rsc, show) for rsc in node.running if wanted(rsc, show)]
        found.append(tree)
    return Tree("nodes", children=found)


def _resources(cluster: Cluster, show: Show) -> Tree | None:
    if show.by_node and not show.inactive:
        return None
    found = []
    seen = False
    for rsc in cluster.resources:
        active, partly = rsc.is_active(True), rsc.is_active(False)
        if (rsc.orphan and not active) or (show.by_node and active) or (not partly and not show.inactive):
            continue
        if partly and not runs_on_any(rsc, show):
            continue
        seen = True
        if wanted(rsc, show):
            found.append(resource_tree(rsc, show))
    return Tree("resources", children=found) if seen else None


def _attributes(cluster: Cluster, show: Show) -> Tree | None:
    found = []
    for node, entries in facts.attributes(cluster, show):
        children = []
        for entry in entries:
            attrs = {"name": entry.name, "value": entry.value}
            if entry.expected is not None:
                attrs["expected"] = str(entry.expected)
            children.append(Tree("attribute", attrs))
        found.append(Tree("node", {"name": node.name}, children))
    return Tree("node_attributes", children=found) if found else None


def _operation(op: OpRecord, show: Show) -> Tree:
    attrs = {"call": str(op.call_id if op.has_call_id else -1), "task": facts.task_of(op)}
    attrs |= {"rc": str(op.rc), "rc_text": exit_text(op.rc)}
    if op.interval_ms:
        attrs["interval"] = f"{op.interval_ms}ms"
    if op.last_change is not None:
        attrs["last-rc-change"] = show.clock(op.last_change)
    attrs |= {"exec-time": f"{op.timing[1] or 0}ms", "queue-time": f"{op.timing[0] or 0}ms"}
    return Tree("operation_history", attrs)


def _history(told: facts.Told, show: Show) -> Tree:
    attrs = {"id": told.ident}
    if told.rsc is None:
        attrs |= {"orphan": "true", "removed": "true"}
    else:
        attrs |= {"orphan": "false", "removed": "false", "migration-threshold": str(told.rsc.migration_threshold)}
        if told.count > 0:
            attrs["fail-count"] = str(told.count)  # a number always: exporters read it as one
            if told.last > 0:
                attrs["last-failure"] = show.clock(told.last)
    return Tree("resource_history", attrs, [_operation(op, show) for op in told.ops])


def _histories(cluster: Cluster, show: Show) -> Tree | None:
    operations = "operations" in show.sections
    told = list(facts.histories(cluster, show, operations=operations))
    found = [Tree("node", {"name": node.name}, [_history(one, show) for one in some]) for node, some in told if some]
    return Tree("node_history", children=found) if told else None


def _failure(op: OpRecord, name: str, show: Show) -> Tree:
    attrs = {"op_key": op.key, "node": name, "exitstatus": exit_text(op.rc),
             "exitreason": op.exit_reason or "", "exitcode": str(op.rc),
             "call": str(op.call_id) if op.has_call_id else "-1",
             "status": STATUS.get(op.status, "Unrecognized status (bug?)")}  # fmt: skip
    parsed = parse_op_key(op.key)
    if op.last_change is not None:
        attrs["last-rc-change"] = show.stamp(op.last_change)
        attrs |= {"queued": op.timing[0] or "0", "exec": op.timing[1] or "0"}
        attrs |= {"interval": str(op.interval_ms), "task": op.task if parsed is None else parsed[1]}
    return Tree("failure", attrs)


def _failures(cluster: Cluster, show: Show) -> Tree | None:
    found = [_failure(op, name, show) for op, name in facts.failures(cluster, show)]
    return Tree("failures", children=found) if found else None


_TICKET_WORDS: Final = ("id", "standby", "last-granted", "expires")
"""What a ticket's tree tells in words of its own, or not at all."""


def _tickets(cluster: Cluster, show: Show) -> Tree | None:
    found = []
    for ident, granted, standby, last in facts.tickets(cluster):
        attrs = {"id": ident, "status": "granted" if granted else "revoked", "standby": "true" if standby else "false"}
        if last > 0:
            attrs["last-granted"] = show.clock(last)
        state = cluster.tickets[ident].state
        attrs |= {name: value for name, value in state.items() if name not in _TICKET_WORDS}
        found.append(Tree("ticket", attrs))
    return Tree("tickets", children=found) if found else None


def _bans(cluster: Cluster, show: Show) -> Tree | None:
    found = []
    for ban in facts.bans(cluster, show):
        promoted = "true" if ban.role is Role.PROMOTED else "false"
        found.append(Tree("ban", {"id": ban.ident, "resource": ban.rsc, "node": ban.node.name, "weight": str(ban.score),
                                  "promoted-only": promoted, "master_only": promoted}))  # fmt: skip
    return Tree("bans", children=found) if found else None


def status_trees(cluster: Cluster, show: Show) -> list[Tree]:
    """The sections that are wanted."""
    has = show.sections.__contains__
    parts = [summary_tree(cluster, show)]
    parts += [_nodes(cluster, show)] if has("nodes") else []
    parts += [_resources(cluster, show)] if has("resources") else []
    parts += [_attributes(cluster, show)] if has("attributes") else []
    parts += [_histories(cluster, show)] if has("operations") or has("failcounts") else []
    parts += [_failures(cluster, show)] if has("failures") else []
    parts += [_tickets(cluster, show)] if has("tickets") else []
    parts += [_bans(cluster, show)] if has("bans") else []
    return [part for part in parts if part is not None]
