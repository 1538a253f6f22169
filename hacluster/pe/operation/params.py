"""Parameters and meta-attributes of a resource, with what it inherits."""

from __future__ import annotations

from hacluster.cib.document import XML
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.rules.nvpairs import gather, subject_for

_PARAMS = "instance_attributes"
_META = "meta_attributes"


def _has_rules(element: XML | None) -> bool:
    return element is not None and any(
        child.tag == _PARAMS and (child.get("id-ref") is not None or child.find("rule") is not None)
        for child in element
    )


def rsc_params(rsc: Resource, node: Node | None) -> dict[str, str]:
    """The parameters of a resource, on a node if one is given; one table for all nodes if no rule tells them apart."""
    cluster = rsc.cluster
    name = "" if node is None else node.name
    found = rsc.params.get(name)
    if found is not None:
        return found
    chain: list[Resource] = [rsc]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    if node is not None and not any(_has_rules(entry.xml) for entry in chain):
        found = rsc_params(rsc, None)
        rsc.params[name] = found
        return found
    subject = subject_for(cluster)
    subject.attrs = node.attrs if node is not None else None
    found = {}
    for entry in chain:
        gather(cluster, entry.xml, _PARAMS, subject, found)
    rsc.params[name] = found
    return found


def agent_of(xml: XML) -> tuple[str | None, str | None, str | None]:
    """Standard, provider and type of the agent."""
    return xml.get("class"), xml.get("provider"), xml.get("type")


def read_meta(cluster: Cluster, rsc: Resource) -> None:
    """Fill ``rsc.meta``: attributes of the element, its own sets, those of its parents, the defaults, their metas."""
    subject = subject_for(cluster)
    subject.agent = agent_of(rsc.xml)
    meta = rsc.meta
    for name, value in rsc.xml.attrib.items():
        if str(value).lower() != "#default":
            meta.setdefault(str(name), str(value))
    gather(cluster, rsc.xml, _META, subject, meta)
    if rsc.parent is not None:
        inherited: dict[str, str] = {}
        parent: Resource | None = rsc.parent
        while parent is not None:
            gather(cluster, parent.xml, _META, subject, inherited)
            parent = parent.parent
        for name, value in inherited.items():
            meta.setdefault(name, value)
    gather(cluster, cluster.rsc_defaults, _META, subject, meta)
    if rsc.parent is not None:
        for name, value in rsc.parent.meta.items():
            meta.setdefault(name, value)
