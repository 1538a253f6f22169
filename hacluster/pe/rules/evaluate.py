"""Rules: does this rule hold for this node, role, resource, operation and time?

Pacemaker Explained, "Rules". A rule is and/or over expressions of five types. Where there is no node, no attribute has
a value: an expression that wants that holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.base.values import interval_ms, scan_int, version_parts
from hacluster.cib.document import XML, expand_within, own_tree
from hacluster.pe.rules.dates import test_date

_GROUP: Final = re.compile(r"%([0-9])")
_ALONE: Final = frozenset({"defined", "not_defined"})
_ORDERED: Final = frozenset({"lt", "lte", "gt", "gte"})
_COMPARE: Final[dict[str, Callable[[int], bool]]] = {
    "eq": lambda cmp: cmp == 0,
    "ne": lambda cmp: cmp != 0,
    "lt": lambda cmp: cmp < 0,
    "lte": lambda cmp: cmp <= 0,
    "gt": lambda cmp: cmp > 0,
    "gte": lambda cmp: cmp >= 0,
}


@dataclass(slots=True)
class Subject:
    """What a rule is asked about. ``changed`` hears of each time at which an answer may become another."""

    now: Moment
    changed: Callable[[int], None]
    attrs: Mapping[str, str] | None = None
    match: re.Match[str] | None = None
    params: Mapping[str, str] | None = None
    meta: Mapping[str, str] | None = None
    agent: tuple[str | None, str | None, str | None] | None = None
    op: tuple[str, int] | None = None


def fill_groups(text: str, match: re.Match[str]) -> str:
    """``text`` with ``%0`` to ``%9`` replaced by what the groups of a resource pattern matched."""

    def group(found: re.Match[str]) -> str:
        number = int(found[1])
        return (match[number] or "") if number <= (match.re.groups or 0) else ""

    return _GROUP.sub(group, text)


def _sign(one: float, other: float) -> int:
    return (one > other) - (one < other)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _compare_values(left: str, right: str, kind: str | None, operation: str) -> int:
    if kind is None:
        kind = "string"
        if operation in _ORDERED:
            kind = "number" if "." in left or "." in right else "integer"
    kind = kind.lower()
    if kind == "version":
        one, other = version_parts(left), version_parts(right)
        return (one > other) - (one < other)
    if kind in ("integer", "number"):
        read: Callable[[str], float | None] = scan_int if kind == "integer" else _number
        low, high = read(left), read(right)
        if low is not None and high is not None:
            return _sign(low, high)
    one_text, other_text = left.lower(), right.lower()
    return (one_text > other_text) - (one_text < other_text)


def _test_values(left: str | None, right: str | None, kind: str | None, operation: str) -> bool:
    if operation == "defined":
        return left is not None
    if operation == "not_defined":
        return left is None
    test = _COMPARE.get(operation)
    if test is None:
        return False
    if left is None or right is None:
        cmp = _sign(left is not None, right is not None)
        return operation in ("eq", "ne") and test(cmp)
    return test(_compare_values(left, right, kind, operation))


def _reference(expression: XML, subject: Subject) -> str | None:
    """What an attribute is compared with: the value, or the parameter or meta-attribute that it names."""
    value = expression.get("value")
    source = expression.get("value-source", "literal").lower()
    if value is None or source == "literal":
        return value
    table = subject.params if source == "param" else subject.meta
    return None if table is None else table.get(value)


def _attribute(expression: XML, subject: Subject) -> bool:
    name, operation = expression.get("attribute"), expression.get("operation", "").lower()
    if name is None or (expression.get("value") is None) != (operation in _ALONE):
        return False
    if subject.match is not None:
        name = fill_groups(name, subject.match) or name
    value = None if subject.attrs is None else subject.attrs.get(name)
    return _test_values(value, _reference(expression, subject), expression.get("type"), operation)


def _date(expression: XML, subject: Subject) -> bool:
    holds, change = test_date(subject.now, expression)
    if change is not None:
        subject.changed(change.epoch)
    return holds


def _agent(expression: XML, subject: Subject) -> bool:
    actual = subject.agent or (None, None, None)
    return all(
        expression.get(name, value) == value for name, value in zip(("class", "provider", "type"), actual, strict=True)
    )


def _operation(expression: XML, subject: Subject) -> bool:
    if subject.op is None:
        return False
    name, interval = subject.op
    spec = expression.get("interval")
    return expression.get("name") == name and (spec is None or interval_ms(spec) == interval)


def test_rule(rule: XML, subject: Subject) -> bool:
    """Whether a rule holds. A rule without expressions holds if it is an ``and``."""
    if rule.get("id-ref") is not None:
        referred = expand_within(own_tree(rule), rule)
        if referred is None:
            return False
        rule = referred
    either = rule.get("boolean-op", "and").lower() == "or"
    for child in rule:
        test = _TESTS.get(str(child.tag))
        holds = test is not None and test(child, subject)
        if holds and either:
            return True
        if not holds and not either:
            return False
    return not either


_TESTS: Final[dict[str, Callable[[XML, Subject], bool]]] = {
    "rule": test_rule,
    "expression": _attribute,
    "date_expression": _date,
    "rsc_expression": _agent,
    "op_expression": _operation,
}


def test_rules(parent: XML, subject: Subject) -> bool:
    """Whether one of the rules of an element holds; true when it has none."""
    rules = [child for child in parent if child.tag == "rule"]
    return not rules or any(test_rule(rule, subject) for rule in rules)
