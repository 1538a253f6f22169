"""Trees as text: Pacemaker's ``<pacemaker-result>``, or the same in JSON."""

from __future__ import annotations

import dataclasses
import functools
import os
import shlex
from collections.abc import Sequence
from typing import Final

from hacluster.base.tree import Tree, plain_data, xml_lines

API_VERSION: Final = "2.42"
"""The version of Pacemaker's XML results that ours are written in."""


SHAPES: Final = "HACLUSTER_API_SHAPES"
"""Variable that names the folder of the published shapes of answers (``api-result.rng`` and what it refers to)."""

_SHAPES: Final = "/usr/share/pacemaker/api"
_COMMON: Final = 30
"""The minor version from which on shapes have all of ``_LATER``."""

_LATER: Final = {
    "cluster_options": ("fencing-enabled", "fencing-timeout-ms"),
    "resource": ("removed", "maintenance"),
    "group": ("maintenance",),
    "clone": ("maintenance", "removed"),
    "bundle": ("maintenance", "removed"),
    "resource_history": ("removed",),
}
"""What answers of 2.1.5 do not have, and programs that validate against its shapes (pcs) do not take."""

_ORDER: Final = {
    "cluster_options": (
        *("stonith-enabled", "symmetric-cluster", "no-quorum-policy", "maintenance-mode", "stop-all-resources"),
        *("stonith-timeout-ms", "priority-fencing-delay-ms"),
    )
}
"""The order in which they had what is in another order since."""

OCF_TEXTS: Final = {
    "0": "ok", "1": "error", "2": "invalid parameter", "3": "unimplemented feature", "4": "insufficient privileges",
    "5": "not installed", "6": "not configured", "7": "not running", "8": "promoted", "9": "promoted (failed)",
    "190": "degraded", "191": "promoted (degraded)", "193": "unknown",
}  # fmt: skip
"""What they called the exit codes of agents."""

_CODED: Final = {"operation_history": ("rc", "rc_text"), "failure": ("exitcode", "exitstatus")}
"""Where a code stands, and what it is called."""


@functools.cache
def api_version() -> str:
    """The version of answers: ours, or that of the shapes published on this host where those are much older."""
    try:
        names = os.listdir(os.environ.get(SHAPES) or _SHAPES)
    except OSError:
        return API_VERSION
    minors = [name.partition("-2.")[2].removesuffix(".rng") for name in names if name.startswith("crm_mon-2.")]
    newest = max((int(minor) for minor in minors if minor.isdecimal()), default=_COMMON)
    return f"2.{newest}" if newest < _COMMON else API_VERSION


def fitted(tree: Tree) -> Tree:
    """A tree without what the published shapes of this host do not know."""
    if api_version() == API_VERSION:
        return tree
    later = _LATER.get(tree.name, ())
    order = [*_ORDER.get(tree.name, ()), *tree.attrs]
    attrs = {name: tree.attrs[name] for name in order if name in tree.attrs and name not in later}
    if tree.name in _CODED:
        code, text = _CODED[tree.name]
        if text in attrs:
            attrs[text] = OCF_TEXTS.get(attrs.get(code, ""), attrs[text])
        if attrs.get("status") == "Done":
            attrs["status"] = "complete"
    return dataclasses.replace(tree, attrs=attrs, children=[fitted(child) for child in tree.children])


def result_text(trees: Sequence[Tree], syntax: str, args: Sequence[str], tool: str = "crm_simulate") -> str:
    """The answer to a tool with these arguments, as ``xml`` or ``json``."""
    return envelope_text([*trees, Tree("status", {"code": "0", "message": "OK"})], syntax, args, tool)


def envelope_text(trees: Sequence[Tree], syntax: str, args: Sequence[str], tool: str) -> str:
    """Trees, a status among them, in the envelope of an answer."""
    attrs = {"api-version": api_version(), "request": shlex.join([tool, *args])}
    whole = Tree("pacemaker-result", attrs, [fitted(tree) for tree in trees])
    if syntax == "json":
        import json  # noqa: PLC0415 - only who asks for it pays

        return json.dumps(plain_data(whole), indent=2) + "\n"
    return "".join(f"{line}\n" for line in xml_lines(whole))
