"""Patches applied to a CIB: all of a patch or nothing of it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hacluster.base.errors import HaError
from hacluster.base.values import scan_int
from hacluster.cib.canon import document_digest
from hacluster.cib.diff import FORMAT
from hacluster.cib.document import XML
from hacluster.cib.version import read_version

_STEP: Final = re.compile(r"/([^/\[\]@]+)(?:\[@id=(?:'([^']*)'|\"([^\"]*)\")\])?")


class PatchError(HaError):
    """A patch that cannot be applied. ``code`` is ``old-data``, ``not-applicable``, ``digest`` or ``bad-patch``."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def _steps(path: str) -> Iterator[tuple[str, str | None]]:
    position = 0
    for match in _STEP.finditer(path):
        if match.start() != position:
            break
        position = match.end()
        yield match[1], match[2] if match[2] is not None else match[3]
    if position != len(path) or not path:
        raise PatchError("bad-patch", f'"{path}" is not a path of elements and ids')


def find(root: XML, path: str) -> XML | None:
    """The element at a path of names and ids (:func:`hacluster.cib.diff.path_of`), ``None`` when it is not there.

    A step without an id means the child that has none, or else the first of that name.
    """
    at: XML | None = None
    for name, ident in _steps(path):
        named = [child for child in ([root] if at is None else list(at)) if child.tag == name]
        exact = next((child for child in named if child.get("id") == ident), None)
        at = exact if exact is not None or ident is not None or not named else named[0]
        if at is None:
            return None
    return at


def _needed(root: XML, change: XML) -> XML:
    path = change.get("path", "")
    found = find(root, path)
    if found is None:
        raise PatchError("not-applicable", f"the patch changes {path}, which is not there")
    return found


def _delete(root: XML, change: XML) -> None:
    element = _needed(root, change)
    parent = element.getparent()
    if parent is None:
        raise PatchError("bad-patch", "the patch deletes the whole document")
    parent.remove(element)


def _modify(root: XML, change: XML) -> None:
    element = _needed(root, change)
    result = change.find("change-result")
    if result is None or len(result) != 1:
        raise PatchError("bad-patch", f"the change of {change.get('path')} has no result")
    element.attrib.clear()
    for name, value in result[0].attrib.items():
        element.set(name, value)


def _place(change: XML) -> int:
    place = scan_int(change.get("position"))
    if place is None or place < 0:
        raise PatchError("bad-patch", f"the change of {change.get('path')} has no position")
    return place


def _insertions(root: XML, changes: list[XML]) -> list[tuple[int, XML, XML]]:
    """What is to be put where: place, parent and element; what moves is taken out already."""
    found: list[tuple[int, XML, XML]] = []
    for change in changes:
        target = _needed(root, change)
        if change.get("operation") == "create":
            if len(change) != 1:
                raise PatchError("bad-patch", f"the patch creates {len(change)} elements at once")
            found.append((_place(change), target, copy.deepcopy(change[0])))
        else:
            parent = target.getparent()
            if parent is None:
                raise PatchError("bad-patch", "the patch moves the whole document")
            found.append((_place(change), parent, target))
    for change, (_, parent, element) in zip(changes, found, strict=True):
        if change.get("operation") == "move":
            parent.remove(element)
    return found


_AT_ONCE: Final = {"delete": _delete, "modify": _modify}
_LATER: Final = frozenset({"create", "move"})


def _check_version(root: XML, patch: XML) -> None:
    source = patch.find("version/source")
    if source is None:
        return
    have, wanted = read_version(root), read_version(source)
    if source.get("num_updates") is None:
        wanted = replace(wanted, num_updates=have.num_updates)  # made for any status (for_any_status)
    if have != wanted:
        age = "newer" if have > wanted else "older"
        raise PatchError("old-data", f"the patch is for version {wanted}, the document has {have}, which is {age}")


def apply_patch(root: XML, patch: XML, *, check_version: bool = True) -> XML:
    """A new tree: ``root`` with a patchset of format 2 applied. ``root`` itself is not changed.

    Raises :class:`PatchError` when the patch is for another version, names what is not there, or leads to a document
    whose digest is not the one it carries.
    """
    if patch.tag != "diff" or patch.get("format") != FORMAT:
        raise PatchError("bad-patch", f"only patchsets of format {FORMAT} are understood")
    if check_version:
        _check_version(root, patch)
    result = copy.deepcopy(root)
    later: list[XML] = []
    for change in patch.findall("change"):
        operation = change.get("operation", "")
        if operation in _AT_ONCE:
            _AT_ONCE[operation](result, change)
        elif operation in _LATER:
            later.append(change)
        else:
            raise PatchError("bad-patch", f'"{operation}" is no operation of a patch')
    for place, parent, element in sorted(_insertions(result, later), key=lambda entry: entry[0]):
        parent.insert(place, element)
    digest = patch.get("digest")
    if digest is not None and document_digest(result) != digest:
        raise PatchError("digest", "the patched document does not have the digest that the patch promises")
    return result
