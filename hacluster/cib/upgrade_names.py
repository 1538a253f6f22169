"""Names that 3.0 and later no longer know: renamed, moved to where they belong now, or dropped.

The tables say what happened to each name (Pacemaker's ChangeLog and "Upgrading" chapter of Pacemaker Administration).
A name that moves to defaults or to meta-attributes does so only when it is not set there already.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Final

from lxml import etree

from hacluster.base.report import Report, Severity
from hacluster.cib.document import XML
from hacluster.cib.places import place_of, short

MARK: Final = "_2TO3_"
"""What ids of elements begin with that the upgrade adds, the same as in Pacemaker."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a name: ``name`` now, ``None`` if it is gone.

    ``section`` is where it moves to, ``value`` replaces the value, and ``when`` are the values that this holds for
    (empty: all that no other fate of the name holds for).
    """

    name: str | None
    section: str | None = None
    value: str | None = None
    when: tuple[str, ...] = ()
    why: str = ""
    severity: Severity = Severity.NOTICE


_Fates = dict[str, tuple[Fate, ...]]

_ALERTS: Final = (Fate(None, why="alerts do this now"),)
_THRESHOLD_GONE: Final = (Fate(None, why="set migration-threshold in rsc_defaults instead"),)
_FAILURE: Final = (
    Fate("migration-threshold", "rsc_defaults", "1", ("-INFINITY",)),
    Fate(None, why="set migration-threshold in rsc_defaults instead"),
)
_UNDERSCORED: Final = (
    "cluster_recheck_interval", "dc_deadtime", "election_timeout", "no_quorum_policy", "remove_after_stop",
    "shutdown_escalation", "startup_fencing", "stonith_action", "stonith_enabled", "stop_orphan_actions",
    "stop_orphan_resources", "symmetric_cluster",
)  # fmt: skip

CLUSTER_PROPERTIES: Final[_Fates] = {
    **{name: (Fate(name.replace("_", "-")),) for name in _UNDERSCORED},
    "transition_idle_timeout": (Fate("cluster-delay"),),
    "default-action-timeout": (Fate("timeout", "op_defaults"),),
    "default_action_timeout": (Fate("timeout", "op_defaults"),),
    "default-resource-stickiness": (Fate("resource-stickiness", "rsc_defaults"),),
    "default_resource_stickiness": (Fate("resource-stickiness", "rsc_defaults"),),
    "is-managed-default": (Fate("is-managed", "rsc_defaults"),),
    "is_managed_default": (Fate("is-managed", "rsc_defaults"),),
    "default-resource-failure-stickiness": _FAILURE,
    "default_resource_failure_stickiness": _FAILURE,
    "default-migration-threshold": _THRESHOLD_GONE,
    "default_migration_threshold": _THRESHOLD_GONE,
    "notification-agent": _ALERTS,
    "notification-recipient": _ALERTS,
    "expected-quorum-votes": (Fate(None, why="the membership layer counts votes itself"),),
    "cluster-infrastructure": (
        Fate(
            None,
            when=("heartbeat", "openais", "classic openais", "classic openais (with plugin)", "cman"),
            why="the value has no meaning any more",
        ),
    ),
}

DEVICE_PARAMETERS: Final[_Fates] = {
    f"pcmk_{action}_cmd": (Fate(f"pcmk_{action}_action"),)
    for action in ("list", "monitor", "off", "on", "reboot", "status")
}

_DISABLED: Final = (
    Fate("target-role", value="Stopped", why="isolation is gone, use a bundle", severity=Severity.WARNING),
)
_RESOURCE_FAILURE: Final = (
    Fate("migration-threshold", value="1", when=("-INFINITY",)),
    Fate(None, why="set migration-threshold instead"),
)
RESOURCE_META: Final[_Fates] = {
    "isolation": _DISABLED,
    "isolation-host": _DISABLED,
    "isolation-instance": _DISABLED,
    "isolation-wrapper": _DISABLED,
    "resource-failure-stickiness": _RESOURCE_FAILURE,
    "resource_failure_stickiness": _RESOURCE_FAILURE,
}

OPERATION_META: Final = frozenset(
    {"enabled", "interval-origin", "on-fail", "record-pending", "role", "start-delay", "timeout"}
)
"""What an operation's instance attributes may no longer hold: it belongs to its meta-attributes."""

_SECTIONS: Final = {"op_defaults": f"{MARK}-op-defaults", "rsc_defaults": f"{MARK}-rsc-defaults"}


def _fate(fates: _Fates, pair: XML) -> Fate | None:
    value = pair.get("value", "")
    candidates = fates.get(str(pair.get("name")), ())
    exact = next((fate for fate in candidates if value in fate.when), None)
    return exact or next((fate for fate in candidates if not fate.when), None)


def _plain_sets(parent: XML, tag: str) -> list[XML]:
    return [part for part in parent if part.tag == tag and part.find("rule") is None and part.get("id-ref") is None]


def _has_name(sets: list[XML], name: str) -> bool:
    return any(pair.get("name") == name for part in sets for pair in part.findall("nvpair"))


def _drop(element: XML) -> None:
    parent = element.getparent()
    assert parent is not None
    parent.remove(element)


class NameUpgrade:
    """One pass over a configuration. ``reports`` has one entry a change."""

    def __init__(self, configuration: XML, file: str) -> None:
        self._configuration = configuration
        self._file = file
        self.reports: list[Report] = []

    def run(self) -> list[Report]:
        """Rewrite the configuration in place."""
        self._nodes()
        self._cluster_properties()
        for resource in self._configuration.iter("primitive", "template"):
            for part in list(resource.findall("instance_attributes")):
                self._device_parameters(part)
            for part in list(resource.findall("meta_attributes")):
                self._resource_meta(part)
            self._operations(resource)
        self._colocations()
        return self.reports

    def _say(self, element: XML, text: str, why: str = "", severity: Severity = Severity.NOTICE) -> None:
        self.reports.append(Report("upgraded-name", severity, text, place_of(element, self._file), why))

    def _rename(self, pair: XML, fate: Fate) -> None:
        """Rename a pair, change its value, or drop it. A pair that moves has been put where it belongs before."""
        old = pair.get("name")
        if fate.name is None:
            self._say(pair, f"{old} is dropped", fate.why, fate.severity)
            _drop(pair)
            return
        where = f" in {fate.section}" if fate.section else ""
        value = f" with the value {fate.value}" if fate.value is not None else ""
        self._say(pair, f"{old} is now {fate.name}{where}{value}", fate.why, fate.severity)
        pair.set("name", fate.name)
        if fate.value is not None:
            pair.set("value", fate.value)

    def _nodes(self) -> None:
        for node in self._configuration.iterfind("nodes/node[@type='normal']"):
            self._say(node, "the type normal is now member")
            node.set("type", "member")

    def _cluster_properties(self) -> None:
        for part in list(self._configuration.iterfind("crm_config/cluster_property_set")):
            before = len(part)
            for pair in part.findall("nvpair"):
                fate = _fate(CLUSTER_PROPERTIES, pair)
                if fate is None:
                    continue
                if fate.section is not None and self._takes_nothing(fate.section, part):
                    why = f"{fate.section} is there, but has no set without a rule that could take it"
                    self._rename(pair, Fate(None, why=why, severity=Severity.WARNING))
                    continue
                target = self._defaults(fate.section, part) if fate.section is not None else None
                if target is not None and fate.name is not None and self._is_default(target, fate.name):
                    self._say(pair, f"{pair.get('name')} is dropped: {fate.name} is set in {fate.section} already")
                    _drop(pair)
                    continue
                self._rename(pair, fate)
                if target is not None:
                    target.append(pair)
            if before and part.find("nvpair") is None:
                _drop(part)

    def _takes_nothing(self, section: str, origin: XML) -> bool:
        """Whether the original loses what should move to a section: it only fills sets, or makes the whole section."""
        parent = self._configuration.find(section)
        return origin.find("rule") is None and parent is not None and not _plain_sets(parent, "meta_attributes")

    @staticmethod
    def _is_default(target: XML, name: str) -> bool:
        section = target.getparent()
        assert section is not None
        return _has_name([target] if target.find("rule") is not None else _plain_sets(section, "meta_attributes"), name)

    def _defaults(self, section: str, origin: XML) -> XML:
        """The set of defaults that what moves from ``origin`` goes to; made when there is none."""
        parent = self._configuration.find(section)
        if parent is None:
            parent = etree.SubElement(self._configuration, section)
        rule = origin.find("rule")
        if rule is None:
            plain = _plain_sets(parent, "meta_attributes")
            return plain[0] if plain else etree.SubElement(parent, "meta_attributes", id=_SECTIONS[section])
        ident = f"{MARK}{origin.get('id')}-{section}"
        made = next((part for part in parent.findall("meta_attributes") if part.get("id") == ident), None)
        if made is None:
            made = etree.SubElement(parent, "meta_attributes", id=ident)
            twin = copy.deepcopy(rule)
            for part in twin.iter(etree.Element):
                if part.get("id") is not None:
                    part.set("id", f"{ident}-{part.get('id')}")
            made.append(twin)
        return made

    def _device_parameters(self, part: XML) -> None:
        before = len(part)
        for pair in part.findall("nvpair"):
            if pair.get("name") == "pcmk_arg_map":
                self._argument_map(pair)
                continue
            fate = _fate(DEVICE_PARAMETERS, pair)
            if fate is not None:
                self._rename(pair, fate)
        self._drop_if_emptied(part, before)

    def _argument_map(self, pair: XML) -> None:
        """``port:X`` was the way to say that the host's argument is called X; other maps have no successor."""
        value = pair.get("value", "")
        argument = value.removeprefix("port:")
        if argument != value and "," not in value:
            self._rename(pair, Fate("pcmk_host_argument", value=argument))
        else:
            self._rename(pair, Fate(None, why=f'nothing takes the place of "{short(value)}"'))

    def _drop_if_emptied(self, part: XML, before: int) -> None:
        if before and part.find("nvpair") is None:
            _drop(part)

    def _resource_meta(self, part: XML) -> None:
        before = len(part)
        renamed: set[str] = set()
        for pair in part.findall("nvpair"):
            fate = _fate(RESOURCE_META, pair)
            if fate is None:
                continue
            if fate.name is not None and fate.name in renamed:
                _drop(pair)
                continue
            renamed.add(fate.name or "")
            self._rename(pair, fate)
        self._drop_if_emptied(part, before)

    def _operations(self, resource: XML) -> None:
        wanted: list[tuple[XML, str, str]] = []
        for op in resource.iterfind("operations/op"):
            takes_part = op.get("name") in ("start", "promote")
            if op.get("requires") is not None:
                self._note_requires(op, takes_part=takes_part)
                if takes_part:
                    wanted.append((op, f"{MARK}{op.get('id')}-meta-requires", str(op.get("requires"))))
                del op.attrib["requires"]
            self._operation_meta(op)
            for part in [*op.findall("meta_attributes"), *op.findall("instance_attributes")]:
                before = len(part)
                for pair in part.findall("nvpair[@name='requires']"):
                    self._note_requires(pair, takes_part=takes_part)
                    if takes_part:
                        wanted.append((op, str(pair.get("id")), str(pair.get("value", ""))))
                    _drop(pair)
                self._drop_if_emptied(part, before)
        if wanted and not _has_name(_plain_sets(resource, "meta_attributes"), "requires"):
            _, ident, value = wanted[-1]
            made = etree.SubElement(resource, "meta_attributes", id=f"{MARK}{resource.get('id')}-meta")
            etree.SubElement(made, "nvpair", id=ident, name="requires", value=value)

    def _note_requires(self, element: XML, *, takes_part: bool) -> None:
        if takes_part:
            self._say(element, "requires of an operation is now a meta-attribute of its resource")
        else:
            self._say(element, "requires is dropped", "it only ever counted for start and promote")

    def _operation_meta(self, op: XML) -> None:
        """Move what is no parameter from an operation's instance attributes to its meta-attributes."""
        for part in list(op.findall("instance_attributes")):
            before = len(part)
            for pair in part.findall("nvpair"):
                if pair.get("name") not in OPERATION_META:
                    continue
                target = self._meta_of(op, part)
                if _has_name([target], str(pair.get("name"))):
                    self._say(pair, f"{pair.get('name')} is dropped: the operation's meta-attributes have it already")
                    _drop(pair)
                else:
                    self._say(pair, f"{pair.get('name')} is now a meta-attribute of the operation")
                    target.append(pair)
            self._drop_if_emptied(part, before)

    @staticmethod
    def _meta_of(op: XML, part: XML) -> XML:
        rule = part.find("rule")
        if rule is None:
            plain = _plain_sets(op, "meta_attributes")
            return plain[0] if plain else etree.SubElement(op, "meta_attributes", id=f"{MARK}{op.get('id')}-meta")
        ident = f"{MARK}{part.get('id')}"
        for made in op.findall("meta_attributes"):
            if made.get("id") == ident:
                return made
        made = etree.SubElement(op, "meta_attributes", id=ident)
        twin = copy.deepcopy(rule)
        for piece in twin.iter(etree.Element):
            if piece.get("id") is not None:
                piece.set("id", f"{MARK}{piece.get('id')}")
        made.append(twin)
        return made

    def _colocations(self) -> None:
        for constraint in self._configuration.iterfind("constraints/rsc_colocation"):
            for name in ("score-attribute", "score-attribute-mangle"):
                if name in constraint.attrib:
                    del constraint.attrib[name]
                    self._say(constraint, f"{name} is dropped", "it was never in effect")
