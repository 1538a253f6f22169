"""``crm_attribute``, and ``crm_standby``, ``crm_failcount`` and ``crm_master``, which ask it in other words."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final, cast

from hacluster.base.results import Exit, Fault, no_such
from hacluster.base.tree import Tree
from hacluster.tools.options import Given, Group, Option, Tool, UsageError, parse
from hacluster.tools.output import Failed, Output, perform, run
from hacluster.tools.words import complain, end

if TYPE_CHECKING:
    from hacluster.cib.attributes import Place
    from hacluster.client.live import LiveCluster

TOOL: Final = Tool(
    "crm_attribute",
    "Query and update the cluster options and node attributes of the cluster.",
    (
        Group("selections", "Selections:", (
            Option("id", "i", "XML_ID", "(Advanced) Operate on the instance of the attribute with this XML ID"),
            Option("name", "n", "NAME", "Operate on the attribute or option with this name"),
            Option("pattern", "P", "PATTERN", "Operate on all attributes that match this regular expression"),
            Option("promotion", "p", "VALUE", "Operate on the promotion score of this resource, or of the one whose"
                   " agent calls", optional=True),
            Option("set-name", "s", "NAME", "(Advanced) Use only the set of attributes with this XML ID"),
            Option("utilization", "z", help="Query or update a utilization attribute of a node"),
        )),
        Group("command", "Commands:", (
            Option("delete", "D", help="Delete the attribute or option"),
            Option("query", "G", help="Query the current value of the attribute or option"),
            Option("update", "v", "VALUE", "Update the value of the attribute or option"),
            Option("list-options", "", "TYPE", "List all available options of this type: cluster"),
        )),
        Group("additional", "Additional Options:", (
            Option("default", "d", "VALUE", "(Advanced) Value to show if none is found"),
            Option("lifetime", "l", "LIFETIME", "Lifetime of the node attribute: reboot or forever"),
            Option("node", "N", "NODE", "Set a node attribute of this node"),
            Option("type", "t", "SECTION", "Which part of the configuration: crm_config, nodes, op_defaults,"
                   " rsc_defaults, tickets, status"),
            Option("quiet", "q", help="Print the value only"),
            Option("quiet-old", "Q", hidden=True),
            Option("inhibit-policy-engine", "!", hidden=True),
            Option("attr-id", "", "XML_ID", hidden=True),
            Option("attr-name", "", "NAME", hidden=True),
            Option("attr-value", "", "VALUE", hidden=True),
            Option("delete-attr", "", "NAME", hidden=True),
            Option("get-value", "", hidden=True),
            Option("node-uname", "U", "NODE", hidden=True),
        )),
    ),
)  # fmt: skip


def local_node() -> str:
    """The name of this node: as agents are told, as the daemon says, or this host's."""
    from hacluster.client.cibsource import own_node  # noqa: PLC0415 - --help needs none of it

    return own_node()


def _kind(given: Given, node: str | None, promotion: bool) -> str:
    """The section that is meant: the last of --type and --lifetime, or what the others say."""
    last = given.last_of("type", "lifetime")
    word = given.get(last) if last is not None else None
    if word is not None:
        return {"reboot": "status", "forever": "nodes"}.get(word, word)
    if promotion:
        return "status"
    return "nodes" if node is not None else "crm_config"


def _promotion_name(given: Given) -> str:
    rsc = given.get("promotion") or os.environ.get("OCF_RESOURCE_INSTANCE")
    if not rsc:
        raise UsageError("-p/--promotion must be called from an OCF resource agent or with a resource ID specified")
    return f"master-{rsc}"


def _command(given: Given) -> str:
    last = given.last_of("delete", "delete-attr", "query", "get-value", "update", "attr-value")
    return {"delete-attr": "delete", "get-value": "query", "attr-value": "update", None: "query"}.get(last, last or "")


class _Call:
    """One call: what is asked of which source."""

    def __init__(self, given: Given, out: Output) -> None:
        self.given, self.out = given, out
        self.name = given.get("name") or given.get("attr-name")
        self.pattern = given.get("pattern")
        if self.name is not None and self.pattern is not None:
            raise UsageError("Error: --name and --pattern cannot be used at the same time")
        if "promotion" in given:
            self.name = _promotion_name(given)
        self.ident = given.get("id") or given.get("attr-id")
        self.node = given.get("node") or given.get("node-uname")
        self.quiet = "quiet" in given or "quiet-old" in given
        self.section = _kind(given, self.node, "promotion" in given)
        self.command = _command(given)
        if self.command != "query" and self.name is None and self.pattern is None:
            raise UsageError(f"Error: must specify attribute name or pattern to {self.command}")

    def perform(self) -> int:
        from hacluster.cib.attributes import SECTIONS, Place, node_id  # noqa: PLC0415 - --help needs none of it
        from hacluster.client.cibsource import open_source  # noqa: PLC0415

        self.source = open_source()
        try:
            self.root = self.source.read()
        except Fault as error:
            if error.text == "Permission denied":
                raise Failed(f"Error performing operation: {error.text}", error.status) from None
            raise Failed(f"Could not connect to the CIB: {error.text}", error.status) from None
        ident = None
        if self.section not in ("crm_config", "tickets"):
            name = self.node or local_node()
            ident = node_id(self.root, name)
            if ident is None:
                raise Failed(f"Could not map name={name} to a UUID", Exit.NO_SUCH)
        if self.section not in SECTIONS:
            raise Failed("Error performing operation: No message of desired type", Exit.PROTOCOL)
        kind = "utilization" if "utilization" in self.given else "instance_attributes"
        place = Place(self.section, ident, kind, self.given.get("set-name"))
        if self.section == "status" and self.command != "query" and self.source.live:
            return self._tell_manager(cast("LiveCluster", self.source))
        if self.pattern is not None and self.command != "query":
            return Exit.OK  # the attribute manager answers patterns; a file has none
        return {"query": self._query, "delete": self._delete, "update": self._update}[self.command](place)

    def _tell_manager(self, source: LiveCluster) -> int:
        """Transient attributes are the attribute manager's, which writes them into the status."""
        from hacluster.msg.attrd import UpdateAttribute  # noqa: PLC0415 - files need none of it
        from hacluster.msg.membership import Accepted  # noqa: PLC0415

        value = None if self.command == "delete" else self.given.get("update") or self.given.get("attr-value") or ""
        asked = UpdateAttribute(
            self.name or "", value, pattern=self.pattern or "", node=self.node or local_node(),
            utilization="utilization" in self.given,
        )  # fmt: skip
        try:
            source.daemon.ask(asked, Accepted)
        except Fault as error:
            doing = f"deleting {self.name}" if value is None else f"setting {self.name}={value}"
            raise Failed(f"Error {doing}: {error.text}", error.status) from None
        return Exit.OK

    def _found(self, place: Place) -> list[Any]:
        from hacluster.cib.attributes import find_pairs  # noqa: PLC0415 - loaded already

        return find_pairs(self.root, place, self.name, self.ident)

    def _tell(self, name: str, value: str) -> None:
        attrs = {"name": name, "value": value, "scope": self.section}
        if self.ident is not None:
            attrs["id"] = self.ident
        self.out.tree(Tree("attribute", attrs))
        shown = value.replace('"', '\\"')
        ident = f"id={self.ident} " if self.ident is not None else ""
        self.out.line(value if self.quiet else f"scope={self.section} {ident}name={name} value={shown}")

    def _query(self, place: Place) -> int:
        found = self._found(place)
        if self.pattern is not None:
            try:
                found = [pair for pair in found if re.search(self.pattern, pair.get("name", ""))]
            except re.error:
                found = []
        for pair in found:
            self._tell(pair.get("name", ""), pair.get("value", ""))
        default = self.given.get("default")
        if not found and default is not None:
            self._tell(self.name or "", default)
        elif not found:
            raise Failed("Error performing operation: No such device or address", Exit.NO_SUCH)
        return Exit.OK

    def _ambiguous(self, found: list[Any]) -> bool:
        if len(found) < 2:
            return False
        self.out.line(f"Multiple attributes match name={self.name}")
        for pair in found:
            self.out.line(f"  Value: {pair.get('value')} \t(id={pair.get('id')})")
        return True

    def _delete(self, place: Place) -> int:
        found = self._found(place)
        if not found or self._ambiguous(found):
            return Exit.OK
        import copy  # noqa: PLC0415 - only a deletion needs it

        pair = copy.copy(found[0])
        self._change("delete", "deleting", place, data=pair, scope=self.section if place.node else None)
        if not self.quiet:
            group = f" set={place.set_id}" if place.set_id else ""
            kind = "attribute" if place.node is not None else "option"
            self.out.line(f"Deleted {self.section} {kind}: id={pair.get('id')}{group} name={self.name}")
        return Exit.OK

    def _update(self, place: Place) -> int:
        from hacluster.cib.attributes import update_of  # noqa: PLC0415 - loaded already

        value = self.given.get("update") or self.given.get("attr-value") or ""
        found = self._found(place)
        if self._ambiguous(found):
            raise Failed(
                "Please choose from one of the matches below and supply the 'id' with --attr-id", Exit.MULTIPLE
            )
        scope, data = update_of(self.root, place, found[0] if found else None, self.name, value, ident=self.ident)
        self._change("modify", f"setting {self.name}={value}", place, data=data, scope=scope, create=True)
        return Exit.OK

    def _change(self, operation: str, doing: str, place: Place, **request: Any) -> None:
        try:
            self.source.change(operation, **request)
        except Fault as error:
            named = place.set_id or place.default_set()
            self.out.error(f"Error {doing} (section={self.section}, set={named}): {error.text}")
            raise Failed(f"Error performing operation: {error.text}", error.status) from None


def _list_options(kind: str, out: Output) -> int:
    """The options of the cluster with their defaults."""
    if kind != "cluster":
        raise UsageError(f"Invalid --list-options value '{kind}'. Allowed values: cluster")
    from hacluster.cib.options import OPTIONS  # noqa: PLC0415 - few ask

    for option in OPTIONS.values():
        out.line(f"  * {option.name}: {option.expected} (default {option.default or 'none'})")
        attrs = {"name": option.name, "default": option.default, "expected": option.expected}
        out.tree(Tree("option", attrs))
    return Exit.OK


def main(given: Given, out: Output) -> int:
    """One call."""
    if "list-options" in given:
        return _list_options(given.get("list-options") or "", out)
    return _Call(given, out).perform()


def script() -> None:
    """``crm_attribute``."""
    run(TOOL, main)


# -- the others -------------------------------------------------------------------------------------------------------

_ATTRIBUTE: Final = (
    Option("quiet", "q", help="Print the value only"),
    Option("quiet-old", "Q", hidden=True),
    Option("query", "G", help="Query the current value"),
    Option("update", "v", "VALUE", "Update the value"),
    Option("delete", "D", help="Delete the value"),
    Option("node", "N", "NODE", "The node (default: this one)"),
    Option("lifetime", "l", "LIFETIME", "How long it is to last: reboot or forever"),
    Option("id", "i", "XML_ID", "(Advanced) XML ID of the attribute"),
    Option("get-value", hidden=True),
    Option("attr-value", "", "VALUE", hidden=True),
    Option("delete-attr", hidden=True),
    Option("uname", "U", "NODE", hidden=True),
    Option("attr-id", "", "XML_ID", hidden=True),
)
_OLD: Final = {"quiet-old": "quiet", "get-value": "query", "attr-value": "update", "delete-attr": "delete",
               "uname": "node", "attr-id": "id"}  # fmt: skip
STANDBY: Final = Tool("crm_standby", "Query, enable, or disable standby mode of a node.",
                      (Group("options", "Options:", _ATTRIBUTE),), output=False)  # fmt: skip
MASTER: Final = Tool(
    "crm_master", "Query, update, or delete the promotion score of a resource (an agent's own by default).",
    (Group("options", "Options:", (*_ATTRIBUTE, Option("resource", "r", "RSC", "The resource"))),), output=False,
)  # fmt: skip
FAILCOUNT: Final = Tool(
    "crm_failcount", "Query or reset the count of failures of a resource on a node.",
    (Group("options", "Options:", (
        *(option for option in _ATTRIBUTE if option.long not in ("update", "id", "lifetime")),
        Option("resource", "r", "RSC", "The resource"),
        Option("resource-id", "", "RSC", hidden=True),
        Option("operation", "n", "OPERATION", "Limit to this operation"),
        Option("interval", "I", "INTERVAL", "With --operation: its interval"),
        Option("lifetime", "l", "LIFETIME", hidden=True),
        Option("id", "i", "XML_ID", hidden=True),
        Option("update", "v", "VALUE", hidden=True),
    )),), output=False,
)  # fmt: skip


def _parsed(tool: Tool, status: int) -> Given:
    """The arguments under their present names; ends the process for help, version and what is wrong."""
    try:
        given = parse(tool, sys.argv[1:])
        if given.rest:
            raise UsageError(f"unknown option '{given.rest[0]}'")
    except UsageError as error:
        complain(f"{tool.name}: {error}")
        sys.exit(status)
    if given.help is not None or "version" in given:
        sys.exit(perform(tool, lambda _given, _out: 0, sys.argv[1:]))
    given.events = [(_OLD.get(name, name), value) for name, value in given.events]
    return given


def _words(given: Given, *names: str) -> list[str]:
    found: list[str] = []
    for name, value in given.events:
        if name in names:
            found += [f"--{name}"] if name in ("quiet", "query", "delete") else [f"--{name}={value}"]
    return found


def _attribute(words: list[str]) -> int:
    return perform(TOOL, main, words)


def _quietly(words: list[str]) -> int:
    """The status of a call whose output nobody wants."""
    import contextlib  # noqa: PLC0415 - crm_standby alone asks first
    import io  # noqa: PLC0415

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return _attribute(words)


def _standby() -> int:
    given = _parsed(STANDBY, Exit.ERROR)
    node = given.get("node") or local_node()
    words = [f"--node={node}", "--name=standby", *_words(given, "quiet", "query", "update", "delete", "lifetime", "id")]
    command = given.last_of("query", "update", "delete")
    if command is None:
        words.append("--query")
    if "lifetime" in given:
        return _attribute(words)
    if command == "update":
        return _attribute([*words, "--lifetime=forever"])
    if command == "delete":
        _attribute([*words, "--lifetime=forever"])
        _attribute([*words, "--lifetime=reboot"])
        return Exit.OK
    if _quietly([*words, "--lifetime=forever"]) == Exit.OK:
        return _attribute([*words, "--lifetime=forever"])
    return _attribute([*words, "--lifetime=reboot", "--default=off"])


def _master() -> int:
    given = _parsed(MASTER, Exit.ERROR)
    rsc = given.get("resource") or os.environ.get("OCF_RESOURCE_INSTANCE")
    if not rsc:
        complain("error: No resource specified")
        return Exit.ERROR
    asked = _words(given, "quiet", "query", "update", "delete", "node", "lifetime", "id")
    return _attribute([f"--name=master-{rsc}", "--lifetime=forever", *asked])


def _sum(values: list[str]) -> str:
    numbers = [
        1_000_000 if value == "INFINITY" else int(value) for value in values if value.isdecimal() or value == "INFINITY"
    ]
    total = sum(numbers)
    return "INFINITY" if total >= 1_000_000 else str(total)


def _failures(node: str, rsc: str, operation: str | None, interval: int) -> tuple[str, str]:
    """The attribute that counts and its value; "" for a node that is not known."""
    from hacluster.cib.attributes import Place, find_pairs, node_id  # noqa: PLC0415 - --help needs none of it
    from hacluster.client.cibsource import open_source  # noqa: PLC0415

    root = open_source().read()
    ident = node_id(root, node)
    name = f"fail-count-{rsc}" + (f"#{operation}_{interval}" if operation else "")
    if ident is None:
        complain(f"crm_attribute: Could not map name={node} to a UUID")
        return name if operation else f"fail-count-{rsc}", ""
    pairs = find_pairs(root, Place("status", ident))
    values = {pair.get("name", ""): pair.get("value", "") for pair in pairs}
    if operation:
        count = values.get(name, "0")
    else:
        count = _sum([value for found, value in values.items() if found.startswith(f"{name}#")])
    if count == "0" and f"fail-count-{rsc}" in values:
        return f"fail-count-{rsc}", values[f"fail-count-{rsc}"]
    return name, count


def _failcount() -> int:
    from hacluster.base.values import interval_ms, valid_interval  # noqa: PLC0415 - the others need no intervals

    given = _parsed(FAILCOUNT, Exit.USAGE)
    command = given.last_of("query", "delete")
    for name in ("update", "id", "lifetime"):
        if name == "update" and given.get("update") == "0":
            command = "delete"
        elif name in given:
            complain(f"warning: ignoring deprecated option '--{name}'")
    rsc = given.get("resource") or given.get("resource-id")
    for what, text in ((command, "must specify a command"), (rsc, "resource name required")):
        if not what:
            complain(f"error: {text}")
            return Exit.USAGE
    assert rsc is not None, "asked above"
    node = given.get("node") or local_node()
    text = given.get("interval") or "0"
    if not valid_interval(text):
        complain("warning: Unrecognized interval, using 0")
    interval, operation = interval_ms(text), given.get("operation")
    if command == "delete":
        from hacluster.tools.crm_resource import TOOL as RESOURCE  # noqa: PLC0415
        from hacluster.tools.crm_resource import main as resource_main  # noqa: PLC0415 - only a reset needs it

        words = ["--cleanup", f"--node={node}", f"--resource={rsc}"]
        words += [f"--operation={operation}", f"--interval={interval}ms"] if operation else []
        return perform(RESOURCE, resource_main, words)
    try:
        name, count = _failures(node, rsc, operation, interval)
    except Fault as error:
        complain(f"crm_attribute: Could not connect to the CIB: {error.text}")
        name, count = f"fail-count-{rsc}", ""
    print(count if "quiet" in given else f"scope=status  name={name} value={count}")
    return Exit.OK


def standby_script() -> None:
    """``crm_standby``."""
    end(_standby)


def master_script() -> None:
    """``crm_master``."""
    end(_master)


def failcount_script() -> None:
    """``crm_failcount``."""
    end(_failcount)


__all__ = ["failcount_script", "main", "master_script", "no_such", "script", "standby_script"]
