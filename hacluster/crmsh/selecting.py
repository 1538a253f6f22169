"""Which objects are meant: ids with wildcards, ``changed``, ``type:T``, ``tag:T``, ``related:X``, joined by and, or."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.kinds import BY_WORD, CONTAINERS
from hacluster.crmsh.objects import Configuration, Object
from hacluster.crmsh.ties import REFERENCES

RESOURCES = ("primitive", "group", "clone", "master")


def choose(
    view: Configuration, words: Sequence[str], before: Configuration | None = None
) -> tuple[list[Object], list[str]]:
    """The objects, and the words that name none. ``before``: the configuration that ``changed`` is held against."""
    found: list[Object] = []
    kept: list[Object] | None = None
    missing: list[str] = []
    for word in words:
        if word == "or":
            continue
        if word == "and":
            kept, found = found, []
            continue
        objects = _named(view, word, before)
        if objects is None:
            missing.append(word)
            continue
        found += [one for one in objects if one not in found]
        if kept is not None:
            found, kept = [one for one in found if one in kept], None
    return (kept if kept is not None else found), missing


def _named(view: Configuration, word: str, before: Configuration | None) -> list[Object] | None:
    kind, colon, name = word.partition(":")
    if colon and kind == "type":
        tag = BY_WORD[name].tag if name in BY_WORD else name
        return [one for one in view.objects if one.kind.tag == tag]
    if colon and kind == "tag":
        members = [
            str(reference.get("id"))
            for one in view.objects
            if one.kind.tag == "tag" and one.id == name
            for reference in one.element.iter("obj_ref")
        ]
        found = [_resource(view, member) for member in members]
        return [one for one in found if one is not None]
    if colon and kind == "related":
        return related(view, name)
    if word == "changed":
        return changed(view, before) if before is not None else []
    return _matching(view, word) or None


def _matching(view: Configuration, word: str) -> list[Object]:
    return [
        one
        for one in view.objects
        if fnmatch.fnmatchcase(one.id, word)
        or (one.kind.tag == "node" and fnmatch.fnmatchcase(str(one.element.get("uname")), word))
    ]


def _resource(view: Configuration, id_: str) -> Object | None:
    return next((one for one in view.objects if one.id == id_ and one.kind.tag != "node"), None)


def changed(view: Configuration, before: Configuration) -> list[Object]:
    """Objects that are new or differ from what they were."""
    old = {(one.kind.tag, one.id): _own(one) for one in before.objects}
    return [one for one in view.objects if old.get((one.kind.tag, one.id)) != _own(one)]


def _own(one: Object) -> bytes:
    return etree.tostring(one.element, method="c14n")


def related(view: Configuration, name: str) -> list[Object]:
    """An object with what names or contains it; the resources of an agent."""
    found = _matching(view, name)
    for one in view.objects:
        if one not in found and (_is_related(one.element, name) or _of_agent(one.element, name)):
            found.append(one)
    return found


def _is_related(element: XML, name: str) -> bool:
    if element.tag == "tag":
        return any(one.get("id") == name for one in element.iter("obj_ref"))
    if str(element.tag) in CONTAINERS:
        return any(one.get("id") == name for tag in RESOURCES for one in element.iterdescendants(tag))
    if str(element.tag).startswith("rsc_"):
        return any(element.get(attribute) == name for attribute in REFERENCES) or any(
            one.get("id") == name for one in element.iterfind("resource_set/resource_ref")
        )
    return False


def _of_agent(element: XML, name: str) -> bool:
    if element.get("type") is None or element.tag == "node":
        return False
    *before, type_ = name.split(":")
    if element.get("type") != type_ or len(before) > 2:
        return False
    class_ = before[0] if before else None
    provider = before[1] if len(before) == 2 else None
    return (class_ is None or element.get("class") == class_) and (
        provider is None or element.get("provider") == provider
    )
