"""A configuration of 3.x in the form of schema 4.0, which Pacemaker 3.0 brings every CIB to, and what is lost by that.

What 4.0 dropped is taken out or put into other words (Pacemaker's "Upgrading" chapter and the ids that its own upgrade
gives). Severity WARNING: the cluster does something else afterwards; NOTICE: the same in other words.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Final

from lxml import etree

from hacluster.base.report import Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.places import place_of

MARK: Final = "pcmk__3_10_upgrade-"
"""What ids of elements begin with that the upgrade adds, the same as in Pacemaker."""

_SETS: Final = ("cluster_property_set", "instance_attributes", "meta_attributes", "utilization")
_RENAMED: Final = {
    "crmd-finalization-timeout": "join-finalization-timeout",
    "crmd-integration-timeout": "join-integration-timeout",
    "crmd-transition-delay": "transition-delay",
}
_GONE_CLASSES: Final = frozenset({"nagios", "upstart"})
_HIGHEST_LEVEL: Final = 9
_REFERENCES: Final = {
    "rsc_location": ("rsc",),
    "rsc_ticket": ("rsc",),
    "rsc_colocation": ("rsc", "with-rsc"),
    "rsc_order": ("first", "then"),
}


def _drop(element: XML) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


class Upgrade:
    """One pass over a configuration. ``reports`` has one entry a change."""

    def __init__(self, configuration: XML, file: str) -> None:
        self._configuration = configuration
        self._file = file
        self.reports: list[Report] = []

    def run(self) -> list[Report]:
        """Rewrite the configuration in place."""
        self._pairs()
        self._properties()
        self._metas()
        self._rules()
        self._levels()
        self._masters()
        self._resources()
        self._locations()
        self._lifetimes()
        self._ping_nodes()
        self._permissions()
        return self.reports

    def _say(self, element: XML, text: str, why: str = "", *, lost: bool = False) -> None:
        severity = Severity.WARNING if lost else Severity.NOTICE
        self.reports.append(Report("upgraded-name", severity, text, place_of(element, self._file), why))

    def _each(self, path: str) -> list[XML]:
        return list(self._configuration.iterfind(path))

    def _pairs(self) -> None:
        by_id = {pair.get("id"): pair for pair in self._configuration.iter("nvpair") if pair.get("id") is not None}
        for part in [entry for entry in self._configuration.iter(*_SETS) if isinstance(entry.tag, str)]:
            for pair in part.findall("nvpair"):
                source = by_id.get(pair.get("id-ref"))
                name = pair.get("name")
                if source is not None and name is not None:
                    del pair.attrib["id-ref"]
                    pair.set("id", f"{MARK}{source.get('id')}-{name}")
                    pair.set("value", source.get("value", ""))
                    self._say(pair, f"a reference with the name {name} is now a pair of its own")
                elif pair.get("id-ref") is None and pair.get("value") is None:
                    self._say(pair, f"{name} is dropped: it has no value")
                    _drop(pair)
            self._twice(part)

    def _twice(self, part: XML) -> None:
        """Of several pairs of one name only the one that counts is kept."""
        counting: dict[str, XML] = {}
        for pair in part.findall("nvpair"):
            name = pair.get("name")
            if name is None:
                continue
            first = counting.get(name)
            if first is None or pair.get("value") == "#default" or first.get("value") == "#default":
                counting[name] = pair
        for pair in part.findall("nvpair"):
            name = pair.get("name")
            if name is not None and counting[name] is not pair:
                self._say(pair, f"{name} is dropped: {counting[name].get('id')} is the one that counts")
                _drop(pair)

    def _properties(self) -> None:
        for pair in self._each("crm_config/cluster_property_set/nvpair"):
            name = pair.get("name", "")
            if name in _RENAMED:
                pair.set("name", _RENAMED[name])
                self._say(pair, f"{name} is now {_RENAMED[name]}")
            elif name == "remove-after-stop":
                self._say(pair, "remove-after-stop is dropped", "results are always kept", lost=True)
                _drop(pair)
            elif name == "stonith-action" and pair.get("value") == "poweroff":
                pair.set("value", "off")
                self._say(pair, "the fencing action poweroff is now off")

    def _metas(self) -> None:
        for pair in self._each(".//meta_attributes/nvpair"):
            name, part = pair.get("name"), pair.getparent()
            owner = None if part is None else part.getparent()
            where = "" if owner is None else str(owner.tag)
            if name == "restart-type" and where not in ("op", "op_defaults", "alert", "recipient"):
                self._say(pair, "restart-type is dropped", "the kind of an order does this", lost=True)
                _drop(pair)
            elif name in ("can_fail", "role_after_failure") and where in ("op", "op_defaults"):
                self._say(pair, f"{name} is dropped", "on-fail does this", lost=True)
                _drop(pair)

    def _rules(self) -> None:
        for spec in self._configuration.iter("date_spec"):
            if spec.get("moon") is not None:
                del spec.attrib["moon"]
                self._say(spec, "moon is dropped: every phase fits", lost=True)

    def _levels(self) -> None:
        for level in self._each("fencing-topology/fencing-level"):
            index = level.get("index", "")
            if index.strip().isdecimal() and int(index) > _HIGHEST_LEVEL:
                self._say(level, f"the fencing level {index} is dropped: it was never used", lost=True)
                _drop(level)

    def _masters(self) -> None:
        for master in self._each("resources//master"):
            ident = f"{MARK}promotable-legacy-{master.get('id')}-meta_attributes"
            part = etree.Element("meta_attributes", id=ident, score="INFINITY")
            etree.SubElement(part, "nvpair", id=f"{ident}-promotable", name="promotable", value="true")
            master.insert(0, part)
            self._say(master, "a master is now a promotable clone")
            master.tag = "clone"
        for box in self._each("resources//bundle/*"):
            if box.get("masters") is not None:
                box.set("promoted-max", box.get("masters", ""))
                del box.attrib["masters"]
                self._say(box, "masters is now promoted-max")

    def _resources(self) -> None:
        """Agents and containers that are supported no more, and what would be empty without them."""
        gone: set[str] = set()
        templates = set()
        for template in self._each("resources/template"):
            if template.get("class", "").lower() in _GONE_CLASSES:
                templates.add(template.get("id"))
                self._say(template, f"the template is dropped: {template.get('class')} is not supported", lost=True)
                _drop(template)
        for primitive in self._each("resources//primitive"):
            if primitive.get("class", "").lower() in _GONE_CLASSES or primitive.get("template") in templates:
                self._lose(primitive, gone, "its class is not supported any more")
        for bundle in self._each("resources/bundle"):
            if bundle.find("rkt") is not None:
                self._lose(bundle, gone, "rkt is not supported any more")
        for tag in ("group", "clone"):
            for element in self._each(f"resources//{tag}"):
                if next(element.iter("primitive"), None) is None:
                    self._lose(element, gone, "nothing is left in it")
        if gone:
            self._constraints_of(gone)

    def _lose(self, element: XML, gone: set[str], why: str) -> None:
        gone.add(str(element.get("id")))
        self._say(element, f"the {element.tag} is dropped: {why}", "if it runs, it is stopped", lost=True)
        _drop(element)

    def _constraints_of(self, gone: set[str]) -> None:
        for constraint in self._each("constraints/*"):
            for part in constraint.findall("resource_set"):
                for ref in [ref for ref in part.findall("resource_ref") if ref.get("id") in gone]:
                    _drop(ref)
                if part.find("resource_ref") is None and part.get("id-ref") is None:
                    _drop(part)
            named = [constraint.get(name) for name in _REFERENCES.get(str(constraint.tag), ())]
            empty = all(name is None for name in named) and constraint.get("rsc-pattern") is None
            if any(name in gone for name in named) or (empty and constraint.find("resource_set") is None):
                self._say(constraint, "the constraint is dropped with what it names", lost=True)
                _drop(constraint)

    def _locations(self) -> None:
        for location in self._each("constraints/rsc_location"):
            rules = location.findall("rule")
            if len(rules) < 2:
                continue
            self._say(location, f"a constraint with {len(rules)} rules is now {len(rules)} constraints")
            at = location
            for number, rule in enumerate(rules, 1):
                twin = copy.deepcopy(location)
                for other in twin.findall("rule"):
                    twin.remove(other)
                twin.set("id", f"{MARK}{location.get('id')}-{number}")
                self._refer(twin, number)
                twin.append(rule)
                at.addnext(twin)
                at = twin
            self._split[str(location.get("id"))] = len(rules)
            _drop(location)

    @property
    def _split(self) -> dict[str, int]:
        """How many constraints became of each that had several rules."""
        found: dict[str, int] = self.__dict__.setdefault("_split_ids", {})
        return found

    @staticmethod
    def _refer(twin: XML, number: int) -> None:
        """In all copies but the first, what has an id refers to it."""
        for part in twin if number > 1 else ():
            ident = part.get("id")
            if ident is not None:
                part[:] = []
                part.attrib.clear()
                part.set("id-ref", ident)

    def _lifetimes(self) -> None:
        for lifetime in self._each("constraints/*/lifetime"):
            constraint = lifetime.getparent()
            assert constraint is not None
            _drop(lifetime)
            if constraint.tag != "rsc_location":
                self._say(constraint, "lifetime is dropped: the constraint holds for ever", lost=True)
                continue
            self._say(
                constraint, "lifetime is now a rule in the constraint", "without a score it has no effect", lost=True
            )
            ident = f"{MARK}{constraint.get('id')}"
            both = etree.Element("rule", {"id": f"{ident}-lifetime-and-rule", "boolean-op": "and"})
            own = constraint.find("rule")
            both.append(self._node_rule(constraint, ident) if own is None else own)
            rules = lifetime.findall("rule")
            if len(rules) > 1:
                either = etree.SubElement(both, "rule", {"id": f"{ident}-lifetime-or-rule", "boolean-op": "or"})
                either.extend(rules)
            else:
                both.extend(rules)
            for name in ("node", "score"):
                if name in constraint.attrib:
                    del constraint.attrib[name]
            constraint.append(both)

    @staticmethod
    def _node_rule(constraint: XML, ident: str) -> XML:
        rule = etree.Element("rule", {"id": f"{ident}-node-score-rule", "score": constraint.get("score", "0")})
        node = constraint.get("node", "")
        attributes = {"id": f"{ident}-node-score-rule-expr", "attribute": "#uname", "operation": "eq", "value": node}
        etree.SubElement(rule, "expression", attributes)
        return rule

    def _ping_nodes(self) -> None:
        constraints = self._configuration.find("constraints")
        for node in self._each("nodes/node"):
            if node.get("type") != "ping" or constraints is None:
                continue
            node.set("type", "member")
            name = node.get("uname", "")
            ban = {"id": f"{MARK}ping-node-ban-{name}", "rsc-pattern": ".*", "node": name, "score": "-INFINITY"}
            etree.SubElement(constraints, "rsc_location", {**ban, "resource-discovery": "never"})
            self._say(node, "a ping node is now a member that nothing may run on")

    def _permissions(self) -> None:
        known = {entry.get("id") for entry in self._configuration.iter(etree.Element)}
        for permission in self._each("acls//acl_permission"):
            reference = permission.get("reference")
            if reference is None or reference in known:
                continue
            del permission.attrib["reference"]
            parts = range(1, self._split.get(reference, 0) + 1)
            tests = " or ".join(f"@id = '{MARK}{reference}-{number}'" for number in parts)
            permission.set("xpath", f"//*[{tests}]" if tests else "/*[false()]")
            self._say(permission, f"the permission for {reference} is now one by xpath")


def lost_by_4(reports: Iterable[Report]) -> list[Report]:
    """The changes after which the cluster does something else."""
    return [report for report in reports if report.severity is Severity.WARNING]
