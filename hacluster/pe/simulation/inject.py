"""Writing pretended events and results into a CIB's status records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from hacluster.base.digest import parameters_digest
from hacluster.base.values import scan_int
from hacluster.cib.document import Document
from hacluster.cib.records import History, NodeState, OpRecord
from hacluster.pe.graph.xml import FEATURE_SET
from hacluster.pe.model.action import notify_key, op_key
from hacluster.pe.operation.digest import NOT_IN_DIGEST

_FAKE_UUID: Final = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_RECORDED: Final = frozenset({"ocf", "stonith", "service", "systemd", "lsb"})
"""The classes of agents that a pretended result can be the first one of."""
_UP: Final = {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"}
_DOWN: Final = {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"}


@dataclass(slots=True)
class Result:
    """A pretended result of an operation. ``params`` are the attributes of the graph's action."""

    rsc_id: str
    task: str
    interval_ms: int
    rc: int
    target_rc: int
    when: int
    exit_reason: str = ""
    params: dict[str, str] = field(default_factory=dict)


def configure_node(document: Document, name: str) -> None:
    """Make a node one of the configuration, unless it is.

    Who is told to come or go becomes one; and when anybody was told to come, then every node of which something is
    pretended, even a guest node.
    """
    section = document.section("nodes")
    if section is not None and all(node.get("uname") != name for node in section):
        etree.SubElement(section, "node", id=name, uname=name)


def node_state(document: Document, name: str, uuid: str | None = None) -> NodeState:
    """The state of a node, made if there is none."""
    state = document.status.by_uname(name)
    if state is None:
        if uuid is None:
            section = document.section("nodes")
            known = [] if section is None else [node for node in section if node.get("uname") == name]
            uuid = known[0].get("id") if known else name
        # Of a node that has not joined yet there may be a state without a name.
        state = next((entry for entry in document.status.nodes if entry.id == uuid and entry.uname is None), None)
        if state is not None:
            state.uname = name
            return state
        state = NodeState(uuid, name)
        document.status.nodes.append(state)
    return state


def set_online(document: Document, name: str, up: bool) -> NodeState:
    """Let a node be a healthy member, or gone."""
    state = node_state(document, name)
    state.attrs.update(_UP if up else _DOWN)
    return state


def forget_node(state: NodeState) -> None:
    """A node that was fenced or left has no resources and no transient attributes any more."""
    state.forget_lrm()
    state.transient = None


def set_transient(state: NodeState, name: str, value: str) -> None:
    """Set a transient attribute."""
    if state.transient is None:
        state.transient = etree.Element("transient_attributes", id=state.id or "")
    attributes = state.transient.find("instance_attributes")
    if attributes is None:
        attributes = etree.SubElement(state.transient, "instance_attributes", id=state.id or "")
    ident = f"{attributes.get('id')}-{name.replace('#', '.')}"
    pair = next((known for known in attributes.iterfind("nvpair") if known.get("id") == ident), None)
    if pair is None:
        pair = etree.SubElement(attributes, "nvpair", id=ident, name=name)
    pair.set("value", value)


def _attribute_value(state: NodeState, name: str) -> str | None:
    pairs = () if state.transient is None else state.transient.iterfind("instance_attributes/nvpair")
    return next((pair.get("value") for pair in pairs if pair.get("name") == name), None)


def inject_failure(
    state: NodeState, name: str, op: tuple[str, int], rc: int, when: int, *, fatal_starts: bool
) -> list[str]:
    """Count a failure of a resource's operation (task, interval); answers with lines about it. A probe may fail.

    A failed stop counts as infinitely many, a failed start too if these are ``fatal_starts``.
    """
    task, interval = op
    if rc == 0 or (rc == 7 and interval == 0):
        return []
    ident = f"{name}#{task}_{interval}"
    if task == "stop" or (task == "start" and fatal_starts):
        count = "INFINITY"
    else:
        count = str((scan_int(_attribute_value(state, f"fail-count-{ident}")) or 0) + 1)
    lines = []
    for attribute, value in ((f"fail-count-{ident}", count), (f"last-failure-{ident}", str(when))):
        lines.append(f"Injecting attribute {attribute}={value} into /node_state '{state.id}'")
        set_transient(state, attribute, value)
    return lines


def history_of(state: NodeState, names: tuple[str, ...], agent: tuple[str | None, str | None, str | None]) -> History:
    """The history of a resource on a node under the first of its names that is known, made if there is none.

    Histories that a node has more than once are one from now on, as a CIB makes them when it is written to.
    """
    for name in names:
        history = state.history(name)
        if history is not None:
            return history
    twins = state.histories_of(names[-1])
    if twins:
        for twin in twins[1:]:
            known = {op.id for op in twins[0].ops}
            twins[0].ops += [op for op in twin.ops if op.id not in known]
        return twins[0]
    standard, provider, kind = agent
    return state.add_history(History(names[-1], kind, standard, provider))


def why_no_history(
    state: NodeState, names: tuple[str, ...], agent: tuple[str | None, str | None, str | None]
) -> str | None:
    """Why a node cannot get a history of a resource, in the original's words; ``None`` if it has one or can."""
    if any(state.history(name) is not None for name in names):
        return None
    standard, provider, kind = agent
    if standard is None or kind is None:
        where = f"the status section of {state.id}"
        return f"Resource {names[0]} not found in {where} (supply class and type to continue)"
    if standard.lower() not in _RECORDED:
        return f"Invalid class for {names[0]}: {standard}"
    if standard.lower() == "ocf" and provider is None:
        return f"Please specify the provider for resource {names[0]}"
    return None


def _ids(result: Result, key: str) -> list[str]:
    """Under which ids a result is recorded."""
    if result.task == "notify":
        params = result.params
        return [notify_key(result.rsc_id, params.get("CRM_meta_notify_type"), params.get("CRM_meta_notify_operation"))]
    if result.task in ("migrate_to", "migrate_from"):
        return [key]
    if result.rc != result.target_rc:
        last = [op_key(result.rsc_id, "last")] if result.interval_ms == 0 else []
        return [op_key(result.rsc_id, "last_failure"), *last]
    return [key] if result.interval_ms > 0 else [op_key(result.rsc_id, "last")]


def _digest(params: dict[str, str], interval_ms: int) -> str:
    kept = {
        name: value for name, value in params.items() if name not in NOT_IN_DIGEST and not name.startswith("CRM_meta_")
    }
    if interval_ms and "CRM_meta_timeout" in params:
        kept["CRM_meta_timeout"] = params["CRM_meta_timeout"]
    return parameters_digest(kept)


def record_result(history: History, result: Result, node: str, call_id: int | None = None) -> None:
    """Put a result into a node's history, as an executor would; under the next call id unless one is given."""
    if call_id is None:
        call_id = max((op.call_id for op in history.ops), default=0) + 1
    task, params = result.task, result.params
    if task in ("reload", "reload-agent"):
        task = "start"
    key = op_key(result.rsc_id, task, result.interval_ms)
    transition_key = f"{call_id}:-1:{result.target_rc}:{_FAKE_UUID}"
    for ident in _ids(result, key):
        op = next((known for known in history.ops if known.id == ident), None)
        if op is None:
            op = OpRecord(ident, key, task)
            history.ops.append(op)
        op.key, op.task, op.rc, op.status, op.call_id, op.has_call_id = key, task, result.rc, 0, call_id, True
        op.interval_ms, op.target_rc, op.transition_key = result.interval_ms, result.target_rc, transition_key
        op.on_node = node
        op.magic = f"0:{result.rc};{transition_key}"
        op.exit_reason = result.exit_reason if result.rc != result.target_rc else ""
        op.last_change, op.feature_set, op.timing = result.when, FEATURE_SET, ("0", "0")
        if task in ("migrate_to", "migrate_from"):
            op.source, op.target = params.get("CRM_meta_migrate_source"), params.get("CRM_meta_migrate_target")
        if params:
            op.digest = _digest(params, result.interval_ms)
