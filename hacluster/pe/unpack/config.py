"""Cluster options, nodes, tickets and tags of the configuration."""

from __future__ import annotations

from typing import Final

from hacluster.base.values import is_true, scan_int, timeout_seconds
from hacluster.cib.document import XML
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Ticket
from hacluster.pe.model.kinds import NodeKind, Quorum
from hacluster.pe.model.node import Node
from hacluster.pe.model.options import Options
from hacluster.pe.rules.nvpairs import gather, subject_for

_QUORUM: Final = {
    "ignore": Quorum.IGNORE,
    "freeze": Quorum.FREEZE,
    "demote": Quorum.DEMOTE,
    "fence": Quorum.FENCE,
    "suicide": Quorum.FENCE,
}


def _quorum_policy(cluster: Cluster) -> Quorum:
    policy = _QUORUM.get(cluster.options["no-quorum-policy"].lower(), Quorum.STOP)
    if policy is Quorum.FENCE:
        # Nodes that never had quorum together must not shoot themselves while they start.
        panic = (scan_int(cluster.document.attribute("no-quorum-panic")) or 0) != 0
        if not cluster.fencing or not (panic or cluster.have_quorum):
            return Quorum.STOP
    return policy


def _uses_unfencing(cluster: Cluster) -> bool:
    for section, depth in (("resources", ".//meta_attributes/nvpair"), ("rsc_defaults", "meta_attributes/nvpair")):
        root = cluster.document.section(section)
        if root is not None and any(
            pair.get("name") in ("provides", "requires") and pair.get("value") == "unfencing"
            for pair in root.iterfind(depth)
        ):
            return True
    return False


def _health_colors(cluster: Cluster) -> dict[str, int]:
    strategy, options = cluster.health_strategy, cluster.options
    if strategy == "none":
        return {"red": 0, "yellow": 0, "green": 0}
    if strategy == "migrate-on-red":
        return {"red": -1_000_000, "yellow": 0, "green": 0}
    if strategy == "only-green":
        return {"red": -1_000_000, "yellow": -1_000_000, "green": 0}
    return {color: cluster.score_of(options[f"node-health-{color}"]) for color in ("red", "yellow", "green")}


def unpack_config(cluster: Cluster) -> None:
    """Read the cluster options and what follows from them."""
    document = cluster.document
    cluster.have_quorum = is_true(document.attribute("have-quorum"))
    cluster.dc_id = document.attribute("dc-uuid")
    cluster.op_defaults = document.section("op_defaults")
    cluster.rsc_defaults = document.section("rsc_defaults")
    given: dict[str, str] = {}
    section = document.section("crm_config")
    gather(cluster, section, "cluster_property_set", subject_for(cluster), given, first="cib-bootstrap-options")
    options = cluster.options = Options(given)
    cluster.reports.extend(options.reports)
    cluster.startup_probes = options.true("enable-startup-probes")
    cluster.have_fencing = cluster.have_fencing or options.true("have-watchdog")
    cluster.unfencing = _uses_unfencing(cluster)
    cluster.fencing = options.true("fencing-enabled")
    action = options["fencing-action"]
    cluster.fencing_action = "off" if action.lower() == "poweroff" else action
    cluster.concurrent_fencing = options.true("concurrent-fencing")
    cluster.priority_fencing_delay = timeout_seconds(options["priority-fencing-delay"])
    cluster.stop_everything = options.true("stop-all-resources")
    cluster.symmetric = options.true("symmetric-cluster")
    cluster.quorum_policy = _quorum_policy(cluster)
    cluster.stop_orphans = options.true("stop-removed-resources")
    cluster.stop_orphan_actions = options.true("cancel-removed-actions")
    cluster.maintenance_mode = options.true("maintenance-mode")
    cluster.start_failure_fatal = options.true("start-failure-is-fatal")
    cluster.startup_fencing = cluster.fencing and options.true("startup-fencing")
    cluster.health_strategy = options["node-health-strategy"].lower()
    cluster.colors = _health_colors(cluster)
    cluster.placement = options["placement-strategy"].lower()
    cluster.shutdown_lock = options.true("shutdown-lock")
    if cluster.shutdown_lock:
        cluster.shutdown_lock_limit = timeout_seconds(options["shutdown-lock-limit"])
    cluster.node_pending_timeout = timeout_seconds(options["node-pending-timeout"])
    cluster.fence_remote_without_quorum = options.true("fence-remote-without-quorum")


def add_node_attributes(cluster: Cluster, source: XML | None, node: Node, overwrite: bool) -> None:
    """Read attributes and utilization of a node, permanent or transient, beside what every node has."""
    attrs = node.attrs
    attrs["#uname"], attrs["#id"] = node.name, node.id
    is_dc = cluster.dc_id is not None and node.id.lower() == cluster.dc_id.lower()
    if is_dc:
        cluster.dc = node
        node.is_dc = True
    attrs["#is_dc"] = "true" if is_dc else "false"
    cluster_name = cluster.options.get("cluster-name")
    if cluster_name is not None:
        attrs["#cluster-name"] = cluster_name
    gather(cluster, source, "instance_attributes", subject_for(cluster), attrs, overwrite=overwrite)
    gather(cluster, source, "utilization", subject_for(cluster), node.utilization)
    if "#site-name" not in attrs:
        site = attrs.get("site-name", cluster_name)
        if site is not None:
            attrs["#site-name"] = site


def mark_unseen(cluster: Cluster, node: Node) -> None:
    """A node that nothing is known of must be fenced before it can be trusted, unless the options say otherwise."""
    if node.kind is NodeKind.REMOTE and node.remote_rsc is None:
        return
    node.unclean = cluster.startup_fencing
    node.unseen = True


def unpack_nodes(cluster: Cluster) -> None:
    """Read the configured nodes."""
    section = cluster.document.section("nodes")
    for element in section if section is not None else ():
        ident, name = element.get("id"), element.get("uname")
        if element.tag != "node" or ident is None or name is None:
            continue
        node = cluster.create_node(ident, name, element.get("type"), element.get("score"))
        mark_unseen(cluster, node)
        add_node_attributes(cluster, element, node, overwrite=False)


def unpack_tags(cluster: Cluster) -> None:
    """Read the tags: names for sets of ids."""
    section = cluster.document.section("tags")
    for element in section if section is not None else ():
        ident = element.get("id")
        if element.tag != "tag" or ident is None:
            continue
        refs = cluster.tags.setdefault(ident, [])
        for child in element:
            ref = child.get("id")
            if child.tag == "obj_ref" and ref is not None and ref not in refs:
                refs.append(ref)


def unpack_tickets(cluster: Cluster) -> None:
    """Read what is known of the tickets."""
    for state in cluster.document.status.tickets:
        ident = state.get("id")
        if ident:
            ticket = cluster.tickets.setdefault(ident, Ticket(ident))
            ticket.state.update((name, value) for name, value in state.items() if name != "id")
            ticket.granted = is_true(ticket.state.get("granted"))
            ticket.standby = is_true(ticket.state.get("standby"))
