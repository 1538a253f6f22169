"""Random resources: primitives, groups, clones, promotable clones, bundles, templates, remote and guest nodes."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tests.conformance.pe.plan import Host, Leaf, Plan, pairs, put
from tests.conformance.pe.rules import rule

_AGENTS: Final = (
    ("ocf", "pacemaker", "Dummy"),
    ("ocf", "heartbeat", "IPaddr2"),
    ("systemd", None, "web"),
    ("lsb", None, "mail"),
    ("ocf", "pacemaker", "Dummy"),
)
_STATEFUL: Final = ("ocf", "pacemaker", "Stateful")
_ON_FAIL: Final = (None, None, None, "restart", "block", "stop", "ignore", "standby", "fence", "demote")

# meta attribute: (chance in percent, values)
_META: Final = {
    "target-role": (18, ("Stopped", "Started", "Slave", "Master", "Promoted", "Unpromoted")),
    "is-managed": (8, ("false", "true")),
    "maintenance": (4, ("true", "false")),
    "priority": (20, ("1", "5", "10", "-1", "100")),
    "resource-stickiness": (30, ("1", "100", "0", "INFINITY", "-5", "50")),
    "migration-threshold": (20, ("1", "2", "3", "INFINITY")),
    "failure-timeout": (15, ("60", "10min", "1", "1d")),
    "allow-migrate": (25, ("true", "false")),
    "multiple-active": (15, ("stop_only", "block", "stop_start", "stop_unexpected")),
    "requires": (10, ("nothing", "quorum", "fencing", "unfencing")),
    "critical": (8, ("false", "true")),
    "allow-unhealthy-nodes": (5, ("true",)),
}
_TOP_META: Final = ("target-role", "is-managed", "priority", "resource-stickiness", "critical", "allow-unhealthy-nodes",
                    "maintenance", "migration-threshold", "failure-timeout", "allow-migrate", "multiple-active",
                    "requires")  # fmt: skip


def _meta(plan: Plan, parent: etree._Element, names: tuple[str, ...], extra: dict[str, str], scale: int = 100) -> None:
    values = dict(extra)
    for name in names:
        chance, options = _META[name]
        if plan.choices.percent(chance * scale // 100):
            values[name] = plan.choices.pick(options)
    if plan.has("migration") and "allow-migrate" in names and plan.choices.percent(70):
        values["allow-migrate"] = "true"
    block = pairs(plan, parent, "meta_attributes", values)
    if block is not None and plan.has("rules") and plan.choices.percent(10):
        block.insert(0, rule(plan, block, nodes=False))


def _operation(plan: Plan, operations: etree._Element, leaf: Leaf, name: str, interval: str, role: str | None) -> None:
    choices = plan.choices
    odd = plan.has("ops")
    op = put(
        operations,
        "op",
        id=f"{operations.getparent().get('id')}-{name}-{len(operations)}",
        name=name,
        interval=interval,
        timeout=f"{leaf.timeout}s" if choices.percent(60) else None,
        role=role,
        on_fail=choices.pick(_ON_FAIL) if odd else None,
        enabled="false" if odd and choices.percent(5) else None,
        start_delay="10s" if odd and choices.percent(3) else None,
    )
    if odd and choices.percent(5):
        op.set("interval-origin" if op.get("start-delay") is None else "start-delay", "2020-01-01 00:00:00Z" if
               op.get("start-delay") is None else "10s")  # fmt: skip
    if odd and choices.percent(8):
        pairs(plan, op, "meta_attributes", {choices.pick(("timeout", "on-fail", "record-pending", "enabled")): "true"})


def _operations(plan: Plan, element: etree._Element, leaf: Leaf) -> None:
    choices = plan.choices
    if choices.percent(15):
        return
    operations = put(element, "operations")
    if leaf.promotable:
        wanted = [("monitor", 10, "Promoted"), ("monitor", 11, "Unpromoted")]
        if choices.percent(20):
            wanted = [("monitor", 10, "Master"), ("monitor", 11, "Slave")]
        wanted = choices.some(wanted, 0, 2)
    else:
        wanted = choices.some([("monitor", 10, ""), ("monitor", 30, "Started")], 0, 2)
    if choices.percent(8):
        wanted.append(("monitor", 45, "Stopped"))
    units = ("{}s", "{}s", "{}", "{}000ms", "PT{}S", "{}sec") if plan.has("ops") else ("{}s",)
    for name, seconds, role in wanted:
        _operation(plan, operations, leaf, name, choices.pick(units).format(seconds), role or None)
        leaf.monitors.append((name, seconds * 1000, role))
    for name in ("start", "stop", "promote", "demote"):
        if plan.has("ops") and choices.percent(35):
            _operation(plan, operations, leaf, name, "0", None)
    if not len(operations):
        element.remove(operations)


def _utilization(plan: Plan, element: etree._Element) -> None:
    if plan.has("utilization") and plan.choices.percent(60):
        names = plan.choices.some(("cpu", "memory"), 1, 2)
        pairs(plan, element, "utilization", {name: str(plan.choices.between(0, 5)) for name in names})


def primitive(
    plan: Plan, parent: etree._Element, *, promotable: bool = False, agent: tuple[str, str | None, str] | None = None,
    meta: dict[str, str] | None = None, params: dict[str, str] | None = None, quiet: bool = False,
) -> Leaf:  # fmt: skip
    """A primitive; ``quiet``: with few meta attributes, as a member of something."""
    choices = plan.choices
    name = f"p{len(plan.leaves) + 1}"
    standard, provider, kind = agent or (_STATEFUL if promotable else choices.pick(_AGENTS))
    leaf = Leaf(name, standard, provider, kind, dict(params or {}), promotable=promotable)
    templates = parent.getroottree().findall(".//template")
    if templates and agent is None and not promotable and choices.percent(40):
        template = choices.pick(templates)
        element = put(parent, "primitive", id=name, template=template.get("id"))
        leaf.standard, leaf.provider, leaf.kind = "ocf", "pacemaker", "Dummy"
        leaf.params = {nv.get("name"): nv.get("value") for nv in template.iterfind("instance_attributes/nvpair")}
    else:
        element = put(parent, "primitive", id=name, class_=standard, provider=provider, type=kind)
    _meta(plan, element, _TOP_META, meta or {}, 25 if quiet or not plan.has("meta") else 100)
    if choices.percent(40) and not params:
        leaf.params["state"] = choices.pick(("x", "y z"))
    own = dict(leaf.params.items())
    if own:
        block = pairs(plan, element, "instance_attributes", own)
        if block is not None and plan.has("rules") and choices.percent(8):
            block.insert(0, rule(plan, block, nodes=True))
    _operations(plan, element, leaf)
    _utilization(plan, element)
    plan.leaves.append(leaf)
    return leaf


def group(plan: Plan, parent: etree._Element, *, promotable: bool = False, top: bool = True) -> list[Leaf]:
    name = plan.fresh("g")
    element = put(parent, "group", id=name)
    extra: dict[str, str] = {}
    if plan.has("legacy") and plan.choices.percent(30):
        extra[plan.choices.pick(("ordered", "collocated"))] = "false"
    _meta(plan, element, _TOP_META, extra, 60 if top else 20)
    leaves = [primitive(plan, element, promotable=promotable, quiet=True) for _ in range(plan.choices.between(1, 3))]
    plan.members += [leaf.name for leaf in leaves]
    if top:
        plan.tops.append(name)
    return leaves


def clone(plan: Plan, parent: etree._Element, *, promotable: bool) -> None:
    choices = plan.choices
    name = plan.fresh("m" if promotable else "c")
    element = put(parent, "clone", id=name)
    extra = {"promotable": "true"} if promotable else {}
    unique = choices.percent(25)
    if unique:
        extra["globally-unique"] = "true"
    for option, chance, values in (
        ("interleave", 40, ("true", "false")),
        ("ordered", 20, ("true", "false")),
        ("notify", 90 if plan.has("notify") else 15, ("true", "false")),
        ("clone-max", 40, ("2", "1", "3", "4", "0")),
        ("clone-node-max", 40 if unique else 8, ("2", "3", "1")),
        ("clone-min", 8, ("1", "2")),
        ("promoted-max", 30 if promotable else 0, ("2", "1", "3", "0")),
        ("promoted-node-max", 8 if promotable else 0, ("1", "2")),
    ):
        if choices.percent(chance):
            extra[option] = choices.pick(values)
    _meta(plan, element, _TOP_META, extra, 60)
    if plan.has("groups") and choices.percent(30):
        leaves = group(plan, element, promotable=promotable, top=False)
    else:
        leaves = [primitive(plan, element, promotable=promotable, quiet=True)]
    for leaf in leaves:
        leaf.clone, leaf.unique, leaf.instances = name, unique, int(extra.get("clone-max", "3"))
    plan.tops.append(name)
    if promotable:
        plan.promotable.append(name)


def bundle(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    name = plan.fresh("b")
    element = put(parent, "bundle", id=name)
    promotable = choices.percent(30)
    put(
        element,
        choices.pick(("docker", "podman")),
        image="image:1",
        replicas=choices.pick((None, "1", "2", "3")),
        replicas_per_host=choices.pick((None, None, "2", "1")),
        promoted_max=choices.pick(("1", "2")) if promotable else None,
        options="--log" if choices.percent(20) else None,
    )
    network = put(
        element,
        "network",
        ip_range_start="192.168.122.131" if choices.percent(60) else None,
        host_interface="eth0" if choices.percent(30) else None,
        host_netmask="24" if choices.percent(30) else None,
        control_port="3121",
    )
    if choices.percent(40):
        put(network, "port-mapping", id=f"{name}-port", port="80")
    if choices.percent(40):
        storage = put(element, "storage")
        put(storage, "storage-mapping", id=f"{name}-map", source_dir_root="/srv", target_dir="/var", options="rw")
    _meta(plan, element, ("target-role", "is-managed", "priority", "resource-stickiness"), {}, 50)
    if choices.percent(75):
        leaf = primitive(plan, element, promotable=promotable, agent=_STATEFUL if promotable else _AGENTS[0],
                         quiet=True)  # fmt: skip
        leaf.clone = name
        leaf.instances = -1
    plan.tops.append(name)
    plan.bundles.append(element)
    if promotable:
        plan.promotable.append(name)


def _remote(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    name = plan.fresh("remote")
    element = put(parent, "primitive", id=name, class_="ocf", provider="pacemaker", type="remote")
    leaf = Leaf(name, "ocf", "pacemaker", "remote")
    meta: dict[str, str] = {}
    _meta(plan, element, ("target-role", "is-managed", "allow-migrate", "resource-stickiness", "priority"), meta, 60)
    params = {
        name: value for name, value in (("server", "10.0.0.1"), ("reconnect_interval", "60")) if choices.percent(30)
    }
    pairs(plan, element, "instance_attributes", params)
    leaf.params = params
    _operations(plan, element, leaf)
    plan.leaves.append(leaf)
    plan.tops.append(name)
    plan.hosts.append(Host(name, name, "remote"))


def _guest(plan: Plan, parent: etree._Element) -> None:
    name = plan.fresh("guest")
    extra = {"remote-node": name}
    if plan.choices.percent(20):
        extra["remote-allow-migrate"] = "false"
    if plan.choices.percent(20):
        extra["remote-addr"] = "10.0.0.2"
    agent = ("ocf", "heartbeat", "VirtualDomain")
    leaf = primitive(plan, parent, agent=agent, meta=extra, params={"config": "/vm.xml"})
    plan.tops.append(leaf.name)
    plan.hosts.append(Host(name, name, "guest"))
    plan.guests.append(leaf.name)


def _fencing(plan: Plan, parent: etree._Element) -> None:
    choices = plan.choices
    for _ in range(choices.between(1, 2)):
        name = f"fence{len(plan.leaves) + 1}"
        element = put(parent, "primitive", id=name, class_="stonith", type=choices.pick(("fence_xvm", "external/ssh")))
        meta: dict[str, str] = {}
        if choices.percent(20):
            meta["provides"] = "unfencing"
        _meta(plan, element, ("target-role", "resource-stickiness", "is-managed", "priority"), meta, 40)
        params = {"pcmk_host_list": " ".join(h.name for h in plan.hosts if h.kind == "member" and choices.percent(80))}
        leaf = Leaf(name, "stonith", None, element.get("type") or "", params, fencing=True)
        pairs(plan, element, "instance_attributes", params)
        _operations(plan, element, leaf)
        plan.leaves.append(leaf)
        plan.tops.append(name)


def _template(plan: Plan, parent: etree._Element) -> None:
    element = put(parent, "template", id=plan.fresh("t"), class_="ocf", provider="pacemaker", type="Dummy")
    _meta(plan, element, ("resource-stickiness", "priority", "migration-threshold"), {})
    if plan.choices.percent(50):
        pairs(plan, element, "instance_attributes", {"fake": "1"})
    if plan.choices.percent(50):
        operations = put(element, "operations")
        put(operations, "op", id=f"{element.get('id')}-mon", name="monitor", interval="20s", timeout="20s")


def build_resources(plan: Plan) -> None:
    parent = plan.section("configuration/resources")
    choices = plan.choices
    if plan.has("templates"):
        _template(plan, parent)
    if plan.has("fencing"):
        _fencing(plan, parent)
    makers = [lambda: plan.tops.append(primitive(plan, parent).name)]
    for feature, maker in (
        ("groups", lambda: group(plan, parent)),
        ("clones", lambda: clone(plan, parent, promotable=False)),
        ("promotable", lambda: clone(plan, parent, promotable=True)),
        ("bundles", lambda: bundle(plan, parent)),
        ("remotes", lambda: _remote(plan, parent)),
        ("guests", lambda: _guest(plan, parent)),
    ):
        if plan.has(feature):
            makers.append(maker)
    for _ in range(choices.between(1, 6)):
        choices.pick(makers)()
