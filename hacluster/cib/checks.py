"""What is valid but wrong: faults of a configuration that no schema can see.

The errors and warnings are those that Pacemaker's crm_verify finds in the configuration alone, and in
:mod:`hacluster.cib.lint` those that only we have, which say so. What it finds by scheduling is not the document's
business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.base.values import interval_ms, is_true, truth
from hacluster.cib.document import XML
from hacluster.cib.lint.circles import check_circles
from hacluster.cib.lint.dates import check_rules
from hacluster.cib.lint.facts import Facts
from hacluster.cib.lint.names import check_names
from hacluster.cib.lint.targets import check_targets
from hacluster.cib.lint.values import check_values
from hacluster.cib.places import place_of, short
from hacluster.cib.resource_checks import check_clones, check_nodes, check_requirements, check_strengths, meta

_CONSTRAINED: Final = frozenset({"primitive", "group", "clone", "master", "bundle", "template", "tag"})
REFERENCES: Final = {
    "rsc_location": ("rsc",),
    "rsc_colocation": ("rsc", "with-rsc"),
    "rsc_order": ("first", "then"),
    "rsc_ticket": ("rsc",),
}
"""Which attributes of a constraint name resources, templates or tags."""
_PROMOTED_WORDS: Final = frozenset({"promoted", "unpromoted", "master", "slave"})
_NOT_FOR_STOP: Final = frozenset({"stop", "demote", "restart", "restart-container"})


def _error(element: XML, file: str, code: str, text: str, hint: str = "") -> Report:
    return Report(code, Severity.ERROR, text, place_of(element, file), hint)


def _warning(element: XML, file: str, code: str, text: str, hint: str = "") -> Report:
    return Report(code, Severity.WARNING, text, place_of(element, file), hint)


def option(configuration: XML, *names: str) -> XML | None:
    """The pair that sets a cluster option under one of its names; the set ``cib-bootstrap-options`` comes first."""
    sets = configuration.findall("crm_config/cluster_property_set")
    sets.sort(key=lambda part: part.get("id") != "cib-bootstrap-options")
    pairs = [pair for part in sets for pair in part.findall("nvpair")]
    return next((pair for name in names for pair in pairs if pair.get("name") == name), None)


def _fencing(configuration: XML, file: str) -> Iterator[Report]:
    if _is_fencing_off(configuration):
        return
    watchdog = option(configuration, "have-watchdog")
    if watchdog is not None and truth(watchdog.get("value")):
        return
    if any(item.get("class") == "stonith" for item in configuration.iter("primitive", "template")):
        return
    resources = configuration.find("resources")
    at = configuration if resources is None else resources
    text = "resources are not started, because fencing is enabled and there is no fencing device"
    hint = "configure one, or set stonith-enabled to false; shared data need fencing to stay whole"
    yield _error(at, file, "no-fencing-device", text, hint)


def _startup_fencing(configuration: XML, file: str) -> Iterator[Report]:
    pair = option(configuration, "startup-fencing")
    if _is_fencing_off(configuration):
        return
    if pair is not None and truth(pair.get("value")) is False:
        text = "nodes that were never seen are taken for down without being fenced"
        yield Report("blind-faith", Severity.NOTICE, text, place_of(pair, file))


def _requirements(configuration: XML, file: str) -> Iterator[Report]:
    off = _is_fencing_off(configuration)
    yield from check_requirements(configuration, file, off)
    pair = option(configuration, "no-quorum-policy")
    if off and pair is not None and (pair.get("value") or "").lower() == "suicide":
        text = "no-quorum-policy=suicide needs fencing, which is disabled: resources are stopped instead"
        yield _error(pair, file, "no-fencing", text)


def _is_fencing_off(configuration: XML) -> bool:
    pair = option(configuration, "stonith-enabled", "fencing-enabled")
    return pair is not None and truth(pair.get("value")) is False


def _operations(configuration: XML, file: str) -> Iterator[Report]:
    unfenced = _is_fencing_off(configuration)
    for resource in configuration.iter("primitive", "template"):
        seen: dict[tuple[str, int], XML] = {}
        for op in resource.iterfind("operations/op"):
            every = interval_ms(op.get("interval"))
            name = str(op.get("name"))
            if every:
                first = seen.setdefault((name, every), op)
                if first is not op:
                    text = f"operation {name} with this interval is there already, as {first.get('id')}"
                    yield _error(op, file, "duplicate-operation", text, "an interval may be used once per name")
            if op.get("on-fail") == "fence" and unfenced:
                text = "on-fail=fence is not possible while fencing is disabled, a failure stops the resource"
                yield _error(op, file, "bad-on-fail", text)
            if name == "stop" and op.get("on-fail") in _NOT_FOR_STOP:
                text = f"on-fail={op.get('on-fail')} is not possible for stop, the default is used"
                yield _error(op, file, "bad-on-fail", text, "a failed stop can be fenced, blocked or ignored")


def _promotable(resource: XML) -> bool:
    at: XML | None = resource
    while at is not None:
        if at.tag in ("master", "bundle"):
            return True
        pair = meta(at, "promotable")
        if at.tag == "clone" and pair is not None and is_true(pair.get("value")):
            return True
        at = at.getparent()
    return False


def _target_roles(configuration: XML, file: str) -> Iterator[Report]:
    for resource in configuration.iter("primitive", "group", "clone"):
        pair = meta(resource, "target-role")
        if pair is not None and (pair.get("value") or "").lower() in _PROMOTED_WORDS and not _promotable(resource):
            text = f"target-role={pair.get('value')} only makes sense for a promotable clone and is ignored"
            yield _error(pair, file, "bad-target-role", text)


def _references(configuration: XML, file: str) -> Iterator[Report]:
    known = {str(item.get("id")) for item in configuration.iter(*_CONSTRAINED) if item.get("id") is not None}
    many = {item.get("id") for item in configuration.iter("template", "tag")}
    for constraint in configuration.iterfind("constraints/*"):
        for name in REFERENCES.get(str(constraint.tag), ()):
            value = constraint.get(name)
            if value is not None and value not in known:
                text = (
                    f'{name} names "{short(value)}", which is no resource, template or tag: the constraint is ignored'
                )
                yield _error(constraint, file, "no-resource", text)
        if constraint.tag == "rsc_colocation" and {constraint.get("rsc"), constraint.get("with-rsc")} <= many:
            text = "a template or tag cannot be colocated with another: the constraint is ignored"
            yield _error(constraint, file, "two-templates", text)
        for entry in constraint.iterfind("resource_set/resource_ref"):
            if entry.get("id") not in known:
                text = f'"{short(str(entry.get("id")))}" is no resource, template or tag: the constraint is ignored'
                yield _error(entry, file, "no-resource", text)
        influence = constraint.get("influence")
        if influence is not None and truth(influence) is None:
            yield _error(constraint, file, "bad-influence", f'influence="{short(influence)}" is neither true nor false')


def _outdated(configuration: XML, file: str) -> Iterator[Report]:
    for constraint in configuration.iterfind("constraints/rsc_order"):
        if constraint.get("require-all") is not None:
            yield _warning(
                constraint, file, "deprecated", "require-all in an order is deprecated", "use clone-min of the clone"
            )
        if constraint.get("score") is not None and constraint.get("kind") is None:
            yield _warning(constraint, file, "deprecated", "score in an order is deprecated", "use kind")
    for resource in configuration.iter("primitive", "group", "clone", "master", "bundle"):
        names = ("restart-type", "ordered", "collocated") if resource.tag == "group" else ("restart-type",)
        for name in names:
            pair = meta(resource, name)
            parent = resource.getparent()
            if pair is None and resource.tag == "group" and parent is not None:
                pair = meta(parent, name)  # a clone's setting is that of the group inside it, too
            if pair is not None and (name == "restart-type" or truth(pair.get("value")) is False):
                text = f"{name}={short(str(pair.get('value')))} is deprecated here"
                yield _warning(pair, file, "deprecated", text, "resource sets in constraints do this")
    action = option(configuration, "stonith-action", "fencing-action")
    if action is not None and action.get("value") == "poweroff":
        yield _warning(action, file, "deprecated", "the fencing action poweroff is deprecated", "use off")


_CHECKS: Final[tuple[Callable[[XML, str], Iterator[Report]], ...]] = (
    _fencing,
    _startup_fencing,
    _operations,
    _target_roles,
    _references,
    _outdated,
    _requirements,
    check_clones,
    check_nodes,
    check_strengths,
)

_OWN_CHECKS: Final[tuple[Callable[[Facts], Iterator[Report]], ...]] = (
    check_names,
    check_values,
    check_rules,
    check_targets,
    check_circles,
)


def check_configuration(root: XML, file: str = "cib.xml") -> list[Report]:
    """Every finding in a valid CIB, in the order of its lines."""
    configuration = root.find("configuration")
    if configuration is None:
        return []
    facts = Facts(configuration, file)
    reports = [report for run in _CHECKS for report in run(configuration, file)]
    reports += [report for check in _OWN_CHECKS for report in check(facts)]
    return sorted(reports, key=lambda report: (report.place.line or 0) if report.place else 0)
