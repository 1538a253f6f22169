"""``crm_node``: what the cluster calls this node, and who is there."""

from __future__ import annotations

import os
from typing import Final

from hacluster.base.results import Exit
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import DANGEROUS, Failed, Output, run

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
    """The last command. Only the name is known without a cluster, and only to an agent."""
    command = given.last_of(*_COMMANDS)
    if command is None:
        raise UsageError("no command was given")
    name = os.environ.get("OCF_RESKEY_CRM_meta_on_node")
    if command == "name" and name:
        out.line(name)
        return Exit.OK
    if command == "remove" and "force" not in given:
        raise Failed(DANGEROUS, Exit.USAGE, bare=True)
    raise Failed("error: Could not connect to controller: Connection refused", Exit.DISCONNECTED, bare=True)


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
