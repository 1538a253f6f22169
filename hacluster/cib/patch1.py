"""Patches of the first format: ``diff-removed`` and ``diff-added``, each a part of the document with marks.

Pacemaker wrote them until 1.1.10, and 2.1's crm_diff still does. What is marked ``removed:top`` goes with all below it,
other removals are of the attributes that are named, and what is added is merged.
"""

from __future__ import annotations

import copy
from typing import Final

from hacluster.base.results import bad_patch, invalid, old_data
from hacluster.cib.document import XML
from hacluster.cib.version import FIELDS, read_version

MARK: Final = "__crm_diff_marker__"


def _twin(parent: XML, like: XML) -> XML | None:
    return next((item for item in parent.iterchildren(like.tag) if item.get("id") == like.get("id")), None)


def _take(target: XML, removed: XML) -> None:
    for name in removed.attrib:
        if name not in ("id", MARK) and target.get(str(name)) is not None:
            del target.attrib[name]
    for child in removed:
        twin = _twin(target, child)
        if twin is None:
            continue
        if child.get(MARK) == "removed:top":
            target.remove(twin)
        else:
            _take(twin, child)


def _add(target: XML, added: XML) -> None:
    for name, value in added.attrib.items():
        if name != MARK:
            target.set(name, value)
    for child in added:
        twin = _twin(target, child)
        if twin is None:
            twin = copy.deepcopy(child)
            for item in twin.iter():
                item.attrib.pop(MARK, "")
            target.append(twin)
        else:
            _add(twin, child)


def apply_patch1(root: XML, patch: XML, *, check_version: bool = True) -> XML:
    """A new tree: ``root`` with the patch applied. Raises :class:`~hacluster.base.results.Fault` if it does not fit."""
    removed, added = patch.find("diff-removed"), patch.find("diff-added")
    if removed is None or added is None:
        raise invalid()
    if check_version and all(removed.get(name) is not None for name in FIELDS):
        if read_version(removed) < read_version(root):
            raise old_data()
        if read_version(removed) != read_version(root):
            raise bad_patch()
    result = copy.deepcopy(root)
    for part, use in ((removed.find(root.tag), _take), (added.find(root.tag), _add)):
        if part is not None:
            use(result, part)
    for name in FIELDS:
        value = added.get(name)
        if value is not None:
            result.set(name, value)
    return result
