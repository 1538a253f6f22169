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


_CHANGES: Final[tuple[Callable[[Choices, etree._Element], None], ...]] = (
    _membership, _membership, _node_attribute, _transient, _result, _result, _result, _digest, _forget, _elsewhere,
    _meta, _meta, _parameter, _score, _constraint, _move, _move, _orphan, _ticket, _quorum,
)  # fmt: skip


def evolve(cib: bytes, seed: int) -> bytes:
    """The CIB with one to four things changed."""
    choices = Choices.of_seed(seed)
    root = etree.fromstring(cib, etree.XMLParser(remove_blank_text=True))
    for _ in range(choices.between(1, 4)):
        choices.pick(_CHANGES)(choices, root)
    etree.indent(root)
    return etree.tostring(root, encoding="UTF-8")
