"""What the sub-commands of ``cl_status`` find and how they say it: Heartbeat 3.0.6's words (see :mod:`.cl_status`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from hacluster.base.errors import HaError
from hacluster.client.cluster import Cluster
from hacluster.msg.haresources import GroupState
from hacluster.msg.membership import ClientPresence, MembershipView, NodeState, NodeType, NodeView, SealState
from hacluster.tools.statuswords import (
    FAILURE,
    OK,
    PARAMETER_ERROR,
    UNKNOWN_ERROR,
    FailedError,
    error_lines,
)
from hacluster.tools.words import Words

BAD_NODE: Final = "Error. May be due to incorrect node name"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sub-command found: for scripts, for people (``-m``), as data; and the exit status."""

    text: str
    human: str
    data: dict[str, Any] = field(default_factory=dict)
    code: int = OK


def _node(view: MembershipView, name: str, code: int = PARAMETER_ERROR, text: str = BAD_NODE) -> NodeView:
    node = view.node(name.lower())
    if node is None:
        raise FailedError(code, text)
    return node


def hbstatus(cluster: Cluster, words: Words) -> Answer:
    """With -v, or as data: version, manager, how datagrams are protected, and the nodes."""
    version, view = cluster.version(), cluster.membership()
    try:
        holds = cluster.resources().status
    except HaError:
        holds = "not running"
    ours = [
        f"this node:\t{view.own_node} ({view.own_state.value}), generation {view.generation}, resources: {holds}",
        f"signature:\tslot {view.sign_slot}, {view.sign_method or 'none'}",
        f"seal:\t{view.seal_mode}" + (f" (key {view.seal_key})" if view.seal_key else ""),
    ]
    nodes = _chosen(view, words)
    text = [f"version:\thacluster {version}", 'managed by:\t"haresources"', *ours, *_verbose(view, nodes, human=False)]
    human = [
        f"Heartbeat version hacluster {version}",
        'Resources controlled by "haresources"',
        *ours,
        _NODES_FOLLOW,
        *_verbose(view, nodes, human=True),
    ]
    data = {
        "running": True,
        "version": version,
        "manager": f"haresources ({holds})",
        "node": view.own_node,
        "seal": view.seal_mode,
        "seal_key": view.seal_key,
        "nodes": [_node_data(node) for node in view.nodes],
    }
    return Answer("\n".join(text), "\n".join(human), data)


_NODES_FOLLOW: Final = "The nodes are as follow:"
_LINKS_FOLLOW: Final = "\tthis node has the following heartbeat links:"


def _node_data(node: NodeView) -> dict[str, Any]:
    return {
        "name": node.name,
        "type": node.type.value,
        "state": node.state.value,
        "weight": node.weight,
        "site": node.site,
        "seal": node.seal.value,
        "seal_key": node.seal_key,
        "clock_ms": node.clock_ms,
        "clock_apart": node.clock_apart,
        "links": [{"name": link.name, "status": _link_word(up=link.up)} for link in node.links],
    }


def _link_word(*, up: bool) -> str:
    return "up" if up else "dead"


def _links(node: NodeView, *, verbose: bool) -> list[str]:
    return [f"\t{link.name}" + (f"\t{_link_word(up=link.up)}" if verbose else "") for link in node.links]


def _seal(view: MembershipView, node: NodeView) -> str:
    if view.seal_mode == "off" or node.type is NodeType.PING or node.name == view.own_node:
        return ""
    words = {
        SealState.SEALED: f", sealed with key {node.seal_key}" if node.seal_key else ", sealed",
        SealState.OFFERED: ", offers to seal",
        SealState.CLASSIC: ", not sealed",
    }
    return words.get(node.seal, "")


def _clock(node: NodeView) -> str:
    """Said where it is not as it should be."""
    if not node.clock_apart or node.clock_ms is None:
        return ""
    return f", its clock is {abs(node.clock_ms) / 1000:.1f} s {'ahead' if node.clock_ms > 0 else 'behind'}"


def _verbose(view: MembershipView, nodes: Sequence[NodeView], *, human: bool) -> list[str]:
    lines: list[str] = []
    for node in nodes:
        about = f"{node.type.value}{_seal(view, node)}{_clock(node)}"
        lines += ["", f"{node.name}\t{node.state.value}\t(nodetype: {about})"]
        lines += [_LINKS_FOLLOW] if human else []
        lines += _links(node, verbose=True)
    return lines


def _chosen(view: MembershipView, words: Words) -> list[NodeView]:
    wanted = {NodeType.NORMAL: "-n", NodeType.PING: "-p"}
    chosen = {kind for kind, flag in wanted.items() if flag in words.flags} or set(wanted)
    return [node for node in reversed(view.nodes) if node.type in chosen]


def listnodes(cluster: Cluster, words: Words) -> Answer:
    """One name a line, the latest configured first."""
    view = cluster.membership()
    nodes = _chosen(view, words)
    names = [node.name for node in nodes]
    verbose = "-v" in words.flags
    text = _verbose(view, nodes, human=False) if verbose else names
    human = [_NODES_FOLLOW, *(_verbose(view, nodes, human=True) if verbose else names)]
    return Answer("\n".join(text), "\n".join(human), {"nodes": [_node_data(node) for node in nodes]})


def nodestatus(cluster: Cluster, words: Words) -> Answer:
    """State of a node; only active, up and ping are success."""
    node = _node(cluster.membership(), words.plain[0])
    state = node.state
    code = OK if state in (NodeState.ACTIVE, NodeState.UP, NodeState.PING) else FAILURE
    human = f"The cluster node {node.name} is {state.value}"
    return Answer(state.value, human, {"node": node.name, "status": state}, code)


def nodetype(cluster: Cluster, words: Words) -> Answer:
    """Type of a node."""
    node = _node(cluster.membership(), words.plain[0])
    kind = node.type.value
    return Answer(kind, f"The node {node.name}'s type: {kind}", {"node": node.name, "type": kind})


def nodeweight(cluster: Cluster, words: Words) -> Answer:
    """Weight of a node."""
    node = _node(cluster.membership(), words.plain[0], text="Error. Maybe due to incorrect node name.")
    human = f"The weight of the cluster node {node.name} is {node.weight}"
    return Answer(str(node.weight), human, {"node": node.name, "weight": node.weight})


def nodesite(cluster: Cluster, words: Words) -> Answer:
    """Site of a node."""
    node = _node(cluster.membership(), words.plain[0])
    human = f"The site of the cluster node {node.name} is {node.site}"
    return Answer(node.site, human, {"node": node.name, "site": node.site})


def listhblinks(cluster: Cluster, words: Words) -> Answer:
    """The links to a node."""
    failure = error_lines("Cannot start heartbeat link interface walk.", "REASON: EINVAL")
    node = _node(cluster.membership(), words.plain[0], UNKNOWN_ERROR, failure)
    lines = _links(node, verbose="-v" in words.flags)
    human = "\n".join((_LINKS_FOLLOW, *lines))
    return Answer("\n".join(lines), human, {"node": node.name, "links": _node_data(node)["links"]})


def hblinkstatus(cluster: Cluster, words: Words) -> Answer:
    """State of one link."""
    name, wanted = words.plain[:2]
    failure = "Cannot get heartbeat link status"
    node = _node(cluster.membership(), name, UNKNOWN_ERROR, error_lines(failure, f"REASON: there is no node {name!r}"))
    link = next((link for link in node.links if link.name == wanted), None)
    if link is None:
        reason = f"REASON: there is no link {wanted!r} to {node.name}"
        raise FailedError(UNKNOWN_ERROR, error_lines(failure, reason))
    word = _link_word(up=link.up)
    data = {"node": node.name, "link": link.name, "status": word}
    human = f"The node {node.name}'s heartbeat link {link.name} is {word}"
    return Answer(word, human, data, OK if link.up else FAILURE)


_PRESENCE_CODES: Final[Mapping[ClientPresence, int]] = MappingProxyType(
    {
        ClientPresence.ONLINE: 0,
        ClientPresence.OFFLINE: 1,
        ClientPresence.JOIN: 2,
        ClientPresence.LEAVE: 3,
    }
)


def clientstatus(cluster: Cluster, words: Words) -> Answer:
    """Whether a client is signed on at a node."""
    name, client, *rest = words.plain
    if rest and not (rest[0].isascii() and rest[0].isdecimal()):
        raise FailedError(PARAMETER_ERROR, f"cl_status clientstatus: {rest[0]!r} is not a time in ms")
    failure = error_lines(f"Cannot get heartbeat client {client}'s status", "REASON: No timely response.")
    node = _node(cluster.membership(), name, UNKNOWN_ERROR, failure)
    presence = cluster.client_status(node.name, client, int(rest[0]) if rest else 500)
    if presence not in _PRESENCE_CODES:
        raise FailedError(UNKNOWN_ERROR, failure)
    data = {"node": node.name, "client": client, "status": presence.value}
    return Answer(presence.value, presence.value, data, _PRESENCE_CODES[presence])


def rscstatus(cluster: Cluster, words: Words) -> Answer:
    """What this node holds, and with -v each group. Something that it holds and that does not run is a failure."""
    view = cluster.resources()
    groups = [
        {"key": group.key, "node": group.node, "state": group.state.value, "held": group.held, "reason": group.reason}
        for group in view.groups
    ]
    human = f"This node is holding {view.status} resources."
    if view.status == "transition":
        human = "Resources are in transition."
    idle = {GroupState.FAILED, GroupState.STOPPED}
    missing = [group for group in view.groups if group.held and group.state in idle and view.status != "transition"]
    for group in missing:
        human += f"\n{group.key} does not run: {group.reason or group.state.value}"
    text = view.status
    if "-v" in words.flags:
        lines = [
            f"{group.key}\t{group.state.value}\t(home: {group.node}{', held here' if group.held else ''})"
            + (f": {group.reason}" if group.reason else "")
            for group in view.groups
        ]
        text = "\n".join((text, *lines, *view.notes))
        human = "\n".join((human, *lines, *view.notes))
    data = {"status": view.status, "groups": groups, "notes": list(view.notes)}
    return Answer(text, human, data, FAILURE if missing else OK)


def hbparameter(cluster: Cluster, words: Words) -> Answer:
    """A value of ha.cf, or ``hbversion``."""
    name = words.values.get("-p")
    if not name:
        raise FailedError(PARAMETER_ERROR, error_lines("parameter name required"))
    value = f"hacluster {cluster.version()}" if name == "hbversion" else cluster.parameter(name)
    if value is None:
        reason = "REASON: it is not set, and has no default"
        raise FailedError(FAILURE, error_lines(f"Cannot get parameter {name}'s value", reason))
    return Answer(value, f"Heartbeat parameter {name}'s value: {value}", {"name": name, "value": value})


ANSWERS: Final[Mapping[str, Callable[[Cluster, Words], Answer]]] = MappingProxyType(
    {
        "hbstatus": hbstatus,
        "listnodes": listnodes,
        "nodestatus": nodestatus,
        "nodetype": nodetype,
        "nodeweight": nodeweight,
        "nodesite": nodesite,
        "listhblinks": listhblinks,
        "hblinkstatus": hblinkstatus,
        "clientstatus": clientstatus,
        "rscstatus": rscstatus,
        "hbparameter": hbparameter,
        "parameter": hbparameter,
    }
)
"""``parameter`` is what cl_status(1) calls ``hbparameter``; the original does not know it."""
