"""``stonith_admin``: fence devices and what was done with them, asked of the fencer."""

from __future__ import annotations

from typing import Final

from hacluster.base.results import Exit
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import FORMATS, Failed, Output, run

TOOL: Final = Tool(
    "stonith_admin",
    "Access the fencing of the cluster.",
    (
        Group("definition", "Device Definition Commands:", (
            Option("register", "R", "DEVICE", "Register the named fence device. Requires: --agent"),
            Option("deregister", "D", "DEVICE", "De-register the named fence device"),
            Option("register-level", "r", "TARGET", "Register a level for the target (NAME, @PATTERN or ATTR=VALUE)."
                   " Requires: --index and one or more --device"),
            Option("deregister-level", "d", "TARGET", "Unregister a level for the target. Requires: --index"),
        )),
        Group("queries", "Queries:", (
            Option("list", "l", "HOST", "List devices that can fence the host"),
            Option("list-registered", "L", help="List all registered devices"),
            Option("list-installed", "I", help="List all installed fence agents"),
            Option("list-targets", "s", "DEVICE", "List the targets that the device can fence"),
            Option("metadata", "M", help="Show agent metadata. Requires: --agent"),
            Option("query", "Q", "DEVICE", "Check the named device's status"),
            Option("history", "H", "NODE", "Show the last successful fencing of the node ('*' for all)"),
            Option("last", "h", "NODE", "Indicate when the node was last fenced"),
            Option("validate", "K", help="Validate a fence device configuration. Requires: --agent"),
        )),
        Group("fence", "Fencing Commands:", (
            Option("fence", "F", "HOST", "Fence the host"),
            Option("unfence", "U", "HOST", "Unfence the host"),
            Option("reboot", "B", "HOST", "Reboot the host"),
            Option("confirm", "C", "HOST", "Tell the cluster that the host is safely down"),
        )),
        Group("additional", "Additional Options:", (
            Option("cleanup", "c", help="Cleanup wherever appropriate. Requires --history"),
            Option("broadcast", "b", help="Broadcast wherever appropriate"),
            Option("agent", "a", "AGENT", "The agent to use"),
            Option("option", "o", "PARAM", "A parameter of the device as NAME=VALUE; may be repeated"),
            Option("env-option", "e", "PARAM", "A parameter, its value from the environment's OCF_RESKEY_<PARAM>"),
            Option("tag", "T", "TAG", "Identify fencing operations in logs with this tag"),
            Option("device", "v", "DEVICE", "Device ID; may be repeated"),
            Option("index", "i", "LEVEL", "The level (1-9)", number=True),
            Option("timeout", "t", "SECONDS", "Timeout in seconds (default 120)", number=True),
            Option("delay", "y", "SECONDS", "Wait before fencing", number=True),
            Option("as-node-id", "n", help="(Advanced) The node is given by its ID (with --last)"),
            Option("tolerance", "", "SECONDS", "(Advanced) Do nothing if the same succeeded so short a time ago"),
            Option("quiet", "q", help="Be less descriptive in output"),
        )),
    ),
)  # fmt: skip
_COMMANDS: Final = tuple(option.long for group in TOOL.groups[:3] for option in group.options)
_VERBS: Final = {"fence": "fence", "unfence": "unfence", "reboot": "fence"}


def _check_options(given: Given) -> None:
    import os  # noqa: PLC0415 - few calls have options

    for text in given.all("option"):
        if not text.partition("=")[0] or "=" not in text:
            raise UsageError(f"Invalid option: -o {text}: it is not NAME=VALUE")
    for name in given.all("env-option"):
        if f"OCF_RESKEY_{name}" not in os.environ:
            raise UsageError(f"Invalid option: -e {name}")


def _local(given: Given, out: Output, command: str) -> int:
    """What asks an agent and no fencer."""
    from hacluster.client.agents import fence_metadata, list_fence_agents  # noqa: PLC0415 - the others need none

    if command == "list-installed":
        found = list_fence_agents()
        for name in found:
            out.line(name)
        out.line(f"{len(found)} fence agent{'' if len(found) == 1 else 's'} found")
        return Exit.OK
    agent = given.get("agent") or ""
    text = fence_metadata(agent)
    if text is None:
        if command == "validate":
            out.line(f"Validation of {agent} failed")
            out.line(f"Agent {agent} not found")
            return Exit.NO_SUCH
        raise Failed("Can't get fence agent meta-data: No such device", Exit.NO_SUCH, bare=True)
    if command == "metadata":
        out.raw(text if text.endswith("\n") else text + "\n")
        return Exit.OK
    from hacluster.client.agents import validate_fence  # noqa: PLC0415 - one command alone

    params = dict(item.partition("=")[::2] for item in given.all("option"))
    good, said = validate_fence(agent, params)
    out.line(f"Validation of {agent} {'succeeded' if good else 'failed'}")
    out.raw(said)
    return Exit.OK if good else Exit.ERROR


def main(given: Given, out: Output) -> int:
    """The last command. Most need a fencer, of which there is none to ask yet."""
    command = given.last_of(*_COMMANDS)
    _check_options(given)
    if command is None:
        raise UsageError("no command was given")
    if command in ("register", "metadata", "validate") and "agent" not in given:
        raise UsageError("Please specify an agent to query using -a,--agent [value]")
    if command in ("metadata", "validate", "list-installed"):
        return _local(given, out, command)
    verb = _VERBS.get(command)
    if verb is not None:
        raise Failed(f"Couldn't {verb} {given.get(command)}: Transport endpoint is not connected", Exit.DISCONNECTED)
    raise Failed("Could not connect to fencer: Transport endpoint is not connected", Exit.DISCONNECTED, bare=True)


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main, (*FORMATS, "html"))
