"""Settings of resources, nodes and constraints that Pacemaker takes for something else than what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hacluster.base.report import Place, Report, Severity
from hacluster.base.values import is_true, scan_int, truth
from hacluster.cib.document import XML
from hacluster.cib.places import place_of, short

_REQUIRES: Final = frozenset({"nothing", "quorum", "fencing", "unfencing"})
_MULTIPLE: Final = frozenset({"block", "stop_only", "stop_start", "stop_unexpected"})
_ALIKE: Final = frozenset({"lsb", "systemd", "service", "upstart", "nagios"})
"""The classes of agents that are not told which instance they are."""
_KINDS: Final = frozenset({"optional", "mandatory", "serialize"})
_NODE_TYPES: Final = frozenset({"member", "remote", "ping"})


def _error(place: Place, code: str, text: str, hint: str = "") -> Report:
    return Report(code, Severity.ERROR, text, place, hint)


def _warning(place: Place, code: str, text: str, hint: str = "") -> Report:
    return Report(code, Severity.WARNING, text, place, hint)


def meta(resource: XML, name: str) -> XML | None:
    """The pair that sets a meta-attribute of a resource itself."""
    return resource.find(f"meta_attributes/nvpair[@name='{name}']")


def _is_set(resource: XML, name: str) -> bool:
    pair = meta(resource, name)
    return pair is not None and is_true(pair.get("value"))


def check_clones(configuration: XML, file: str) -> Iterator[Report]:
    """Clones whose instances cannot be what they are said to be."""
    for clone in configuration.iter("clone", "master"):
        unique = _is_set(clone, "globally-unique")
        most = meta(clone, "clone-node-max")
        said = meta(clone, "globally-unique")
        if most is not None and said is not None and not unique and (scan_int(most.get("value")) or 0) > 1:
            text = "an anonymous clone has one instance on a node at most: clone-node-max is ignored"
            yield _error(place_of(most, file), "bad-clone-max", text, "set globally-unique to true")
        for child in clone.iter("primitive") if unique else ():
            if (child.get("class") or "").lower() in _ALIKE:
                text = f"agents of class {child.get('class')} cannot tell instances apart: globally-unique is ignored"
                yield _warning(place_of(child, file), "never-unique", text, "clone it as an anonymous one")


def check_requirements(configuration: XML, file: str, unfenced: bool) -> Iterator[Report]:
    """What resources ask for: fencing that is not there, and words that mean nothing. ``unfenced``: fencing is off."""
    for resource in configuration.iter("primitive", "group", "clone", "master", "bundle"):
        pair = meta(resource, "requires")
        value = "" if pair is None else (pair.get("value") or "").lower()
        if pair is not None and value not in _REQUIRES:
            text = f'requires="{short(value)}" is none of {", ".join(sorted(_REQUIRES))}: the default is used'
            yield _error(place_of(pair, file), "bad-requires", text)
        elif pair is not None and unfenced and value.endswith("fencing"):
            yield _warning(place_of(pair, file), "no-fencing", f"{value} is required, but fencing is disabled")
        elif pair is not None and value == "unfencing" and resource.get("class") == "stonith":
            text = "a fencing device cannot require unfencing: it requires quorum"
            yield _warning(place_of(pair, file), "bad-requires", text)
        pair = meta(resource, "multiple-active")
        if pair is not None and (pair.get("value") or "").lower() not in _MULTIPLE:
            text = f'multiple-active="{short(pair.get("value") or "")}" is none of {", ".join(sorted(_MULTIPLE))}'
            yield _warning(place_of(pair, file), "bad-multiple-active", text, "stop_start is used")


def check_nodes(configuration: XML, file: str) -> Iterator[Report]:
    """Nodes of the same name, and of no known type."""
    seen: set[str] = set()
    for node in configuration.iterfind("nodes/node"):
        name, kind = node.get("uname"), node.get("type")
        if name is not None and name in seen:
            text = f"there is another node of the name {short(name)}"
            yield _warning(place_of(node, file), "duplicate-node", text)
        seen.add(name or "")
        if kind is not None and kind.lower() not in _NODE_TYPES:
            text = f'the type "{short(kind)}" is not known: the node is taken for a ping node'
            yield _warning(place_of(node, file), "bad-node-type", text, "members have the type member, or none")


def check_strengths(configuration: XML, file: str) -> Iterator[Report]:
    """Orders of no known kind or of contradicting ones, and constraints that end by an old way of saying so."""
    for order in configuration.iterfind("constraints/rsc_order"):
        kind = (order.get("kind") or "mandatory").lower()
        if kind not in _KINDS:
            text = f'the kind "{short(kind)}" is not known: the order is mandatory'
            yield _error(place_of(order, file), "bad-kind", text, "Optional, Mandatory or Serialize")
        if kind == "serialize" and truth(order.get("symmetrical")):
            text = "symmetrical is ignored: what is serialized has no order"
            yield _warning(place_of(order, file), "bad-kind", text)
    for constraint in configuration.iterfind("constraints/*"):
        lifetime = constraint.find("lifetime")
        if lifetime is not None:
            text = "lifetime is deprecated"
            yield _warning(place_of(lifetime, file), "deprecated", text, "put its rules into the constraint")
