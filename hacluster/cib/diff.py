"""What differs between two CIBs, as a patchset of format 2.

The format is Pacemaker's: ``<diff format="2">`` with the versions of both and one ``change`` each for what was deleted,
modified, created or moved, addressed by a path of names and ids. Children are matched by name and id; those that
cannot be told apart are replaced together with their parent.
"""

from __future__ import annotations

import copy
from typing import Final

from lxml import etree

from hacluster.cib.canon import canonical_text, document_digest
from hacluster.cib.document import XML
from hacluster.cib.version import FIELDS

FORMAT: Final = "2"


def path_of(element: XML) -> str:
    """The path of an element: ``/cib/configuration/nodes/node[@id='1']``."""
    steps = []
    at: XML | None = element
    while at is not None:
        ident = at.get("id")
        steps.append(f"/{at.tag!s}" if ident is None else f"/{at.tag!s}[@id='{ident}']")
        at = at.getparent()
    return "".join(reversed(steps))


def _elements(parent: XML) -> list[XML]:
    return [child for child in parent if isinstance(child.tag, str)]


_Key = tuple[str, str | None]


def _key(element: XML) -> _Key:
    return str(element.tag), element.get("id")


def _keyed(parent: XML) -> dict[_Key, XML]:
    found: dict[_Key, XML] = {}
    for child in _elements(parent):
        found.setdefault(_key(child), child)
    return found


def _is_ambiguous(parent: XML) -> bool:
    """Whether children cannot be told apart by name and id, so that no path leads to the second of them."""
    return len(_keyed(parent)) != len(_elements(parent))


def _patchable(old: XML, new: XML) -> bool:
    """Whether ``old`` can be turned into ``new``; otherwise it is deleted and created anew."""
    if not _is_ambiguous(old) and not _is_ambiguous(new):
        return True
    return canonical_text(old) == canonical_text(new)


class _Pairs:
    """The children of two elements, paired by name and id."""

    def __init__(self, old: XML, new: XML) -> None:
        self.old, self.new = _elements(old), _elements(new)
        before, after = _keyed(old), _keyed(new)
        self._of_old: dict[XML, XML] = {}
        self._of_new: dict[XML, XML] = {}
        for key, child in before.items():
            other = after.get(key)
            if other is not None and _patchable(child, other):
                self._of_old[child] = other
                self._of_new[other] = child

    def new_of(self, child: XML) -> XML | None:
        """The new form of an old child."""
        return self._of_old.get(child)

    def old_of(self, child: XML) -> XML | None:
        """The old form of a new child."""
        return self._of_new.get(child)

    def moved(self) -> set[XML]:
        """The new children that changed their place among those that both have."""
        old = [child for child in self.old if child in self._of_old]
        new = [child for child in self.new if child in self._of_new]
        if [self._of_new[child] for child in new] == old:
            return set()
        places = {child: place for place, child in enumerate(old)}
        moved: set[XML] = set()
        passed: set[XML] = set()
        stands = 0
        for child in new:
            twin = self._of_new[child]
            was = sum(1 for other in old[: places[twin]] if other not in passed)
            if was != stands:
                moved.add(child)
            if was > stands:
                passed.add(twin)
            if was >= stands:
                stands += 1
        return moved


class _Comparison:
    """One comparison; ``deletions`` and ``changes`` are in the order of the patchset."""

    def __init__(self, count_order: bool) -> None:
        self._count_order = count_order
        self.deletions: list[XML] = []
        self.changes: list[XML] = []

    def compare(self, old: XML, new: XML) -> None:
        """Note the changes of an element and everything below it. Trees are as deep as the parser lets them be."""
        pairs = _Pairs(old, new)
        self._deleted(pairs)
        self._changed(old, new, pairs)

    def _deleted(self, pairs: _Pairs) -> None:
        for child in pairs.old:
            twin = pairs.new_of(child)
            if twin is None:
                self.deletions.append(etree.Element("change", operation="delete", path=path_of(child)))
            else:
                self._deleted(_Pairs(child, twin))

    def _changed(self, old: XML, new: XML, pairs: _Pairs) -> None:
        self._attributes(old, new)
        moved = pairs.moved()
        for place, child in enumerate(pairs.new):
            twin = pairs.old_of(child)
            if twin is None:
                change = etree.Element("change", operation="create", path=path_of(new), position=str(place))
                change.append(copy.deepcopy(child))
                self.changes.append(change)
                continue
            self._changed(twin, child, _Pairs(twin, child))
            if child in moved:
                change = etree.Element("change", operation="move", path=path_of(child), position=str(place))
                self.changes.append(change)

    def _attributes(self, old: XML, new: XML) -> None:
        given = {str(name): str(value) for name, value in new.attrib.items()}
        gone = [str(name) for name in old.attrib if str(name) not in given]
        changed = [name for name, value in given.items() if old.get(name) != value]
        if not gone and not changed and (not self._count_order or list(given) == [str(name) for name in old.attrib]):
            return  # a new order alone is a change too when the digest, which depends on it, is to come out right
        change = etree.Element("change", operation="modify", path=path_of(new))
        listed = etree.SubElement(change, "change-list")
        for name in changed:
            etree.SubElement(listed, "change-attr", name=name, operation="set", value=given[name])
        for name in gone:
            etree.SubElement(listed, "change-attr", name=name, operation="unset")
        etree.SubElement(etree.SubElement(change, "change-result"), str(new.tag), given)
        self.changes.append(change)


_CONFIGURATION: Final = "/cib/configuration"


def make_patch(old: XML, new: XML, *, digest: bool = True, attribute_order: bool = True) -> XML | None:
    """The patchset that turns ``old`` into ``new``, ``None`` when they do not differ.

    With ``digest`` it carries the digest of ``new``, which :func:`~hacluster.cib.patch.apply_patch` verifies.
    """
    comparison = _Comparison(attribute_order)
    comparison.compare(old, new)
    if not comparison.deletions and not comparison.changes:
        return None
    patch = etree.Element("diff", format=FORMAT)
    if digest:
        patch.set("digest", document_digest(new))
    version = etree.SubElement(patch, "version")
    for name, root in (("source", old), ("target", new)):
        etree.SubElement(version, name, {field: root.get(field, "0") for field in FIELDS})
    patch.extend(comparison.deletions)
    patch.extend(comparison.changes)
    return patch


def for_any_status(patch: XML | None) -> XML | None:
    """The same patch, and for any status where it is about the configuration alone.

    ``num_updates`` goes up with each result of an operation, many times in a second while a cluster recovers; who
    changes the configuration then has read an older one each time, and nothing that he has read has changed.
    """
    if patch is not None and all(str(one.get("path", "")).startswith(_CONFIGURATION) for one in patch.iter("change")):
        for end in patch.iterfind("version/*"):
            end.attrib.pop("num_updates", "")
    return patch
