"""Who is told of what happens: alert agents, called with what Pacemaker's are called with (``CRM_alert_*``).

Each node tells of what it sees: of nodes, fencings and attributes every node, of a resource's operation the one that
ran it. The hands run the agents. Nobody waits for them, and what an agent does decides nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.base.step import Step
from hacluster.cib.change import AttributeSet, Change, NodeForgotten
from hacluster.crmd.local import outcome_of
from hacluster.msg.alerts import AlertAgent, AlertKind, AlertsConfigured
from hacluster.msg.lrm import OpEnd, OpFinished, RunAlert
from hacluster.msg.record import DONE
from hacluster.msg.stonith import FencingEntry, FencingState
from hacluster.msg.transition import Task
from hacluster.msg.views import View

VERSION: Final = "2.1.5"
"""The version of Pacemaker whose alerts these are."""

_CODES: Final = {
    0: "ok", 1: "error", 2: "invalid parameter", 3: "unimplemented feature", 4: "insufficient privileges",
    5: "not installed", 6: "not configured", 7: "not running", 8: "promoted", 9: "promoted (failed)", 190: "degraded",
    191: "promoted (degraded)", 193: "none",
}  # fmt: skip
_STATUSES: Final = {1: "Cancelled", 2: "Timed Out", 3: "Not supported", 4: "Error", 7: "Not installed"}
_NANOSECONDS: Final = re.compile(r"%(0?)(\d?)N")


def stamp(format_: str, unix_ms: int, east_s: int) -> str:
    """A time as an alert's ``timestamp-format`` wants it: strftime(3), and ``%06N`` for six digits of the second."""
    nanoseconds = f"{unix_ms % 1_000:03}000000"
    text = _NANOSECONDS.sub(lambda found: nanoseconds[: int(found[2] or 9)], format_)
    text = text.replace("%s", str(unix_ms // 1_000))
    when = datetime.fromtimestamp(unix_ms // 1_000, UTC).replace(tzinfo=None) + timedelta(seconds=east_s)
    try:
        return when.strftime(text)
    except ValueError:
        return when.isoformat()


class Alerts:
    """See the module. ``unix_ms`` and ``east_s``: the wall clock, and how far it is east of UTC."""

    def __init__(self, node: str, step: Step) -> None:
        self._node, self._step = node, step
        self._agents: tuple[AlertAgent, ...] = ()
        self._ids: dict[str, str] = {}
        self._sequence = 0
        self._members: frozenset[str] = frozenset()
        self._values: dict[tuple[str, str], str] = {}
        self.unix_ms, self.east_s = 0, 0

    def configured(self, found: AlertsConfigured) -> None:
        """What the configuration says now."""
        self._agents, self._ids = found.agents, dict(found.nodes)

    def on_view(self, view: View) -> None:
        """Nodes are members, or are lost."""
        before, self._members = self._members, frozenset(view.names)
        for name in sorted(self._members ^ before):
            desc = "member" if name in self._members else "lost"
            self._tell(AlertKind.NODE, name, nodeid=self._ids.get(name, ""), desc=desc)

    def on_change(self, change: Change) -> None:
        """An attribute of a node has another value; one that it had no longer is told with an empty one."""
        if isinstance(change, NodeForgotten):
            self._values = {key: value for key, value in self._values.items() if key[0] != change.node}
        elif isinstance(change, AttributeSet) and not change.name.startswith("#"):
            value = change.value or ""
            key = (change.node, change.name)
            if self._values.get(key) == value:
                return
            self._values[key] = value
            self._tell(AlertKind.ATTRIBUTE, change.node, attribute_name=change.name, attribute_value=value)

    def on_fenced(self, entry: FencingEntry) -> None:
        """A fencing has ended."""
        if entry.state is FencingState.PENDING:
            return
        good = entry.state is FencingState.SUCCESS
        why = "OK" if good else f"Error{f' ({entry.reason})' if entry.reason else ''}"
        by = entry.executor or "<no-one>"
        desc = f"Operation {entry.action} of {entry.target} by {by} for {entry.client}@{entry.origin}: {why}"
        words = {"desc": f"{desc} (ref={entry.id})", "task": entry.action, "rc": "0" if good else "1"}
        self._tell(AlertKind.FENCING, entry.target, **words)

    def on_finished(self, task: Task, transition_key: str, result: OpFinished, unix_s: int) -> None:
        """An operation has ended here; a probe that found what was expected is no news."""
        if result.end is OpEnd.CANCELLED:
            return
        key = transition_key.split(":")
        target_rc = int(key[2]) if len(key) > 2 and key[2].isdecimal() else 0
        outcome = outcome_of(result, unix_s)
        if task.operation == "monitor" and not task.interval_ms and outcome.rc == target_rc:
            return
        code = _CODES.get(outcome.rc, "unknown")
        words = {
            "rsc": task.resource,
            "task": task.operation,
            "interval": str(task.interval_ms),
            "target_rc": str(target_rc),
            "status": str(outcome.status),
            "rc": str(outcome.rc),
            "desc": code if outcome.status == DONE else _STATUSES.get(outcome.status, "Error"),
            "exec_time": str(result.elapsed_ms),
        }
        self._tell(AlertKind.RESOURCE, self._node, **words)

    def _tell(self, kind: AlertKind, node: str, **words: str) -> None:
        wanted = [
            agent
            for agent in self._agents
            if kind in agent.kinds
            and (kind is not AlertKind.ATTRIBUTE or not agent.attributes or words["attribute_name"] in agent.attributes)
        ]
        if not wanted:
            return
        self._sequence += 1
        common = {
            "kind": kind.value,
            "version": VERSION,
            "node": node,
            "node_sequence": str(self._sequence),
            "timestamp_epoch": str(self.unix_ms // 1_000),
            "timestamp_usec": str(self.unix_ms % 1_000 * 1_000),
            **words,
        }
        for agent in wanted:
            special = {**common, "timestamp": stamp(agent.timestamp_format, self.unix_ms, self.east_s)}
            if agent.recipient is not None:
                special["recipient"] = agent.recipient
            env = (*agent.parameters, *((f"CRM_alert_{name}", value) for name, value in special.items()))
            self._step.send(MachineName.LRM, RunAlert(agent.id, agent.path, env, agent.timeout_ms))
