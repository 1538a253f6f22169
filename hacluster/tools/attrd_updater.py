"""``attrd_updater``: attributes of nodes, told to the attribute manager."""

from __future__ import annotations

from typing import Final

from hacluster.base.results import Exit
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
    """The last command; there is no manager to tell yet."""
    command = given.last_of(*_COMMANDS) or "query"
    name = given.get("name") or given.get("pattern")
    if name is None and command != "refresh":
        raise UsageError("Command requires --name argument")
    value = given.get("update") if command == "update" else given.get("update-both")
    if command == "update-both" and "delay" not in given:
        out.line("Warning: 'B' command given without required --delay")
    if command == "query":
        raise Failed("Could not connect to attribute manager: Connection refused", Exit.DISCONNECTED)
    shown = f"{name or '(null)'}={value if command.startswith('update') and value is not None else '(null)'}"
    raise Failed(f"Could not update {shown}: Connection refused (111)", Exit.DISCONNECTED)


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
