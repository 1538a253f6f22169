"""``stonith_admin``: fence devices and what was done with them, asked of the fencer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from hacluster.base.results import Exit, Fault, invalid
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import FORMATS, Failed, Output, run

if TYPE_CHECKING:
    from hacluster.client.fencing import Fencer

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
_ACTIONS: Final = {"fence": "off", "unfence": "on", "reboot": "reboot"}
_DEVICES: Final = ("fence device", "fence devices")
_TIMEOUT_S: Final = 120
_ANY: Final = frozenset({"", "*"})


def _parameters(given: Given) -> dict[str, str]:
    import os  # noqa: PLC0415 - few calls have options

    found: dict[str, str] = {}
    for text in given.all("option"):
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise UsageError(f"Invalid option: -o {text}: it is not NAME=VALUE")
        found[name] = value
    for name in given.all("env-option"):
        value = os.environ.get(f"OCF_RESKEY_{name}", "")
        if not value:
            raise UsageError(f"Invalid option: -e {name}")
        found[name] = value
    return found


def _list(out: Output, title: str, nouns: tuple[str, str], names: Sequence[str], kind: str = "device") -> int:
    for name in names:
        out.line(name)
    out.line(f"{len(names)} {nouns[len(names) != 1]} found")
    items = [Tree("item", {"name": kind} if kind else {}, text=name) for name in names]
    out.tree(Tree("list", {"name": title, "count": str(len(names))}, items))
    return Exit.OK


def _local(given: Given, out: Output, command: str) -> int:
    """What asks an agent and no fencer."""
    from hacluster.client.agents import fence_metadata, list_fence_agents  # noqa: PLC0415 - the others need none

    if command == "list-installed":
        return _list(out, "installed fence devices", _DEVICES, list_fence_agents())
    agent = given.get("agent") or ""
    text = fence_metadata(agent)
    if text is None:
        if command == "validate":
            _tell_validity(out, agent, Exit.NO_SUCH, f"Agent {agent} not found\n")
            return Exit.NO_SUCH
        raise Failed("Can't get fence agent meta-data: No such device", Exit.NO_SUCH, bare=True)
    if command == "metadata":
        out.raw(text if text.endswith("\n") else text + "\n")
        out.tree(Tree("metadata", text=text, cdata=True))
        return Exit.OK
    from hacluster.client.agents import validate_fence  # noqa: PLC0415 - one command alone

    good, said = validate_fence(agent, _parameters(given))
    status = Exit.OK if good else Exit.ERROR
    _tell_validity(out, agent, status, said)
    return status


def _tell_validity(out: Output, agent: str, status: Exit, said: str) -> None:
    good = status == Exit.OK
    out.line(f"Validation of {agent} {'succeeded' if good else 'failed'}")
    out.raw(said)
    told = [Tree("output", {"source": "stderr"}, text=said)] if said else []
    command = Tree("command", {"code": str(int(status))}, told)
    out.tree(Tree("validate", {"agent": agent, "valid": "true" if good else "false"}, [command]))


def _fence(given: Given, fencer: Fencer, command: str) -> int:
    target = given.get(command) or ""
    try:
        fencer.fence(
            target,
            _ACTIONS[command],
            timeout_s=_seconds(given, "timeout", _TIMEOUT_S),
            delay_s=_seconds(given, "delay", 0),
            tolerance_s=_seconds(given, "tolerance", 0),
            tag=given.get("tag") or "",
        )
    except Fault as error:
        verb = "unfence" if command == "unfence" else "fence"
        raise Failed(f"Couldn't {verb} {target}: {_why(error)}", error.status) from None
    return Exit.OK


def _why(error: Fault) -> str:
    from hacluster.client.fencing import FencingFailedError  # noqa: PLC0415 - most calls succeed

    reason = error.reason if isinstance(error, FencingFailedError) else ""
    return f"{error.text} ({reason})" if reason else error.text


def _seconds(given: Given, name: str, default: float) -> float:
    from hacluster.base.values import msec  # noqa: PLC0415 - few say it

    text = given.get(name)
    found = default if text is None else msec(text) / 1000
    if found < 0:
        raise UsageError(f"--{name}={text} is no time in seconds")
    return found


def _show_history(given: Given, out: Output, fencer: Fencer) -> int:
    from hacluster.tools import fencinghistory as tell  # noqa: PLC0415 - the others need none

    name = given.get("history") or ""
    target = "" if name in _ANY else name
    quiet, verbose = "quiet" in given, "verbose" in given
    if "cleanup" in given:
        if not quiet:
            out.line(f"cleaning up fencing-history for node {name or '*'}")
        fencer.forget(target)
        return Exit.OK
    if "broadcast" in given and not quiet:
        out.line("gather fencing-history from all nodes")
    entries = fencer.history(target)
    done = next((one for one in entries if one.state.value == "success"), None)
    shown = entries if verbose and not quiet else (done,) if done is not None and not quiet else ()
    if quiet and done is not None:
        out.line(str(done.ended_ms // 1000))
    for entry in shown:
        out.line(tell.technical(entry, entries, full=verbose))
    out.line(f"{len(shown)} event{'' if len(shown) == 1 else 's'} found")
    attrs = {"name": "fencing history", "count": str(len(shown))}
    out.tree(Tree("list", attrs, [tell.tree_of(entry) for entry in shown]))
    return Exit.OK


def _show_last(given: Given, out: Output, fencer: Fencer) -> int:
    import time  # noqa: PLC0415 - one command alone

    from hacluster.tools.fencinghistory import stamp  # noqa: PLC0415

    said = given.get("last") or ""
    target = _name_of(said) if "as-node-id" in given else said
    done = next((one for one in fencer.history(target) if target and one.state.value == "success"), None)
    if done is None:
        # The original ends with 74 where XML is wanted, although nothing has gone wrong.
        out.line(f"Node {said} has never been fenced")
        return Exit.OK
    out.line(f"Node {said} last fenced at: {time.ctime(done.ended_ms // 1000)}")
    out.tree(Tree("last-fenced", {"target": said, "when": stamp(done.ended_ms)}))
    return Exit.OK


def _name_of(ident: str) -> str:
    """The name of a node with this id; empty when there is none."""
    from hacluster.client.cibsource import open_source  # noqa: PLC0415 - a name needs none

    nodes = open_source().read().iterfind("configuration/nodes/node")
    return next((node.get("uname", "") for node in nodes if node.get("id") == ident), "")


def _topology(given: Given, fencer: Fencer, command: str) -> int:
    from hacluster.client.fencing import level_of  # noqa: PLC0415 - two commands alone

    target = given.get(command) or ""
    index = int(given.get("index") or 0)
    adding = command == "register-level"
    try:
        # Without a level the original forgets all of the target.
        wanted = range(1, 10) if not adding and "index" not in given else (index,)
        for number in wanted:
            if not 0 < number < _LEVELS:
                raise invalid()
            level = level_of(target, number, given.all("device"))
            (fencer.add_level if adding else fencer.remove_level)(level)
    except Fault as error:
        verb = "register" if adding else "unregister"
        text = f"Can't {verb} topology level {index} for {target}: {error.text}"
        raise Failed(text, error.status, bare=True) from None
    return Exit.OK


_LEVELS: Final = 10


def _device(given: Given, fencer: Fencer, command: str) -> int:
    from hacluster.msg.stonith import Device  # noqa: PLC0415 - two commands alone

    ident, agent = given.get(command) or "", given.get("agent") or ""
    if command == "deregister":
        fencer.remove(ident)
        return Exit.OK
    try:
        fencer.register(Device(ident, agent, tuple(_parameters(given).items())))
    except Fault as error:
        text = f"Can't register device {ident} using agent {agent}: {_why(error)}"
        raise Failed(text, error.status, bare=True) from None
    return Exit.OK


def _ask(given: Given, out: Output, fencer: Fencer, command: str) -> int:
    match command:
        case "fence" | "unfence" | "reboot":
            return _fence(given, fencer, command)
        case "list" | "list-registered":
            target = given.get("list") or "" if command == "list" else ""
            found = [name for name, _ in fencer.devices(target)]
            return _list(out, "registered fence devices", _DEVICES, found)
        case "list-targets":
            try:
                names = fencer.targets(given.get(command) or "", _seconds(given, "timeout", _TIMEOUT_S))
            except Fault as error:
                raise Failed(f"Couldn't list targets: {_why(error)}", error.status, bare=True) from None
            return _list(out, "fence targets", ("fence target", "fence targets"), names, kind="")
        case "query":
            try:
                fencer.check(given.get(command) or "", _seconds(given, "timeout", _TIMEOUT_S))
            except Fault as error:
                # The original says nothing here.
                raise Failed(_why(error) if "verbose" in given else "", error.status) from None
        case "confirm":
            fencer.confirm(given.get(command) or "")
        case "history":
            return _show_history(given, out, fencer)
        case "last":
            return _show_last(given, out, fencer)
        case "register-level" | "deregister-level":
            return _topology(given, fencer, command)
        case _:
            return _device(given, fencer, command)
    return Exit.OK


def main(given: Given, out: Output) -> int:
    """The last command."""
    command = given.last_of(*_COMMANDS)
    _parameters(given)
    if command is None:
        raise UsageError("no command was given")
    if command in ("register", "metadata", "validate") and "agent" not in given:
        raise UsageError("Please specify an agent to query using -a,--agent [value]")
    if command in ("metadata", "validate", "list-installed"):
        return _local(given, out, command)
    from hacluster.client.fencing import Fencer  # noqa: PLC0415 - what asks agents needs none
    from hacluster.client.live import Daemon  # noqa: PLC0415

    try:
        return _ask(given, out, Fencer(Daemon(TOOL.name)), command)
    except Fault as error:
        if error.status == Exit.DISCONNECTED:
            raise Failed(f"Could not connect to fencer: {error.text}", error.status, bare=True) from None
        raise Failed(_why(error), error.status) from None


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main, (*FORMATS, "html"))
