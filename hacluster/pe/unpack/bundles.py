"""Bundles: containers with an address, a connection and a primitive inside (Pacemaker Explained, "Bundles").

A bundle is taken apart into resources that the later stages know: for each replica a container, an address, a remote
connection that makes a guest node, and an instance of an implied clone of the primitive that only may run there.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from hacluster.base.score import INFINITY
from hacluster.base.values import min_int, truth
from hacluster.cib.document import XML
from hacluster.pe.model.bundle import BundleData, Mount, Replica
from hacluster.pe.model.causes import Cause, Why
from hacluster.pe.model.kinds import Discovery
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.unpack.bounds import check_instances
from hacluster.pe.unpack.remotes import add_op, add_pair, remote_connection
from hacluster.pe.unpack.resources import unpack_resource, use_for_bundles

DEFAULT_PORT: Final = "3121"
_KEY: Final = "/etc/pacemaker/authkey"
_LOGS: Final = "/var/log/pacemaker/bundles"
_NOT_ID: Final = re.compile(r"[:#]")
_AGENTS: Final = ("docker", "podman")


def _next_address(address: str) -> str | None:
    parts = address.split(".")
    if len(parts) != 4 or not all(part.isdecimal() for part in parts):
        return None
    one, two, three, four = (int(part) for part in parts)
    if three > 253:
        return None
    if four > 253:
        return f"{one}.{two}.{three + 1}.1"
    return f"{one}.{two}.{three}.{four + 1}"


def _allocate_addresses(data: BundleData) -> None:
    options: list[str] = []
    address: str | None = None
    for replica in data.replicas:
        if data.ip_start is None:
            break
        address = data.ip_start if address is None else _next_address(address)
        replica.ipaddr = address
        if data.add_host:
            options.append(f" --add-host={data.prefix}-{replica.offset}:{address}")
        else:
            options.append(f" --hosts-entry={address}={data.prefix}-{replica.offset}")
    data.host_options = "".join(options)


def _read_network(data: BundleData, network: XML | None) -> None:
    if network is None:
        return
    data.ip_start = network.get("ip-range-start")
    data.netmask = network.get("host-netmask")
    data.interface = network.get("host-interface")
    data.control_port = network.get("control-port")
    add_host = truth(network.get("add-host"))
    data.add_host = True if add_host is None else add_host
    for child in network:
        source, target = child.get("port"), child.get("internal-port")
        if source is None:
            source, target = child.get("range"), None
        if source:
            data.ports.append((source, target or source))


def _read_storage(data: BundleData, storage: XML | None) -> bool:
    """Read the mounts; answers whether one of them is for the logs."""
    logs = False
    for child in storage if storage is not None else ():
        target = child.get("target-dir")
        source, subdir = child.get("source-dir"), False
        if source is None:
            source, subdir = child.get("source-dir-root"), True
        if source and target:
            data.mounts.append(Mount(source, target, child.get("options"), subdir))
            logs = logs or target == "/var/log"
    return logs


def _connectable(data: BundleData) -> bool:
    if data.ip_start:
        return True
    if data.control_port:
        data.per_host = 1
        return True
    return False


def _implied_clone(data: BundleData, primitive: XML) -> XML:
    clone = etree.Element("clone", id=f"{data.prefix}-{'master' if data.promoted_max else 'clone'}")
    meta = etree.SubElement(clone, "meta_attributes", id=f"{data.prefix}-clone-meta")
    add_pair(meta, "ordered", "true")
    add_pair(meta, "clone-max", str(data.count))
    add_pair(meta, "clone-node-max", str(data.per_host))
    add_pair(meta, "globally-unique", "true" if data.per_host > 1 else "false")
    if data.promoted_max:
        add_pair(meta, "promotable", "true")
        add_pair(meta, "promoted-max", str(data.promoted_max))
    clone.append(etree.fromstring(etree.tostring(primitive)))
    return clone


def _primitive(name: str, provider: str, kind: str) -> XML:
    element = etree.Element("primitive", id=_NOT_ID.sub(".", name), provider=provider, type=kind)
    element.set("class", "ocf")
    return element


def _add_ip(bundle: Resource, data: BundleData, replica: Replica) -> bool:
    if not data.ip_start:
        return True
    xml = _primitive(f"{data.prefix}-ip-{replica.ipaddr}", "heartbeat", "IPaddr2")
    attributes = etree.SubElement(xml, "instance_attributes", id=f"{data.prefix}-attributes-{replica.offset}")
    add_pair(attributes, "ip", replica.ipaddr or "")
    if data.interface:
        add_pair(attributes, "nic", data.interface)
    add_pair(attributes, "cidr_netmask", data.netmask or "32")
    add_op(etree.SubElement(xml, "operations"), xml.get("id", ""), "monitor", "60s", None)
    replica.ip = unpack_resource(bundle.cluster, xml, bundle)
    if replica.ip is None:
        return False
    bundle.instances.append(replica.ip)
    return True


def _run_options(data: BundleData, replica: Replica) -> tuple[str, str]:
    """The options that the container is started with, and the directories that have to exist."""
    parts, dirs = [], []
    if data.agent == "docker":
        parts.append(" --restart=no")
    if data.ip_start is not None:
        parts.append(f" -h {data.prefix}-{replica.offset}")
    parts.append(" -e PCMK_stderr=1")
    if data.container_network is not None:
        parts.append(f" --net={data.container_network}")
    parts.append(f" -e PCMK_remote_port={data.control_port or DEFAULT_PORT}")
    for mount in data.mounts:
        source = mount.source
        if mount.subdir:
            source = f"{source}/{data.prefix}-{replica.offset}"
            dirs.append(source)
        parts.append(f" -v {source}:{mount.target}" + (f":{mount.options}" if mount.options else ""))
    for source, target in data.ports:
        address = replica.ipaddr
        if address is not None or data.container_network != "host":
            parts.append(f" -p {address + ':' if address else ''}{source}:{target}")
    parts += [f" {more}" for more in (data.launcher_options, data.host_options) if more is not None]
    return "".join(parts), ",".join(dirs)


def _add_container(bundle: Resource, data: BundleData, replica: Replica) -> bool:
    xml = _primitive(f"{data.prefix}-{data.agent}-{replica.offset}", "heartbeat", data.agent)
    attributes = etree.SubElement(xml, "instance_attributes", id=f"{data.prefix}-attributes-{replica.offset}")
    options, dirs = _run_options(data, replica)
    for name, value in (
        ("image", data.image),
        ("allow_pull", "true"),
        ("force_kill", "false"),
        ("reuse", "false"),
        ("run_opts", options),
        ("mount_points", dirs),
    ):
        add_pair(attributes, name, value)
    command = data.run_command
    if replica.child is not None and command is None:
        command = "/usr/sbin/pacemaker-remoted"
    if command is not None:
        add_pair(attributes, "run_cmd", command)
    add_pair(attributes, "monitor_cmd", "/bin/true")
    add_op(etree.SubElement(xml, "operations"), xml.get("id", ""), "monitor", "60s", None)
    replica.container = unpack_resource(bundle.cluster, xml, bundle)
    if replica.container is None:
        return False
    bundle.instances.append(replica.container)
    return True


def _disallow(rsc: Resource, node: Node, cause: Cause) -> None:
    for entry in rsc.walk():
        if node.idx in entry.allowed:
            entry.cluster.scores.set(entry, node.idx, -INFINITY, cause)
            entry.discover[node.idx] = Discovery.NEVER


def _guest_node(bundle: Resource, name: str) -> Node:
    cluster = bundle.cluster
    node = cluster.find_node(name)
    if node is None:
        node = cluster.create_node(name, name, "remote", "-INFINITY")
    else:
        node.score = -INFINITY
    node.discover = Discovery.NEVER
    cause = Cause(Why.BUNDLE, bundle.id)
    for rsc in cluster.resources:
        _disallow(rsc, node, cause)
    return node


def _add_remote(bundle: Resource, data: BundleData, replica: Replica) -> bool:
    child, cluster = replica.child, bundle.cluster
    if child is None or not _connectable(data):
        return True
    name = f"{data.prefix}-{replica.offset}"
    if cluster.find_resource(name) is not None:
        name = f"pcmk-internal-{child.id}-remote-{replica.offset}"
    xml = remote_connection(
        name, replica.box.id, address=replica.ipaddr or "#uname", port=data.control_port or DEFAULT_PORT
    )
    node = replica.node = _guest_node(bundle, name)
    child.discover = {node.idx: Discovery.EXCLUSIVE}
    cluster.scores.replace(child, {node.idx: 500}, Cause(Why.BUNDLE, bundle.id))
    assert child.parent is not None
    cluster.scores.set(child.parent, node.idx, -INFINITY, Cause(Why.BUNDLE, bundle.id))
    child.parent.discover[node.idx] = Discovery.EXCLUSIVE
    remote = replica.remote = unpack_resource(cluster, xml, bundle)
    if remote is None:
        return False
    for idx in remote.allowed:
        if cluster.node_table[idx].is_remote_kind:
            cluster.scores.set(remote, idx, -INFINITY, Cause(Why.REMOTE, bundle.id))
    node.remote_rsc = remote
    remote.container = replica.box
    node.attrs["#kind"] = "container"
    bundle.instances.append(remote)
    return True


def _add_child(bundle: Resource, data: BundleData, primitive: XML, logs: bool) -> bool:
    clone = data.child = unpack_resource(bundle.cluster, _implied_clone(data, primitive), bundle)
    if clone is None:
        return False
    data.mounts.append(Mount(_KEY, _KEY))
    if not logs:
        data.mounts.append(Mount(_LOGS, "/var/log", None, True))
    port = data.control_port or DEFAULT_PORT
    data.ports.append((port, port))
    target: str | None = None
    for offset, child in enumerate(clone.instances):
        child.exclusive_discover = True
        clone.notify = clone.notify or child.notify
        data.replicas.append(Replica(offset, child))
        target = child.meta.get("container-attribute-target")
    if target is not None:
        bundle.meta["container-attribute-target"] = target
        clone.meta["container-attribute-target"] = target
    return True


def _read_container(rsc: Resource) -> BundleData | None:
    for agent in _AGENTS:
        xml = rsc.xml.find(agent)
        if xml is not None:
            break
    else:
        return None
    data = BundleData(rsc.id, agent)
    data.promoted_max = min_int(xml.get("promoted-max"), 0)
    replicas = xml.get("replicas")
    data.count = data.promoted_max if replicas is None and data.promoted_max > 0 else min_int(replicas, 1)
    check_instances(rsc.xml, "replicas", data.count)
    data.per_host = min_int(xml.get("replicas-per-host"), 1)
    data.run_command, data.launcher_options = xml.get("run-command"), xml.get("options")
    data.image, data.container_network = xml.get("image", ""), xml.get("network")
    return data


@use_for_bundles
def unpack_bundle(rsc: Resource) -> bool:
    """Take a bundle apart; false if it cannot be used."""
    data = rsc.bundle = _read_container(rsc)
    if data is None:
        return False
    if data.per_host == 1:
        rsc.unique = False
    _read_network(data, rsc.xml.find("network"))
    logs = _read_storage(data, rsc.xml.find("storage"))
    primitive = rsc.xml.find("primitive")
    if primitive is None:
        data.replicas = [Replica(offset) for offset in range(data.count)]
    elif not _connectable(data) or not _add_child(rsc, data, primitive, logs):
        return False
    _allocate_addresses(data)
    for replica in data.replicas:
        for add in (_add_container, _add_ip, _add_remote):
            if not add(rsc, data, replica):
                return False
        if replica.child is not None:
            if replica.ipaddr is not None:
                replica.child.meta.setdefault("external-ip", replica.ipaddr)
            box, child = replica.box, replica.child
            box.utilization, child.utilization = child.utilization, box.utilization
        replica.box.replica = replica
        if replica.remote is not None:
            replica.remote.allow_remote_remotes = True
    if data.child is not None:
        rsc.instances.append(data.child)
    return True
