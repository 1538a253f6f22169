"""What is named and is not there: nodes, devices, resources of patterns, roles; and constraints that cannot hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hacluster.base.report import Report
from hacluster.base.values import scan_int
from hacluster.cib.document import XML
from hacluster.cib.lint.facts import Facts, quoted
from hacluster.cib.metas import nearest

_PROMOTED: Final = frozenset({"promoted", "master", "unpromoted", "slave"})
_ROLES: Final = (
    ("rsc", "role"), ("rsc", "rsc-role"), ("with-rsc", "with-rsc-role"),
    ("first", "first-action"), ("then", "then-action"),
)  # fmt: skip
_PROMOTING: Final = frozenset({"promote", "demote"})
_LEVELS: Final = (1, 9)


def _unknown_node(facts: Facts, element: XML, where: str, name: str) -> Iterator[Report]:
    if name.lower() in facts.nodes or not facts.nodes:
        return
    close = nearest(name, facts.nodes)
    hint = f"did you mean {close}?" if close else f"known are {', '.join(sorted(facts.nodes)[:16])}"
    yield facts.warn(element, "unknown-node", f"{where} names the node {quoted(name)}, which is not there", hint)


def _locations(facts: Facts) -> Iterator[Report]:
    for location in facts.configuration.iterfind("constraints/rsc_location"):
        node = location.get("node")
        if node is not None:
            yield from _unknown_node(facts, location, "the constraint", node)
        for expression in location.iter("expression"):
            value = expression.get("value")
            if (
                (expression.get("attribute") or "").lower() == "#uname"
                and expression.get("operation") in ("eq", "ne")
                and expression.get("value-source", "literal") == "literal"
                and value is not None
            ):
                yield from _unknown_node(facts, expression, "the rule", value)
        pattern = location.get("rsc-pattern")
        if pattern is not None:
            yield from _pattern(facts, location, "rsc-pattern", pattern, frozenset(facts.resources))


def _pattern(facts: Facts, element: XML, name: str, pattern: str, known: frozenset[str]) -> Iterator[Report]:
    try:
        wanted = re.compile(pattern.removeprefix("!"), re.IGNORECASE)
    except re.error as error:
        yield facts.warn(element, "bad-pattern", f"{name}={quoted(pattern)} is no regular expression: {error}")
        return
    if known and not any(wanted.search(name) for name in known):
        what = "resource" if name.startswith("rsc") else "node"
        text = f"{name}={quoted(pattern)} fits no {what}"
        yield facts.warn(element, "empty-pattern", text, f"known are {', '.join(sorted(known)[:16])}")


def _levels(facts: Facts) -> Iterator[Report]:
    for level in facts.configuration.iterfind("fencing-topology/fencing-level"):
        target, pattern = level.get("target"), level.get("target-pattern")
        if target is not None:
            yield from _unknown_node(facts, level, "the fencing level", target)
        if pattern is not None:
            yield from _pattern(facts, level, "target-pattern", pattern, facts.nodes)
        for name in (level.get("devices") or "").split(","):
            device = name.strip()
            if not device or device in facts.devices:
                continue
            close = nearest(device, facts.devices)
            what = "is no fencing device" if device in facts.resources else "is not there"
            hint = f"did you mean {close}?" if close else ""
            yield facts.warn(level, "unknown-device", f"devices names {quoted(device)}, which {what}", hint)
        index = scan_int(level.get("index")) or 0
        if index > _LEVELS[1]:
            text = f"the level {index} is never used: levels go from {_LEVELS[0]} to {_LEVELS[1]}"
            yield facts.warn(level, "bad-level", text, "give it a lower index; a level without a device fences nobody")


def _host_names(device: XML) -> Iterator[tuple[XML, list[str]]]:
    """The parameters of a device that list nodes, with these."""
    for pair in device.iterfind("instance_attributes/nvpair"):
        value = pair.get("value") or ""
        if pair.get("name") == "pcmk_host_list":
            names = re.split(r"[\s,;]+", value)
        elif pair.get("name") == "pcmk_host_map":
            names = [entry.partition(":")[0] for entry in re.split(r"[\s;]+", value)]
        else:
            continue
        yield pair, [name for name in names if name]


def _host_lists(facts: Facts) -> Iterator[Report]:
    """Nodes that a device is said to fence. A list may name more than there is, unless somebody is left out."""
    listed = {ident: list(_host_names(facts.resources[ident])) for ident in sorted(facts.devices)}
    named = {name.lower() for pairs in listed.values() for _, names in pairs for name in names}
    left_out = facts.nodes - named if all(listed.values()) else frozenset()
    for pairs in listed.values():
        for pair, names in pairs:
            for name in names:
                close = nearest(name, left_out)
                if name.lower() not in facts.nodes and close is not None:
                    text = f"{pair.get('name')} names {quoted(name)}, which is no node, and {close} is in no such list"
                    yield facts.warn(pair, "unknown-node", text, f"did you mean {close}?")


def _roles(facts: Facts) -> Iterator[Report]:
    for constraint in facts.constraints:
        for which, attribute in _ROLES:
            value, ident = constraint.get(attribute), constraint.get(which)
            if value is not None:
                yield from _role(facts, constraint, attribute, value, [] if ident is None else [ident])
        for part in constraint.iterfind("resource_set"):
            members = [str(ref.get("id")) for ref in part.iterfind("resource_ref")]
            for attribute in ("role", "action"):
                value = part.get(attribute)
                if value is not None:
                    yield from _role(facts, part, attribute, value, members)


def _role(facts: Facts, element: XML, attribute: str, value: str, idents: list[str]) -> Iterator[Report]:
    if value.lower() not in _PROMOTED and value.lower() not in _PROMOTING:
        return
    for ident in idents:
        plain = [rsc for rsc in facts.expand(ident) if not facts.is_promotable(rsc)]
        if plain:
            text = f"{attribute}={value} asks for a role that {ident} never has: it is not promotable"
            yield facts.warn(element, "never-promoted", text, "leave it out, or make a promotable clone of it")


def _members(facts: Facts) -> Iterator[Report]:
    """Constraints on a member inside a group, which pull against the group or cannot hold."""
    for constraint in facts.constraints:
        names = {"rsc": "rsc", "with-rsc": "with-rsc"} if constraint.tag == "rsc_colocation" else {"rsc": "rsc"}
        if constraint.tag not in ("rsc_colocation", "rsc_location"):
            continue
        groups = []
        for attribute in names:
            for rsc in facts.expand(constraint.get(attribute)):
                parent = rsc.getparent()
                if parent is not None and parent.tag == "group":
                    groups.append((attribute, rsc, parent))
        yield from _same_group(facts, constraint, groups)
        for attribute, rsc, group in groups:
            name = quoted(rsc.get("id"))
            text = f"{attribute} names {name}, which is inside the group {group.get('id')}: it binds all its members"
            yield facts.warn(constraint, "inner-member", text, f"name the group {group.get('id')} instead")


def _same_group(facts: Facts, constraint: XML, groups: list[tuple[str, XML, XML]]) -> Iterator[Report]:
    if len(groups) == len({"rsc", "with-rsc"}) and groups[0][2] is groups[1][2]:
        score = constraint.get("score") or ""
        if score.startswith("-"):
            text = f"both are members of the group {groups[0][2].get('id')}, which keeps them together"
            yield facts.warn(constraint, "impossible", text, "take one of them out of the group")


def check_targets(facts: Facts) -> Iterator[Report]:
    """Everything that is named and is not there, or not what it would have to be."""
    for run in (_locations, _levels, _host_lists, _roles, _members):
        yield from run(facts)
