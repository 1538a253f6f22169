"""What may happen to a cluster between two transitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lxml import etree

from tests.conformance.pe.choices import Choices
from tests.conformance.pe.plan import NOW, put

_MEMBERSHIPS: Final = (
    {"in_ccm": "false", "crmd": "offline", "join": "down", "expected": "down"},
    {"in_ccm": "false", "crmd": "offline", "join": "member", "expected": "member"},
    {"in_ccm": "true", "crmd": "offline", "join": "down", "expected": "member"},
    {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "member"},
    {"in_ccm": "true", "crmd": "online", "join": "member", "expected": "down"},
)


def _some(choices: Choices, root: etree._Element, path: str) -> etree._Element | None:
    found = root.xpath(path)
    return choices.pick(found) if found else None


def _membership(choices: Choices, root: etree._Element) -> None:
    state = _some(choices, root, "status/node_state")
    if state is None:
        return
    if state.get("remote_node"):
        state.set("in_ccm", choices.pick(("true", "false")))
    else:
        state.attrib.update(choices.pick(_MEMBERSHIPS))


def _pair(block: etree._Element, name: str, value: str) -> None:
    for known in block.findall("nvpair"):
        if known.get("name") == name:
            known.set("value", value)
            return
    put(block, "nvpair", id=f"{block.get('id')}-{name}-new", name=name, value=value)


def _node_attribute(choices: Choices, root: etree._Element) -> None:
    node = _some(choices, root, "configuration/nodes/node")
    if node is None:
        return
    block = node.find("instance_attributes")
    if block is None:
        block = put(node, "instance_attributes", id=f"node-{node.get('id')}-new")
        node.insert(0, block)
    _pair(block, choices.pick(("standby", "maintenance", "rank")), choices.pick(("true", "on", "false", "1")))


def _transient(choices: Choices, root: etree._Element) -> None:
    state = _some(choices, root, "status/node_state")
    leaf = _some(choices, root, "//primitive")
    if state is None or leaf is None:
        return
    block = state.find("transient_attributes/instance_attributes")
    if block is None:
        transient = put(state, "transient_attributes", id=state.get("id"))
        block = put(transient, "instance_attributes", id=f"status-{state.get('id')}-new")
    name = leaf.get("id")
    kind = choices.pick(("fail", "fail", "shutdown", "master", "standby"))
    if kind == "fail":
        task = choices.pick(("monitor_10000", "start_0"))
        _pair(block, f"fail-count-{name}#{task}", choices.pick(("1", "3", "INFINITY")))
        _pair(block, f"last-failure-{name}#{task}", str(NOW - 30))
    elif kind == "master":
        _pair(block, f"master-{name}", choices.pick(("20", "5", "-INFINITY")))
    else:
        _pair(block, kind, str(NOW - 10) if kind == "shutdown" else "true")


def _result(choices: Choices, root: etree._Element) -> None:
    op = _some(choices, root, "status/node_state/lrm//lrm_rsc_op")
    if op is None:
        return
    rc = choices.pick((1, 7, 5, 0, 8, 9, 6, 193))
    status = -1 if rc == 193 else choices.pick((0, 0, 4, 2))
    magic = (op.get("transition-magic") or "").partition(";")[2]
    op.set("rc-code", str(rc))
    op.set("op-status", str(status))
    op.set("transition-magic", f"{status}:{rc};{magic}")
    op.set("last-rc-change", str(NOW - 20))
    if status == -1:
        op.set("call-id", "-1")


def _digest(choices: Choices, root: etree._Element) -> None:
    op = _some(choices, root, "status/node_state/lrm//lrm_rsc_op")
    if op is not None:
        op.set("op-digest", "0" * 32)


def _forget(choices: Choices, root: etree._Element) -> None:
    found = _some(choices, root, "status/node_state/lrm//lrm_resource")
    if found is not None:
        found.getparent().remove(found)


def _elsewhere(choices: Choices, root: etree._Element) -> None:
    """Let what is known of a resource on one node be known on another one too."""
    found = _some(choices, root, "status/node_state/lrm//lrm_resource")
    target = _some(choices, root, "status/node_state/lrm/lrm_resources")
    if found is None or target is None or found.getparent() is target:
        return
    for known in target.findall("lrm_resource"):
        if known.get("id") == found.get("id"):
            target.remove(known)
    target.append(etree.fromstring(etree.tostring(found)))


def _meta(choices: Choices, root: etree._Element) -> None:
    element = _some(choices, root, "//primitive|//group|//clone|//bundle")
    if element is None:
        return
    block = element.find("meta_attributes")
    if block is None:
        block = put(element, "meta_attributes", id=f"{element.get('id')}-new")
        element.remove(block)
        element.insert(1 if element.tag == "bundle" else 0, block)
    name, value = choices.pick((
        ("target-role", "Stopped"), ("is-managed", "false"), ("resource-stickiness", "0"), ("priority", "7"),
        ("maintenance", "true"), ("target-role", "Started"),
    ))  # fmt: skip
    _pair(block, name, value)


def _parameter(choices: Choices, root: etree._Element) -> None:
    pair = _some(choices, root, "//primitive/instance_attributes/nvpair")
    if pair is not None:
        pair.set("value", "changed")


def _score(choices: Choices, root: etree._Element) -> None:
    found = _some(choices, root, "configuration/constraints/*[@score]")
    if found is not None:
        found.set("score", choices.pick(("INFINITY", "-INFINITY", "0", "77")))


def _constraint(choices: Choices, root: etree._Element) -> None:
    found = _some(choices, root, "configuration/constraints/*")
    if found is not None:
        found.getparent().remove(found)


def _move(choices: Choices, root: etree._Element) -> None:
    resource = _some(choices, root, "configuration/resources/*[not(self::template)]")
    node = _some(choices, root, "configuration/nodes/node")
    if resource is not None and node is not None:
        score = choices.pick(("INFINITY", "-INFINITY", "200"))
        constraint = put(root.find("configuration/constraints"), "rsc_location", id=f"move-{choices.between(0, 10**9)}")
        constraint.attrib.update({"rsc": resource.get("id"), "node": node.get("uname"), "score": score})


def _orphan(choices: Choices, root: etree._Element) -> None:
    """Take a resource out of the configuration, with the constraints that name it."""
    found = _some(choices, root, "configuration/resources/*[not(self::template)]")
    if found is None:
        return
    gone = {item.get("id") for item in found.iter()}
    for constraint in root.findall("configuration/constraints/*"):
        names = {value for item in constraint.iter() for value in item.attrib.values()}
        if names & gone:
            constraint.getparent().remove(constraint)
    found.getparent().remove(found)


def _ticket(choices: Choices, root: etree._Element) -> None:
    found = _some(choices, root, "status/tickets/ticket_state")
    if found is not None:
        found.set(choices.pick(("granted", "standby")), choices.pick(("false", "true")))


def _quorum(choices: Choices, root: etree._Element) -> None:
    root.set("have-quorum", choices.pick(("0", "1")))


_OPTIONS: Final = (
    ("no-quorum-policy", ("stop", "freeze", "ignore", "demote", "suicide")),
    ("stonith-enabled", ("true", "false")),
    ("symmetric-cluster", ("false", "true")),
    ("maintenance-mode", ("true", "false")),
    ("stop-all-resources", ("true",)),
    ("stop-orphan-resources", ("false", "true")),
    ("stop-orphan-actions", ("false",)),
    ("start-failure-is-fatal", ("false", "true")),
    ("enable-startup-probes", ("false", "true")),
    ("startup-fencing", ("false", "true")),
    ("stonith-action", ("off", "reboot", "poweroff")),
    ("concurrent-fencing", ("true", "false")),
    ("priority-fencing-delay", ("15s", "0")),
    ("placement-strategy", ("balanced", "utilization", "minimal", "default")),
    ("node-health-strategy", ("only-green", "migrate-on-red", "progressive", "custom", "none")),
    ("shutdown-lock", ("true", "false")),
    ("have-watchdog", ("true", "false")),
)
_META: Final = (
    ("migration-threshold", ("1", "2", "INFINITY")),
    ("failure-timeout", ("1", "10min", "0")),
    ("multiple-active", ("block", "stop_only", "stop_start", "stop_unexpected")),
    ("allow-migrate", ("true", "false")),
    ("target-role", ("Promoted", "Unpromoted", "stopped")),
    ("requires", ("nothing", "quorum", "fencing", "unfencing")),
    ("resource-stickiness", ("INFINITY", "-1", "200")),
    ("critical", ("false", "true")),
    ("clone-max", ("1", "2", "0", "5")),
    ("clone-node-max", ("2", "1")),
    ("clone-min", ("1", "2")),
    ("promoted-max", ("0", "2", "1")),
    ("master-max", ("2",)),
    ("globally-unique", ("true", "false")),
    ("interleave", ("true", "false")),
    ("ordered", ("true", "false")),
    ("notify", ("true", "false")),
    ("promotable", ("true", "false")),
)
_ROLES: Final = ("Started", "Promoted", "Unpromoted", "Stopped")
_ATTRIBUTES: Final = (
    ("//rsc_colocation", "rsc-role", _ROLES),
    ("//rsc_colocation", "with-rsc-role", _ROLES),
    ("//rsc_colocation", "influence", ("true", "false")),
    ("//rsc_colocation", "node-attribute", ("#uname", "site", "#id")),
    ("//rsc_order", "kind", ("Mandatory", "Optional", "Serialize")),
    ("//rsc_order", "symmetrical", ("true", "false")),
    ("//rsc_order", "require-all", ("true", "false")),
    ("//rsc_order[@first]", "first-action", ("start", "stop", "promote", "demote")),
    ("//rsc_order[@first]", "then-action", ("start", "stop", "promote", "demote")),
    ("//resource_set", "sequential", ("true", "false")),
    ("//resource_set", "require-all", ("true", "false")),
    ("//resource_set", "role", _ROLES),
    ("//resource_set", "action", ("start", "stop", "promote", "demote")),
    ("//rsc_location[@node]", "resource-discovery", ("never", "exclusive", "always")),
    ("//rsc_location[@rsc]", "role", _ROLES),
    ("//rsc_ticket", "loss-policy", ("stop", "demote", "fence", "freeze")),
    ("//op", "on-fail", ("ignore", "block", "stop", "restart", "fence", "standby", "demote")),
    ("//op", "enabled", ("false", "true")),
    ("//op", "interval", ("0", "10s", "PT1M", "1h", "15000ms")),
    ("//op[@name='monitor']", "role", _ROLES),
    ("//rule", "boolean-op", ("or", "and")),
    ("//expression", "operation", ("eq", "ne", "lt", "gt", "defined", "not_defined")),
    ("//primitive", "type", ("Other",)),
    ("//docker|//podman", "replicas", ("1", "2", "4")),
    ("//docker|//podman", "replicas-per-host", ("1", "2")),
)


def _option(choices: Choices, root: etree._Element) -> None:
    section = root.find("configuration/crm_config")
    block = section.find("cluster_property_set")
    if block is None:
        block = put(section, "cluster_property_set", id="options-new")
    name, values = choices.pick(_OPTIONS)
    _pair(block, name, choices.pick(values))


def _more_meta(choices: Choices, root: etree._Element) -> None:
    element = _some(choices, root, "//resources//primitive|//resources//group|//resources//clone|//resources//master")
    if element is None:
        return
    block = element.find("meta_attributes")
    if block is None:
        block = put(element, "meta_attributes", id=f"{element.get('id')}-newer")
        element.remove(block)
        element.insert(0, block)
    name, values = choices.pick(_META)
    _pair(block, name, choices.pick(values))


def _attribute(choices: Choices, root: etree._Element) -> None:
    path, name, values = choices.pick(_ATTRIBUTES)
    found = _some(choices, root, path)
    if found is not None:
        found.set(name, choices.pick(values))


def _no_node(choices: Choices, root: etree._Element) -> None:
    """Take a node out of the configuration; its state may stay."""
    nodes = root.findall("configuration/nodes/node")
    if len(nodes) < 2:
        return
    gone = choices.pick(nodes)
    gone.getparent().remove(gone)
    state = root.find(f"status/node_state[@uname='{gone.get('uname')}']")
    if state is not None and choices.percent(50):
        state.getparent().remove(state)


def _no_history(choices: Choices, root: etree._Element) -> None:
    found = _some(choices, root, "status/node_state/lrm|status/node_state")
    if found is not None:
        found.getparent().remove(found)


def _call(choices: Choices, root: etree._Element) -> None:
    op = _some(choices, root, "status/node_state/lrm//lrm_rsc_op")
    if op is not None:
        op.set("call-id", choices.pick(("-1", "1", "99999")))


def _task(choices: Choices, root: etree._Element) -> None:
    """Let an operation have been another one."""
    op = _some(choices, root, "status/node_state/lrm//lrm_rsc_op[@interval='0']")
    if op is None:
        return
    task = choices.pick(("start", "stop", "monitor", "promote", "demote", "migrate_to", "migrate_from"))
    op.set("operation", task)
    op.set("operation_key", f"{op.getparent().get('id')}_{task}_0")
    if task.startswith("migrate"):
        names = [state.get("uname") or "" for state in root.findall("status/node_state")]
        op.set("migrate_source", choices.pick(names))
        op.set("migrate_target", choices.pick(names))


_CHANGES: Final[tuple[Callable[[Choices, etree._Element], None], ...]] = (
    _membership, _membership, _node_attribute, _transient, _result, _result, _result, _digest, _forget, _elsewhere,
    _meta, _meta, _parameter, _score, _constraint, _move, _move, _orphan, _ticket, _quorum,
    _option, _option, _more_meta, _more_meta, _attribute, _attribute, _attribute, _no_node, _no_history, _call, _task,
    _task,
)  # fmt: skip


def evolve(cib: bytes, seed: int) -> bytes:
    """The CIB with one to four things changed."""
    choices = Choices.of_seed(seed)
    root = etree.fromstring(cib, etree.XMLParser(remove_blank_text=True))
    for _ in range(choices.between(1, 4)):
        choices.pick(_CHANGES)(choices, root)
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8")


_SECTIONS: Final = (
    "configuration/nodes",
    "configuration/nodes/node/instance_attributes",
    "configuration/resources//meta_attributes",
    "configuration/resources//instance_attributes",
    "configuration/crm_config/cluster_property_set",
    "status/node_state/transient_attributes/instance_attributes",
)
"""Whose children may stand in any order."""


def shuffled(cib: bytes, seed: int) -> bytes:
    """The CIB with what may stand in any order in another one."""
    choices, root = Choices.of_seed(seed), etree.fromstring(cib, etree.XMLParser(remove_blank_text=True))
    for path in _SECTIONS:
        for section in root.findall(path):
            children = list(section)
            names = [child.get("name") for child in children]
            if len(set(names)) == len(names) or path.endswith("nodes"):
                section[:] = choices.some(children, len(children), len(children))
    return etree.tostring(root)


def reordered(cib: bytes, seed: int) -> bytes:
    """The CIB with its sections, resources and constraints in another order, which may decide what ties."""
    choices, root = Choices.of_seed(seed), etree.fromstring(shuffled(cib, seed))
    for path in ("configuration", "configuration/resources", "configuration/constraints", "status"):
        section = root.find(path)
        children = list(section)
        section[:] = choices.some(children, len(children), len(children))
    return etree.tostring(root)
