"""A simulation as a tree of elements: the shape of crm_simulate's ``--output-as xml``, free of any syntax."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from hacluster.base.tree import Tree
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.unpack.resources import is_disabled
from hacluster.pe.views.status.show import Show, filtered_by_node, runs_on_any, wanted
from hacluster.pe.views.words import PENDING, node_health

_HEALTH: Final = {-1: "red", 0: "yellow", 1: "green"}
_OLD_FEATURES: Final = "<3.15.1"
"""What nodes are taken for that do not tell their feature set."""


def _flags(**flags: bool) -> dict[str, str]:
    return {name: "true" if value else "false" for name, value in flags.items()}


def node_tree(cluster: Cluster, node: Node) -> Tree:
    """A node."""
    attrs = {"name": node.name, "id": node.id}
    attrs |= _flags(online=node.online, standby=node.standby, standby_onfail=node.standby_onfail,
                    maintenance=node.maintenance, pending=node.pending, unclean=node.unclean)  # fmt: skip
    attrs["health"] = _HEALTH[node_health(cluster, node)]
    if node.online and node.expected_up and not node.is_remote and not node.is_guest:
        attrs["feature_set"] = node.attrs.get("#feature-set", _OLD_FEATURES)
    attrs |= _flags(shutdown=node.shutdown, expected_up=node.expected_up, is_dc=node.is_dc)
    attrs["resources_running"] = str(len(node.running))
    attrs["type"] = "remote" if node.is_remote or node.is_guest else "member"
    if node.guest_container is not None:
        attrs["id_as_resource"] = node.guest_container.id
    return Tree("node", attrs)


def _primitive(rsc: Resource, show: Show) -> Tree:
    attrs = {"id": rsc.printable_id, "resource_agent": ":".join(part for part in rsc.agent if part)}
    role = Role.UNPROMOTED if rsc.role is Role.STARTED and rsc.top.promotable else rsc.role
    attrs["role"] = (PENDING.get(rsc.pending_task or "") if show.pending else None) or role.word
    if target := rsc.meta.get("target-role"):
        attrs["target_role"] = target
    attrs |= _flags(active=rsc.is_active(True), orphaned=rsc.orphan, removed=rsc.orphan, blocked=rsc.blocked,
                    maintenance=rsc.maintenance, managed=rsc.managed, failed=rsc.failed,
                    failure_ignored=rsc.failure_ignored)  # fmt: skip
    attrs["nodes_running_on"] = str(len(rsc.active_on))
    places = [
        Tree("node", {"name": node.name, "id": node.id} | _flags(cached=node.online)) for node in rsc.active_on
    ]  # fmt: skip
    return Tree("resource", attrs, places)


def _parts(rsc: Resource, show: Show) -> list[Tree]:
    shown = [child for child in rsc.instances if wanted(child, show)]
    return [
        resource_tree(child, show) for child in shown if rsc.kind is Kind.GROUP or not filtered_by_node(child, show)
    ]


def _group(rsc: Resource, show: Show) -> Tree:
    attrs = {"id": rsc.id, "number_resources": str(len(rsc.instances))}
    attrs |= _flags(maintenance=rsc.maintenance, managed=rsc.managed, disabled=is_disabled(rsc))
    return Tree("group", attrs, _parts(rsc, show))


def _clone(rsc: Resource, show: Show) -> Tree:
    flags = _flags(multi_state=rsc.promotable, unique=rsc.unique, maintenance=rsc.maintenance, managed=rsc.managed,
                   disabled=is_disabled(rsc), failed=rsc.failed, failure_ignored=rsc.failure_ignored)  # fmt: skip
    target = rsc.meta.get("target-role")
    if target is not None:
        flags["target_role"] = target
    return Tree("clone", {"id": rsc.id} | flags, _parts(rsc, show))


def _bundle(rsc: Resource, show: Show) -> Tree:
    data = rsc.bundle_data
    attrs = {"id": rsc.id, "type": data.agent, "image": data.image}
    attrs |= _flags(unique=rsc.unique, maintenance=rsc.maintenance, managed=rsc.managed, failed=rsc.failed)
    replicas = [
        Tree("replica", {"id": str(replica.offset)}, [resource_tree(part, show) for part in replica.parts()])
        for replica in data.replicas if runs_on_any(replica.box, show)
    ]  # fmt: skip
    return Tree("bundle", attrs, replicas)


_KINDS: Final = {Kind.GROUP: _group, Kind.CLONE: _clone, Kind.BUNDLE: _bundle}


def resource_tree(rsc: Resource, show: Show) -> Tree:
    """A resource with what it is made of."""
    return _KINDS.get(rsc.kind, _primitive)(rsc, show)


def status_tree(cluster: Cluster, name: str, pending: bool = False) -> Tree:
    """The nodes and resources as they are now; ``pending``: an operation under way is shown as the role."""
    show = Show(inactive=True, pending=pending)
    shown = [rsc for rsc in cluster.resources if not rsc.orphan or rsc.is_active(True)]
    nodes = Tree("nodes", children=[node_tree(cluster, node) for node in cluster.nodes])
    return Tree(name, children=[nodes, Tree("resources", children=[resource_tree(rsc, show) for rsc in shown])])


_ROLES: Final = "Stopped|Started|Promoted|Unpromoted"
_OPERATION: Final = re.compile(
    r"Resource action: (?P<resource>\S+)\s+(?P<op>[\w-]+)(?:=(?P<interval>\d+))? on (?P<node>\S+)$"
)
_LINES: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("node_weight", re.compile(r"(?P<function>\S+): (?P<id>\S+) allocation score on (?P<node>\S+): (?P<score>\S+)$")),
    ("promotion_score", re.compile(r"(?P<id>\S+) promotion score (?:\(inactive\)|on (?P<node>\S+)): (?P<score>\S+)$")),
    ("capacity", re.compile(r"(?P<comment>\w+): (?P<node>\S+) capacity:(?P<amounts>.*)$")),
    ("utilization", re.compile(r"(?P<function>\w+): (?P<resource>\S+) utilization on (?P<node>\S+):(?P<amounts>.*)$")),
    ("node_action", re.compile(r"(?P<task>Shutdown|Fence \(\w+\)) (?P<node>.*) '(?P<reason>.*)'$")),
    ("rsc_action", _OPERATION),
    ("pseudo_action", re.compile(r"Pseudo action:   (?P<task>\S+)(?: on (?P<node>\S+))?$")),
    ("cluster_action", re.compile(r"Cluster action:  (?P<task>\S+)(?: for (?P<id>\S+))? on (?P<node>\S+)$")),
    ("fencing_action", re.compile(r"Fencing (?P<target>\S+) \((?P<op>\w+)\)$")),
)  # fmt: skip
_CHANGE: Final = re.compile(r"(?P<what>\S+) +(?P<rsc>\S+) +\( *(?P<where>.*?) \)(?:  (?P<reason>.*))?$")
_WHERE: Final = tuple(
    re.compile(pattern + "$")
    for pattern in (
        rf"(?P<role>Stopped) -> (?P<next>{_ROLES}) (?P<dest>\S+)",
        rf"(?P<role>{_ROLES}) -> (?P<next>{_ROLES}) (?P<source>\S+)",
        rf"(?P<role>{_ROLES}) (?P<source>\S+) -> (?P<next>{_ROLES}) (?P<dest>\S+)",
        rf"(?P<source>\S+) -> (?P<dest>\S+)(?: (?P<role>{_ROLES}))?",
        rf"(?:(?P<role>{_ROLES}) )?(?P<node>\S+)",
    )
)


def _change(line: str) -> Tree | None:
    change = _CHANGE.match(line)
    where = None if change is None else next(filter(None, (form.match(change["where"]) for form in _WHERE)), None)
    if change is None or where is None:
        return None
    attrs = {"action": change["what"].lower(), "resource": change["rsc"]}
    found = {"next-role" if name == "next" else name: value for name, value in where.groupdict().items() if value}
    if "node" in found and attrs["action"] not in ("start", "stop", "recover"):
        found["source"] = found.pop("node")
    said = change["reason"] or ""
    reason = said.removesuffix(" (blocked)").removeprefix("due to ") if said != "blocked" else ""
    attrs |= found | ({"reason": reason} if reason else {})
    return Tree("rsc_action", attrs | ({"blocked": "true"} if said.endswith(("(blocked)", "blocked")) else {}))


def line_tree(line: str) -> Tree | None:
    """The element for an item of the text; ``None`` if the original has none."""
    for name, form in _LINES:
        match = form.match(line)
        if match is not None:
            attrs = {key: value for key, value in match.groupdict().items() if value and key != "amounts"}
            amounts = [pair.split("=", 1) for pair in (match.groupdict().get("amounts") or "").split()]
            return Tree(name, attrs, [Tree(what, text=amount) for what, amount in amounts])
    return _change(line)


_MODIFICATIONS: Final[tuple[tuple[str, re.Pattern[str], dict[str, str]], ...]] = (
    ("modify_node", re.compile(r"Bringing node (?P<node>\S+) online$"), {"action": "Online"}),
    ("modify_node", re.compile(r"Taking node (?P<node>\S+) offline$"), {"action": "Offline"}),
    ("modify_node", re.compile(r"Failing node (?P<node>\S+)$"), {"action": "Failing"}),
    ("modify_ticket", re.compile(r"Making ticket (?P<ticket>.+) standby$"), {"action": "Standby"}),
    ("modify_ticket", re.compile(r"(?P<action>\w+) ticket (?P<ticket>.+)$"), {}),
    ("inject_spec", re.compile(r"Injecting (?P<spec>\S+) into the configuration$"), {}),
    (
        "inject_attr",
        re.compile(r"Injecting attribute (?P<name>\S+?)=(?P<value>\S+) into (?P<node_path>\S+) '(?P<cib_node>.*)'$"),
        {},
    ),
)
_SETTING: Final = re.compile(r"Setting (quorum|watchdog): (.*)$")


def modifications_tree(lines: Iterable[str]) -> Tree:
    """What was asked for before the schedule."""
    found = Tree("modifications")
    for line in lines:
        if setting := _SETTING.match(line):
            found.attrs[setting[1]] = setting[2]
        for name, form, attrs in _MODIFICATIONS:
            if match := form.match(line):
                found.children.append(Tree(name, match.groupdict() | attrs))
                break
    return found


def section_tree(name: str, lines: Iterable[str]) -> Tree:
    """A section of the text as an element."""
    return Tree(name, children=[tree for tree in map(line_tree, lines) if tree is not None])
