"""Random rules."""

from __future__ import annotations

from lxml import etree

from tests.conformance.pe.plan import Plan, put

_DATES = ("2019-01-01", "2020-09-13 12:26:39Z", "2020-09-13 12:26:40Z", "2020-09-14", "2021-06-01", "2020-W37-7")
_SPECS = (
    ("hours", "9-16"),
    ("hours", "12"),
    ("weekdays", "1-5"),
    ("weekdays", "7"),
    ("monthdays", "13"),
    ("months", "9-12"),
    ("years", "2020"),
    ("years", "2021-"),
    ("weeks", "37"),
    ("yeardays", "1-200"),
    ("minutes", "26"),
    ("weekyears", "2020"),
)
_LENGTHS = (("days", "2"), ("months", "1"), ("years", "1"), ("hours", "36"), ("weeks", "3"), ("minutes", "90"))


def date_expression(plan: Plan, parent: etree._Element) -> None:
    pick = plan.choices.pick
    kind = pick(("gt", "lt", "in_range", "duration", "date_spec"))
    ident = plan.fresh("date")
    if kind == "gt":
        put(parent, "date_expression", id=ident, operation="gt", start=pick(_DATES))
    elif kind == "lt":
        put(parent, "date_expression", id=ident, operation="lt", end=pick(_DATES))
    elif kind == "in_range":
        put(parent, "date_expression", id=ident, operation="in_range", start=pick(_DATES), end=pick(_DATES))
    elif kind == "duration":
        date = put(parent, "date_expression", id=ident, operation="in_range", start=pick(_DATES))
        unit, length = pick(_LENGTHS)
        put(date, "duration", id=f"{ident}-for", **{unit: length})
    else:
        date = put(parent, "date_expression", id=ident, operation="date_spec")
        put(date, "date_spec", id=f"{ident}-spec", **dict(plan.choices.some(_SPECS, 1, 2)))


def _attribute_expression(plan: Plan, parent: etree._Element) -> None:
    pick = plan.choices.pick
    operation = pick(("eq", "defined", "not_defined", "ne", "lt", "gt", "lte", "gte"))
    attrs: dict[str, str | None] = {
        "id": plan.fresh("expr"),
        "attribute": pick(("site", "rank", "#uname", "#kind", "ping", "nothing", "#is_dc", "#id", "#site-name")),
        "operation": operation,
    }
    if not operation.endswith("defined"):
        attrs["value"] = pick(("a", "b", "1", "2", "1.5", "n1", "member", "remote", "rank", "10", "A"))
        attrs["type"] = pick((None, "string", "integer", "number", "version"))
        attrs["value_source"] = pick((None, None, None, "literal", "param", "meta"))
    put(parent, "expression", **attrs)


def rule(
    plan: Plan,
    parent: etree._Element,
    *,
    nodes: bool,
    score: str | None = None,
    score_attribute: str | None = None,
    role: str | None = None,
    depth: int = 0,
) -> etree._Element:
    """A rule; ``nodes``: it may ask for node attributes."""
    choices = plan.choices
    element = put(
        parent,
        "rule",
        id=plan.fresh("rule"),
        boolean_op=choices.pick((None, "and", "or")),
        score=score,
        score_attribute=score_attribute,
        role=role,
    )
    for _ in range(choices.between(1, 2)):
        if nodes and not choices.percent(25):
            _attribute_expression(plan, element)
        elif depth < 1 and choices.percent(20):
            rule(plan, element, nodes=nodes, score="0" if choices.percent(50) else None, depth=depth + 1)
        else:
            date_expression(plan, element)
    return element
