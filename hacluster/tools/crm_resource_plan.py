"""``crm_resource --cleanup --plan`` and ``--refresh --plan``: what would be probed, and what would happen to services.

Nothing is asked of any node. Probes are those that the policy engine wants when the histories are gone; what follows is
what it wants when failures are forgotten and each probe finds what the status says now.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hacluster.base.tree import Tree
from hacluster.pe.schedule import schedule
from hacluster.pe.views.summary import summary_lines
from hacluster.tools.livestatus import document, present

if TYPE_CHECKING:
    from hacluster.pe.model.cluster import Cluster
    from hacluster.tools.crm_resource import Call

Wanted = Sequence[tuple[str, str]]
"""Node and the id that its executor has for a resource."""


def _state(root: Any, node: str) -> Any:
    return next((state for state in root.iterfind("status/node_state") if state.get("uname") == node), None)


def _concerns(op: Any, operation: str, interval_ms: int) -> bool:
    return not operation or (op.get("operation") == operation and op.get("interval", "0") == str(interval_ms))


def _forget_counts(state: Any, ident: str, operation: str) -> None:
    base = ident.partition(":")[0]
    for pair in list(state.iterfind("transient_attributes/instance_attributes/nvpair")):
        name, _, op = pair.get("name", "").partition("#")
        kind, _, rsc = name.partition("-count-") if name.startswith("fail-") else name.partition("-failure-")
        if kind in ("fail", "last") and rsc in (ident, base) and (not operation or op.rpartition("_")[0] == operation):
            pair.getparent().remove(pair)


def _changed(root: Any, wanted: Wanted, operation: str, interval_ms: int, *, all_history: bool) -> Any:
    """A copy without failures; ``all_history``: without all that is known of the resources."""
    result = copy.deepcopy(root)
    for node, ident in wanted:
        state = _state(result, node)
        if state is None:
            continue
        _forget_counts(state, ident, operation)
        for history in list(state.iterfind("lrm/lrm_resources/lrm_resource")):
            if history.get("id") != ident:
                continue
            if all_history and not operation:
                history.getparent().remove(history)
                continue
            for op in list(history.iterfind("lrm_rsc_op")):
                failed = op.get("id", "").endswith("_last_failure_0")
                if (all_history or failed) and _concerns(op, operation, interval_ms):
                    history.remove(op)
    return result


def tell_plan(call: Call, wanted: Wanted, operation: str, interval_ms: int) -> None:
    """Say what forgetting these would lead to."""
    root = call.root
    now = present(root)
    bare = _changed(root, wanted, operation, interval_ms, all_history=True)
    names = set(wanted)
    probes = sorted({
        (action.rsc.id, action.node.name)
        for action in (synapse.action for synapse in schedule(document(bare), now).graph.synapses)
        if action.task == "monitor" and action.meta.get("interval", "0") == "0"
        and action.rsc is not None and action.node is not None and _same(action.rsc, action.node.name, names)
    })  # fmt: skip
    calm = schedule(document(_changed(root, wanted, operation, interval_ms, all_history=False)), now)
    anyway = _steps(schedule(document(root), now).cluster)
    steps = [step for step in _steps(calm.cluster) if step not in anyway]
    call.out.line("Would be checked anew:" if probes else "Nothing would be checked anew")
    for rsc, node in probes:
        call.out.line(f"  * {rsc} on {node}")
    follows = "Would follow, if the checks find what is known now:"
    call.out.line(follows if steps else "Nothing would be started or stopped for it")
    for step in steps:
        call.out.line(f"  * {step}")
    shown = [Tree("probe", {"resource": rsc, "node": node}) for rsc, node in probes]
    shown += [Tree("step", text=step) for step in steps]
    call.out.tree(Tree("plan", children=shown))


def _steps(cluster: Cluster) -> list[str]:
    return [" ".join(line.split()) for line in summary_lines(cluster)]


def _same(rsc: Any, node: str, names: set[tuple[str, str]]) -> bool:
    """Whether a probe is of one of these; a copy of a clone may get another number."""
    bases = {(place, ident.partition(":")[0]) for place, ident in names}
    return (node, rsc.id) in names or (node, rsc.id.partition(":")[0]) in bases
