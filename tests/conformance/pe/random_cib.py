"""Random CIBs that Pacemaker 2.1.5 takes: one builder, fed by dice (a seed) or by Hypothesis.

Each CIB uses a random part of the features, so that every pair of features meets without the rest in the way.
"""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from lxml import etree

from tests.conformance.pe.choices import Choices
from tests.conformance.pe.plan import NOW, Host, Plan, pairs, put
from tests.conformance.pe.random_constraints import build_constraints
from tests.conformance.pe.random_extras import (
    build_lifetimes,
    build_references,
    build_strangers,
    build_tags,
    build_topology,
)
from tests.conformance.pe.random_resources import build_resources
from tests.conformance.pe.random_status import build_status
from tests.conformance.pe.rules import rule

# feature: chance in percent
FEATURES: Final = {
    "groups": 45,
    "clones": 45,
    "promotable": 35,
    "bundles": 20,
    "remotes": 15,
    "guests": 12,
    "templates": 15,
    "fencing": 50,
    "meta": 60,
    "ops": 45,
    "rules": 30,
    "legacy": 8,
    "utilization": 18,
    "health": 12,
    "attributes": 45,
    "locations": 55,
    "discovery": 25,
    "colocations": 55,
    "orders": 55,
    "sets": 35,
    "tickets": 15,
    "options": 45,
    "defaults": 20,
    "running": 85,
    "failures": 45,
    "troubles": 45,
    "orphans": 15,
    "multiple": 12,
    "notify": 12,
    "migration": 15,
    "reload": 10,
    "locks": 8,
    "tags": 15,
    "topology": 15,
    "references": 12,
    "scored": 10,
    "lifetimes": 8,
    "strangers": 4,
}

# option: (chance in percent, values); the first two are there in half of all CIBs
_OPTIONS: Final = {
    "no-quorum-policy": (40, ("stop", "freeze", "ignore", "demote", "suicide")),
    "symmetric-cluster": (15, ("false", "true")),
    "stonith-action": (15, ("reboot", "off")),
    "startup-fencing": (15, ("false", "true")),
    "concurrent-fencing": (25, ("true", "false")),
    "enable-startup-probes": (15, ("false", "true")),
    "maintenance-mode": (6, ("true", "false")),
    "stop-all-resources": (5, ("true", "false")),
    "stop-orphan-resources": (15, ("false", "true")),
    "stop-orphan-actions": (15, ("false", "true")),
    "remove-after-stop": (5, ("true", "false")),
    "batch-limit": (10, ("1", "0", "30")),
    "migration-limit": (10, ("1", "0", "-1")),
    "start-failure-is-fatal": (20, ("false", "true")),
    "priority-fencing-delay": (15, ("10s", "60")),
    "shutdown-lock": (20, ("true", "false")),
    "shutdown-lock-limit": (8, ("30s", "10min", "0")),
    "cluster-delay": (8, ("60s", "30")),
    "stonith-timeout": (8, ("60s", "2min")),
    "have-watchdog": (10, ("true", "false")),
    "stonith-watchdog-timeout": (5, ("10", "0")),
    "stonith-max-attempts": (3, ("3",)),
}
_HEALTH: Final = {
    "node-health-strategy": (100, ("migrate-on-red", "only-green", "progressive", "custom", "none")),
    "node-health-base": (30, ("10", "-10", "0")),
    "node-health-green": (20, ("10", "0")),
    "node-health-yellow": (30, ("-10", "5")),
    "node-health-red": (20, ("-INFINITY", "-100")),
}


def _chosen(choices: Choices, table: dict[str, tuple[int, tuple[str, ...]]]) -> dict[str, str]:
    return {name: choices.pick(values) for name, (chance, values) in table.items() if choices.percent(chance)}


def _options(plan: Plan) -> None:
    choices = plan.choices
    values = _chosen(choices, _OPTIONS) if plan.has("options") else {}
    if plan.has("locks"):
        values["shutdown-lock"] = "true"
    values["stonith-enabled"] = "true" if plan.has("fencing") and not choices.percent(15) else "false"
    if plan.has("utilization"):
        values["placement-strategy"] = choices.pick(("balanced", "utilization", "minimal", "default"))
    if plan.has("health"):
        values |= _chosen(choices, _HEALTH)
    block = pairs(plan, plan.section("configuration/crm_config"), "cluster_property_set", values)
    if block is not None and plan.has("rules") and choices.percent(5):
        block.insert(0, rule(plan, block, nodes=False))


def _defaults(plan: Plan) -> None:
    choices = plan.choices
    configuration = plan.section("configuration")
    if choices.percent(70):
        defaults = put(configuration, "rsc_defaults")
        values = _chosen(choices, {
            "resource-stickiness": (60, ("1", "100", "INFINITY")), "migration-threshold": (40, ("1", "3")),
            "failure-timeout": (20, ("60s",)), "is-managed": (5, ("false",)), "priority": (10, ("2",)),
            "allow-migrate": (15, ("true",)),
        })  # fmt: skip
        block = pairs(plan, defaults, "meta_attributes", values)
        if block is not None and plan.has("rules") and choices.percent(40):
            element = put(block, "rule", id=plan.fresh("rule"), boolean_op="and", score="INFINITY")
            block.insert(0, element)
            put(element, "rsc_expression", id=plan.fresh("expr"), class_=choices.pick((None, "ocf", "systemd")),
                type=choices.pick((None, "Dummy")))  # fmt: skip
    if choices.percent(70):
        defaults = put(configuration, "op_defaults")
        values = _chosen(choices, {
            "timeout": (60, ("30s", "5")), "on-fail": (20, ("block", "restart", "fence", "ignore", "stop")),
            "record-pending": (20, ("true", "false")), "interval": (3, ("5s",)),
        })  # fmt: skip
        block = pairs(plan, defaults, "meta_attributes", values)
        if block is not None and plan.has("rules") and choices.percent(40):
            element = put(block, "rule", id=plan.fresh("rule"), boolean_op="and", score="INFINITY")
            block.insert(0, element)
            put(element, "op_expression", id=plan.fresh("expr"), name=choices.pick(("monitor", "start")),
                interval=choices.pick((None, "10s")))  # fmt: skip


def _nodes(plan: Plan) -> None:
    choices = plan.choices
    parent = plan.section("configuration/nodes")
    for number in range(1, choices.between(2, choices.pick((3, 4, 5, 8))) + 1):
        host = Host(f"n{number}", str(number))
        plan.hosts.append(host)
        node = put(parent, "node", id=host.uuid, uname=host.name, type=choices.pick((None, None, "member")))
        values: dict[str, str] = {}
        if plan.has("attributes"):
            for name, options in (("site", ("a", "b", "A")), ("rank", ("1", "2", "10", "-5"))):
                if choices.percent(50):
                    values[name] = choices.pick(options)
        if plan.has("troubles"):
            for name in ("standby", "maintenance"):
                if choices.percent(8):
                    values[name] = choices.pick(("on", "true", "false"))
        if plan.has("health") and choices.percent(40):
            values["#health-cpu"] = choices.pick(("red", "yellow", "green", "-3"))
        pairs(plan, node, "instance_attributes", values)
        if plan.has("utilization") and choices.percent(85):
            pairs(plan, node, "utilization",
                  {name: str(choices.between(0, 8)) for name in choices.some(("cpu", "memory"), 1, 2)})  # fmt: skip


def _empty(choices: Choices) -> etree._Element:
    cib = etree.Element(
        "cib",
        {
            "crm_feature_set": "3.16.1",
            "validate-with": "pacemaker-3.9",
            "epoch": "1",
            "num_updates": "1",
            "admin_epoch": "0",
            "have-quorum": "0" if choices.percent(12) else "1",
            "dc-uuid": "1",
            "execution-date": str(NOW),
        },
    )
    configuration = put(cib, "configuration")
    for tag in ("crm_config", "nodes", "resources", "constraints"):
        put(configuration, tag)
    put(cib, "status")
    return cib


def build(choices: Choices) -> etree._Element:
    """One CIB."""
    features = frozenset(name for name, chance in FEATURES.items() if choices.percent(chance))
    plan = Plan(choices, features, _empty(choices))
    _nodes(plan)
    build_resources(plan)
    _options(plan)
    build_tags(plan)
    build_constraints(plan)
    build_lifetimes(plan)
    if plan.has("defaults"):
        _defaults(plan)
    build_topology(plan)
    build_references(plan)
    build_status(plan)
    build_strangers(plan)
    return plan.cib


def text(cib: etree._Element) -> bytes:
    """A CIB as a file has it."""
    etree.indent(cib)
    return etree.tostring(cib, encoding="UTF-8")


def of_seed(seed: int) -> bytes:
    """The CIB of a seed."""
    return text(build(Choices.of_seed(seed)))


@st.composite
def cibs(draw: st.DrawFn) -> bytes:
    """Hypothesis' CIBs; they shrink to few and plain choices."""
    return text(build(Choices(lambda low, high: draw(st.integers(low, high)))))
