"""Random constraints."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tests.conformance.pe.plan import Plan, put
from tests.conformance.pe.rules import rule

_SCORES: Final = ("100", "INFINITY", "-INFINITY", "10", "-10", "1", "500", "-500", "0", "1000000")
_ROLES: Final = (None, None, None, "Started", "Promoted", "Unpromoted", "Master", "Slave", "Stopped")
_ACTIONS: Final = (None, None, None, "start", "promote", "demote", "stop")
_KINDS: Final = (None, "Mandatory", "Optional", "Serialize")
_FLAGS: Final = (None, None, "false", "true")


def _resource(plan: Plan) -> str:
    """Mostly something that stands for itself, at times a member of something, or a tag or template."""
    if plan.named and plan.choices.percent(20):
        return plan.choices.pick(plan.named)
    if plan.members and plan.choices.percent(15):
        return plan.choices.pick(plan.members)
    return plan.choices.pick(plan.tops)


def _two(plan: Plan) -> tuple[str, str] | None:
    found = list(dict.fromkeys(_resource(plan) for _ in range(4)))
    return (found[0], found[1]) if len(found) > 1 else None


def _role(plan: Plan, resource: str) -> str | None:
    chance = 60 if resource in plan.promotable else 6
    return plan.choices.pick(_ROLES) if plan.choices.percent(chance) else None


def _sets(plan: Plan, parent: etree._Element, kind: str) -> None:
    choices = plan.choices
    left = list(dict.fromkeys(plan.tops + plan.members + plan.named))
    for _ in range(choices.between(1, 3)):
        chosen = choices.some(left, 1, 3)
        if not chosen:
            break
        left = [name for name in left if name not in chosen]
        promotable = any(name in plan.promotable for name in chosen)
        attrs: dict[str, str | None] = {"id": plan.fresh("set"), "sequential": choices.pick(_FLAGS)}
        if promotable and choices.percent(50):
            attrs["role"] = choices.pick(_ROLES)
        if kind == "order":
            attrs["require_all"] = choices.pick(_FLAGS)
            attrs["action"] = choices.pick(_ACTIONS) if choices.percent(30) else None
        if kind == "colocation":
            attrs["score"] = choices.pick(_SCORES) if choices.percent(15) else None
            attrs["ordering"] = choices.pick((None, None, None, "listed", "group"))
        block = put(parent, "resource_set", **attrs)
        for name in chosen:
            put(block, "resource_ref", id=name)


def location(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    element = put(parent, "rsc_location", id=plan.fresh("loc"))
    resource = _resource(plan)
    how = choices.pick(("rsc", "rsc", "rsc", "pattern", "set"))
    if how == "rsc":
        element.set("rsc", resource)
    elif how == "pattern":
        element.set("rsc-pattern", choices.pick(("^p[12]$", "p", "^c-.*", "!^p", "(p|g).*[13]")))
    else:
        _sets(plan, element, "location")
    if choices.percent(25) and plan.has("discovery"):
        element.set("resource-discovery", choices.pick(("never", "exclusive", "always")))
    role = _role(plan, resource)
    if how != "set" and role is not None:
        element.set("role", role)
    if plan.has("rules") and choices.percent(45):
        by = choices.pick(("score", "attribute"))
        rule(
            plan,
            element,
            nodes=True,
            score=choices.pick(_SCORES) if by == "score" else None,
            score_attribute=choices.pick(("rank", "ping", "nothing")) if by == "attribute" else None,
            role=role if choices.percent(20) else None,
        )
    else:
        element.set("node", choices.pick([host.name for host in plan.hosts]))
        element.set("score", choices.pick(_SCORES))


def colocation(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    two = _two(plan)
    if two is None:
        return
    element = put(parent, "rsc_colocation", id=plan.fresh("col"))
    if not choices.percent(4):
        element.set("score", choices.pick(_SCORES))
    if choices.percent(15):
        element.set("influence", choices.pick(("false", "true")))
    if plan.has("sets") and choices.percent(35):
        _sets(plan, element, "colocation")
        return
    element.set("rsc", two[0])
    element.set("with-rsc", two[1])
    for name, resource in (("rsc-role", two[0]), ("with-rsc-role", two[1])):
        role = _role(plan, resource)
        if role is not None:
            element.set(name, role)
    if choices.percent(12):
        element.set("node-attribute", choices.pick(("site", "rank", "nothing", "#uname")))


def order(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    two = _two(plan)
    if two is None:
        return
    element = put(
        parent,
        "rsc_order",
        id=plan.fresh("ord"),
        kind=choices.pick(_KINDS),
        symmetrical=choices.pick(_FLAGS) if choices.percent(40) else None,
        require_all=choices.pick(_FLAGS) if choices.percent(20) else None,
    )
    if element.get("kind") is None and choices.percent(20):
        element.set("score", choices.pick(("0", "INFINITY", "1", "-1")))
    if plan.has("sets") and choices.percent(35):
        _sets(plan, element, "order")
        return
    element.set("first", two[0])
    element.set("then", two[1])
    for name, resource in (("first-action", two[0]), ("then-action", two[1])):
        chance = 60 if resource in plan.promotable else 15
        action = choices.pick(_ACTIONS) if choices.percent(chance) else None
        if action is not None:
            element.set(name, action)


def ticket(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    name = choices.pick(("t1", "t2"))
    element = put(parent, "rsc_ticket", id=plan.fresh("tic"), ticket=name)
    if choices.percent(70):
        element.set("loss-policy", choices.pick(("stop", "demote", "fence", "freeze")))
    if plan.has("sets") and choices.percent(30):
        _sets(plan, element, "ticket")
    else:
        resource = _resource(plan)
        element.set("rsc", resource)
        role = _role(plan, resource)
        if role is not None:
            element.set("rsc-role", role)
    plan.tickets.append(name)


def build_constraints(plan: Plan) -> None:
    parent = plan.section("configuration/constraints")
    choices = plan.choices
    for feature, maker in (("locations", location), ("colocations", colocation), ("orders", order),
                           ("tickets", ticket)):  # fmt: skip
        if plan.has(feature):
            for _ in range(choices.between(1, 4)):
                maker(plan, parent)
