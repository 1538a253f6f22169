"""Random status: node states, transient attributes, tickets, operation histories."""

from __future__ import annotations

from typing import Final

from lxml import etree

from hacluster.base.digest import parameters_digest
from tests.conformance.pe.plan import NOW, Host, Leaf, Plan, put

# name: (weight, in_ccm, crmd, join, expected)
_STATES: Final = {
    "online": (70, "true", "online", "member", "member"),
    "offline": (8, "false", "offline", "down", "down"),
    "unclean": (7, "false", "offline", "member", "member"),
    "left": (3, "true", "offline", "down", "member"),
    "pending": (4, "true", "online", "down", "member"),
    "banned": (2, "true", "online", "banned", "member"),
    "nack": (1, "true", "online", "pending", "member"),
    "leaving": (3, "true", "online", "member", "down"),
    "bare": (2, "true", "offline", "pending", "down"),
}
_RCS: Final = (1, 5, 2, 7, 0, 8, 6, 4, 3, 9, 190, 191, 193)
_UUID: Final = "11111111-2222-3333-4444-555555555555"


class _History:
    """The operations of one resource on one node, written in the order of their calls."""

    def __init__(self, plan: Plan, resources: etree._Element, leaf: Leaf, name: str, node: str) -> None:
        self._plan = plan
        self._leaf = leaf
        self._name = name
        self.node = node
        self.element = put(
            resources, "lrm_resource", id=name, class_=leaf.standard, provider=leaf.provider, type=leaf.kind
        )

    def _digest(self, interval: int) -> str | None:
        params = dict(self._leaf.params)
        if interval:
            params["CRM_meta_timeout"] = str(self._leaf.timeout * 1000)
        match self._plan.choices.between(0, 24):
            case 23:
                params["old"] = "1"
            case 24:
                return None
        return parameters_digest(params)

    def add(self, task: str, rc: int = 0, *, interval: int = 0, status: int = 0, expected: int | None = None,
            ident: str | None = None, source: str | None = None, target: str | None = None) -> None:  # fmt: skip
        choices = self._plan.choices
        self._plan.serial += 1
        call = self._plan.serial
        key = f"{self._name}_{task}_{interval}"
        if ident is None:
            ident = key if interval else f"{self._name}_last_0"
            if rc not in (expected if expected is not None else 0, 0, 7, 8) and choices.percent(50):
                ident = f"{self._name}_last_failure_0"
        if any(op.get("id") == ident for op in self.element):
            ident = key
        if any(op.get("id") == ident for op in self.element):
            return
        transition = f"{call}:1:{rc if expected is None else expected}:{_UUID}"
        age = choices.pick((100, 1000, 30, 100_000, 5))
        op = put(
            self.element,
            "lrm_rsc_op",
            id=ident,
            operation_key=key,
            operation=task,
            transition_key=transition,
            transition_magic=f"{status}:{rc};{transition}",
            on_node=self.node,
            call_id=str(-1 if status == -1 else call),
            rc_code=str(rc),
            op_status=str(status),
            interval=str(interval),
            migrate_source=source,
            migrate_target=target,
        )
        op.set("crm_feature_set", "3.16.1")
        if not choices.percent(5):
            op.set("last-rc-change", str(NOW - age))
            op.set("exec-time", "10")
            op.set("queue-time", "0")
        digest = self._digest(interval)
        if digest is not None:
            op.set("op-digest", digest)
        if task == "start" and choices.percent(60 if self._plan.has("reload") else 4):
            op.set("op-force-restart", choices.pick((" state ", "", " other ")))
            op.set("op-restart-digest", parameters_digest(choices.pick((self._leaf.params, {}))) if choices.percent(80)
                   else "0" * 32)  # fmt: skip
            if choices.percent(50):
                op.set("op-digest", "1" * 32)
        elif task == "start" and choices.percent(5):
            op.set("op-secure-params", " state ")
            op.set("op-secure-digest", parameters_digest({}))

    def monitors(self, role: str) -> None:
        for name, interval, wanted in self._leaf.monitors:
            promoted = wanted in ("Promoted", "Master")
            if wanted == "Stopped" or (self._leaf.promotable and promoted != (role == "Promoted")):
                continue
            if self._plan.choices.percent(80):
                self.add(name, 8 if promoted else 0, interval=interval)


def _failed_monitor(history: _History, plan: Plan, leaf: Leaf) -> None:
    interval = leaf.monitors[0][1] if leaf.monitors else 10_000
    rc = plan.choices.pick(_RCS)
    history.add("monitor", rc, interval=interval, expected=0, status=plan.choices.pick((0, 4, 2)))


def _write(plan: Plan, history: _History, leaf: Leaf, state: str, others: list[str]) -> None:
    pick = plan.choices.pick
    if state == "stopped":
        history.add("monitor", 7, expected=7)
    elif state == "started":
        history.add(pick(("start", "start", "monitor")), 0)
        history.monitors("Started")
    elif state == "promoted":
        history.add("promote")
        history.monitors("Promoted")
    elif state == "was":
        history.add("stop")
    elif state == "start-failed":
        history.add("start", pick(_RCS), expected=0, status=pick((0, 2, 4, 8)))
    elif state == "stop-failed":
        history.add("stop", pick(_RCS), expected=0, status=pick((0, 2, 4)))
    elif state == "promote-failed":
        history.add(pick(("promote", "demote")), pick(_RCS), expected=0, status=pick((0, 2, 4)))
    elif state == "probe-failed":
        history.add("monitor", pick(_RCS), expected=7, status=pick((0, 4, 7)))
    elif state == "monitor-failed":
        history.add(pick(("start", "promote")) if leaf.promotable else "start")
        _failed_monitor(history, plan, leaf)
    elif state == "pending":
        task = pick(("start", "monitor", "stop", "promote", "demote", "migrate_to"))
        moving = task == "migrate_to"
        history.add(task, 193, status=-1, expected=0, source=history.node if moving else None,
                    target=pick(others) if moving else None)  # fmt: skip
    elif state == "migrated" and others:
        task = pick(("migrate_to", "migrate_from"))
        source, target = (history.node, pick(others)) if task == "migrate_to" else (
            pick(others), history.node)  # fmt: skip
        history.add(task, pick((0, 0, 1)), expected=0, source=source, target=target)
    elif state == "other":
        history.add(pick(("notify", "reload", "reload-agent", "meta-data", "cancel")))


_ODD: Final = ("start-failed", "monitor-failed", "stop-failed", "promote-failed", "probe-failed", "pending", "migrated",
               "started", "other", "promoted")  # fmt: skip


def _state(plan: Plan, leaf: Leaf, home: bool) -> str:
    choices = plan.choices
    if plan.has("failures") and choices.percent(20):
        return choices.pick(_ODD)
    if home:
        return "promoted" if leaf.promotable and choices.percent(35) else "started"
    return choices.pick(("stopped", "stopped", "stopped", "none", "was"))


def _lrm(plan: Plan, state: etree._Element, host: Host, homes: dict[str, list[str]]) -> None:
    choices = plan.choices
    lrm = put(state, "lrm", id=host.uuid)
    resources = put(lrm, "lrm_resources")
    others = [other.name for other in plan.hosts if other is not host]
    for leaf in plan.leaves:
        if leaf.instances < 0:
            continue
        home = host.name in homes[leaf.name]
        wanted = _state(plan, leaf, home)
        if wanted == "none":
            continue
        names = [leaf.name]
        if leaf.unique:
            names = [f"{leaf.name}:{number}" for number in choices.some(range(max(leaf.instances, 1)), 1, 2)]
        elif leaf.clone is not None and choices.percent(10):
            names = [f"{leaf.name}:{choices.between(0, 3)}"]
        for name in names:
            history = _History(plan, resources, leaf, name, host.name)
            _write(plan, history, leaf, wanted, others)
            if plan.has("locks") and wanted in ("was", "started") and choices.percent(40):
                history.element.set("shutdown-lock", str(NOW - choices.pick((60, 1000, 10))))
            if not len(history.element) and choices.percent(80):
                resources.remove(history.element)
    if plan.has("orphans") and choices.percent(40):
        orphan = choices.pick((Leaf("gone", "ocf", "pacemaker", "Dummy"), Leaf("lost:0", "ocf", "pacemaker", "Dummy")))
        history = _History(plan, resources, orphan, orphan.name, host.name)
        _write(plan, history, orphan, choices.pick(("started", "stopped", "start-failed", "stop-failed")), others)


def _transient(plan: Plan, state: etree._Element, host: Host) -> None:
    choices = plan.choices
    values: dict[str, str] = {}
    for leaf in plan.leaves:
        if leaf.promotable and choices.percent(60):
            suffix = f":{choices.between(0, 2)}" if leaf.unique and choices.percent(70) else ""
            values[f"master-{leaf.name}{suffix}"] = choices.pick(("10", "5", "100", "1", "-1", "INFINITY", "10"))
        if plan.has("failures") and choices.percent(12):
            task = choices.pick(("start_0", "monitor_10000", "stop_0", "promote_0", "monitor_0"))
            values[f"fail-count-{leaf.name}#{task}"] = choices.pick(("1", "2", "INFINITY", "1000000"))
            if choices.percent(80):
                values[f"last-failure-{leaf.name}#{task}"] = str(NOW - choices.pick((100, 30, 5000)))
    if plan.has("attributes"):
        if choices.percent(30):
            values["ping"] = choices.pick(("100", "0", "10"))
        if plan.has("health") and choices.percent(40):
            values["#health-disk"] = choices.pick(("red", "yellow", "green", "-10", "5"))
    if choices.percent(5):
        values["shutdown"] = choices.pick((str(NOW - 60), "0"))
    if choices.percent(2):
        values["terminate"] = choices.pick(("true", "0", str(NOW)))
    if choices.percent(3):
        values["standby"] = choices.pick(("true", "off"))
    if values:
        transient = put(state, "transient_attributes", id=host.uuid)
        block = put(transient, "instance_attributes", id=f"status-{host.uuid}")
        for name, value in values.items():
            put(block, "nvpair", id=f"status-{host.uuid}-{name}", name=name, value=value)


def _node_state(plan: Plan, status: etree._Element, host: Host, homes: dict[str, list[str]]) -> None:
    choices = plan.choices
    if host.kind == "member":
        kind = choices.pick([name for name, row in _STATES.items() for _ in range(row[0])])
        if not plan.has("troubles"):
            kind = "online"
        if kind != "online" and choices.percent(10):
            return
        _, in_ccm, crmd, join, expected = _STATES[kind]
        state = put(status, "node_state", id=host.uuid, uname=host.name, in_ccm=in_ccm, crmd=crmd, join=join,
                    expected=expected)  # fmt: skip
    else:
        if choices.percent(30):
            return
        state = put(status, "node_state", remote_node="true", id=host.uuid, uname=host.name,
                    in_ccm=choices.pick(("true", "false")))  # fmt: skip
        if choices.percent(10):
            state.set("node_fenced", "1")
    _transient(plan, state, host)
    if not choices.percent(5):
        _lrm(plan, state, host, homes)


def build_status(plan: Plan) -> None:
    """States of all nodes, and tickets."""
    choices = plan.choices
    status = plan.section("status")
    names = [host.name for host in plan.hosts]
    members = [host.name for host in plan.hosts if host.kind == "member"]
    homes: dict[str, list[str]] = {}
    by_clone: dict[str, list[str]] = {}
    for leaf in plan.leaves:
        where = members if leaf.fencing or leaf.kind in ("remote", "VirtualDomain") else names
        count = (1, 1) if leaf.clone is None else (0, max(leaf.instances, 1))
        if not plan.has("running"):
            count = (0, 0)
        elif plan.has("multiple") and choices.percent(15):
            count = (1, 2)
        found = choices.some(where, *count)
        homes[leaf.name] = by_clone.setdefault(leaf.clone, found) if leaf.clone is not None else found
    for host in plan.hosts:
        _node_state(plan, status, host, homes)
    if plan.tickets:
        tickets = put(status, "tickets")
        for name in sorted(set(plan.tickets)):
            if choices.percent(75):
                put(tickets, "ticket_state", id=name, granted=choices.pick(("true", "false")),
                    standby=choices.pick((None, "false", "true")), last_granted=str(NOW - 500))  # fmt: skip
