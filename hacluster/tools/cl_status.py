"""``cl_status``: what the cluster looks like from this node. Texts and exit statuses are those of Heartbeat 3.0.6.

cl_status(1), and what the original prints in reality: ``hbparameter`` is called ``parameter`` in its man page.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from hacluster.base.errors import HaError
from hacluster.client.cluster import Cluster, RefusedError
from hacluster.client.conversation import NotPermittedError, NotRunningError, TimedOutError
from hacluster.msg.membership import ClientPresence, MembershipView, NodeState, NodeType, NodeView
from hacluster.tools.words import UsageError, Words, complain, parse, rendered

OK: Final = 0
FAILURE: Final = 1
PARAMETER_ERROR: Final = 11
TIMEOUT: Final = 12
UNKNOWN_ERROR: Final = 13

ALARM_S: Final = 5
"""The original never runs longer."""

HELP: Final = """\
Usage: cl_status SUB-COMMAND [OPTIONS] [PARAMETERS]

Sub-commands:
  hbstatus [-v]                 whether the cluster software runs on this node
  listnodes [-n|-p]             the nodes: all, normal ones, ping nodes
  nodestatus NODE               init, up, active, dead or ping
  nodetype NODE                 normal or ping
  nodeweight NODE               weight for quorum
  nodesite NODE                 site for quorum
  listhblinks NODE [-v]         the links to a node
  hblinkstatus NODE LINK        up or dead
  clientstatus NODE CLIENT [MS] online, offline, join or leave
  rscstatus                     what this node holds: none, local, foreign, all, transition
  hbparameter -p NAME           a value of ha.cf

Options: -m for people instead of scripts, --output-as text|json|xml, --run-dir DIR
Exit status: 0 fine, 1 failure, 11 wrong parameter, 12 no answer in time, 13 unknown error"""


class _FailedError(HaError):
    """The end of a sub-command that cannot answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sub-command found: for scripts, for people (``-m``), as data; and the exit status."""

    text: str
    human: str
    data: dict[str, Any] = field(default_factory=dict)
    code: int = OK


def _parameters(words: Words, least: int, most: int, what: str) -> tuple[str, ...]:
    found = words.plain[1:]
    if not least <= len(found) <= most:
        raise _FailedError(PARAMETER_ERROR, f"cl_status {words.plain[0]}: needs {what}")
    return found


def _node(view: MembershipView, name: str, code: int = PARAMETER_ERROR) -> NodeView:
    node = view.node(name.lower())
    if node is None:
        raise _FailedError(code, f"cl_status: there is no node {name!r}")
    return node


def hbstatus(cluster: Cluster, words: Words) -> Answer:
    """Running or stopped; -v adds version, manager and the nodes with their seal."""
    _parameters(words, 0, 0, "no parameter")
    running = "Heartbeat is running on this machine."
    if "-v" not in words.flags and words.output_as == "text":
        cluster.version()
        return Answer(running, running)
    version, view = cluster.version(), cluster.membership()
    try:
        resources = cluster.resources()
        manager = f"haresources ({resources.status})"
    except HaError:
        manager = "haresources (not running)"
    lines = [
        running,
        f"Version: hacluster {version}",
        f"Manager: {manager}",
        f"This node: {view.own_node} ({view.own_state.value}), generation {view.generation}",
        f"Signature: slot {view.sign_slot}, {view.sign_method or 'none'}",
        f"Seal: {view.seal_mode}",
        "Nodes:",
    ]
    for node in view.nodes:
        own = node.name == view.own_node
        seal = "" if node.type is NodeType.PING or own else f", {node.seal.value}"
        lines.append(f"\t{node.name}\t{node.state.value} ({node.type.value}{', this node' if own else ''}{seal})")
    data = {
        "running": True,
        "version": version,
        "manager": manager,
        "node": view.own_node,
        "seal": view.seal_mode,
        "nodes": [_node_data(node) for node in view.nodes],
    }
    return Answer("\n".join(lines), "\n".join(lines), data)


def _node_data(node: NodeView) -> dict[str, Any]:
    return {
        "name": node.name,
        "type": node.type.value,
        "state": node.state.value,
        "weight": node.weight,
        "site": node.site,
        "seal": node.seal.value,
        "links": [{"name": link.name, "status": _link_word(up=link.up)} for link in node.links],
    }


def _link_word(*, up: bool) -> str:
    return "up" if up else "dead"


def listnodes(cluster: Cluster, words: Words) -> Answer:
    """One name a line, the latest configured first."""
    _parameters(words, 0, 0, "no parameter")
    wanted = {NodeType.NORMAL: "-n", NodeType.PING: "-p"}
    chosen = {kind for kind, flag in wanted.items() if flag in words.flags} or set(wanted)
    nodes = [node for node in reversed(cluster.membership().nodes) if node.type in chosen]
    human = "\n".join(f"{node.name} is a {node.type.value} node" for node in nodes)
    return Answer("\n".join(node.name for node in nodes), human, {"nodes": [_node_data(node) for node in nodes]})


def nodestatus(cluster: Cluster, words: Words) -> Answer:
    """State of a node; only active, up and ping are success."""
    (name,) = _parameters(words, 1, 1, "a node")
    node = _node(cluster.membership(), name)
    state = node.state
    code = OK if state in (NodeState.ACTIVE, NodeState.UP, NodeState.PING) else FAILURE
    return Answer(state.value, f"The node {node.name} is {state.value}.", {"node": node.name, "status": state}, code)


def nodetype(cluster: Cluster, words: Words) -> Answer:
    """Type of a node."""
    (name,) = _parameters(words, 1, 1, "a node")
    node = _node(cluster.membership(), name)
    kind = node.type.value
    return Answer(kind, f"{node.name} is a {kind} node.", {"node": node.name, "type": kind})


def nodeweight(cluster: Cluster, words: Words) -> Answer:
    """Weight of a node."""
    (name,) = _parameters(words, 1, 1, "a node")
    node = _node(cluster.membership(), name)
    data = {"node": node.name, "weight": node.weight}
    return Answer(str(node.weight), f"The weight of {node.name} is {node.weight}.", data)


def nodesite(cluster: Cluster, words: Words) -> Answer:
    """Site of a node."""
    (name,) = _parameters(words, 1, 1, "a node")
    node = _node(cluster.membership(), name)
    return Answer(node.site, f"The site of {node.name} is {node.site}.", {"node": node.name, "site": node.site})


def listhblinks(cluster: Cluster, words: Words) -> Answer:
    """The links to a node."""
    (name,) = _parameters(words, 1, 1, "a node")
    node = _node(cluster.membership(), name, UNKNOWN_ERROR)
    verbose = "-v" in words.flags
    lines = [f"\t{link.name}" + (f"\t{_link_word(up=link.up)}" if verbose else "") for link in node.links]
    human = "\n".join(f"The link {link.name} to {node.name} is {_link_word(up=link.up)}." for link in node.links)
    return Answer("\n".join(lines), human, {"node": node.name, "links": _node_data(node)["links"]})


def hblinkstatus(cluster: Cluster, words: Words) -> Answer:
    """State of one link."""
    name, wanted = _parameters(words, 2, 2, "a node and a link")
    node = _node(cluster.membership(), name, UNKNOWN_ERROR)
    link = next((link for link in node.links if link.name == wanted), None)
    if link is None:
        raise _FailedError(UNKNOWN_ERROR, f"cl_status: there is no link {wanted!r} to {node.name}")
    word = _link_word(up=link.up)
    data = {"node": node.name, "link": link.name, "status": word}
    return Answer(word, f"The link {link.name} to {node.name} is {word}.", data, OK if link.up else FAILURE)


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
    name, client, *rest = _parameters(words, 2, 3, "a node, a client, and perhaps a time in ms")
    if rest and not rest[0].isdecimal():
        raise _FailedError(PARAMETER_ERROR, f"cl_status clientstatus: {rest[0]!r} is not a time in ms")
    node = _node(cluster.membership(), name, UNKNOWN_ERROR)
    presence = cluster.client_status(node.name, client, int(rest[0]) if rest else 500)
    if presence not in _PRESENCE_CODES:
        raise _FailedError(UNKNOWN_ERROR, f"cl_status: no answer about {client} from {node.name}")
    data = {"node": node.name, "client": client, "status": presence.value}
    human = f"The client {client} on {node.name} is {presence.value}."
    return Answer(presence.value, human, data, _PRESENCE_CODES[presence])


def rscstatus(cluster: Cluster, words: Words) -> Answer:
    """What this node holds."""
    _parameters(words, 0, 0, "no parameter")
    view = cluster.resources()
    groups = [
        {"key": group.key, "node": group.node, "state": group.state.value, "reason": group.reason}
        for group in view.groups
    ]
    human = f"This node is holding {view.status} resources."
    if view.status == "transition":
        human = "Resources are in transition."
    return Answer(view.status, human, {"status": view.status, "groups": groups})


def hbparameter(cluster: Cluster, words: Words) -> Answer:
    """A value of ha.cf."""
    _parameters(words, 0, 0, "no parameter but -p NAME")
    name = words.values.get("-p")
    if not name:
        raise _FailedError(PARAMETER_ERROR, "cl_status hbparameter: needs -p NAME")
    value = cluster.parameter(name)
    if value is None:
        raise _FailedError(FAILURE, f"cl_status: the parameter {name!r} is not set")
    return Answer(value, f"The heartbeat parameter {name} is {value}.", {"name": name, "value": value})


SUB_COMMANDS: Final[Mapping[str, Callable[[Cluster, Words], Answer]]] = MappingProxyType(
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


def main(argv: Sequence[str]) -> int:
    """Run ``cl_status`` with these arguments; the answer is its exit status."""
    # -p means "ping nodes" to one sub-command and takes a name for another.
    takes_name = any(word in ("hbparameter", "parameter") for word in argv)
    try:
        if takes_name:
            words = parse(argv, flags=("-h", "--help", "-m", "-v"), values=("-p",))
        else:
            words = parse(argv, flags=("-h", "--help", "-m", "-v", "-n", "-p"))
    except UsageError as error:
        complain(f"cl_status: {error}\n{HELP}")
        return PARAMETER_ERROR
    if not words.plain or words.flags & {"-h", "--help"}:
        print(HELP)
        return OK
    command = SUB_COMMANDS.get(words.plain[0])
    if command is None:
        complain(f"cl_status: there is no sub-command {words.plain[0]!r}\n{HELP}")
        return PARAMETER_ERROR
    try:
        with Cluster(words.run_dir, name="cl_status", timeout_s=ALARM_S) as cluster:
            answer = command(cluster, words)
    except HaError as error:
        return _failed(words, error)
    text = answer.human if "-m" in words.flags else answer.text
    shown = rendered(words.output_as, f"cl_status {words.plain[0]}", text, {**answer.data, "exit": answer.code})
    if shown or words.plain[0] == "nodesite":
        print(shown)
    return answer.code


def _failed(words: Words, error: HaError) -> int:
    match error:
        case NotRunningError() if words.plain[0] == "hbstatus":
            text = "Heartbeat is stopped on this machine."
            print(rendered(words.output_as, "cl_status hbstatus", text, {"running": False, "exit": FAILURE}))
            return FAILURE
        case NotRunningError() | NotPermittedError():
            complain(f"cl_status: ERROR: Cannot signon with heartbeat\ncl_status: ERROR: REASON: {error}")
            return FAILURE
        case _FailedError(code=code):
            complain(str(error))
            return code
        case TimedOutError():
            complain(f"cl_status: {error}")
            return TIMEOUT
        case RefusedError():
            complain(f"cl_status: {error}")
            return FAILURE
    complain(f"cl_status: {error}")
    return UNKNOWN_ERROR


def script() -> None:
    """The entry point of the command."""

    def out_of_time(*_: object) -> None:
        complain("cl_status: no answer from the cluster software")
        sys.exit(TIMEOUT)

    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(ALARM_S)
    sys.exit(main(sys.argv[1:]))
