"""``attrd_updater``: attributes of nodes, told to the attribute manager."""

from __future__ import annotations

import os
from typing import Final

from hacluster.base.results import Exit, Fault
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import Failed, Output, run

TOOL: Final = Tool(
    "attrd_updater",
    "Query and update node attributes by way of the attribute manager.",
    (
        Group("required", "Required Arguments:", (
            Option("name", "n", "NAME", "The attribute's name"),
            Option("pattern", "P", "PATTERN", "Operate on all attributes that match this pattern (with -U, -D)"),
        )),
        Group("command", "Commands (one only):", (
            Option("update", "U", "VALUE", "Update the attribute's value (it may be an arithmetic expression)"),
            Option("update-both", "B", "VALUE", "Update the attribute's value and the time to wait before writing it"),
            Option("update-delay", "Y", help="Update the time to wait before writing changes"),
            Option("query", "Q", help="Query the attribute's value"),
            Option("delete", "D", help="Unset the attribute"),
            Option("refresh", "R", help="(Advanced) Force the manager to write all attributes to the CIB"),
        )),
        Group("additional", "Additional Options:", (
            Option("delay", "d", "SECONDS", "The time to wait for further changes before writing"),
            Option("set", "s", "SET", "(Advanced) The set that the attribute is put into"),
            Option("node", "N", "NODE", "The node that it is for (default: this one)"),
            Option("all", "A", help="With --query: the values of all nodes"),
            Option("private", "p", help="With -U: keep the attribute out of the CIB"),
            Option("wait", "W", "UNTIL", "Wait for this before returning: no, local, cluster"),
            Option("utilization", "z", help="It is a utilization attribute"),
            Option("quiet", "q", help="Print the value only"),
            Option("lifetime", "l", "LIFETIME", hidden=True),
        )),
    ),
)  # fmt: skip
_COMMANDS: Final = ("update", "update-both", "update-delay", "query", "delete", "refresh")


def main(given: Given, out: Output) -> int:
    """The last command."""
    command = given.last_of(*_COMMANDS) or "query"
    name = given.get("name")
    pattern = given.get("pattern")
    if name is None and pattern is None and command != "refresh":
        raise UsageError("Command requires --name argument")
    value = given.get("update") if command == "update" else given.get("update-both")
    if command == "update-both" and "delay" not in given:
        out.line("Warning: 'B' command given without required --delay")
    if command == "query":
        return _query(given, out, name or "")
    shown = f"{name or pattern or '(null)'}={value if command.startswith('update') and value is not None else '(null)'}"
    return _update(given, command, value, shown)


def _query(given: Given, out: Output, name: str) -> int:
    from hacluster.client.cibsource import ON_NODE  # noqa: PLC0415 - --help needs none of it
    from hacluster.client.live import daemon_here  # noqa: PLC0415
    from hacluster.msg.attrd import AttributeQuery, AttributeValues  # noqa: PLC0415

    try:
        # As with the original, all nodes: only an agent, whose environment names its node, asks for that one.
        node = "" if "all" in given else given.get("node") or os.environ.get(ON_NODE, "")
        values = daemon_here().ask(AttributeQuery(name, node), AttributeValues).values
    except Fault as error:
        raise Failed(_unreachable(error), error.status) from None
    if not values:
        raise Failed(f"Could not query value of {name}: attribute does not exist", Exit.NO_SUCH)
    for host, value in values:
        out.line(value if "quiet" in given else f'name="{name}" host="{host}" value="{value}"')
        out.tree(Tree("attribute", {"name": name, "host": host, "value": value}))
    return Exit.OK


def _unreachable(error: Fault) -> str:
    if error.status is Exit.DISCONNECTED:
        return "Could not connect to attribute manager: Connection refused"
    return f"Could not query the attribute manager: {error.text}"


def _update(given: Given, command: str, value: str | None, shown: str) -> int:
    from hacluster.base.values import interval_ms  # noqa: PLC0415 - --help needs none of it
    from hacluster.client.live import daemon_here  # noqa: PLC0415
    from hacluster.msg.attrd import Update, UpdateAttribute, Wait  # noqa: PLC0415
    from hacluster.msg.membership import Accepted  # noqa: PLC0415

    words = {"update-both": Update.BOTH, "update-delay": Update.DELAY, "refresh": Update.REFRESH}
    delay = given.get("delay")
    wait = given.get("wait") or "no"
    if wait not in list(Wait):
        raise UsageError(f"Invalid value '{wait}' for --wait: it is one of no, local, cluster")
    asked = UpdateAttribute(
        given.get("name") or "",
        value if command.startswith("update") else None,
        words.get(command, Update.VALUE),
        given.get("pattern") or "",
        given.get("node") or os.environ.get("OCF_RESKEY_CRM_meta_physical_host") or "",
        interval_ms(delay) if delay is not None else None,
        given.get("set") or "",
        private="private" in given,
        utilization="utilization" in given,
        wait=Wait(wait),
    )
    try:
        daemon_here().ask(asked, Accepted)
    except Fault as error:
        if error.status is Exit.DISCONNECTED:
            raise Failed(f"Could not update {shown}: Connection refused (111)", error.status) from None
        raise Failed(f"Could not update {shown}: {error.text}", error.status) from None
    return Exit.OK


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
