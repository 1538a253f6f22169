"""``cl_status``: what the cluster looks like from this node. Texts and exit statuses are those of Heartbeat 3.0.6.

cl_status(1), and what the original prints in reality, found out by running both (tests/interop/test_tools.py): an
option that a sub-command does not know is an error, but not to ``hbstatus``; words that are too many are not looked at;
nobody is told of wrong words before it is clear that the cluster software runs. Long options are ours.
"""

from __future__ import annotations

import getopt
import signal
import string
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from hacluster.base.errors import HaError
from hacluster.client.cluster import Cluster, RefusedError
from hacluster.client.conversation import NotPermittedError, NotRunningError, TimedOutError
from hacluster.msg.membership import ClientPresence, MembershipView, NodeState, NodeType, NodeView, SealState
from hacluster.tools.words import FORMATS, Words, complain, rendered

OK: Final = 0
FAILURE: Final = 1
PARAMETER_ERROR: Final = 11
TIMEOUT: Final = 12
UNKNOWN_ERROR: Final = 13

ALARM_S: Final = 5
"""The original never runs longer."""

HELP: Final = """\
Usage: cl_status <sub-command> [<options>] [<parameters>]

Sub-commands:
  hbstatus [-v]                         whether the cluster software runs on this node; -v: and all about it
  listnodes [-n|-p] [-v]                the nodes: all, normal ones, ping nodes; -v: with state and links
  nodestatus <node>                     init, up, active, dead or ping
  nodetype <node>                       normal or ping
  nodeweight <node>                     weight for quorum
  nodesite <node>                       site for quorum
  listhblinks [-v] <node>               the links to a node; -v: with their state
  hblinkstatus <node> <link>            up or dead
  clientstatus <node> <client> [<ms>]   online, offline, join or leave
  rscstatus                             what this node holds: none, local, foreign, all, transition
  hbparameter -p <name>                 a value of ha.cf

Options: -m for people instead of scripts, --output-as text|json|xml, --run-dir <dir>
Exit status: 0 fine, 1 failure, 11 wrong parameter, 12 no answer in time, 13 unknown error"""

STOPPED: Final = "Heartbeat is stopped on this machine."
RUNNING: Final = "Heartbeat is running on this machine."
NO_CONNECTION: Final = "hb_api_signon: Can't initiate connection to heartbeat"
NOT_ENOUGH: Final = "Not enough parameters."
NO_ENOUGH: Final = "No enough parameter."
BAD_NODE: Final = "Error. May be due to incorrect node name"


class _FailedError(HaError):
    """The end of a sub-command that cannot answer; ``text`` is for standard error, ready to print."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _error(*lines: str) -> str:
    return "\n".join(f"cl_status: ERROR: {line}" for line in lines)


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
        raise _FailedError(code, text)
    return node


def hbstatus(cluster: Cluster, words: Words) -> Answer:
    """Running or stopped; -v adds version, manager, how datagrams are protected, and the nodes."""
    if "-v" not in words.flags and words.output_as == "text":
        return Answer(RUNNING, RUNNING)
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


def _verbose(view: MembershipView, nodes: Sequence[NodeView], *, human: bool) -> list[str]:
    lines: list[str] = []
    for node in nodes:
        lines += ["", f"{node.name}\t{node.state.value}\t(nodetype: {node.type.value}{_seal(view, node)})"]
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
    failure = _error("Cannot start heartbeat link interface walk.", "REASON: EINVAL")
    node = _node(cluster.membership(), words.plain[0], UNKNOWN_ERROR, failure)
    lines = _links(node, verbose="-v" in words.flags)
    human = "\n".join((_LINKS_FOLLOW, *lines))
    return Answer("\n".join(lines), human, {"node": node.name, "links": _node_data(node)["links"]})


def hblinkstatus(cluster: Cluster, words: Words) -> Answer:
    """State of one link."""
    name, wanted = words.plain[:2]
    failure = "Cannot get heartbeat link status"
    node = _node(cluster.membership(), name, UNKNOWN_ERROR, _error(failure, f"REASON: there is no node {name!r}"))
    link = next((link for link in node.links if link.name == wanted), None)
    if link is None:
        reason = f"REASON: there is no link {wanted!r} to {node.name}"
        raise _FailedError(UNKNOWN_ERROR, _error(failure, reason))
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
        raise _FailedError(PARAMETER_ERROR, f"cl_status clientstatus: {rest[0]!r} is not a time in ms")
    failure = _error(f"Cannot get heartbeat client {client}'s status", "REASON: No timely response.")
    node = _node(cluster.membership(), name, UNKNOWN_ERROR, failure)
    presence = cluster.client_status(node.name, client, int(rest[0]) if rest else 500)
    if presence not in _PRESENCE_CODES:
        raise _FailedError(UNKNOWN_ERROR, failure)
    data = {"node": node.name, "client": client, "status": presence.value}
    return Answer(presence.value, presence.value, data, _PRESENCE_CODES[presence])


def rscstatus(cluster: Cluster, words: Words) -> Answer:  # noqa: ARG001 - as the others
    """What this node holds."""
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
    """A value of ha.cf, or ``hbversion``."""
    name = words.values.get("-p")
    if not name:
        raise _FailedError(PARAMETER_ERROR, _error("parameter name required"))
    value = f"hacluster {cluster.version()}" if name == "hbversion" else cluster.parameter(name)
    if value is None:
        reason = "REASON: it is not set, and has no default"
        raise _FailedError(FAILURE, _error(f"Cannot get parameter {name}'s value", reason))
    return Answer(value, f"Heartbeat parameter {name}'s value: {value}", {"name": name, "value": value})


@dataclass(frozen=True, slots=True)
class SubCommand:
    """What a sub-command does, the letters of its options, how many words it needs, and what it says without them."""

    call: Callable[[Cluster, Words], Answer]
    options: str = "m"
    words: int = 0
    missing: str = NO_ENOUGH


SUB_COMMANDS: Final[Mapping[str, SubCommand]] = MappingProxyType(
    {
        "hbstatus": SubCommand(hbstatus, "mv"),
        "listnodes": SubCommand(listnodes, "mnpv"),
        "nodestatus": SubCommand(nodestatus, words=1, missing=NOT_ENOUGH),
        "nodetype": SubCommand(nodetype, words=1),
        "nodeweight": SubCommand(nodeweight, words=1, missing=NOT_ENOUGH),
        "nodesite": SubCommand(nodesite, words=1, missing=NOT_ENOUGH),
        "listhblinks": SubCommand(listhblinks, "mv", words=1),
        "hblinkstatus": SubCommand(hblinkstatus, words=2),
        "clientstatus": SubCommand(clientstatus, words=2),
        "rscstatus": SubCommand(rscstatus),
        "hbparameter": SubCommand(hbparameter, "mp:"),
        "parameter": SubCommand(hbparameter, "mp:"),
    }
)
"""``parameter`` is what cl_status(1) calls ``hbparameter``; the original does not know it."""

_LONG: Final = ("help", "output-as=", "run-dir=")
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class _Line:
    """A command line; ``faults`` are its wrong options in words, told when it is clear that the software runs."""

    name: str
    words: Words
    faults: tuple[str, ...]


def _read(argv: Sequence[str]) -> _Line:
    """Take a command line apart. :class:`_FailedError` when it has no sub-command that is known."""
    try:
        before, rest = getopt.getopt(list(argv), "h", list(_LONG))
    except getopt.GetoptError as error:
        wrong = f"-{error.opt}" if len(error.opt) == 1 else f"--{error.opt}"
        raise _FailedError(PARAMETER_ERROR, _error(f"{wrong}: invalid sub-command.")) from None
    if not rest or any(option in {"-h", "--help"} for option, _ in before):
        return _Line("", Words((), frozenset()), ())
    name, *after = rest
    command = SUB_COMMANDS.get(name)
    if command is None:
        raise _FailedError(PARAMETER_ERROR, _error(f"{name}: invalid sub-command."))
    letters = _LETTERS.replace("p", "p:") if "p:" in command.options else _LETTERS
    faults: list[str] = []
    try:
        found, plain = getopt.gnu_getopt(after, letters, list(_LONG))
    except getopt.GetoptError as error:
        how = "option requires an argument" if error.opt == "p" else "invalid option"
        found, plain = [], []
        faults.append(f"{name}: {how} -- '{error.opt or '-'}'")
    if any(option in {"-h", "--help"} for option, _ in found):
        return _Line("", Words((), frozenset()), ())
    known = {f"-{letter}" for letter in command.options}
    shorts = [option for option, _ in found if not option.startswith("--")]
    faults += [f"{name}: invalid option -- '{option[1:]}'" for option in shorts if option not in known]
    values = {option: value for option, value in (*before, *found) if value}
    if values.get("--output-as", "text") not in FORMATS:
        raise _FailedError(PARAMETER_ERROR, f"cl_status: --output-as is one of {', '.join(FORMATS)}")
    return _Line(name, Words(tuple(plain), frozenset(shorts), values), tuple(faults))


def main(argv: Sequence[str]) -> int:
    """Run ``cl_status`` with these arguments; the answer is its exit status."""
    try:
        line = _read(argv)
    except _FailedError as error:
        complain(str(error))
        return error.code
    if not line.name:
        print(HELP)
        return OK
    words = line.words
    try:
        with Cluster(words.run_dir, name="cl_status", timeout_s=ALARM_S) as cluster:
            cluster.version()
            for fault in line.faults:
                complain(fault)
            answer = _answer(line, cluster)
    except HaError as error:
        return _failed(line, error)
    text = answer.human if "-m" in words.flags else answer.text
    shown = rendered(words.output_as, f"cl_status {line.name}", text, {**answer.data, "exit": answer.code})
    if shown or line.name == "nodesite":
        print(shown)
    return answer.code


def _answer(line: _Line, cluster: Cluster) -> Answer:
    command = SUB_COMMANDS[line.name]
    if line.faults and command.call is not hbstatus:
        raise _FailedError(PARAMETER_ERROR, "")
    if len(line.words.plain) < command.words:
        raise _FailedError(PARAMETER_ERROR, command.missing)
    return command.call(cluster, line.words)


def _failed(line: _Line, error: HaError) -> int:
    match error:
        case NotRunningError() if line.name == "hbstatus":
            for fault in line.faults:
                complain(fault)
            text = f"{STOPPED}\n({NO_CONNECTION})" if "-v" in line.words.flags else STOPPED
            print(rendered(line.words.output_as, "cl_status hbstatus", text, {"running": False, "exit": FAILURE}))
            return FAILURE
        case NotRunningError():
            complain(_error("Cannot signon with heartbeat", f"REASON: {NO_CONNECTION}"))
            return FAILURE
        case NotPermittedError():
            complain(_error("Cannot signon with heartbeat", f"REASON: {error}"))
            return FAILURE
        case _FailedError(code=code):
            if str(error):
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
