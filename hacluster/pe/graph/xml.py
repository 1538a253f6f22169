"""The transition graph as Pacemaker's XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.pe.graph.build import Graph
from hacluster.pe.model.action import Action, Flag, notify_key, op_key
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.params import rsc_params
from hacluster.pe.ordering.remote import connection_host

FEATURE_SET: Final = "3.20.5"
"""The CRM feature set that the engine follows: Pacemaker 3.0.3's."""

_NAME: Final = re.compile(r"[^\W\d][\w.-]*")
_AGENT: Final = ("class", "provider", "type")
_FENCINGS: Final = ("off", "reboot", "poweroff")
_DOWN: Final = ("stop", "stopped", "demote", "demoted")
_UP: Final = ("start", "running", "monitor", "promote", "promoted")


def _meta_name(name: str) -> str:
    return "CRM_meta_" + name.replace("-", "_")


def _interval(action: Action) -> int:
    value = action.meta.get("interval", "0")
    return int(value) if value.isdecimal() else 0


def element_name(action: Action) -> str:
    """Which kind of event an action is in the graph."""
    if action.task == "stonith":
        return "pseudo_event" if action.pseudo else "crm_event"
    if action.task in ("do_shutdown", "clear_failcount", "lrm_delete"):
        return "crm_event"
    return "pseudo_event" if action.pseudo else "rsc_op"


def instance_key(action: Action) -> str:
    """The key of an action under the name that the node's executor knows the instance by."""
    rsc = action.rsc
    if rsc is None or rsc.clone_name is None:
        return action.key
    if action.task == "notify":
        return notify_key(rsc.clone_name, action.meta.get("notify_type"), action.meta.get("notify_operation"))
    return op_key(rsc.clone_name, action.cancel_task or action.task, _interval(action))


def _rsc_meta(rsc: Resource, attributes: dict[str, str]) -> None:
    if rsc.kind is Kind.PRIMITIVE:
        for name in ("clone", "remote-node"):
            if name in rsc.meta:
                attributes[_meta_name(name)] = rsc.meta[name]
        entry: Resource | None = rsc
        while entry is not None:
            if entry.container is not None:
                attributes["CRM_meta_container"] = entry.container.id
            entry = entry.parent
        if "external-ip" in rsc.meta:
            attributes["pcmk_external_ip"] = rsc.meta["external-ip"]
    elif rsc.kind is Kind.CLONE:
        data = rsc.clone_data
        attributes["CRM_meta_globally_unique"] = "true" if rsc.unique else "false"
        attributes["CRM_meta_notify"] = "true" if rsc.notify else "false"
        attributes["CRM_meta_clone_max"] = str(data.max)
        attributes["CRM_meta_clone_node_max"] = str(data.node_max)
        if rsc.promotable:
            for word in ("promoted", "master"):
                attributes[f"CRM_meta_{word}_max"] = str(data.promoted_max)
                attributes[f"CRM_meta_{word}_node_max"] = str(data.promoted_node_max)


def _bundle_meta(action: Action, rsc: Resource, attributes: dict[str, str]) -> None:
    container = None if action.node is None else action.node.guest_container
    if container is None:
        return
    task = action.task
    if task in ("notify", "notified"):
        task = action.meta.get("notify_operation", "")
    host = container.current if task in _DOWN else container.assigned if task in _UP else None
    if host is not None:
        target = rsc.meta.get("container-attribute-target")
        if target is not None:
            attributes.setdefault("CRM_meta_container_attribute_target", target)
        attributes.setdefault("CRM_meta_physical_host", host.name)


def action_attributes(action: Action) -> dict[str, str]:
    """The parameters that go with an action: those of the agent and, prefixed, everything meta."""
    attributes = {"crm_feature_set": FEATURE_SET}
    rsc, node = action.rsc, action.node
    for name, value in action.extra.items():
        attributes.setdefault(name, value)
    if rsc is not None and (node is not None or rsc.kind is Kind.PRIMITIVE):
        for name, value in rsc_params(rsc, node).items():
            if not name[:1].isdigit():
                attributes.setdefault(name, value)
    meta = dict(action.meta)
    if node is not None and element_name(action) != "pseudo_event":
        meta["on_node"], meta["on_node_uuid"] = node.name, node.id
    for name, value in meta.items():
        if "#" not in name and ":" not in name:
            attributes.setdefault(_meta_name(name), value)
    if rsc is not None:
        entry: Resource | None = rsc
        while entry is not None:
            _rsc_meta(entry, attributes)
            entry = entry.parent
        _bundle_meta(action, rsc, attributes)
    elif action.task == "stonith" and node is not None:
        for name, value in node.attrs.items():
            if "#" not in name and ":" not in name:
                attributes.setdefault(_meta_name(name), value)
    return attributes


def _event(parent: XML, action: Action) -> XML:
    name = element_name(action)
    element = etree.SubElement(parent, name, id=str(action.id))
    if action.task == "lrm_delete":
        element.set("mode", "cib")
    element.set("operation", action.task)
    element.set("operation_key", instance_key(action))
    if action.rsc is not None and action.rsc.clone_name is not None:
        element.set("internal_operation_key", action.key)
    if action.node is not None and (name != "pseudo_event" or action.task == "stonith"):
        element.set("on_node", action.node.name)
        element.set("on_node_uuid", action.node.id)
        router = connection_host(action)
        if router is not None:
            element.set("router_node", router.name)
    return element


def _primitive(parent: XML, action: Action, rsc: Resource) -> None:
    lock = rsc.lock_node
    if lock is not None and action.node is lock and (not lock.shutdown or action.task == "stop"):
        parent.set("shutdown-lock", str(rsc.lock_time))
    element = etree.SubElement(parent, str(rsc.xml.tag))
    if rsc.orphan and rsc.clone_name is not None:
        element.set("id", rsc.clone_name)
        element.set("long-id", rsc.id)
    elif not rsc.unique:
        element.set("id", rsc.xml_id)
        long_id = rsc.clone_name if rsc.clone_name is not None and rsc.clone_name != rsc.xml_id else rsc.id
        element.set("long-id", long_id)
    else:
        element.set("id", rsc.id)
    for name in _AGENT:
        if name in rsc.meta:
            element.set(name, rsc.meta[name])


def _downed(parent: XML, action: Action) -> None:
    """The nodes that an action takes down."""
    node, names = action.node, []
    if node is None:
        return
    if action.task == "do_shutdown":
        names = [node.id]
    elif action.task == "stonith" and action.meta.get("stonith_action") in _FENCINGS:
        guests = [rsc.id for rsc in node.running if rsc.is_remote and rsc.container is not None]
        names = [node.id, *guests]
    elif action.task == "stop" and action.rsc is not None and action.rsc.is_remote:
        migrating = any(edge.action.rsc is action.rsc and edge.action.task == "migrate_from" for edge in action.before)
        names = [] if migrating else [action.rsc.id]
    if names:
        element = etree.SubElement(parent, "downed")
        for name in names:
            etree.SubElement(element, "node", id=name)


def _attributes(parent: XML, attributes: Mapping[str, str]) -> None:
    """Options and parameters. One whose name no XML attribute can have cannot be told to an executor."""
    element = etree.SubElement(parent, "attributes")
    for name in sorted(attributes):
        if _NAME.fullmatch(name):
            element.set(name, attributes[name])


def _full_event(parent: XML, action: Action, graph: Graph) -> None:
    element = _event(parent, action)
    if action.rsc is not None and not action.flags & Flag.PSEUDO:
        _primitive(element, action, action.rsc)
    _attributes(element, action_attributes(action))
    if element.get("on_node") is not None:
        _downed(element, action)
    if action.task == "maintenance_nodes":
        maintenance = etree.SubElement(element, "maintenance")
        for ident, wanted in graph.maintenance:
            etree.SubElement(maintenance, "node", {"id": ident, "node_in_maintenance": "1" if wanted else "0"})


def graph_xml(graph: Graph, transition_id: int = 0) -> XML:
    """The graph as a ``transition_graph`` element."""
    root = etree.Element("transition_graph")
    root.set("cluster-delay", graph.cluster_delay)
    root.set("stonith-timeout", graph.fencing_timeout)
    root.set("failed-stop-offset", "INFINITY")
    root.set("failed-start-offset", "INFINITY" if graph.start_failure_fatal else "1")
    root.set("batch-limit", graph.batch_limit)
    root.set("transition_id", str(transition_id))
    if graph.migration_limit is not None:
        root.set("migration-limit", graph.migration_limit)
    if graph.recheck_by > 0:
        root.set("recheck-by", str(graph.recheck_by))
    for synapse in graph.synapses:
        element = etree.SubElement(root, "synapse", id=str(synapse.id))
        if synapse.priority > 0:
            element.set("priority", str(synapse.priority))
        _full_event(etree.SubElement(element, "action_set"), synapse.action, graph)
        inputs = etree.SubElement(element, "inputs")
        for action in synapse.inputs:
            _event(etree.SubElement(inputs, "trigger"), action)
    return root
