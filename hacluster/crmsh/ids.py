"""Ids of what a command makes: those that the configuration has already, else new ones by rule.

New ids follow crmsh's habit, so that a text loads to the same document with either shell: ``OBJECT-TAG`` for a set,
``SET-NAME`` for a pair, ``OBJECT-ACTION-INTERVAL`` for an operation; a number behind it where that is taken.
"""

from __future__ import annotations

import re
from typing import Final

from hacluster.cib.document import XML
from hacluster.crmsh.kinds import is_element

_HINTS: Final = {
    "node": "node",
    "primitive": "rsc",
    "template": "rsc",
    "master": "grp",
    "group": "grp",
    "clone": "grp",
    "rsc_location": "location",
    "fencing-topology": "fencing",
    "tags": "tag",
    "alerts": "alert",
}
_WITHOUT: Final = frozenset(
    {
        "operations",
        "fencing-topology",
        "network",
        "docker",
        "rkt",
        "podman",
        "storage",
        "select",
        "select_attributes",
        "select_fencing",
        "select_nodes",
        "select_resources",
    }
)
_REFERENCES: Final = frozenset({"resource_ref", "obj_ref", "crmsh-ref"})
_SUFFIXES: Final = {
    "instance_attributes": "instance_attributes",
    "meta_attributes": "meta_attributes",
    "utilization": "utilization",
    "operations": "ops",
    "rule": "rule",
    "expression": "expression",
    "date_expression": "expression",
    "duration": "duration",
    "date_spec": "date_spec",
    "read": "read",
    "write": "write",
    "deny": "deny",
}
_NO_NAME: Final = re.compile(r"[^\w.-]")
"""What an id must not have in it; a parameter's name may."""
_MATCH: Final = {
    "node": ("uname",),
    "nvpair": ("name",),
    "op": ("name", "interval"),
    "rule": ("score", "score-attribute", "role"),
    "expression": ("attribute", "operation", "value"),
    "fencing-level": ("target", "devices"),
    "alert": ("path",),
    "recipient": ("value",),
}
"""By which attributes a new element is known to be the same as an old one."""


class Ids:
    """The ids that are taken."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, id_: str) -> None:
        """Note an id that is there."""
        self._taken.add(id_)

    def take_all(self, element: XML) -> None:
        """Note every id in ``element``."""
        self._taken.update(str(one) for inside in element.iter() if (one := inside.get("id")))

    def release(self, element: XML) -> None:
        """The ids in ``element`` are free again."""
        self._taken.difference_update(str(one) for inside in element.iter() if (one := inside.get("id")))

    def taken(self, id_: str) -> bool:
        """Whether something has that id."""
        return id_ in self._taken

    def new(self, element: XML, prefix: str) -> str:
        """A free id for an element inside what ``prefix`` names."""
        tag = str(element.tag)
        if prefix.isdecimal() and tag != "node":
            prefix = f"num-{prefix}"
        if tag == "nvpair":
            wanted = f"{prefix}-{element.get('name')}"
        elif tag == "op":
            interval = element.get("interval")
            wanted = f"{prefix}-{element.get('name')}" + (f"-{interval}" if interval else "")
        elif tag in _SUFFIXES:
            wanted = f"{prefix}-{_SUFFIXES[tag]}"
        else:
            wanted = prefix
        wanted = _NO_NAME.sub("_", wanted.replace(":", ".").replace("#", "."))
        free, number = wanted, 0
        while free in self._taken:
            free, number = f"{wanted}-{number}", number + 1
        self._taken.add(free)
        return free

    def fill(self, element: XML, old: XML | None, prefix: str | None = None) -> None:
        """Give every element inside that needs one an id; those of ``old`` that fit are kept.

        ``prefix``: the id of what the element stands in, when it is no object of its own.
        """
        used: set[XML] = set()
        self._fill(element, old, _HINTS.get(str(element.tag), "") if prefix is None else prefix, used)

    def _fill(self, element: XML, old: XML | None, prefix: str, used: set[XML]) -> None:
        match = _counterpart(element, old, used)
        tag = str(element.tag)
        if tag not in _REFERENCES and "id-ref" not in element.attrib:
            self._give(element, match, prefix, used, needed=tag not in _WITHOUT)
        if tag == "node" and "uname" in element.attrib:
            prefix = str(element.get("uname"))
        elif "id" in element.attrib:
            prefix = str(element.get("id"))
        for child in element:
            if is_element(child):
                self._fill(child, old if match is None else match, prefix, used)

    def _give(
        self,
        element: XML,
        match: XML | None,
        prefix: str,
        used: set[XML],
        *,
        needed: bool,
    ) -> None:
        before = match.get("id") if match is not None else None
        id_ = element.get("id") or before or element.get("uname")
        if id_:
            self._taken.add(id_)
        elif needed:
            id_ = self.new(element, prefix)
        if id_:
            element.set("id", id_)
            if match is not None and before == id_:
                used.add(match)


def _counterpart(element: XML, old: XML | None, used: set[XML]) -> XML | None:
    if old is None:
        return None
    names = list(_MATCH.get(str(element.tag), ()))
    if element.get("id"):
        names.append("id")
    for child in old:
        if child.tag == element.tag and child not in used and all(element.get(n) == child.get(n) for n in names):
            return child
    return None


def alike(one: XML, other: XML) -> bool:
    """Whether two elements mean the same: order counts in resource sets, and among primitives."""
    if one.tag != other.tag or _attributes(one) != _attributes(other) or len(one) != len(other):
        return False
    if (one.text or "").strip() != (other.text or "").strip():
        return False
    if one.tag == "resource_set":
        return all(alike(a, b) for a, b in zip(one, other, strict=True))
    return all(alike(a, b) for a, b in zip(sorted(one, key=_order), sorted(other, key=_order), strict=True))


def _order(element: XML) -> str:
    if element.tag == "primitive":
        return "primitive"
    if not is_element(element):
        return element.text or ""
    words = [word for pair in _attributes(element).items() for word in pair]
    return str(element.tag) + "".join(sorted(words))


def _attributes(element: XML) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}
