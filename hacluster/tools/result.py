"""Trees as text: Pacemaker's ``<pacemaker-result>``, or the same in JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from hacluster.pe.views.tree import Tree

API_VERSION: Final = "2.42"
"""The version of Pacemaker's XML results that ours are written in."""


def _element(parent: etree._Element, tree: Tree) -> None:
    element = etree.SubElement(parent, tree.name, tree.attrs)
    element.text = tree.text
    for child in tree.children:
        _element(element, child)


def _as_dict(tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {"element": tree.name, **({"attributes": tree.attrs} if tree.attrs else {})}
    if tree.text is not None:
        found["text"] = tree.text
    if tree.children:
        found["children"] = [_as_dict(child) for child in tree.children]
    return found


def result_text(trees: Sequence[Tree], syntax: str, args: Sequence[str]) -> str:
    """The answer to ``crm_simulate`` with these arguments, as ``xml`` or ``json``."""
    attrs = {"api-version": API_VERSION, "request": shlex.join(["crm_simulate", *args])}
    whole = Tree("pacemaker-result", attrs, [*trees, Tree("status", {"code": "0", "message": "OK"})])
    if syntax == "json":
        return json.dumps(_as_dict(whole), indent=2) + "\n"
    root = etree.Element(whole.name, whole.attrs)
    for child in whole.children:
        _element(root, child)
    return etree.tostring(root, pretty_print=True, encoding="unicode")
