"""What was changed in the configuration since operations were run: restart, reload, cancel, reschedule, clean up."""

from __future__ import annotations

from typing import Final

from hacluster.cib.records import History, OpRecord
from hacluster.pe.actions.cancel import reschedule, schedule_cancel, schedule_cleanup, schedule_reload
from hacluster.pe.model.action import op_key
from hacluster.pe.model.births import Stage, newest_first
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.digests import Verdict
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import find_op
from hacluster.pe.operation.create import custom_action, task_action
from hacluster.pe.operation.digest import compare, needs_remote_name, only_private_changed
from hacluster.pe.operation.failcount import clear_failcount, failcount
from hacluster.pe.operation.fence import trigger_unfencing
from hacluster.pe.unpack.records import active_span, in_order

_CHECKED: Final = frozenset({"monitor", "start", "promote", "migrate_from"})
_AS_START: Final = frozenset({"monitor", "migrate_from", "promote"})


def _force_restart(rsc: Resource, task: str, interval: int, node: Node) -> None:
    action = custom_action(rsc, op_key(rsc.id, task, interval), task, None, optional=False)
    action.say_why("resource definition change", overwrite=True)
    trigger_unfencing(rsc.cluster, rsc, node, "Device parameters changed")


def check_config(rsc: Resource, node: Node, op: OpRecord) -> bool:
    """Whether an operation is not any more what the configuration says; schedules what follows from that."""
    cluster, interval = rsc.cluster, op.interval_ms
    if interval > 0 and find_op(rsc, op.task, interval) is None:
        if cluster.stop_orphan_actions:
            schedule_cancel(rsc, op.call_id if op.has_call_id else None, op.task, interval, node)
        return True
    task = "start" if interval == 0 and op.task in _AS_START else op.task
    verdict = compare(rsc, op, node)
    if verdict is Verdict.MATCH:
        return False
    if only_private_changed(rsc, op, node, verdict):
        if cluster.listener is not None:
            cluster.listener.private_change(rsc, task, interval, node, op.magic)
        return False
    if verdict is Verdict.RESTART:
        _force_restart(rsc, task, interval, node)
    elif interval > 0:
        reschedule(rsc, task, interval, node)
    elif op.restart_digest is not None:
        trigger_unfencing(cluster, rsc, node, "Device parameters changed (reload)")
        schedule_reload(rsc, node)
    else:
        _force_restart(rsc, task, interval, node)
    return True


def _agent_changed(rsc: Resource, node: Node, history: History, active: bool) -> bool:
    changed = False
    for name, old in (("type", history.type), ("class", history.standard), ("provider", history.provider)):
        if rsc.xml.get(name) != old:
            changed = True
            trigger_unfencing(rsc.cluster, rsc, node, "Device definition changed")
    if changed and active:
        task_action(rsc, "stop", node, optional=False)
        rsc.start_pending = True
    return changed


def _check_op(rsc: Resource, node: Node, op: OpRecord) -> None:
    if op.interval_ms > 0 and (rsc.maintenance or node.maintenance):
        schedule_cancel(rsc, op.call_id if op.has_call_id else None, op.task, op.interval_ms, node)
    elif op.interval_ms > 0 or op.task in _CHECKED:
        if needs_remote_name(rsc):
            rsc.cluster.param_checks.insert(0, (op, rsc, node, True, rsc.cluster.birth()))
        elif check_config(rsc, node, op) and failcount(rsc, node, effective=True)[0]:
            clear_failcount(rsc, node, "action definition changed")


def _check_history(rsc: Resource, node: Node, history: History) -> None:
    if rsc.orphan:
        if not rsc.top.is_anonymous_clone:
            schedule_cleanup(rsc, node, False)
        return
    if node not in rsc.active_on:
        if _agent_changed(rsc, node, history, False):
            schedule_cleanup(rsc, node, False)
        return
    if _agent_changed(rsc, node, history, True):
        schedule_cleanup(rsc, node, False)
    ops = in_order(history)
    start, stop = active_span(ops)
    if start >= stop:
        for op in ops[max(start, 0) :]:
            _check_op(rsc, node, op)


class _Namesakes:
    """The primitives that a history of one id may be about, the last of the configuration first.

    ``agent`` is that of all of them, ``None`` if they have several, or one is not configured; ``active`` are those on a
    node, by its number. A history that names the agent says nothing new to those that are not active there.
    """

    __slots__ = ("active", "agent", "every")

    def __init__(self, rsc: Resource) -> None:
        self.every: list[Resource] = []
        self.active: dict[int, list[Resource]] = {}
        self.agent: tuple[str | None, ...] | None = rsc.agent

    def add(self, rsc: Resource) -> None:
        """One more of the name."""
        if rsc.orphan or rsc.agent != self.agent:
            self.agent = None
        self.every.insert(0, rsc)
        for node in rsc.active_on:
            self.active.setdefault(node.idx, []).insert(0, rsc)


def _by_history_id(cluster: Cluster) -> dict[str, _Namesakes]:
    """Primitives by every id a history may be kept under."""
    found: dict[str, _Namesakes] = {}
    for top in cluster.resources:
        for rsc in top.walk():
            if rsc.kind is Kind.PRIMITIVE:
                for name in {rsc.id, rsc.clone_name}:
                    if name is not None:
                        if name not in found:
                            found[name] = _Namesakes(rsc)
                        found[name].add(rsc)
    return found


def handle_changes(cluster: Cluster) -> None:
    """Compare what runs with what is configured."""
    table = _by_history_id(cluster)
    for position, node in enumerate(cluster.nodes):
        if not (node.maintenance or node.available):
            continue
        states = [state for state in cluster.document.status.nodes if state.uname == node.name]
        for history in states[0].histories if len(states) == 1 else ():
            known = table.get(history.id) if history.ops else None
            if known is None:
                continue
            agent = history.standard, history.provider, history.type
            if known.agent == agent:
                concerned = known.active.get(node.idx, ())
            else:
                concerned = [rsc for rsc in known.every if rsc.agent != agent or rsc.orphan or node in rsc.active_on]
            for rsc in concerned:
                cluster.begin(Stage.CHANGES, position, history.place)
                _check_history(rsc, node, history)


def check_late_parameters(cluster: Cluster) -> None:
    """The comparisons that had to wait until containers have their places."""
    for op, rsc, node, active, born in cluster.param_checks:
        cluster.begin_at(newest_first(Stage.LATE, born))
        if active:
            if check_config(rsc, node, op) and failcount(rsc, node, effective=True)[0]:
                clear_failcount(rsc, node, "action definition changed")
        elif compare(rsc, op, node) not in (Verdict.UNKNOWN, Verdict.MATCH):
            clear_failcount(rsc, node, "resource parameters have changed")
    cluster.param_checks.clear()
