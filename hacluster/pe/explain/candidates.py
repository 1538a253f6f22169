"""Which changes are worth trying: the undoing of every cause that had a say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from hacluster.base.values import is_true
from hacluster.cib.options import option_names
from hacluster.pe.explain.answer import Because, Part
from hacluster.pe.explain.beside import LEFT_OVER, clear_command
from hacluster.pe.explain.edits import (
    Candidate,
    add_device,
    both,
    bring_online,
    clean_up,
    confirm_down,
    get_quorum,
    grant,
    prefer,
    remove,
    set_meta,
    set_node_attribute,
    set_option,
    set_transient,
    set_value,
)
from hacluster.pe.explain.sources import constraint_of, find, meta_id, node_attribute_id, option_id
from hacluster.pe.explain.words import Teller, without_promotion_score
from hacluster.pe.model.causes import Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import NodeKind, Quorum, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

_KINDS: Final = {
    "rsc_location": "location",
    "rsc_colocation": "colocation",
    "rsc_order": "order",
    "rsc_ticket": "ticket",
}
_ALLOWED: Final = 3
"""Most nodes that are named where a resource could be allowed."""
_FAILURES: Final = (Why.STOP_FAILED, Why.HARD_ERROR, Why.FATAL_ERROR, Why.MASKED_PROBE, Why.ON_FAIL)


def _ids(reasons: Iterable[Because]) -> Iterator[str]:
    for reason in reasons:
        if reason.id is not None:
            yield reason.id
        yield from _ids(reason.because)


def named_ids(parts: list[Part]) -> list[str]:
    """The ids that are behind the reasons of an explanation."""
    found: dict[str, None] = {}
    for part in parts:
        reasons = [*part.facts, *part.why, *(reason for entry in part.elsewhere for reason in entry.reasons)]
        found.update(dict.fromkeys(_ids(reasons)))
    return list(found)


def constraint_changes(cluster: Cluster, idents: Iterable[str]) -> Iterator[Candidate]:
    """Take out each constraint that was named."""
    for ident in idents:
        constraint = constraint_of(cluster, ident)
        if constraint is None:
            continue
        kind, own = _KINDS[str(constraint.tag)], constraint.get("id", "")
        if own.startswith(LEFT_OVER) and constraint.get("rsc") is not None:
            text = f"Clear what was left of a move or ban of {constraint.get('rsc')} ({own})"
            yield Candidate(f"{text}, with {clear_command(constraint.get('rsc', ''))}", own, remove(own))
            continue
        what = f"{kind} constraint {own}"
        if ident != own:
            what = f"{ident} of {what}"
        yield Candidate(f"Remove {what}", ident, remove(ident))
        ticket = constraint.get("ticket")
        if ticket is not None:
            yield Candidate(f"Grant ticket {ticket} here, once no other site has it", ticket, grant(ticket))


_UNDONE: Final = {"target-role": "Started", "is-managed": "true", "maintenance": "false"}
"""The values that let a resource, of those whose settings were named, be started and stopped."""


def named_settings(cluster: Cluster, parts: list[Part]) -> Iterator[Candidate]:
    """Undo settings of any resource that were named."""
    for ident in named_ids(parts):
        pair = find(cluster, ident)
        if pair is None or pair.tag != "nvpair" or pair.get("name") not in _UNDONE:
            continue
        name, group = pair.get("name", ""), pair.getparent()
        owner = None if group is None else group.getparent()
        if owner is not None and owner.get("id") is not None and owner.tag != "node":
            value = _UNDONE[name]
            yield Candidate(f"Set {name} of {owner.get('id')} to {value}", ident, set_value(ident, value))


def node_changes(cluster: Cluster, node: Node) -> Iterator[Candidate]:
    """Make a node usable."""
    name = node.name
    for attribute, text in (("standby", f"Take {name} out of standby"), ("maintenance", f"End maintenance of {name}")):
        if is_true(node.attrs.get(attribute)):
            ident = node_attribute_id(cluster, node, attribute)
            yield Candidate(text, ident, set_node_attribute(name, attribute, "false"))
    for attribute in sorted(node.attrs) if cluster.health_strategy != "none" else ():
        if attribute.startswith("#health") and cluster.score_of(node.attrs[attribute]) < 0:
            ident = node_attribute_id(cluster, node, attribute)
            text = f"Let {attribute} of {name} be green"
            yield Candidate(text, ident, set_node_attribute(name, attribute, "green"))
    if node.kind is NodeKind.MEMBER and node.unclean and not node.online:
        text = f"Fence {name}, or make sure that it is down and confirm it (stonith_admin --confirm {name})"
        yield Candidate(text, node.id, confirm_down(name))
        if cluster.fencing and not cluster.have_fencing:
            text = f"Configure a fence device, and let it fence {name}"
            yield Candidate(text, None, both(add_device, confirm_down(name)))
    if node.kind is NodeKind.MEMBER and (node.unclean or not node.online):
        yield Candidate(f"Bring {name} back online", node.id, bring_online(name))
    if node.shutdown and node.online:
        text = f"Cancel the shutdown of {name}"
        yield Candidate(text, node_attribute_id(cluster, node, "shutdown"), set_node_attribute(name, "shutdown", "0"))


def leave(node: Node) -> Candidate:
    """Take away the node that a resource uses."""
    return Candidate(f"Put {node.name} into standby", None, set_node_attribute(node.name, "standby", "true"))


def _failed_to_stop(cluster: Cluster, rsc_id: str, uname: str) -> bool:
    return any(
        op.task == "stop" and (op.rc != op.target_rc or op.status > 0)
        for state in cluster.document.status.nodes
        if state.uname == uname
        for history in state.histories
        if history.id.split(":")[0] == rsc_id
        for op in history.ops
    )


def failure_changes(teller: Teller, leaves: list[Resource]) -> Iterator[Candidate]:
    """Forget failures."""
    cluster = teller.cluster
    seen: set[tuple[str, str]] = set()
    for rsc in leaves:
        for node in cluster.nodes:
            for step in teller.book.steps(rsc, node):
                if step.cause.why is Why.FAIL_LIMIT:
                    seen.add((step.cause.id, node.name))
                elif step.cause.why in _FAILURES:
                    seen.add((rsc.config_id, step.cause.node))
        for entry in cluster.decisions or ():
            if entry.subject == rsc.id and entry.cause.why in _FAILURES:
                seen.add((rsc.config_id, entry.cause.node))
    for rsc_id, uname in sorted(seen):
        text = f"Clean up the failures of {rsc_id} on {uname}"
        if _failed_to_stop(cluster, rsc_id, uname):
            # What could not be stopped may still be at work, whatever a probe says: a clean-up takes the fencing, or
            # the block, away that keeps it from being started a second time.
            text = f"Stop {rsc_id} on {uname} by hand, make sure that it is stopped, and clean up its failures there"
        yield Candidate(text, rsc_id, clean_up(rsc_id, uname))


def setting_changes(rsc: Resource) -> Iterator[Candidate]:
    """Undo settings of the resource itself that had a say."""
    if rsc.meta.get("target-role", "Started").lower() in ("stopped", "unpromoted", "slave"):
        ident = meta_id(rsc, "target-role")
        if ident is not None:
            yield Candidate(f"Set target-role of {rsc.top.config_id} to Started", ident, set_value(ident, "Started"))
    if rsc.stickiness > 0 and rsc.active_on and meta_id(rsc, "resource-stickiness") is not None:
        ident = meta_id(rsc, "resource-stickiness")
        text = f"Set resource-stickiness of {rsc.config_id} to 0"
        yield Candidate(text, ident, set_meta(rsc.config_id, "resource-stickiness", "0"))


def order_changes(rsc: Resource) -> Iterator[Candidate]:
    """Let instances of clones wait for their neighbours alone."""
    if rsc.top.is_clone and not is_true(rsc.top.meta.get("interleave")):
        top = rsc.top
        text = f"Set interleave of {top.config_id} to true"
        yield Candidate(text, meta_id(top, "interleave"), set_meta(top.config_id, "interleave", "true"))


def promotion_changes(leaves: list[Resource]) -> Iterator[Candidate]:
    """Let what others must be with in the promoted role have a promotion score."""
    clones = {entry.primary.id: entry.primary for leaf in leaves for rsc in (leaf, leaf.top) for entry in rsc.this_with
              if entry.primary_role is Role.PROMOTED and entry.score > 0}  # fmt: skip
    for clone in clones.values():
        for child in without_promotion_score(clone)[:1]:
            place, ident = child.location(0), clone.clone_data.child_id
            if place is not None:
                text = f"Give {ident} a promotion score on {place.name} (crm_attribute --promotion={ident} -v 1 there)"
                yield Candidate(text, None, set_transient(place.name, f"master-{ident}", "1"))


def allowance_changes(cluster: Cluster, leaves: list[Resource]) -> Iterator[Candidate]:
    """Where nothing runs that no constraint allows: allow it."""
    if cluster.symmetric:
        return
    for leaf in leaves[:1]:
        top = leaf.top.config_id
        for node in [node for node in cluster.nodes if node.available and node.idx not in leaf.allowed][:_ALLOWED]:
            text = f"Add a location constraint of {top} for {node.name} with score 0"
            yield Candidate(text, None, prefer(top, node.name, 0))
    ident = option_id(cluster, "symmetric-cluster")
    yield Candidate("Set symmetric-cluster to true", ident, set_option("symmetric-cluster", "true"))


def priority_changes(rsc: Resource) -> Iterator[Candidate]:
    """Let a resource be placed before those that leave no room for it."""
    highest = max((entry.priority for entry in rsc.cluster.resource_table), default=0)
    top = rsc.top.config_id
    text = f"Raise the priority of {top} to {highest + 1}"
    yield Candidate(text, meta_id(rsc, "priority"), set_meta(top, "priority", str(highest + 1)))


def clone_changes(clone: Resource) -> Iterator[Candidate]:
    """Room for one more."""
    if clone.clone is None:
        return
    data, most = clone.clone, clone.meta.get("clone-max")
    if most is not None and data.max < len(clone.cluster.nodes):
        text = f"Raise clone-max of {clone.id} to {data.max + 1}"
        yield Candidate(text, meta_id(clone, "clone-max"), set_meta(clone.config_id, "clone-max", str(data.max + 1)))
    if clone.promotable and data.promoted_max < data.max:
        name = "master-max" if "master-max" in clone.meta and "promoted-max" not in clone.meta else "promoted-max"
        text = f"Raise {name} of {clone.id} to {data.promoted_max + 1}"
        yield Candidate(text, meta_id(clone, name), set_meta(clone.config_id, name, str(data.promoted_max + 1)))


def _option_name(cluster: Cluster) -> str:
    """The name under which it is said that removed resources stay."""
    names = option_names("stop-removed-resources")
    return next((name for name in names if _is_set(cluster, name)), names[0])


def _is_set(cluster: Cluster, name: str) -> bool:
    section = cluster.document.section("crm_config")
    return section is not None and any(pair.get("name") == name for pair in section.iter("nvpair"))


def option_changes(cluster: Cluster, teller: Teller, leaves: list[Resource]) -> Iterator[Candidate]:
    """Undo cluster options that had a say."""
    if cluster.maintenance_mode:
        ident = option_id(cluster, "maintenance-mode")
        yield Candidate("Set maintenance-mode to false", ident, set_option("maintenance-mode", "false"))
    if not cluster.stop_orphans and any(leaf.orphan for leaf in leaves):
        ident = option_id(cluster, "stop-removed-resources")
        yield Candidate("Stop removed resources", ident, set_option(_option_name(cluster), "true"))
    if cluster.stop_everything:
        ident = option_id(cluster, "stop-all-resources")
        yield Candidate("Set stop-all-resources to false", ident, set_option("stop-all-resources", "false"))
    if not cluster.have_quorum and cluster.quorum_policy is not Quorum.IGNORE:
        yield Candidate("Let the cluster have quorum", "have-quorum", get_quorum)
    if cluster.fencing and not cluster.have_fencing:
        yield Candidate("Configure a fence device", None, add_device)
    # Fencing is not switched off and quorum not ignored here: both may start twice what runs elsewhere.
    whys = {step.cause.why for rsc in leaves for node in cluster.nodes for step in teller.book.steps(rsc, node)}
    if Why.SHUTDOWN_LOCK in whys:
        ident = option_id(cluster, "shutdown-lock")
        yield Candidate("Set shutdown-lock to false", ident, set_option("shutdown-lock", "false"))
    if Why.UTILIZATION in whys:
        ident = option_id(cluster, "placement-strategy")
        yield Candidate("Set placement-strategy to default", ident, set_option("placement-strategy", "default"))
