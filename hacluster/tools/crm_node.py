"""``crm_node``: what the cluster calls this node, and who is there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from hacluster.base.results import Exit, Fault
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import DANGEROUS, Failed, Output, run
from hacluster.tools.words import complain

if TYPE_CHECKING:
    from hacluster.msg.views import ViewStatus

TOOL: Final = Tool(
    "crm_node",
    "Display low-level information on nodes.",
    (
        Group("commands", "Commands:", (
            Option("cluster-id", "i", help="Display this node's cluster id"),
            Option("list", "l", help="Display all known members (past and present) of this cluster"),
            Option("name", "n", help="Display the name used by the cluster for this node"),
            Option("partition", "p", help="Display the members of this partition"),
            Option("quorum", "q", help="Display 1 if this partition has quorum, 0 if not"),
            Option("name-for-id", "N", "ID", "Display the name of the node with this ID"),
            Option("remove", "R", "NAME", "(Advanced) Remove the (stopped) node of this name from the configuration"),
        )),
        Group("additional", "Additional Options:", (
            Option("force", "f", help="Do what is dangerous"),
            Option("quiet", "Q", help="Be less descriptive in output"),
        )),
    ),
)  # fmt: skip
_COMMANDS: Final = tuple(option.long for option in TOOL.groups[0].options)


def main(given: Given, out: Output) -> int:
    """The last command."""
    command = given.last_of(*_COMMANDS)
    if command is None:
        raise UsageError("no command was given")
    name = os.environ.get("OCF_RESKEY_CRM_meta_on_node")
    if command == "name" and name:
        out.line(name)
        return Exit.OK
    if command == "remove" and "force" not in given:
        raise Failed(DANGEROUS, Exit.USAGE, bare=True)
    try:
        return {
            "name": _own, "cluster-id": _own, "quorum": _quorum, "partition": _partition, "list": _list,
            "name-for-id": _name_for_id, "remove": _remove,
        }[command](given, out, command)  # fmt: skip
    except Fault as error:
        if error.status is not Exit.DISCONNECTED:
            raise Failed(f"error: {error.text}", error.status, bare=True) from None
        text = "error: Could not connect to controller: Connection refused"
        raise Failed(text, Exit.DISCONNECTED, bare=True) from None


def _view() -> ViewStatus:
    from hacluster.client.live import daemon_here  # noqa: PLC0415 - --help needs none of it
    from hacluster.msg.views import ViewQuery, ViewStatus  # noqa: PLC0415

    return daemon_here().ask(ViewQuery(), ViewStatus)


def _nodes() -> dict[str, str]:
    """Names by ids, of the nodes that are configured."""
    from hacluster.client.live import LiveCluster  # noqa: PLC0415 - --help needs none of it

    root = LiveCluster().read()
    return {node.get("id", ""): node.get("uname", "") for node in root.iterfind("configuration/nodes/node")}


def _own(_given: Given, out: Output, command: str) -> int:
    name = _view().own.name
    shown = name if command == "name" else next((i for i, known in _nodes().items() if known == name), name)
    out.line(shown)
    out.tree(Tree("node-info", {"nodeid" if command == "cluster-id" else "uname": shown}))
    return Exit.OK


def _quorum(_given: Given, out: Output, _command: str) -> int:
    view = _view().view
    quorate = view is not None and view.quorate
    out.line("1" if quorate else "0")
    out.tree(Tree("cluster-info", {"quorum": "true" if quorate else "false"}))
    return Exit.OK


def _partition(_given: Given, out: Output, _command: str) -> int:
    status = _view()
    names = sorted(status.view.names) if status.view is not None else [status.own.name]
    out.line(" ".join(names) + " ")
    out.tree(Tree("partitions", children=[Tree("partition", text=" ".join(names))]))
    return Exit.OK


def _list(_given: Given, out: Output, _command: str) -> int:
    status, nodes = _view(), _nodes()
    members = status.view.names if status.view is not None else frozenset({status.own.name})
    found = [(ident, name, "member" if name in members else "lost") for ident, name in sorted(nodes.items())]
    for ident, name, state in found:
        out.line(f"{ident} {name} {state}")
    children = [Tree("node", {"id": ident, "name": name, "state": state}) for ident, name, state in found]
    out.tree(Tree("nodes", children=children))
    return Exit.OK


def _name_for_id(given: Given, out: Output, _command: str) -> int:
    wanted = given.get("name-for-id") or ""
    name = _nodes().get(wanted)
    if name is None:
        raise Failed(f"Node {wanted} is not known to cluster", Exit.NO_HOST, bare=True)
    out.line(name)
    out.tree(Tree("node-info", {"nodeid": wanted, "uname": name}))
    return Exit.OK


def _remove(given: Given, _out: Output, _command: str) -> int:
    """Take a node that is down out of the configuration and the status."""
    from lxml import etree  # noqa: PLC0415 - only a removal needs it

    from hacluster.client.live import LiveCluster  # noqa: PLC0415

    name = given.get("remove") or ""
    status = _view()
    if status.view is not None and name in status.view.names:
        text = f"Node {name} is a member of the cluster: stop the cluster software there first"
        raise Failed(text, Exit.UNSAFE, bare=True)
    known = [ident for ident, known in _nodes().items() if name in (ident, known)]
    if not known:
        complain(f"{name} is not in the configuration: there is nothing to remove")
        return Exit.OK  # as with the original: who removes twice has removed
    source = LiveCluster()
    source.change("delete", scope="nodes", data=etree.Element("node", id=known[0]))
    source.change("delete", scope="status", data=etree.Element("node_state", id=known[0]))
    complain(f"{name} is out of the configuration and the status; hb_delnode takes its vote")
    return Exit.OK


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
