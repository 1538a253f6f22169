"""Did the parameters of an operation change since it was run?"""

from __future__ import annotations

from typing import Final

from hacluster.base.digest import parameters_digest
from hacluster.base.values import version_parts
from hacluster.cib.records import OpRecord
from hacluster.pe.model.action import op_key
from hacluster.pe.model.digests import Digests, Verdict
from hacluster.pe.model.memory import Recalled
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.configured import configure
from hacluster.pe.operation.params import rsc_params
from hacluster.pe.rules.nvpairs import gather, subject_for

NOT_IN_DIGEST: Final = frozenset({"id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"})
_FENCE_PARAMS: Final = frozenset(
    {"provides", "stonith-timeout", "pcmk_action_limit", "pcmk_delay_base", "pcmk_delay_max", "pcmk_host_argument",
     "pcmk_host_check", "pcmk_host_list", "pcmk_host_map"}
)  # fmt: skip
_UNFENCE: Final = "stonith-on"
_SECURE_SINCE: Final = version_parts("3.16.0")


def _is_fence_param(name: str) -> bool:
    if name in _FENCE_PARAMS:
        return True
    return name.startswith("pcmk_") and name[5:].partition("_")[2] in ("action", "timeout", "retries")


def _main_params(rsc: Resource, node: Node, task: str, interval: int) -> tuple[dict[str, str], bool]:
    """The parameters that count, and whether the operation has some of its own."""
    config = configure(rsc, op_key(rsc.id, task, interval), task)
    extra: dict[str, str] = {}
    if config.has_extra:
        subject = subject_for(rsc.cluster)
        subject.attrs = node.attrs
        gather(rsc.cluster, config.op, "instance_attributes", subject, extra)
    address = bundle_remote_name(rsc)
    params = {} if address is None else {"addr": address}
    for table in (rsc_params(rsc, node), extra):
        for name, value in table.items():
            if name not in NOT_IN_DIGEST and not name.startswith("CRM_meta_"):
                params.setdefault(name, value)
    if interval > 0:
        params["CRM_meta_timeout"] = config.meta["timeout"]
    return params, bool(extra)


def _where_same(rsc: Resource, node: Node, task: str, interval: int) -> Recalled | None:
    """Where to remember a digest that is the same for all instances on every node; ``None`` if it may differ."""
    if rsc.recalled is None or rsc.cluster.memory is not None:
        return rsc.recalled
    own = configure(rsc, op_key(rsc.id, task, interval), task).has_extra
    return None if own or rsc_params(rsc, node) is not rsc_params(rsc, None) else rsc.recalled


def _main_digest(rsc: Resource, node: Node, task: str, interval: int) -> tuple[dict[str, str], bool, str]:
    """What :func:`_main_params` answers, and its digest, remembered where it is the same on every node."""
    known, key = _where_same(rsc, node, task, interval), (task, interval)
    if known is not None and key in known.digests:
        return known.digests[key]
    params, own = _main_params(rsc, node, task, interval)
    found = params, own, parameters_digest(params)
    if known is not None:
        known.digests[key] = found
    return found


def needs_remote_name(rsc: Resource) -> bool:
    """Whether the address of a bundle's connection is only known once its container has a place."""
    return (
        rsc.xml.get("type") == "remote"
        and rsc.xml.get("provider") == "pacemaker"
        and rsc_params(rsc, None).get("addr", "").lower() == "#uname"
    )


def bundle_remote_name(rsc: Resource) -> str | None:
    """The node that a bundle's connection leads to, if that is its address."""
    if not rsc.is_remote or not needs_remote_name(rsc):
        return None
    top = rsc
    while top.parent is not None:
        top = top.parent
    for replica in top.bundle.replicas if top.bundle is not None else []:
        if replica.remote is rsc:
            host = replica.box.assigned or replica.box.current
            return None if host is None else host.name
    return None


def _restart_digest(params: dict[str, str], op: OpRecord | None) -> str | None:
    if op is None or op.restart_digest is None:
        return None
    if op.force_restart is not None:
        params = {name: value for name, value in params.items() if f" {name} " in op.force_restart}
    return parameters_digest(params)


def _secure_digest(rsc: Resource, node: Node, params: dict[str, str], op: OpRecord | None) -> str:
    """The digest without what must stay private, so that a copy of the CIB without secrets can be compared."""
    version = (op.feature_set if op is not None else None) or rsc.cluster.document.attribute("crm_feature_set")
    old = version_parts(version or "3.16.1") < _SECURE_SINCE
    private = " passwd password user " if op is None else op.secure_list
    table = dict(rsc_params(rsc, node)) if old else dict(params)
    if private is not None:
        table = {name: value for name, value in table.items() if f" {name} " not in private}
    if old and (rsc.xml.get("class") or "").lower() == "stonith":
        table = {name: value for name, value in table.items() if not _is_fence_param(name)}
    # When the timeout is asked for, the interval is already gone: it counts for recurring operations neither.
    counts = {n: value for n, value in table.items() if n not in NOT_IN_DIGEST and not n.startswith("CRM_meta_")}
    return parameters_digest(counts)


def digests_of(rsc: Resource, task: str, interval: int, node: Node, op: OpRecord | None) -> Digests:
    """The digests of an operation, made once per node and key."""
    key = (node.idx, op_key(rsc.id, task, interval))
    cached = rsc.cluster.digests.get(key)
    if cached is not None:
        return cached
    params, own, digest = _main_digest(rsc, node, task, interval)
    found = Digests(
        params,
        digest,
        _restart_digest(params, op),
        _secure_digest(rsc, node, params, op) if task == _UNFENCE else None,
        Verdict.RESTART if own and interval == 0 else Verdict.MATCH,
        op,
    )
    rsc.cluster.digests[key] = found
    return found


def compare(rsc: Resource, op: OpRecord, node: Node) -> Verdict:
    """Whether the parameters that ``op`` was run with are still those of the configuration."""
    found = digests_of(rsc, op.task, op.interval_ms, node, op)
    if op.restart_digest and found.restart and op.restart_digest != found.restart:
        found.verdict = Verdict.RESTART
    elif op.digest is None:
        found.verdict = Verdict.UNKNOWN
    elif op.digest != found.all:
        if not (op.interval_ms == 0 and found.verdict is Verdict.RESTART):
            found.verdict = Verdict.ALL
    else:
        found.verdict = Verdict.MATCH
    return found.verdict


def only_private_changed(rsc: Resource, op: OpRecord, node: Node, verdict: Verdict) -> bool:
    """Whether only parameters that were taken out of a CIB for privacy differ: that says nothing."""
    if not rsc.cluster.sanitized or verdict is Verdict.MATCH or op.secure_digest is None:
        return False
    found = digests_of(rsc, op.task, op.interval_ms, node, op)
    if found.secure is None:
        found.secure = _secure_digest(rsc, node, found.params, found.op)
    return found.secure == op.secure_digest


def fencing_digests(rsc: Resource, agent: str, node: Node) -> tuple[Verdict, str, str]:
    """Whether a node was unfenced with the parameters a device has now; with both digests."""
    listener = rsc.cluster.listener
    found = digests_of(rsc, _UNFENCE, 0, node, None)
    secure = found.secure or ""
    done = node.attrs.get("#digests-all")
    if done is None:
        return Verdict.UNKNOWN, found.all, secure
    if f"{rsc.id}:{agent}:{found.all}" in done:
        return Verdict.MATCH, found.all, secure
    if f"{rsc.id}:{agent}:{secure}" in node.attrs.get("#digests-secure", ""):
        if listener is not None:
            listener.unfencing_change(rsc, node, True, None)
        return Verdict.MATCH, found.all, secure
    if listener is not None:
        shown = rsc.cluster.sanitized and found.secure is not None
        listener.unfencing_change(rsc, node, False, f"{rsc.id}:{agent}:{secure}" if shown else None)
    return Verdict.ALL, found.all, secure
