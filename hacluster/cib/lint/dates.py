"""Rules: dates that are none, ranges that are turned round, and what 3.0 no longer has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hacluster.base.iso8601 import Moment, parse_moment
from hacluster.base.report import Report, Severity
from hacluster.base.values import scan_int
from hacluster.cib.document import XML
from hacluster.cib.lint.facts import Facts, quoted
from hacluster.cib.places import place_of

_ANY_DAY: Final = Moment.from_epoch(0)
_LIMITS: Final = {
    "hours": (0, 23),
    "minutes": (0, 59),
    "seconds": (0, 59),
    "monthdays": (1, 31),
    "weekdays": (1, 7),
    "yeardays": (1, 366),
    "months": (1, 12),
    "weeks": (1, 53),
    "years": (0, 9999),
    "weekyears": (0, 9999),
}
"""What each field of a date_spec can be."""


def _dates(facts: Facts) -> Iterator[Report]:
    for expression in facts.configuration.iter("date_expression"):
        moments = {}
        for name in ("start", "end"):
            value = expression.get(name)
            if value is None:
                continue
            moments[name] = parse_moment(value, 0, _ANY_DAY)
            if moments[name] is None:
                text = f"{name}={quoted(value)} is no date: the expression does not pass"
                hint = "expected ISO 8601, such as 2026-03-01 or 2026-03-01 08:00:00Z"
                yield Report("bad-date", Severity.ERROR, text, place_of(expression, facts.file), hint)
        start, end = moments.get("start"), moments.get("end")
        if start is not None and end is not None and start.epoch > end.epoch:
            text = f"the range ends before it starts: {expression.get('start')} to {expression.get('end')}"
            yield facts.warn(expression, "reversed-range", text, "no time is in it; exchange start and end")


def _range(facts: Facts, spec: XML, name: str, value: str) -> Iterator[Report]:
    low_text, dash, high_text = value.partition("-")
    low, high = scan_int(low_text), scan_int(high_text)
    least, most = _LIMITS[name]
    if (low_text.strip() and not low_text.strip().isdecimal()) or (high_text and not high_text.strip().isdecimal()):
        text = f"{name}={quoted(value)} is neither a number nor a range: it does not count"
        yield facts.warn(spec, "bad-range", text, f"expected {least}-{most}, N-M, N- or N")
        return
    for number in (low, high):
        if number is not None and not least <= number <= most:
            text = f"{name}={quoted(value)}: {number} is outside of {least} to {most}"
            yield facts.warn(spec, "bad-range", text, "it never comes")
            return
    if dash and low is not None and high is not None and low > high:
        text = f"{name}={quoted(value)} is turned round: no time is in it"
        hint = f'two expressions with boolean-op="or", {name}="{low}-{most}" and {name}="{least}-{high}", do that'
        yield facts.warn(spec, "reversed-range", text, hint)


def _specs(facts: Facts) -> Iterator[Report]:
    for spec in facts.configuration.iter("date_spec"):
        for name in _LIMITS:
            value = spec.get(name)
            if value is not None:
                yield from _range(facts, spec, name, value)
        if spec.get("moon") is not None:
            text = "moon is not looked at any more since 3.0: every phase fits"
            yield facts.warn(spec, "no-effect", text, "remove it")
        if spec.get("yearsdays") is not None:
            yield facts.warn(spec, "no-effect", "yearsdays has no effect", "did you mean yeardays?")


def _date_only(facts: Facts) -> Iterator[Report]:
    """A location rule that asks for the time alone holds for every node."""
    for rule in facts.configuration.iterfind("constraints/rsc_location/rule"):
        score = rule.get("score") or ""
        if rule.find(".//expression") is None and rule.get("id-ref") is None and score.endswith("INFINITY"):
            where = "is banned from all nodes" if score.startswith("-") else "may run on all nodes"
            who = rule.getparent()
            name = "the resource" if who is None or who.get("rsc") is None else str(who.get("rsc"))
            text = f"the rule asks for the time alone: while it passes, {name} {where}"
            yield facts.warn(rule, "rule-without-node", text, "add an expression for the node, if one is meant")


def _dropped(facts: Facts) -> Iterator[Report]:
    for location in facts.configuration.iterfind("constraints/rsc_location"):
        rules = location.findall("rule")
        if len(rules) > 1:
            text = f"{len(rules)} rules stand at the top of one constraint: schema 4.0 has one"
            yield facts.warn(location, "several-rules", text, "make one constraint of each; the scores stay the same")


def _unheard(facts: Facts) -> Iterator[Report]:
    """Expressions that compare with nothing."""
    for expression in facts.configuration.iter("expression"):
        operation, value = expression.get("operation") or "", expression.get("value")
        if operation in ("defined", "not_defined"):
            if value is not None:
                text = f"{operation} takes no value: {quoted(value)} is ignored"
                yield facts.warn(expression, "no-effect", text, "remove it", Severity.NOTICE)
        elif value is None:
            text = f"{operation} compares with nothing: a value is missing"
            yield facts.warn(expression, "no-value", text, "add value=")
        elif expression.get("type") in ("number", "integer") and scan_int(value) is None:
            text = f"{quoted(value)} is compared as a number and is none"
            yield facts.warn(expression, "bad-value", text, "expected a number")


def check_rules(facts: Facts) -> Iterator[Report]:
    """Every rule that says something else than it seems."""
    for run in (_dates, _specs, _date_only, _dropped, _unheard):
        yield from run(facts)
