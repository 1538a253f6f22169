"""Remote and guest nodes: which resources bring a node with them."""

from __future__ import annotations

from lxml import etree

from hacluster.cib.document import XML
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.unpack.config import mark_unseen
from hacluster.pe.unpack.resources import is_remote_agent


def add_pair(parent: XML, name: str, value: str) -> None:
    """Append a name-value pair to a set."""
    etree.SubElement(parent, "nvpair", id=f"{parent.get('id')}-{name}", name=name, value=value)


def add_op(parent: XML, rsc_id: str, name: str, interval: str, timeout: str | None) -> None:
    """Append an operation."""
    op = etree.SubElement(parent, "op", id=f"{rsc_id}-{name}-{interval}", interval=interval, name=name)
    if timeout is not None:
        op.set("timeout", timeout)


def remote_connection(
    name: str,
    container: str | None,
    *,
    migrate: str | None = None,
    managed: str | None = None,
    start_timeout: str | None = None,
    address: str | None = None,
    port: str | None = None,
) -> XML:
    """The primitive that connects a guest node; it exists only in the engine."""
    remote = etree.Element("primitive", id=name, provider="pacemaker", type="remote")
    remote.set("class", "ocf")
    meta = etree.SubElement(remote, "meta_attributes", id=f"{name}-meta_attributes")
    add_pair(meta, "internal-rsc", "true")
    for key, value in (("container", container), ("allow-migrate", migrate), ("is-managed", managed)):
        if value is not None:
            add_pair(meta, key, value)
    if address is not None or port is not None:
        attributes = etree.SubElement(remote, "instance_attributes", id=f"{name}-instance_attributes")
        for key, value in (("addr", address), ("port", port)):
            if value is not None:
                add_pair(attributes, key, value)
    operations = etree.SubElement(remote, "operations")
    add_op(operations, name, "monitor", "30s", "30s")
    if start_timeout is not None:
        add_op(operations, name, "start", "0", start_timeout)
    return remote


def _guest_of(xml: XML, known: set[str]) -> XML | None:
    """The connection that a primitive with ``remote-node`` among its meta-attributes needs."""
    found: dict[str, str] = {"remote-connect-timeout": "60s"}
    for child in xml:
        if child.tag == "meta_attributes":
            for pair in child:
                name, value = pair.get("name"), pair.get("value")
                if name is not None and value is not None:
                    found[name.lower()] = value
    name = found.get("remote-node")
    if name is None or name in known:
        return None
    return remote_connection(
        name,
        xml.get("id"),
        migrate=found.get("remote-allow-migrate"),
        managed=found.get("is-managed"),
        start_timeout=found["remote-connect-timeout"],
        address=found.get("remote-addr"),
        port=found.get("remote-port"),
    )


def unpack_remote_nodes(cluster: Cluster) -> list[XML]:
    """Make the nodes that resources bring; answers with the connections that must be added to the resources."""
    section = cluster.document.section("resources")
    added: list[XML] = []
    for element in section if section is not None else ():
        names: list[str | None] = []
        if is_remote_agent(element):
            names.append(element.get("id"))
        else:
            primitives = [element] if element.tag == "primitive" else []
            if element.tag == "group":
                primitives = [child for child in element if child.tag == "primitive"]
            for primitive in primitives:
                connection = _guest_of(primitive, {entry.get("id", "") for entry in added})
                if connection is not None:
                    added.append(connection)
                    names.append(connection.get("id"))
        for name in names:
            if name is not None and cluster.find_node(name) is None:
                cluster.create_node(name, name, "remote", None)
    return added


def link_containers(cluster: Cluster, rsc: Resource) -> None:
    """Tie resources to the container that their meta-attributes name."""
    for entry in rsc.walk():
        if entry.instances:
            continue
        name = entry.meta.get("container")
        if name is not None and name != entry.id:
            container = cluster.find_resource(name)
            if container is not None:
                entry.container = container
                container.is_container = True
                container.fillers.append(entry)


def link_remote_node(cluster: Cluster, rsc: Resource) -> None:
    """Tie a connection to its node."""
    node = cluster.find_node(rsc.id) if rsc.is_remote else None
    if node is None:
        return
    node.remote_rsc = rsc
    if rsc.container is None:
        mark_unseen(cluster, node)
    else:
        node.attrs["#kind"] = "container"
