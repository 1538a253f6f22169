"""Configured operations: finding the ``op`` of a key, and what it makes of an action."""

from __future__ import annotations

from typing import Final

from hacluster.base.iso8601 import parse_moment
from hacluster.base.values import interval_ms, msec, truth
from hacluster.cib.document import XML
from hacluster.pe.model.action import parse_op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Needs, OnFail, Role
from hacluster.pe.model.opconfig import OpConfig, OpEntry
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.params import agent_of, rsc_params
from hacluster.pe.rules.nvpairs import gather, subject_for

_DEFAULT_TIMEOUT_MS: Final = 20_000
_ON_FAIL: Final = {
    "block": OnFail.BLOCK,
    "fence": OnFail.FENCE,
    "standby": OnFail.STANDBY,
    "ignore": OnFail.IGNORE,
    "nothing": OnFail.IGNORE,
    "migrate": OnFail.MIGRATE,
    "stop": OnFail.STOP,
    "restart": OnFail.RECOVER,
    "restart-container": OnFail.RESTART_CONTAINER,
    "demote": OnFail.DEMOTE,
}


def op_entries(rsc: Resource) -> list[OpEntry]:
    """The configured operations of a resource."""
    if rsc.op_table is None:
        rsc.op_table = [
            OpEntry(op.get("name", ""), interval_ms(op.get("interval")), truth(op.get("enabled")) is not False, op)
            for op in rsc.ops
            if op.tag == "op"
        ]
    return rsc.op_table


def _lookup(rsc: Resource, task: str, interval: int, disabled_too: bool) -> XML | None:
    for entry in op_entries(rsc):
        if (disabled_too or entry.enabled) and entry.name == task and entry.interval == interval:
            return entry.xml
    return None


def find_op(rsc: Resource, task: str, interval: int, disabled_too: bool = False) -> XML | None:
    """The ``op`` that configures a task; both halves of a migration may share one."""
    found = _lookup(rsc, task, interval, disabled_too)
    if found is None and task in ("migrate_to", "migrate_from"):
        return _lookup(rsc, "migrate", 0, disabled_too)
    return found


def _shortest_monitor(rsc: Resource) -> XML | None:
    best: OpEntry | None = None
    for entry in op_entries(rsc):
        recurs = entry.enabled and entry.interval and entry.name == "monitor"
        if recurs and (best is None or entry.interval < best.interval):
            best = entry
    return None if best is None else best.xml


def is_promoted_word(role: str | None) -> bool:
    """Whether ``role`` says promoted, in the words of any version."""
    return role is not None and role.lower() in ("promoted", "master")


def _demote_follows_monitor(rsc: Resource) -> str | None:
    """A demote without ``on-fail`` is handled as the promoted role's recurring monitor."""
    found: str | None = None
    for entry in op_entries(rsc):
        on_fail = entry.xml.get("on-fail")
        if (
            on_fail is not None
            and entry.enabled
            and entry.name == "monitor"
            and is_promoted_word(entry.xml.get("role"))
            and entry.interval
            and on_fail.lower() != "demote"
        ):
            found = on_fail
    return found


def _on_fail_word(rsc: Resource, task: str, op: XML | None, value: str | None) -> str | None:
    """The ``on-fail`` that counts; what makes no sense for the task does not."""
    word = None if value is None else value.lower()
    if task == "stop" and word in ("standby", "demote", "stop"):
        return None
    if task == "demote" and value is None:
        return _demote_follows_monitor(rsc)
    if task == "lrm_delete":
        return "ignore"
    if word == "demote":
        name = "" if op is None else op.get("name", "")
        recurring = op is not None and interval_ms(op.get("interval")) > 0
        if name != "promote" and not (
            name == "monitor" and op is not None and is_promoted_word(op.get("role")) and recurring
        ):
            return None
    return value


def is_remote_connection(rsc: Resource) -> bool:
    """Whether the resource is the connection to a remote node, not to a guest."""
    if not rsc.is_remote:
        return False
    node = rsc.cluster.find_node(rsc.id)
    return node is not None and node.is_remote


def _on_fail(rsc: Resource, task: str, word: str | None, interval: int) -> tuple[OnFail, Role]:
    cluster = rsc.cluster
    chosen = None if word is None else _ON_FAIL.get(word.lower())
    if chosen is OnFail.RESTART_CONTAINER and rsc.container is None:
        chosen = None
    role = Role.UNKNOWN
    if chosen is OnFail.FENCE and not cluster.fencing:
        chosen = OnFail.STOP
    if chosen is OnFail.STOP:
        role = Role.STOPPED
    if chosen is None and rsc.container is not None:
        return OnFail.RESTART_CONTAINER, role
    if (
        (chosen is None or not rsc.managed)
        and is_remote_connection(rsc)
        and not (task == "monitor" and interval == 0)
        and task != "start"
    ):
        if not rsc.managed:
            return OnFail.STOP, Role.STOPPED
        return OnFail.RESET_REMOTE, Role.STOPPED if rsc.remote_reconnect_ms else role
    if chosen is not None:
        return chosen, role
    if task == "stop":
        return (OnFail.FENCE if cluster.fencing else OnFail.BLOCK), role
    return OnFail.RECOVER, role


def _needs(rsc: Resource, task: str) -> Needs:
    if task not in ("start", "promote"):
        return Needs.NOTHING
    if rsc.needs_fencing:
        return Needs.FENCING
    return Needs.QUORUM if rsc.needs_quorum else Needs.NOTHING


def _start_delay(cluster: Cluster, meta: dict[str, str], interval: int) -> None:
    given = meta.get("start-delay")
    if given is not None:
        meta["start-delay"] = str(max(0, msec(given)))
        return
    origin = meta.get("interval-origin")
    if origin is None or interval < 1000:
        return
    start = parse_moment(origin, cluster.now.offset)
    if start is not None:
        seconds = interval // 1000
        elapsed = cluster.now.epoch - start.epoch
        rest = abs(elapsed) % seconds * (1 if elapsed >= 0 else -1)
        meta["start-delay"] = str(((0 if rest <= 0 else seconds) - rest) * 1000)


def _meta(rsc: Resource, task: str, op: XML | None, interval: int) -> dict[str, str]:
    cluster = rsc.cluster
    subject = subject_for(cluster)
    subject.agent = agent_of(rsc.xml)
    subject.op = (task, interval)
    meta: dict[str, str] = {}
    gather(cluster, cluster.op_defaults, "meta_attributes", subject, meta)
    probe = task == "monitor" and interval == 0
    if probe:
        monitor = _shortest_monitor(rsc)
        if monitor is not None and monitor.get("timeout") is not None:
            meta["timeout"] = monitor.get("timeout", "")
    if op is not None:
        gather(cluster, op, "meta_attributes", subject, meta, overwrite=True)
        meta.update((str(name), str(value)) for name, value in op.attrib.items())
    meta.pop("id", None)
    if interval > 0:
        meta["interval"] = str(interval)
    else:
        meta.pop("interval", None)
    if (rsc.xml.get("class") or "").lower() == "stonith" and (task == "start" or probe):
        timeout = rsc_params(rsc, None).get("pcmk_monitor_timeout")
        if timeout is not None:
            meta["timeout"] = timeout
    timeout_ms = msec(meta.get("timeout"))
    meta["timeout"] = str(min(timeout_ms, 2**31 - 1) if timeout_ms > 0 else _DEFAULT_TIMEOUT_MS)
    return meta


def _without_name(rsc: Resource, key: str) -> str:
    """What a key says beside the name of the resource."""
    if key.startswith(rsc.id):
        return key[len(rsc.id) :]
    return key.removeprefix(rsc.clone_name) if rsc.clone_name is not None else key


def configure(rsc: Resource, key: str, task: str) -> OpConfig:
    """What the configuration makes of an action with that key and task; the same for all instances of a clone."""
    cache_key = (_without_name(rsc, key), task, rsc.managed, rsc.container is None)
    cached = rsc.op_cache.get(cache_key)
    if cached is not None:
        return cached
    parsed = parse_op_key(key)
    interval = 0 if parsed is None else parsed[2]
    op = find_op(rsc, task, interval, disabled_too=True)
    if op is None and "_notify_" in key:
        op = find_op(rsc, "notify", 0, disabled_too=True)
    meta = _meta(rsc, task, op, interval)
    word = _on_fail_word(rsc, task, op, meta.get("on-fail"))
    if word is not None and word.lower() == "block":
        meta["on-fail"] = "block"
    on_fail, role = _on_fail(rsc, task, word, interval)
    if role is Role.UNKNOWN:
        role = Role.UNPROMOTED if task == "promote" else Role.STARTED
    _start_delay(rsc.cluster, meta, interval)
    has_extra = op is not None and op.find("instance_attributes") is not None
    config = OpConfig(op, meta, _needs(rsc, task), on_fail, role, has_extra)
    rsc.op_cache[cache_key] = config
    return config
