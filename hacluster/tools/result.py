"""Trees as text: Pacemaker's ``<pacemaker-result>``, or the same in JSON."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from hacluster.base.tree import Tree, plain_data, xml_lines

API_VERSION: Final = "2.42"
"""The version of Pacemaker's XML results that ours are written in."""


def result_text(trees: Sequence[Tree], syntax: str, args: Sequence[str], tool: str = "crm_simulate") -> str:
    """The answer to a tool with these arguments, as ``xml`` or ``json``."""
    return envelope_text([*trees, Tree("status", {"code": "0", "message": "OK"})], syntax, args, tool)


def envelope_text(trees: Sequence[Tree], syntax: str, args: Sequence[str], tool: str) -> str:
    """Trees, a status among them, in the envelope of an answer."""
    attrs = {"api-version": API_VERSION, "request": shlex.join([tool, *args])}
    whole = Tree("pacemaker-result", attrs, list(trees))
    if syntax == "json":
        import json  # noqa: PLC0415 - only who asks for it pays

        return json.dumps(plain_data(whole), indent=2) + "\n"
    return "".join(f"{line}\n" for line in xml_lines(whole))
