"""``crmadmin``: the coordinator, the daemons of this node, and the nodes that are configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import Failed, Output, run

if TYPE_CHECKING:
    from hacluster.msg.crmd import ManagerStatus

TOOL: Final = Tool(
    "crmadmin",
    "Query and manage the controller of the cluster.",
    (
        Group("command", "Commands:", (
            Option("status", "S", "NODE", "Display the state of the controller of this node"),
            Option("pacemakerd", "P", help="Display the state of the daemons of this node"),
            Option("dc_lookup", "D", help="Display the name of the node that coordinates the cluster"),
            Option("nodes", "N", "TYPE", "Display the nodes, of these types: all (default), cluster, guest, remote",
                   optional=True),
        )),
        Group("additional", "Additional Options:", (
            Option("timeout", "t", "TIMESPEC", "Time to wait before declaring the operation failed"),
            Option("bash-export", "B", help="With --nodes: as shell commands 'export NAME=ID'"),
            Option("ipc-name", "i", "NAME", "With --pacemakerd: name to use for the connection"),
            Option("quiet", "q", help="Display only the essential query information"),
        )),
    ),
)  # fmt: skip


def _cluster_nodes(root: Any) -> list[tuple[str, str, str]]:
    return [
        ("cluster", node.get("uname") or "", node.get("id") or "")
        for node in root.iterfind("configuration/nodes/node")
        if node.get("type") != "remote"
    ]


def _remotes(root: Any) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for primitive in root.iterfind("configuration/resources//primitive"):
        ident = primitive.get("id") or ""
        guests = [pair.get("value") or "" for pair in primitive.iterfind("meta_attributes/nvpair[@name='remote-node']")]
        found += [("guest", name, name) for name in guests]
        if primitive.get("provider") == "pacemaker" and primitive.get("type") == "remote":
            found.append(("remote", ident, ident))
    return sorted(found, key=lambda entry: entry[0])


def nodes_of(root: Any, kinds: str | None) -> list[tuple[str, str, str]]:
    """Nodes as kind, name and id: those of the cluster, then guests, then remote ones."""
    wanted = {"cluster", "guest", "remote"} if not kinds or kinds == "all" else set(kinds.split(","))
    return [entry for entry in [*_cluster_nodes(root), *_remotes(root)] if entry[0] in wanted or "all" in wanted]


def _show_nodes(given: Given, out: Output) -> int:
    from hacluster.client.cibsource import open_source  # noqa: PLC0415 - the other commands need none of it

    try:
        root = open_source().read()
    except Fault as error:
        out.error(f"Could not connect to the CIB: {error.text}")
        raise Failed(f"error: Command failed: {error.text}", error.status, bare=True) from None
    found = nodes_of(root, given.get("nodes"))
    out.tree(Tree("nodes", children=[Tree("node", {"type": k, "name": n, "id": i}) for k, n, i in found]))
    if not found:
        out.line("No nodes configured")
    for kind, name, ident in found:
        if "bash-export" in given:
            out.line(f"export {name}={ident}")
        else:
            out.line(name if "quiet" in given else f"{kind} node: {name} ({ident})")
    return Exit.OK


def main(given: Given, out: Output) -> int:
    """The last command."""
    command = given.last_of("status", "pacemakerd", "dc_lookup", "nodes")
    if command is None:
        raise UsageError("Must specify a command option")
    if command == "nodes":
        return _show_nodes(given, out)
    try:
        return {"status": _show_state, "dc_lookup": _show_dc, "pacemakerd": _show_daemons}[command](given, out)
    except Fault as error:
        if error.status is not Exit.DISCONNECTED:
            raise Failed(f"error: Command failed: {error.text}", error.status, bare=True) from None
        if out.is_text:
            whom = "launcher" if command == "pacemakerd" else "controller"
            out.error(f"error: Could not connect to {whom}: Connection refused")
        raise Failed("error: Command failed: Connection refused", Exit.DISCONNECTED, bare=True) from None


def _status_of(node: str) -> ManagerStatus:
    from hacluster.client.live import daemon_here  # noqa: PLC0415 - --help needs none of it
    from hacluster.msg.crmd import ManagerQuery, ManagerStatus  # noqa: PLC0415

    return daemon_here().ask(ManagerQuery(node), ManagerStatus)


def _show_state(given: Given, out: Output) -> int:
    node = given.get("status") or ""
    found = _status_of(node)
    out.line(found.state if "quiet" in given else f"Controller on {found.node} in state {found.state}: ok")
    out.tree(Tree("crmd", {"node_name": found.node, "state": found.state, "result": "ok"}))
    return Exit.OK


def _show_dc(given: Given, out: Output) -> int:
    found = _status_of("")
    if not found.dc:
        raise Failed("error: Command failed: DC is not yet elected", Exit.NO_DC, bare=True)
    out.line(found.dc if "quiet" in given else f"Designated Controller is: {found.dc}")
    out.tree(Tree("dc", {"node_name": found.dc}))
    return Exit.OK


def _show_daemons(given: Given, out: Output) -> int:
    import time  # noqa: PLC0415 - one command alone

    from hacluster.base.iso8601 import Moment  # noqa: PLC0415

    found = _status_of("")
    state = "shutting_down" if found.state == "S_STOPPING" else "running"
    text = {"running": "Pacemaker is running", "shutting_down": "Pacemaker is shutting down"}[state]
    now = int(time.time())
    stamp = Moment.from_epoch(now, time.localtime(now).tm_gmtoff).show()
    out.line(state if "quiet" in given else f"Status of pacemakerd: '{text}' (last updated {stamp})")
    out.tree(Tree("pacemakerd", {"sys_from": "pacemakerd", "state": state, "last_updated": stamp}))
    return Exit.OK


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
