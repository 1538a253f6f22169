"""Values that are read as something else than what they seem to say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hacluster.base.report import Report, Severity
from hacluster.base.values import interval_ms, msec, truth
from hacluster.cib.document import XML
from hacluster.cib.lint.facts import RESOURCES, Facts, quoted
from hacluster.cib.metas import COUNT, INTERVAL, OPERATION, RESOURCE, SCORE, TIMEOUT, Kind, plain_time
from hacluster.cib.options import OPTIONS, PRESENT_NAMES
from hacluster.cib.places import place_of
from hacluster.cib.voters import OPTION as VOTERS
from hacluster.cib.voters import VotersError, parse_voters

_CHECKED_ELSEWHERE: Final = frozenset({"requires", "multiple-active"})
_ONCE: Final = frozenset({"start", "stop", "promote", "demote", "notify", "migrate_to", "migrate_from"})
_NODE_FLAGS: Final = ("standby", "maintenance", "terminate")
_DEFAULT_TIMEOUT: Final = "20s"


def _theirs(facts: Facts, element: XML, severity: Severity, text: str, hint: str) -> Report:
    return Report("bad-meta", severity, text, place_of(element, facts.file), hint)


def _meta(facts: Facts, pair: XML, name: str, value: str, kind: Kind) -> Iterator[Report]:
    if kind.accepts(value) or value.lower() == "#default":
        return
    text = f"{name} has the value {quoted(value)}"
    if name == "target-role":
        yield _theirs(facts, pair, Severity.ERROR, f"{text}, and is ignored", f"expected {kind.expected}")
    elif name in ("migration-threshold", "priority", "resource-stickiness"):
        hint = f"expected {kind.expected}"
        yield _theirs(facts, pair, Severity.WARNING, f"{text}, and the default is used", hint)
    elif kind is COUNT:
        yield facts.warn(pair, "bad-value", f"{text}, which counts as 0", f"expected {kind.expected}")
    elif truth(value) is None and "boolean" in kind.expected:
        yield facts.warn(pair, "bad-value", f"{text}, which counts as false", f"expected {kind.expected}")
    else:
        yield facts.warn(pair, "bad-value", f"{text}, and the default is used", f"expected {kind.expected}")


def _metas(facts: Facts) -> Iterator[Report]:
    for tag, kinds in (*((tag, RESOURCE) for tag in (*RESOURCES, "template")), ("op", OPERATION)):
        for parent in facts.configuration.iterfind(f"resources//{tag}"):
            yield from _pairs(facts, parent, kinds)
    for section, kinds in (("rsc_defaults", RESOURCE), ("op_defaults", OPERATION)):
        for parent in facts.configuration.iterfind(section):
            yield from _pairs(facts, parent, kinds)


def _pairs(facts: Facts, parent: XML, kinds: dict[str, Kind]) -> Iterator[Report]:
    for pair in parent.iterfind("meta_attributes/nvpair"):
        name, value = pair.get("name"), pair.get("value")
        kind = kinds.get(name or "")
        if name is None or value is None or kind is None or name in _CHECKED_ELSEWHERE:
            continue
        if kind in (TIMEOUT, INTERVAL):
            yield from _time(facts, pair, name, value, kind)
        else:
            yield from _meta(facts, pair, name, value, kind)


def _time(facts: Facts, element: XML, name: str, value: str, kind: Kind) -> Iterator[Report]:
    """A time that is none, or that is written in a way that few expect."""
    zero = interval_ms(value) == 0 and msec(value) == 0
    if not kind.accepts(value):
        used = f"the default of {_DEFAULT_TIMEOUT} is used" if kind is TIMEOUT else "it counts as 0"
        what = "is no time" if not zero else "is not above 0"
        yield facts.warn(element, "bad-time", f"{name}={quoted(value)} {what}: {used}", f"expected {kind.expected}")
    elif not plain_time(value):
        number = msec(value)
        read = f"{number // 1000}s" if number % 1000 == 0 else f"{number}ms"
        text = f"{name}={quoted(value)} is not written as a time: it is read as {read}"
        yield facts.warn(element, "odd-time", text, f"write {read}, or what you mean")


def _operation_times(facts: Facts) -> Iterator[Report]:
    for op in facts.configuration.iterfind("resources//op"):
        for name, kind in (("interval", INTERVAL), ("timeout", TIMEOUT), ("start-delay", INTERVAL)):
            value = op.get(name)
            if value is not None:
                yield from _time(facts, op, name, value, kind)
        interval = interval_ms(op.get("interval"))
        if interval == 0 and op.get("name") == "monitor" and msec(op.get("interval")) == 0:
            text = "a monitor with interval 0 is only a probe: the resource is not watched by it"
            yield facts.warn(op, "no-monitor", text, "give it an interval", Severity.NOTICE)
        if interval and op.get("name") in _ONCE:
            text = f"{op.get('name')} is not repeated: the interval {quoted(op.get('interval'))} is not used"
            yield facts.warn(op, "bad-interval", text, "only monitor takes an interval")


def _options(facts: Facts) -> Iterator[Report]:
    for pair in facts.configuration.iterfind("crm_config/cluster_property_set/nvpair"):
        name, value = pair.get("name") or "", pair.get("value")
        option = OPTIONS.get(PRESENT_NAMES.get(name, name))
        if value is not None and name == VOTERS:
            yield from _voters(facts, pair, value)
        if option is None or value is None:
            continue
        if not option.valid(value):
            text = f"{name} has the value {quoted(value)}: the default {option.default} is used"
            yield Report("bad-option", Severity.ERROR, text, place_of(pair, facts.file), f"expected {option.expected}")
        elif "duration" in option.expected and not plain_time(value):
            yield from _time(facts, pair, name, value, INTERVAL)
        if option.dropped:
            yield facts.warn(pair, "no-effect", f"{name}: {option.dropped}", severity=Severity.NOTICE)
        if name in PRESENT_NAMES:
            text = f"{name} is called {option.name} since 3.0"
            yield Report("old-name", Severity.INFO, text, place_of(pair, facts.file), "both are read")


def _voters(facts: Facts, pair: XML, value: str) -> Iterator[Report]:
    try:
        parse_voters(value)
    except VotersError as error:
        yield Report("bad-option", Severity.ERROR, str(error), place_of(pair, facts.file), "nodes and their votes")


def _node_attributes(facts: Facts) -> Iterator[Report]:
    for pair in facts.configuration.iterfind("nodes/node/instance_attributes/nvpair"):
        name, value = pair.get("name"), pair.get("value")
        if name in _NODE_FLAGS and value is not None and truth(value) is None and value not in ("on", "off"):
            yield facts.warn(pair, "bad-value", f"{name} has the value {quoted(value)}, which counts as false",
                             "expected true or false")  # fmt: skip


def _promoted_numbers(facts: Facts) -> Iterator[Report]:
    for clone in facts.configuration.iterfind("resources//clone"):
        if facts.meta(clone, "promotable") is None:
            for name in ("promoted-max", "promoted-node-max", "master-max"):
                pair = clone.find(f"meta_attributes/nvpair[@name='{name}']")
                if pair is not None:
                    text = f"{name} has no effect: {clone.get('id')} is not promotable"
                    yield facts.warn(pair, "misplaced-meta", text, "set promotable to true")


def _utilization(facts: Facts) -> Iterator[Report]:
    for pair in facts.configuration.iterfind(".//utilization/nvpair"):
        value = pair.get("value")
        if value is not None and not SCORE.accepts(value):
            text = f"the amount {quoted(value)} of {pair.get('name')} is no number"
            yield facts.warn(pair, "bad-value", text, "expected an integer")


def _twice(facts: Facts) -> Iterator[Report]:
    """The same name twice in one set: only one of the values counts."""
    for tag in ("meta_attributes", "instance_attributes", "cluster_property_set", "utilization"):
        for part in facts.configuration.iterfind(f".//{tag}"):
            seen: dict[str, XML] = {}
            for pair in part.iterfind("nvpair"):
                name = pair.get("name")
                first = seen.setdefault(name, pair) if name is not None else pair
                if first is not pair and first.get("value") != pair.get("value"):
                    text = f"{name} is set twice in this set: {quoted(first.get('value'))} of {first.get('id')} counts"
                    yield facts.warn(pair, "set-twice", text, "remove one of them")


def check_values(facts: Facts) -> Iterator[Report]:
    """Every value that is not what it seems."""
    for run in (_metas, _operation_times, _options, _node_attributes, _promoted_numbers, _utilization, _twice):
        yield from run(facts)
