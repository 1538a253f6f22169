"""Changes of a CIB's status that somebody asks for before a simulation: nodes, tickets, quorum, results."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree

from hacluster.base.values import scan_int
from hacluster.cib.document import Document
from hacluster.pe.model.action import parse_op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.simulation.inject import (
    Result,
    configure_node,
    forget_node,
    history_of,
    inject_failure,
    node_state,
    record_result,
    set_online,
)

_SPEC: Final = re.compile(r"([^@]+)@([^=]+)=\s*([+-]?\d+)")


class Complaint(str):
    """A line about a request that cannot be met."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Requests:
    """What is to be changed. ``results`` are ``<resource>_<task>_<interval>@<node>=<rc>``."""

    quorum: str | None = None
    watchdog: str | None = None
    nodes_up: tuple[str, ...] = ()
    nodes_down: tuple[str, ...] = ()
    nodes_failing: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()
    standby: tuple[str, ...] = ()
    activated: tuple[str, ...] = ()
    results: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is asked for; as in crm_simulate, quorum alone counts for nothing."""
        return replace(self, quorum=None) != Requests()


def _set_option(document: Document, name: str, value: str) -> None:
    configuration = document.root.find("configuration")
    if configuration is None:
        configuration = etree.SubElement(document.root, "configuration")
    section = configuration.find("crm_config")
    if section is None:
        section = etree.SubElement(configuration, "crm_config")
    pair = section.find(f"cluster_property_set/nvpair[@name='{name}']")
    if pair is None:
        block = section.find("cluster_property_set")
        if block is None:
            block = etree.SubElement(section, "cluster_property_set", id="cib-bootstrap-options")
        pair = etree.SubElement(block, "nvpair", id=f"{block.get('id')}-{name}", name=name)
    pair.set("value", value)


def _set_ticket(document: Document, ticket: str, name: str, value: str) -> None:
    state = next((state for state in document.status.tickets if state.get("id") == ticket), None)
    if state is None:
        state = {"id": ticket}
        document.status.tickets.append(state)
    state[name] = value


def _inject_result(document: Document, cluster: Cluster, spec: str, when: int) -> list[str]:
    """Put one result into the status; answers with lines for the report, which say so if it cannot be."""
    lines = [f"Injecting {spec} into the configuration"]
    match = _SPEC.match(spec)
    parsed = parse_op_key(match[1]) if match else None
    if match is None or parsed is None:
        return [*lines, Complaint(f"Invalid operation spec: {spec}: it is <resource>_<task>_<interval>@<node>=<rc>")]
    name, task, interval = parsed
    node, rc = match[2], scan_int(match[3]) or 0
    rsc = cluster.find_resource(name)
    if rsc is None:
        return [*lines, Complaint(f"Invalid resource name: {name}")]
    state = node_state(document, node)
    lines += inject_failure(state, name, (task, interval), rc, when, fatal_starts=cluster.start_failure_fatal)
    agent = (rsc.xml.get("class"), rsc.xml.get("provider"), rsc.xml.get("type"))
    history = history_of(state, (name,), agent)
    record_result(history, Result(name, task, interval, rc, 0, when, "Simulated action result"), node)
    return lines


def apply_requests(document: Document, cluster: Cluster, requests: Requests, when: int) -> list[str]:
    """Change the document; answers with the lines that crm_simulate prints about it."""
    lines: list[str] = []
    if requests.quorum is not None:
        lines.append(f"Setting quorum: {requests.quorum}")
        document.root.set("have-quorum", requests.quorum)
    if requests.watchdog is not None:
        lines.append(f"Setting watchdog: {requests.watchdog}")
        _set_option(document, "have-watchdog", requests.watchdog)
    for node in requests.nodes_up:
        lines.append(f"Bringing node {node} online")
        configure_node(document, node)
        set_online(document, node, up=True)
    for node in requests.nodes_down:
        lines.append(f"Taking node {node} offline")
        configure_node(document, node)
        forget_node(set_online(document, node, up=False))
    for node in requests.nodes_failing:
        lines.append(f"Failing node {node}")
        if requests.nodes_up:
            configure_node(document, node)
        set_online(document, node, up=True).attrs["in_ccm"] = "false"
    for title, tickets, name, value in (
        ("Granting ticket {}", requests.granted, "granted", "true"),
        ("Revoking ticket {}", requests.revoked, "granted", "false"),
        ("Making ticket {} standby", requests.standby, "standby", "true"),
        ("Activating ticket {}", requests.activated, "standby", "false"),
    ):
        for ticket in tickets:
            lines.append(title.format(ticket))
            _set_ticket(document, ticket, name, value)
    for spec in requests.results:
        match = _SPEC.match(spec)
        if requests.nodes_up and match is not None:
            configure_node(document, match[2])
        lines += _inject_result(document, cluster, spec, when)
    return lines
