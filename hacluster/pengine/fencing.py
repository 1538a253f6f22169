"""What a CIB says to the fencer: devices with the nodes on which they may not be used, levels, options.

Fence devices are looked at as a small cluster of their own, so that parameters, rules, templates and locations mean
what they mean to the policy engine, and a large configuration costs nothing. As in Pacemaker a device need not have
been started to be used; one whose ``target-role`` is ``Stopped`` is not, nor one where its locations keep it off.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Final

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.base.values import interval_ms, msec, scan_int
from hacluster.cib.document import XML, Document, document_of
from hacluster.msg.stonith import Device, FencedNode, FencingConfigured, Level
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.fence import outweighs
from hacluster.pe.operation.params import rsc_params
from hacluster.pe.schedule import status
from hacluster.pe.unpack.constraints import unpack_constraints
from hacluster.pe.unpack.resources import is_disabled

_CONTAINERS: Final = frozenset({"group", "clone", "master"})
_TIMEOUT_MS: Final = 60_000


def _extract(root: XML) -> XML:
    """A CIB of the fence devices alone."""
    primitives = [entry for entry in root.iterfind("configuration/resources//primitive") if _is_device(root, entry)]
    small = etree.Element("cib", {str(name): str(value) for name, value in root.attrib.items()})
    configuration = etree.SubElement(small, "configuration")
    for name in ("crm_config", "nodes", "rsc_defaults", "op_defaults"):
        section = root.find(f"configuration/{name}")
        if section is not None:
            configuration.append(deepcopy(section))
    resources = etree.SubElement(configuration, "resources")
    constraints = etree.SubElement(configuration, "constraints")
    for template in root.iterfind("configuration/resources/template"):
        if primitives:
            resources.append(deepcopy(template))
    for primitive in primitives:
        resources.append(deepcopy(primitive))
        _add_locations(root, primitive, constraints)
    etree.SubElement(small, "status")
    return small


def _is_device(root: XML, primitive: XML) -> bool:
    template = primitive.get("template")
    if template is None:
        return primitive.get("class") == "stonith"
    found = root.findall("configuration/resources/template")
    return any(entry.get("id") == template and entry.get("class") == "stonith" for entry in found)


def _add_locations(root: XML, primitive: XML, constraints: XML) -> None:
    names, parent = {primitive.get("id")}, primitive.getparent()
    while parent is not None and parent.tag in _CONTAINERS:
        names.add(parent.get("id"))
        parent = parent.getparent()
    for number, location in enumerate(root.iterfind("configuration/constraints/rsc_location")):
        whole = location.get("rsc") in names
        if whole or location.get("rsc-pattern") is not None or location.find("resource_set") is not None:
            copy = deepcopy(location)
            copy.set("id", f"{location.get('id')}-{number}-{primitive.get('id')}")
            if whole:
                copy.set("rsc", primitive.get("id", ""))
            constraints.append(copy)


def devices_of(document: Document, now: Moment) -> Cluster:
    """The cluster of the fence devices alone, with the options of the whole."""
    cluster = status(document_of(_extract(document.root)), now)
    unpack_constraints(cluster)
    return cluster


def fencing_of(document: Document, now: Moment) -> FencingConfigured:
    """The fencer's part of a CIB."""
    return fencing_in(devices_of(document, now), document.root)


def fencing_in(cluster: Cluster, root: XML) -> FencingConfigured:
    """The same, of the cluster of the devices of ``root``."""
    options = cluster.options
    watchdog = scan_int(options.get("fencing-watchdog-timeout")) or 0
    return FencingConfigured(
        enabled=options.true("fencing-enabled"),
        action=(options.get("fencing-action") or "reboot").replace("poweroff", "off"),
        timeout_ms=interval_ms(options.get("fencing-timeout")) or _TIMEOUT_MS,
        max_attempts=_attempts(options.get("fencing-max-attempts")),
        reaction=options.get("fencing-reaction") or "stop",
        watchdog_ms=max(0, msec(options.get("fencing-watchdog-timeout"))) if watchdog > 0 else 0,
        priority_delay_ms=cluster.priority_fencing_delay * 1_000,
        devices=tuple(_device(rsc) for rsc in cluster.resources if _counts(rsc)),
        levels=_levels(root),
        nodes=tuple(
            FencedNode(node.name, tuple(sorted((n, v) for n, v in node.attrs.items() if not n.startswith("#"))))
            for node in cluster.nodes
        ),
    )


def delay_against(document: Document, name: str, now: Moment) -> int:
    """How long (ms) the fencing of a node waits because more important things run there than anywhere else."""
    cluster = status(document, now)
    node = next((node for node in cluster.nodes if node.name == name), None)
    waits = node is not None and cluster.priority_fencing_delay > 0 and outweighs(cluster, node)
    return cluster.priority_fencing_delay * 1_000 if waits else 0


def _attempts(text: str | None) -> int:
    if text is not None and text.upper() in ("INFINITY", "+INFINITY"):
        return 1_000_000
    return max(1, scan_int(text) or 10)


def _counts(rsc: Resource) -> bool:
    return rsc.xml.get("class") == "stonith" and not is_disabled(rsc) and not rsc.orphan


def _device(rsc: Resource) -> Device:
    parameters = {name: value for name, value in rsc_params(rsc, None).items() if value}
    for name in ("priority", "provides"):
        if name in rsc.meta and name not in parameters:
            parameters[name] = rsc.meta[name]
    return Device(rsc.id, rsc.xml.get("type", ""), tuple(parameters.items()), _banned(rsc.cluster, rsc))


def _banned(cluster: Cluster, rsc: Resource) -> tuple[str, ...]:
    scores: dict[str, int] = {}
    for location in rsc.locations:
        for node, score in location.nodes:
            scores[node.name] = scores.get(node.name, 0) + score
    names = [node.name for node in cluster.nodes]
    least = 0 if cluster.symmetric else 1
    return tuple(sorted(name for name in names if scores.get(name, 0) < least))


def _levels(root: XML) -> tuple[Level, ...]:
    found = []
    for entry in root.iterfind("configuration/fencing-topology/fencing-level"):
        devices = tuple(name.strip() for name in entry.get("devices", "").split(",") if name.strip())
        index = scan_int(entry.get("index")) or 0
        if devices and index > 0:
            words = ("target", "target-pattern", "target-attribute", "target-value")
            found.append(Level(index, devices, *(entry.get(word, "") for word in words)))
    return tuple(found)
