"""Which resource a history is about: known ones, anonymous instances, orphans."""

from __future__ import annotations

from lxml import etree

from hacluster.base.score import INFINITY
from hacluster.cib.records import History
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.failcount import base_name
from hacluster.pe.unpack.remotes import link_remote_node
from hacluster.pe.unpack.resources import add_instance, is_remote_agent, unpack_resource


def clone_member(rsc: Resource, ident: str) -> Resource | None:
    """The part of an instance that has the given configured (or full) id."""
    for entry in rsc.walk():
        if entry.top.is_clone and ident in (entry.id, entry.xml_id):
            return entry
    return None


def _is_universal(clone: Resource) -> bool:
    return clone.is_clone and clone.clone_data.max == len(clone.cluster.nodes)


def _first_place(child: Resource) -> Node | None:
    """Where an instance is, or is to be when what is pending is done."""
    if child.instances:
        return next(iter(child.places(2)), None)
    return child.active_on[0] if child.active_on else child.pending_node


def _anonymous_instance(clone: Resource, node: Node, ident: str) -> Resource:
    """The instance of an anonymous clone that a node's history of ``ident`` is given to.

    One that is active on the node already, else one that is active nowhere, else a new one, an orphan.
    """
    chosen: Resource | None = None
    inactive: Resource | None = None
    skip_inactive = False
    for child in clone.instances:
        place = _first_place(child)
        if place is not None:
            if place is node:
                chosen = clone_member(child, ident)
                if chosen is not None and chosen.active_on:
                    # Two histories of one anonymous instance on one node: one of them must be an orphan.
                    skip_inactive = True
                    chosen = None
            if chosen is not None:
                break
        elif not skip_inactive and inactive is None and not child.blocked:
            inactive = clone_member(child, ident)
            if inactive is not None and inactive.pending_node is not None and inactive.pending_node is not node:
                inactive = None
    if chosen is None and not skip_inactive:
        chosen = inactive
    if (
        chosen is not None
        and not chosen.needs_fencing
        and (not node.online or node.unclean)
        and not node.is_guest
        and not _is_universal(clone)
    ):
        chosen = None
    if chosen is not None:
        return chosen
    top = add_instance(clone)
    assert top is not None, clone.id
    orphan = clone_member(top, ident)
    assert orphan is not None, ident
    return orphan


def find_for_history(cluster: Cluster, node: Node, rsc_id: str) -> Resource | None:
    """The resource or instance that a node's history of ``rsc_id`` is about; ``None`` if it is not configured."""
    rsc = cluster.find_resource(rsc_id)
    top: Resource | None = None
    if rsc is None:
        first = cluster.find_resource(base_name(rsc_id) + ":0")
        if first is not None and not first.unique:
            rsc, top = first, first.top
    elif rsc.instances or rsc.kind > 0:
        return None
    else:
        top = rsc.top
    if top is not None and top.is_anonymous_clone:
        if top.bundled and top.parent is not None:
            replicas = top.parent.bundle_data.replicas
            rsc = next((replica.child for replica in replicas if replica.node is node), None)
        else:
            rsc = _anonymous_instance(top, node, base_name(rsc_id))
    if rsc is not None and rsc_id not in (rsc.id, rsc.clone_name):
        cluster.set_clone_name(rsc, rsc_id)
    return rsc


def make_orphan(cluster: Cluster, history: History) -> Resource | None:
    """A resource that is in a history but no longer (or not yet) in the configuration."""
    xml = etree.Element("primitive", id=history.id)
    for name, value in (
        ("type", history.type),
        ("class", history.standard),
        ("provider", history.provider),
        ("container", history.container),
        ("shutdown-lock", history.shutdown_lock),
    ):
        if value is not None:
            xml.set(name, value)
    rsc = unpack_resource(cluster, xml, None)
    if rsc is None:
        return None
    if is_remote_agent(xml):
        node = cluster.find_node(history.id)
        if node is None:
            node = cluster.create_node(history.id, history.id, "remote", None)
        link_remote_node(cluster, rsc)
        node.shutdown = True
    rsc.orphan_filler = history.container is not None
    rsc.orphan = True
    cluster.resources.append(rsc)
    if cluster.stop_orphans:
        cluster.scores.everywhere(rsc, cluster.nodes, -INFINITY, Cause(Why.ORPHAN, rsc.xml_id))
    else:
        rsc.managed = False
    return rsc
