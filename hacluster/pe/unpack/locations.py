"""Location constraints: scores by node, rule or pattern."""

from __future__ import annotations

import re
from typing import Final

from hacluster.base.report import Place, Report, Severity
from hacluster.base.score import is_score
from hacluster.cib.document import XML
from hacluster.pe.model.causes import Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Location
from hacluster.pe.model.kinds import Discovery, Role, parse_role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.params import rsc_params
from hacluster.pe.rules.evaluate import fill_groups, test_rule
from hacluster.pe.rules.nvpairs import subject_for
from hacluster.pe.unpack.sets import ResourceSet, as_set, read_sets

_DISCOVERY: Final = {
    "always": Discovery.ALWAYS,
    "never": Discovery.NEVER,
    "exclusive": Discovery.EXCLUSIVE,
}
_Match = re.Match[str] | None


def new_location(
    ident: str,
    rsc: Resource,
    discovery: str | None,
    nodes: list[tuple[Node, int]],
    why: Why = Why.LOCATION,
) -> Location:
    """Write down scores of a resource; the newest constraint will be applied first."""
    entry = Location(ident, rsc, nodes, why=why)
    entry.discovery = _DISCOVERY.get((discovery or "always").lower(), Discovery.ALWAYS)
    if entry.discovery is Discovery.EXCLUSIVE:
        rsc.exclusive_discover = True
    rsc.cluster.locations.append(entry)
    rsc.locations.append(entry)
    return entry


def node_attribute(node: Node, name: str, rsc: Resource, *, planned: bool = False) -> str | None:
    """A node attribute as a resource sees it: one inside a container may look at the host's instead.

    The host is where the container is; with ``planned`` where it goes.
    """
    if rsc.meta.get("container-attribute-target", "").lower() != "host":
        return node.attrs.get(name)
    container = node.guest_container
    if container is None:
        return node.attrs.get(name)
    if planned:
        return None if container.assigned is None else container.assigned.attrs.get(name)
    return container.active_on[0].attrs.get(name) if container.active_on else None


def _rule_score(rule: XML, rsc: Resource, node: Node, match: _Match) -> int | None:
    """The score of a rule on a node; ``None`` if it is that of an attribute that the node does not have."""
    attribute = rule.get("score-attribute")
    if attribute is None:
        return rsc.cluster.score_of(rule.get("score"))
    if match is not None:
        attribute = fill_groups(attribute, match) or attribute
    value = node_attribute(node, attribute, rsc)
    return rsc.cluster.score_of(value) if value and is_score(value, rsc.cluster.colors) else None


_ROLES: Final = frozenset({Role.STOPPED, Role.PROMOTED})
"""The roles that a location can be about: what is started or not promoted must be there for every other role, too."""


def _location_role(role: str | None) -> Role:
    found = parse_role(role)
    return found if found in _ROLES else Role.UNKNOWN


def _add_rule(cluster: Cluster, rsc: Resource, rule: XML, discovery: str | None, match: _Match) -> None:
    expanded = cluster.document.expand(rule)
    ident = None if expanded is None else expanded.get("id")
    if expanded is None or ident is None:
        return
    role = expanded.get("role")
    if role is not None and parse_role(role) is Role.UNKNOWN:
        return
    if expanded.get("score-attribute") is None and expanded.get("score") is None:
        return
    entry = new_location(ident, rsc, discovery, [])
    entry.role = _location_role(role)
    subject = subject_for(cluster)
    subject.match, subject.meta = match, rsc.meta
    for node in cluster.nodes:
        subject.attrs, subject.params = node.attrs, rsc_params(rsc, node)
        if test_rule(expanded, subject):
            score = _rule_score(expanded, rsc, node, match)
            if score is not None:
                entry.nodes.append((node, score))


def _add(xml: XML, rsc: Resource, role: str | None, score: str | None, match: _Match) -> None:
    cluster = rsc.cluster
    name, discovery = xml.get("node"), xml.get("resource-discovery")
    if score is None:
        score = xml.get("score")
    if name is None or score is None:
        for child in xml:
            if child.tag == "rule":
                _add_rule(cluster, rsc, child, discovery, match)
        return
    node = cluster.find_node(name)
    if node is None:
        return
    entry = new_location(xml.get("id", ""), rsc, discovery, [(node, cluster.score_of(score))])
    if role is None:
        role = xml.get("role")
    entry.role = _location_role(role)


def _add_pattern(cluster: Cluster, xml: XML, pattern: str) -> None:
    invert = pattern.startswith("!")
    try:
        compiled = re.compile(pattern[1:] if invert else pattern)
    except re.error as error:
        cluster.reports.append(
            Report(
                "bad-pattern",
                Severity.ERROR,
                f"constraint {xml.get('id')}: rsc-pattern {pattern!r} is no regular expression: {error}",
                Place("cib", None, "rsc-pattern"),
            )
        )
        return
    for rsc in cluster.resources:
        match = compiled.search(rsc.id)
        if match is not None and not invert:
            _add(xml, rsc, None, None, match)
        elif match is None and invert:
            _add(xml, rsc, None, None, None)


def _add_set(cluster: Cluster, xml: XML, entry: ResourceSet) -> bool:
    for ref in entry.refs:
        rsc = cluster.constraint_resource(ref)
        if rsc is None:
            return False
        _add(xml, rsc, entry.attrs.get("role"), entry.attrs.get("score"), None)
    return True


def unpack_location(cluster: Cluster, xml: XML) -> None:
    """Read an ``rsc_location``."""
    sets = read_sets(cluster, xml)
    if sets is None:
        return
    name = xml.get("rsc")
    if not sets and name is not None and cluster.constraint_resource(name) is None:
        entry = as_set(cluster, name, "role", xml.get("role"))
        if entry is None:
            return
        sets = [entry]
    if sets:
        for entry in sets:
            if not _add_set(cluster, xml, entry):
                return
        return
    rsc = cluster.constraint_resource(name)
    if rsc is not None:
        _add(xml, rsc, None, None, None)
    pattern = xml.get("rsc-pattern")
    if pattern is not None:
        _add_pattern(cluster, xml, pattern)
