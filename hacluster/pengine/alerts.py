"""What a CIB says about alerts: a program for each alert and recipient.

The meaning is Pacemaker's: a recipient's own values count more than those of its alert; without ``select`` everything
but attributes is told; an alert without recipients is called once. Rules hold as they
are when the configuration changes.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from hacluster.base.iso8601 import Moment
from hacluster.base.values import interval_ms, truth
from hacluster.cib.document import XML, Document, document_of
from hacluster.msg.alerts import AlertAgent, AlertKind, AlertsConfigured
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.rules.nvpairs import gather, subject_for
from hacluster.pe.schedule import status

TIMEOUT_MS: Final = 30_000
TIMESTAMP_FORMAT: Final = "%H:%M:%S.%06N"
_SELECTS: Final = {
    "select_nodes": AlertKind.NODE,
    "select_fencing": AlertKind.FENCING,
    "select_resources": AlertKind.RESOURCE,
    "select_attributes": AlertKind.ATTRIBUTE,
}
_USUAL: Final = frozenset({AlertKind.NODE, AlertKind.FENCING, AlertKind.RESOURCE})


def alerts_of(document: Document, now: Moment) -> AlertsConfigured:
    """The alerts of a CIB."""
    section = document.root.find("configuration/alerts")
    if section is None or not len(section):
        return AlertsConfigured()
    cluster = _cluster(document.root, now)
    agents: list[AlertAgent] = []
    for alert in section.iterchildren("alert"):
        recipients: list[XML | None] = list(alert.iterchildren("recipient"))
        own = _values(cluster, alert)
        for recipient in recipients or [None]:
            parameters, metas = own
            if recipient is not None:
                more = _values(cluster, recipient)
                parameters, metas = {**parameters, **more[0]}, {**metas, **more[1]}
            if truth(metas.get("enabled")) is False:
                continue
            agents.append(_agent(alert, recipient, parameters, metas))
    nodes = [
        (str(node.get("uname")), str(node.get("id"))) for node in document.root.iterfind("configuration/nodes/node")
    ]
    return AlertsConfigured(tuple(agents), tuple(nodes))


def _cluster(root: XML, now: Moment) -> Cluster:
    """The same configuration without resources: for what rules and references in alerts can mean."""
    small = etree.Element("cib", {str(name): str(value) for name, value in root.attrib.items()})
    configuration = etree.SubElement(small, "configuration")
    for name in ("crm_config", "nodes", "resources", "constraints"):
        etree.SubElement(configuration, name)
    etree.SubElement(small, "status")
    cluster = status(document_of(small), now)
    cluster.document = document_of(root)
    return cluster


def _values(cluster: Cluster, element: XML) -> tuple[dict[str, str], dict[str, str]]:
    found: list[dict[str, str]] = []
    for tag in ("instance_attributes", "meta_attributes"):
        values: dict[str, str] = {}
        gather(cluster, element, tag, subject_for(cluster), values)
        found.append(values)
    return found[0], found[1]


def _agent(alert: XML, recipient: XML | None, parameters: dict[str, str], metas: dict[str, str]) -> AlertAgent:
    select = alert.find("select")
    kinds = _USUAL if select is None else frozenset(_SELECTS[tag] for tag in _SELECTS if select.find(tag) is not None)
    names = frozenset(str(one.get("name")) for one in alert.iterfind("select/select_attributes/attribute"))
    return AlertAgent(
        str(alert.get("id")) if recipient is None else str(recipient.get("id")),
        str(alert.get("path") or ""),
        None if recipient is None else str(recipient.get("value") or ""),
        kinds or _USUAL,
        names,
        tuple(sorted(parameters.items())),
        metas.get("timestamp-format") or TIMESTAMP_FORMAT,
        interval_ms(metas.get("timeout")) or TIMEOUT_MS,
    )
