"""``cibadmin``: look at and change the CIB."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import DANGEROUS, Failed, Output, run

_COMMANDS: Final = (
    Option("query", "Q", help="Query the contents of the CIB"),
    Option("create", "C", help="Create an object in the CIB (fails if it exists already)"),
    Option("modify", "M", help="Find an object somewhere in the CIB's XML tree and update it"),
    Option("patch", "P", help="Supply an update in the form of an XML diff (see crm_diff)"),
    Option("replace", "R", help="Recursively replace an object in the CIB"),
    Option("delete", "D", help="Delete the first object that matches the supplied criteria"),
    Option("delete-all", "d", help="Delete all objects that the XPath selects (needs --xpath and --force)"),
    Option("erase", "E", help="Erase the contents of the whole CIB (needs --force)"),
    Option("bump", "B", help="Increase the CIB's epoch value by 1"),
    Option("upgrade", "u", help="Upgrade the configuration to the latest syntax"),
    Option("empty", "a", "SCHEMA", "Output an empty CIB, valid in SCHEMA", optional=True),
    Option("md5-sum", "5", help="Calculate the on-disk digest of XML"),
    Option("md5-sum-versioned", "6", help="Calculate the digest of XML as it is sent between nodes"),
    Option("blank", "", help="Output an empty CIB", hidden=True),
)  # fmt: skip
TOOL: Final = Tool(
    "cibadmin",
    "Query and edit the configuration of the cluster.",
    (
        Group("commands", "Commands:", _COMMANDS),
        Group("data", "Data:", (
            Option("xml-text", "X", "XML", "Take XML from this string"),
            Option("xml-file", "x", "FILE", "Take XML from this file"),
            Option("xml-pipe", "p", help="Take XML from standard input"),
        )),
        Group("additional", "Additional Options:", (
            Option("force", "f", help="Force the action to be performed"),
            Option("timeout", "t", "SECONDS", "Time to wait before declaring the operation failed", number=True),
            Option("user", "U", "USER", "Run the command with the permissions of this user (root and hacluster only)"),
            Option("sync-call", "s", help="Wait for the call to complete before returning"),
            Option("local", "l", help="Take effect on this node alone"),
            Option("scope", "o", "SECTION", "Limit the scope of the operation to a section of the CIB"),
            Option("xpath", "A", "XPATH", "A valid XPath to use instead of --scope"),
            Option("node-path", "e", help="With --xpath: show the paths of what is found"),
            Option("show-access", "S", "WHEN", "Mark what a user (--user) may see and change: color, text, namespace,"
                   " auto", optional=True),
            Option("schema", "", "VERSION", "With --upgrade: the schema to end with: 3.9, which 2.1 and 3.0 read,"
                   " or 4.0, which 3.0 alone reads (default: 3.9)"),
            Option("score", "", help="Treat values as scores", hidden=True),
            Option("allow-create", "c", help="With --modify: create what does not exist"),
            Option("no-children", "n", help="With --query: leave out what is inside"),
            Option("no-bcast", "b", help="Accepted for compatibility", hidden=True),
            Option("host", "h", "HOST", "Accepted for compatibility", hidden=True),
            Option("node", "N", "NODE", "Send the command to this host"),
        )),
    ),
    output=False,
)  # fmt: skip
_NEEDS_XML: Final = ("create", "modify", "replace", "patch")
_DANGEROUS: Final = ("upgrade", "erase", "delete-all")
_PATCHES: Final = {"delete-all": "delete"}


def _action(given: Given) -> str:
    return given.last_of(*(option.long for option in _COMMANDS)) or "query"


def read_input(given: Given) -> Any:
    """The XML of -X, -x or -p; ``None`` without one. Raises :class:`Failed` for what is no XML."""
    from hacluster.cib.markup import read_markup  # noqa: PLC0415 - most calls bring no XML

    kind = given.last_of("xml-text", "xml-file", "xml-pipe")
    if kind is None:
        return None
    name = {"xml-text": "input string", "xml-pipe": "STDIN"}.get(kind, given.get("xml-file") or "")
    try:
        if kind == "xml-text":
            data = (given.get("xml-text") or "").encode("utf-8", "surrogateescape")
        elif kind == "xml-file":
            data = Path(name).read_bytes()
        else:
            data = sys.stdin.buffer.read()
    except OSError:
        data = b""
    tree = read_markup(data)
    if tree is None:
        raise Failed(f"Couldn't parse input from {name}", Exit.DATA)
    return tree


def _digest(given: Given, action: str, out: Output) -> int:
    import hashlib  # noqa: PLC0415 - only digests need it

    data = read_input(given)
    if data is None:
        raise Failed("Please supply XML to process with -X, -x or -p", Exit.USAGE)
    if action == "md5-sum":
        from hacluster.cib.markup import flat_markup  # noqa: PLC0415 - a query needs none of it

        print("Digest: ", file=sys.stderr, end="")
        for element in data.iter():
            element.text = "" if element.text is not None else None  # the CIB has no text, so its digests have none
            element.tail = None
        out.line(hashlib.md5(f" {flat_markup(data)}\n".encode(), usedforsecurity=False).hexdigest())
    else:
        from hacluster.cib.canon import document_digest  # noqa: PLC0415 - a query needs none of it

        out.line(document_digest(data))
    return Exit.OK


def _upgrade_to_newest(source: Any) -> int:
    """Upgrade to schema 4.0; says what becomes of everything that this has no more."""
    import copy  # noqa: PLC0415

    from hacluster.base.report import Severity, has_errors  # noqa: PLC0415 - only an upgrade needs it
    from hacluster.cib.document import document_of  # noqa: PLC0415
    from hacluster.cib.operations import upgraded  # noqa: PLC0415
    from hacluster.cib.upgrade import upgrade, upgrade_to_4  # noqa: PLC0415
    from hacluster.client.schemas import installed_schemas  # noqa: PLC0415

    root = source.read()
    result = copy.deepcopy(root)
    status, schemas = result.find("status"), installed_schemas()
    reports = upgrade(document_of(result), schemas)
    if not has_errors(reports):
        reports += upgrade_to_4(result, schemas)
    for report in reports:
        if report.severity is not Severity.INFO:
            print(report, file=sys.stderr)
    if has_errors(reports):
        return Exit.CONFIG
    if status is not None:
        result.append(status)
    if reports:
        source.store(upgraded(root, result))
    return Exit.OK


def _upgrade(source: Any, *, talkative: bool) -> int:
    """Upgrade to the schema that is written; what it changes is told to who asks, what it loses to all."""
    import copy  # noqa: PLC0415

    from hacluster.base.report import Severity  # noqa: PLC0415
    from hacluster.cib.document import document_of  # noqa: PLC0415 - only an upgrade needs it
    from hacluster.cib.grammar import WRITTEN  # noqa: PLC0415
    from hacluster.cib.operations import upgraded  # noqa: PLC0415
    from hacluster.cib.upgrade import upgrade  # noqa: PLC0415
    from hacluster.client.schemas import installed_schemas  # noqa: PLC0415

    root = source.read()
    result = copy.deepcopy(root)
    status = result.find("status")
    document = document_of(result)
    reports = upgrade(document, installed_schemas())
    if status is not None:
        result.append(status)
    newest = installed_schemas().best_version(result, WRITTEN)
    if newest is not None and result.get("validate-with") != root.get("validate-with"):
        result.set("validate-with", f"pacemaker-{newest}")
    else:
        claimed = result.get("validate-with", "none")
        if newest is None or claimed in ("none", f"pacemaker-{newest}"):
            return Exit.OK  # nothing to do is no failure, and nothing to say
        result.set("validate-with", f"pacemaker-{newest}")
    for report in reports:
        if talkative or report.severity <= Severity.WARNING:
            print(report, file=sys.stderr)
    source.store(upgraded(root, result))
    return Exit.OK


def _show_query(given: Given, out: Output, source: Any) -> int:
    from hacluster.cib.markup import shallow, show_markup  # noqa: PLC0415 - loaded by the source already
    from hacluster.cib.operations import query  # noqa: PLC0415

    xpath = given.get("xpath")
    found = query(source.read(), given.get("scope"), xpath)
    if xpath is not None and "node-path" in given:
        from hacluster.cib.diff import path_of  # noqa: PLC0415 - only paths need it

        for element in found:
            out.line(path_of(element))
        return Exit.OK
    if "no-children" in given:
        found = [shallow(element) for element in found]
    if len(found) > 1:
        import copy  # noqa: PLC0415

        from lxml import etree  # noqa: PLC0415

        whole = etree.Element("xpath-query")
        whole.extend([copy.deepcopy(element) for element in found])
        found = [whole]
    out.raw(show_markup(found[0]))
    return Exit.OK


def _access(given: Given, out: Output, source: Any) -> int:
    from hacluster.client.cibsource import groups_of  # noqa: PLC0415 - loaded already
    from hacluster.tools.accessmarks import MARKS, marked  # noqa: PLC0415 - only --show-access needs it

    user = given.get("user")
    if user is None:
        raise Failed("The supplied command requires -U user specified.", Exit.USAGE)
    when = given.get("show-access") or "auto"
    if when == "auto":
        when = "color" if sys.stdout.isatty() else "text"
    if when not in MARKS:
        raise UsageError(f'Unrecognized value for --show-access: "{when}"')
    source.user = None
    if user in ("root", "hacluster"):
        raise Failed(f"Could not evaluate access per request ({user}, error: Already in requested state)", Exit.CONFIG)
    out.raw(marked(source.read(), user, groups_of(user), when))
    return Exit.OK


def main(given: Given, out: Output) -> int:
    """One request."""
    if given.rest:
        raise UsageError(f"non-option ARGV-elements: {' '.join(given.rest)}")
    action = _action(given)
    if action in ("empty", "blank"):
        from hacluster.cib.grammar import PREFIX, WRITTEN  # noqa: PLC0415 - a query needs none of it
        from hacluster.cib.markup import show_markup  # noqa: PLC0415
        from hacluster.cib.operations import empty  # noqa: PLC0415

        out.raw(show_markup(empty(given.get("empty") or PREFIX + WRITTEN)))
        return Exit.OK
    if action in ("md5-sum", "md5-sum-versioned"):
        return _digest(given, action, out)
    if action in _DANGEROUS and "force" not in given:
        raise Failed(DANGEROUS, Exit.UNSAFE)
    data = read_input(given)
    if action in _NEEDS_XML and data is None:
        raise UsageError("The supplied command requires input via --xml-file, --xml-text, or --xml-pipe")
    if action in ("delete", "delete-all") and data is None and "xpath" not in given:
        raise UsageError(
            "The supplied command requires either --xpath or input via --xml-file, --xml-text, or --xml-pipe"
        )
    return _ask(given, out, action, data)


def _ask(given: Given, out: Output, action: str, data: Any) -> int:
    from hacluster.client.cibsource import open_source  # noqa: PLC0415 - digests and empty documents need none

    source = open_source(given.get("user"))
    source.force = "force" in given
    try:
        if "show-access" not in given:
            source.open()
    except Fault as error:
        if error.text == "Permission denied":
            raise Failed(f"CIB API call failed: {error.text}", error.status) from None
        raise Failed(f"Could not connect to the CIB API: {error.text}", error.status) from None
    try:
        if "show-access" in given:
            return _access(given, out, source)
        if action == "query":
            return _show_query(given, out, source)
        if action == "upgrade":
            from hacluster.cib.grammar import LATEST, PREFIX, WRITTEN  # noqa: PLC0415 - a query needs none of it

            goal = (given.get("schema") or WRITTEN).removeprefix(PREFIX)
            if goal not in (WRITTEN, LATEST):
                raise Failed(f"--schema {goal}: what can be written is {WRITTEN} or {LATEST}", Exit.USAGE)
            return _upgrade_to_newest(source) if goal == LATEST else _upgrade(source, talkative="verbose" in given)
        source.change(
            _PATCHES.get(action, action), scope=given.get("scope"), data=data, xpath=given.get("xpath"),
            create="allow-create" in given, every=action == "delete-all",
        )  # fmt: skip
    except Fault as error:
        report = getattr(error, "report", None)
        if report is not None:
            from hacluster.cib.markup import show_markup  # noqa: PLC0415 - loaded already

            out.raw(show_markup(report))
        raise Failed(f"CIB API call failed: {error.text}", error.status) from None
    return Exit.OK


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
