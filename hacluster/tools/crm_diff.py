"""``crm_diff``: what differs between two CIBs, and a difference applied."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from hacluster.base.results import Exit, Fault
from hacluster.tools.options import Given, Group, Option, Tool, UsageError
from hacluster.tools.output import Failed, Output, run

TOOL: Final = Tool(
    "crm_diff",
    "Compare two CIBs and show a patch of XML, or apply such a patch.",
    (
        Group("xml", "Original XML:", (
            Option("original", "o", "FILE", "XML is contained in the named file"),
            Option("original-string", "O", "STRING", "XML is contained in the supplied string"),
        )),
        Group("operation", "Operation:", (
            Option("new", "n", "FILE", "Compare the original XML to the contents of the named file"),
            Option("new-string", "N", "STRING", "Compare the original XML with the contents of the supplied string"),
            Option("patch", "p", "FILE", "Patch the original XML with the contents of the named file"),
        )),
        Group("additional", "Additional Options:", (
            Option("cib", "c", help="Compare/patch the inputs as a CIB (includes versions details)"),
            Option("stdin", "s", help="Read the new XML from standard input", hidden=True),
            Option("no-version", "u", help="Generate the difference without versions details"),
        )),
    ),
    output=False,
)  # fmt: skip


def _read(given: Given, text: str, *files: str, which: str) -> Any:
    from hacluster.cib.markup import read_markup  # noqa: PLC0415 - --help needs none of it

    name = given.last_of(text, *files)
    value = given.get(name) if name is not None else None
    data = b""
    try:
        if name == text and value is not None:
            data = value.encode()
        elif value == "-":
            data = sys.stdin.buffer.read()
        elif value is not None:
            data = Path(value).read_bytes()
    except OSError:
        pass
    tree = read_markup(data)
    if tree is None:
        raise Failed(f"Could not parse the {which} XML fragment", Exit.DATA)
    return tree


def _apply(given: Given, out: Output, old: Any, patch: Any) -> int:
    from hacluster.cib.markup import show_markup  # noqa: PLC0415 - loaded already
    from hacluster.cib.operations import apply  # noqa: PLC0415 - only a patch needs it

    try:
        result = apply(old, patch, check_version="cib" in given)
    except Fault as error:
        raise Failed(f"Could not apply patch: {error.text}", error.status) from None
    out.raw(show_markup(result))
    return Exit.OK


def _compare(given: Given, out: Output, old: Any, new: Any) -> int:
    from hacluster.cib.diff import make_patch  # noqa: PLC0415 - a patch that is applied needs none of it
    from hacluster.cib.markup import show_markup  # noqa: PLC0415
    from hacluster.cib.version import FIELDS  # noqa: PLC0415

    if old.tag != new.tag:
        raise Failed(f"<{old.tag}> and <{new.tag}> cannot be compared", Exit.DATA)
    bare = "no-version" in given
    if bare:
        for name in FIELDS:
            for tree in (old, new):
                tree.attrib.pop(name, None)
    patch = make_patch(old, new, digest="cib" in given, attribute_order=False)
    if patch is None:
        return Exit.OK
    version = patch.find("version")
    if bare and version is not None:
        patch.remove(version)
    elif version is not None:
        for element, tree in zip(version, (old, new), strict=True):
            for name in FIELDS:
                element.set(name, tree.get(name, "1" if tree.tag != "cib" else "0"))
    out.raw(show_markup(patch))
    return Exit.ERROR


def main(given: Given, out: Output) -> int:
    """Compare or patch."""
    if "cib" in given and "no-version" in given:
        raise UsageError("-u/--no-version incompatible with -c/--cib")
    if given.last_of("original", "original-string") is None:
        raise UsageError("Either --original or --original-string must be specified")
    if given.last_of("new", "new-string", "patch", "stdin") is None:
        raise UsageError("Either --new, --new-string, or --patch must be specified")
    old = _read(given, "original-string", "original", which="first")
    second = _read(given, "new-string", "new", "patch", which="second")
    return _apply(given, out, old, second) if "patch" in given else _compare(given, out, old, second)


def script() -> None:
    """The stand-alone command."""
    run(TOOL, main)
