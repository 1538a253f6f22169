"""Random parts that say the same in another way, or concern other rooms: tags, references, levels of fencing."""

from __future__ import annotations

from lxml import etree

from tests.conformance.pe.plan import Plan, pairs, put
from tests.conformance.pe.rules import date_expression, rule


def build_tags(plan: Plan) -> None:
    """Tags, and templates, that constraints can name instead of resources."""
    choices = plan.choices
    if plan.has("tags"):
        tags = put(plan.section("configuration"), "tags")
        known = plan.tops + plan.members
        for number in range(choices.between(1, 2)):
            tag = put(tags, "tag", id=f"tag-{number}")
            for name in choices.some(known, 1, 3):
                put(tag, "obj_ref", id=name)
            plan.named.append(f"tag-{number}")
    if plan.has("templates"):
        plan.named += [template.get("id") or "" for template in plan.cib.iter("template")]


def build_topology(plan: Plan) -> None:
    """Levels of fencing: of no concern to what is scheduled, but they must not disturb."""
    devices = [leaf.name for leaf in plan.leaves if leaf.fencing]
    if not devices or not plan.has("topology"):
        return
    levels = put(plan.section("configuration"), "fencing-topology")
    for index in range(plan.choices.between(1, 2)):
        put(levels, "fencing-level", id=plan.fresh("level"), target=plan.choices.pick([h.name for h in plan.hosts]),
            index=str(index + 1), devices=",".join(plan.choices.some(devices, 1, 2)))  # fmt: skip


def build_references(plan: Plan) -> None:
    """Blocks that are another's, and further blocks with scores."""
    choices = plan.choices
    resources = plan.section("configuration/resources")
    for tag in ("meta_attributes", "instance_attributes"):
        blocks = [block for block in resources.iter(tag) if block.get("id")]
        takers = [element for element in resources.iter("primitive") if element.find(tag) is None]
        if plan.has("references") and blocks and takers and choices.percent(60):
            reference = etree.Element(tag, {"id-ref": choices.pick(blocks).get("id") or ""})
            choices.pick(takers).insert(0, reference)
    if plan.has("scored"):
        element = choices.pick(list(resources.iter("primitive", "group", "clone")) or [None])
        if element is not None:
            block = pairs(plan, element, "meta_attributes", {
                "resource-stickiness": choices.pick(("7", "INFINITY")), "priority": choices.pick(("3", "-2")),
            })  # fmt: skip
            assert block is not None
            element.remove(block)
            element.insert(0, block)
            block.set("score", choices.pick(("10", "-10", "INFINITY")))
            if choices.percent(50):
                block.insert(0, rule(plan, block, nodes=False))


def build_lifetimes(plan: Plan) -> None:
    """Constraints that hold for a time only."""
    if not plan.has("lifetimes"):
        return
    for constraint in plan.section("configuration/constraints"):
        plain = constraint.find("rule") is None and constraint.find("resource_set") is None
        if plain and constraint.tag == "rsc_location" and plan.choices.percent(50):
            lifetime = put(constraint, "lifetime")
            element = put(lifetime, "rule", id=plan.fresh("rule"), score="0")
            date_expression(plan, element)


def build_strangers(plan: Plan) -> None:
    """The state of a node that is not configured."""
    if plan.has("strangers"):
        put(plan.section("status"), "node_state", id="99", uname="ghost", crmd="online", in_ccm="true", join="member",
            expected=plan.choices.pick(("member", "down")),
            crm_debug_origin="test")  # fmt: skip
