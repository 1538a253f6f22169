"""Requests on a CIB, with the meaning that Pacemaker's CIB manager gives them: query, create, modify, replace, delete…

:func:`query` looks, :func:`change` leads to a new tree; the given tree stays as it is. A change is held against access
control, against the version (no document goes back) and against the schema, and gives the document its next version:
``epoch`` after a change of the configuration, ``num_updates`` after any other, nothing when nothing changed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from hacluster.base.results import Exit, Fault, bad_patch, bad_schema, denied, exists, invalid, no_such, old_data
from hacluster.base.values import scan_int
from hacluster.cib.document import XML
from hacluster.cib.edit import SECTIONS, EditError, merge, select
from hacluster.cib.markup import attributes, shallow
from hacluster.cib.patch import PatchError, apply_patch
from hacluster.cib.version import FIELDS, Version, read_version, write_version

WHOLE: Final = (None, "", "all", "cib")
"""What a scope may be called that is the whole document."""

FEATURE_SET: Final = "3.20.1"
"""The feature set that an empty document is made with."""

_INFINITY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Request:
    """One change. ``scope`` is a section, ``xpath`` selects instead; ``data`` is the XML that comes with it."""

    operation: str
    scope: str | None = None
    data: XML | None = None
    xpath: str | None = None
    create: bool = False
    """``modify`` may create."""
    every: bool = False
    """All that the XPath selects, not the first alone."""
    user: str | None = None
    groups: tuple[str, ...] = ()


class Refusal(Fault):
    """A change that was refused; ``report`` is the ``<failed>`` element that says what, if there is one."""

    def __init__(self, fault: Fault, report: XML | None = None) -> None:
        super().__init__(fault.text, fault.status)
        self.report = report


Accepts = Callable[[XML], bool]
"""Tells whether a document is what its schema promises."""


def section(root: XML, name: str | None) -> XML | None:
    """The element of a scope; ``None`` when it is missing or there is no such scope."""
    if name in WHOLE:
        return root
    parent = SECTIONS.get(name or "")
    if parent is None:
        return None
    found: XML | None = root.find(f"{parent}/{name}" if parent else str(name))
    return found


def _chosen(root: XML, xpath: str) -> list[XML]:
    try:
        return select(root, xpath if xpath.startswith("/") else f"//{xpath}")
    except EditError:
        raise no_such() from None


def readable(root: XML, user: str | None, groups: Iterable[str] = ()) -> XML:
    """The document as a user may see it. Raises :class:`Fault` when that is nothing."""
    if user is None:
        return root
    from hacluster.cib.acl import Access  # noqa: PLC0415 - most requests are an administrator's

    seen = Access(root, user, groups).readable()
    if seen is None:
        raise denied()
    return seen


def query(root: XML, scope: str | None = None, xpath: str | None = None) -> list[XML]:
    """What a scope or an XPath selects. Raises :class:`Fault` when it is nothing."""
    if xpath is not None:
        found = _chosen(root, xpath)
        if not found:
            raise no_such()
        return found
    element = section(root, scope)
    if element is None:
        raise no_such()
    return [element]


def empty(schema: str) -> XML:
    """A CIB with nothing in it."""
    root = etree.Element("cib", {"crm_feature_set": FEATURE_SET, "validate-with": schema,
                                 "epoch": "1", "num_updates": "0", "admin_epoch": "0"})  # fmt: skip
    configuration = etree.SubElement(root, "configuration")
    for name in ("crm_config", "nodes", "resources", "constraints"):
        etree.SubElement(configuration, name)
    etree.SubElement(root, "status")
    return root


# -- single operations: each changes a tree in place ------------------------------------------------------------------


def _is_comment(element: XML) -> bool:
    return not isinstance(element.tag, str)


def _child(parent: XML, like: XML, *, by_name: bool = False) -> XML | None:
    ident = like.get("id")
    for child in parent.iterchildren(like.tag):
        if child.get("id") == ident or (by_name and ident is None):
            return child
    return None


def _update(parent: XML, update: XML) -> None:
    """Put an element below ``parent``, or merge it into the one that is there."""
    if _is_comment(update):
        parent.append(copy.deepcopy(update))
        return
    target = _child(parent, update, by_name=True)
    if target is None:
        target = etree.SubElement(parent, update.tag)
    for name, value in update.attrib.items():
        target.set(name, value)
    for child in update:
        _update(target, child)


def _failed(operation: str, element: XML, reason: str) -> XML:
    report = etree.Element("failed")
    attrs = {} if element.get("id") is None else {"id": element.get("id") or ""}
    attrs |= {"object-type": str(element.tag), "operation": f"cib_{operation}", "reason": reason}
    etree.SubElement(report, "failed_update", attrs).append(copy.deepcopy(element))
    return report


def _create(root: XML, request: Request) -> XML:
    data = request.data
    if data is None:
        raise invalid()
    if request.xpath is not None:
        found = _chosen(root, request.xpath)
        if not found:
            raise no_such()
        found[0].append(copy.deepcopy(data))
        return root
    if request.scope in WHOLE or data.tag == "cib":
        return _modify(root, request)
    place = section(root, request.scope)
    for element in list(data) if data.tag == request.scope else [data]:
        if place is None:
            raise Refusal(invalid(), _failed("create", element, "Invalid argument"))
        if _is_comment(element):
            continue
        if _child(place, element, by_name=True) is not None:
            raise Refusal(exists(), _failed("create", element, "File exists"))
        _update(place, element)
    return root


def _merge_into(element: XML, update: XML) -> bool:
    """Merge into the first element of the same name and id, here or below."""
    for item in element.iter(update.tag):
        if item.get("id") == update.get("id"):
            merge(item, update)
            return True
    return False


def _made(root: XML, scope: str | None) -> XML:
    place = section(root, scope)
    if place is not None:
        return place
    parent = SECTIONS.get(scope or "")
    if parent is None:
        raise invalid()
    above = root.find(parent) if parent else root
    if above is None:
        raise no_such()
    return etree.SubElement(above, str(scope))


def _modify(root: XML, request: Request) -> XML:
    data = request.data
    if data is None:
        raise invalid()
    if request.xpath is not None:
        done = False
        found = _chosen(root, request.xpath)
        for element in found if request.every else found[:1]:
            done = _merge_into(element, data) or done
        if not done:
            raise no_such()
        return root
    place = _made(root, request.scope)
    if not _merge_into(place, data):
        if not request.create:
            raise no_such()
        place.append(copy.deepcopy(data))
    return root


def _same_for_delete(element: XML, pattern: XML) -> bool:
    return all(element.get(str(name)) == value for name, value in pattern.attrib.items())


def _delete_like(place: XML, pattern: XML) -> None:
    for item in place.iter(pattern.tag):
        if _same_for_delete(item, pattern):
            _remove(item)
            return


def _remove(element: XML) -> None:
    parent = element.getparent()
    if parent is None:
        raise invalid()
    parent.remove(element)


def _delete(root: XML, request: Request) -> XML:
    if request.xpath is not None:
        found = _chosen(root, request.xpath)
        for element in found if request.every else found[:1]:
            if element.getparent() is not None or element is root:
                _remove(element)
        return root
    if request.data is None:
        raise invalid()
    place = section(root, request.scope)
    if place is None:
        return root
    whole = request.data.tag == request.scope
    for pattern in list(request.data) if whole else [request.data]:
        if isinstance(pattern.tag, str):
            _delete_like(place, pattern)
    return root


def _replace(root: XML, request: Request) -> XML:
    data = request.data
    if data is None:
        raise invalid()
    if request.xpath is not None:
        found = _chosen(root, request.xpath)
        if not found:
            raise no_such()
        for element in found if request.every else found[:1]:
            parent = element.getparent()
            _remove(element)
            assert parent is not None, "a removed element had a parent"
            parent.append(copy.deepcopy(data))
        return root
    if data.tag == "cib":
        if read_version(data) < read_version(root):
            raise old_data()
        return copy.deepcopy(data)
    scope = None if data.tag == request.scope else request.scope
    place = section(root, scope)
    for item in () if place is None else place.iter(data.tag):
        if data.get("id") is None or item.get("id") == data.get("id"):
            parent = item.getparent()
            if parent is None:
                break
            parent.replace(item, copy.deepcopy(data))
            return root
    raise no_such()


def _patch(root: XML, request: Request) -> XML:
    if request.data is None or request.data.tag != "diff":
        raise invalid()
    return apply(root, request.data)


def apply(root: XML, patch: XML, *, check_version: bool = True) -> XML:
    """A new tree: ``root`` with a patch applied, of either format. Raises :class:`Fault` when it does not fit."""
    if patch.get("format", "1") == "1":
        from hacluster.cib.patch1 import apply_patch1  # noqa: PLC0415 - the old format is rare

        return apply_patch1(root, patch, check_version=check_version)
    try:
        return apply_patch(root, patch, check_version=check_version)
    except PatchError as error:
        if error.code == "old-data":
            source = patch.find("version/source")
            older = source is not None and read_version(source) < read_version(root)
            raise (old_data() if older else bad_patch()) from None
        raise (invalid() if error.code == "bad-patch" else bad_patch()) from None


def _erase(root: XML, _request: Request) -> XML:
    result = empty(root.get("validate-with", ""))
    for name, value in root.attrib.items():
        result.set(name, value)
    result.set("admin_epoch", str(read_version(root).admin_epoch + 1))
    return result


def _bump(root: XML, _request: Request) -> XML:
    root.set("epoch", str(read_version(root).epoch + 1))
    return root


_OPERATIONS: Final[dict[str, Callable[[XML, Request], XML]]] = {
    "create": _create, "modify": _modify, "delete": _delete, "replace": _replace, "patch": _patch, "erase": _erase,
    "bump": _bump,
}  # fmt: skip


# -- what is common to all changes ------------------------------------------------------------------------------------


def _count_up(old: XML, new: XML) -> None:
    """Resolve values such as ``score++`` and ``epoch+=5``, for the attributes of that name."""
    before: dict[tuple[str, str | None], XML] = {}
    for element in new.iter(etree.Element):
        for name, value in attributes(element).items():
            if not value.endswith("++") and "+=" not in value:
                continue
            match = re.fullmatch(re.escape(name) + r"(?:\+\+|\+=(-?\d+))", value)
            if match is None:
                continue
            if not before:
                before = {(str(item.tag), item.get("id")): item for item in old.iter(etree.Element)}
            twin = before.get((str(element.tag), element.get("id")))
            start = 0 if twin is None else scan_int(twin.get(name)) or 0
            total = start + (1 if match[1] is None else int(match[1]))
            element.set(name, str(min(total, _INFINITY)))


def _equal(old: XML, new: XML) -> bool:
    """Whether two trees are the same, comments apart."""
    if old.tag != new.tag or old.attrib != new.attrib or (old.text or "").strip() != (new.text or "").strip():
        return False
    olds = [child for child in old if not _is_comment(child)]
    news = [child for child in new if not _is_comment(child)]
    return len(olds) == len(news) and all(map(_equal, olds, news))


def _moved(old: XML, new: XML) -> tuple[bool, bool]:
    """Whether anything differs, and whether that is in the configuration."""
    before, after = old.find("configuration"), new.find("configuration")
    configured = before is not after if before is None or after is None else not _equal(before, after)
    return configured or not _equal(old, new), configured


def _check_version(old: XML, new: XML) -> None:
    before, after = read_version(old), read_version(new)
    if (after.admin_epoch, after.epoch) < (before.admin_epoch, before.epoch):
        raise old_data()


def change(root: XML, request: Request, accepts: Accepts | None = None) -> XML:
    """The document after a change; the same object when nothing changed.

    ``accepts`` validates the result; a change of the status section alone is not validated. Raises :class:`Fault`, or
    :class:`Refusal` with a report of what could not be done.
    """
    if request.data is not None and request.data.tag == "cib" and request.scope not in WHOLE:
        part = section(request.data, request.scope)
        request = Request(request.operation, request.scope, part, request.xpath, request.create, request.every,
                          request.user, request.groups)  # fmt: skip
    perform = _OPERATIONS[request.operation]
    result = perform(copy.deepcopy(root), request)
    _count_up(root, result)
    if request.user is not None:
        check_access(root, result, request.user, request.groups)
    _check_version(root, result)
    changed, configured = _moved(root, result)
    if not changed:
        return root
    if accepts is not None and request.scope != "status" and not accepts(result):
        raise bad_schema()
    version = read_version(result)
    write_version(result, version.configured() if configured else version.updated())
    return result


def check_access(old: XML, new: XML, user: str, groups: Iterable[str] = ()) -> None:
    """Raises :class:`Fault` if a user may not turn ``old`` into ``new``."""
    from hacluster.cib.acl import Access  # noqa: PLC0415 - most requests are an administrator's

    before, after = Access(old, user, groups), Access(new, user, groups)

    def walk(one: XML, two: XML) -> None:
        if {k: v for k, v in one.attrib.items() if k not in FIELDS} != {
            k: v for k, v in two.attrib.items() if k not in FIELDS
        } and not before.may_write(one):
            raise denied()
        twins = {(str(child.tag), child.get("id")): child for child in one if not _is_comment(child)}
        for child in two:
            if _is_comment(child):
                continue
            twin = twins.pop((str(child.tag), child.get("id")), None)
            if twin is not None:
                walk(twin, child)
            elif not after.may_write(child):
                raise denied()
        if any(not before.may_write(gone) for gone in twins.values()):
            raise denied()

    walk(old, new)


def upgraded(root: XML, result: XML) -> XML:
    """The version that a document gets whose schema was raised: a new ``admin_epoch``, everything else begins anew."""
    before = read_version(root)
    write_version(result, Version(before.admin_epoch + 1, 1, 1))
    _, configured = _moved(root, result)
    version = read_version(result)
    write_version(result, version.configured() if configured else version.updated())
    return result


__all__ = [
    "Accepts", "Exit", "Refusal", "Request", "change", "check_access", "empty", "query", "readable", "section",
    "shallow", "upgraded",
]  # fmt: skip
