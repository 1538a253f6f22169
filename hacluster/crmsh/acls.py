"""Access control in commands: roles with permissions, and who has them."""

from __future__ import annotations

from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.cursor import Cursor, SyntaxFault
from hacluster.crmsh.kinds import ACL_SHORTCUTS

_RIGHTS: Final = frozenset({"read", "write", "deny"})
_SPECS: Final = {
    "xpath": "xpath",
    "ref": "reference",
    "reference": "reference",
    "tag": "object-type",
    "type": "object-type",
    "attr": "attribute",
    "attribute": "attribute",
}


def _expanded(word: str, names: str | None) -> str:
    """The XPath of a shortcut; each ``@@`` of its parts takes one of ``names``."""
    parts = ACL_SHORTCUTS[word]
    if names is None:
        if "@@" in parts[0]:
            raise SyntaxFault(f"{word} needs a name", word)
        return parts[0]
    path, position = "", 0
    for name in names.split(":"):
        while position < len(parts) and "@@" not in parts[position]:
            path += parts[position]
            position += 1
        if position == len(parts):
            raise SyntaxFault(f"{word} takes fewer names", names)
        path += parts[position].replace("@@", name)
        position += 1
    return path


def role(cursor: Cursor) -> XML:
    """``role ID {read|write|deny} SPEC… …``."""
    element = etree.Element("acl_role", id=cursor.identifier())
    if cursor.context.version < (2, 0):
        while cursor.word is not None:
            element.append(_old_rule(cursor))
        return element
    cursor.description(element)
    while cursor.word is not None:
        element.extend(_permissions(cursor))
    return element


def _permissions(cursor: Cursor) -> list[XML]:
    kind = cursor.one_of(_RIGHTS)
    if kind is None:
        raise SyntaxFault("read, write or deny expected", cursor.word or "")
    own = cursor.initial_id()
    template = etree.Element("acl_permission", kind=kind)
    if own:
        template.set("id", own)
    cursor.description(template)
    found: dict[str, str] = {}
    while (word := cursor.word) is not None:
        name, colon, value = word.partition(":")
        if name not in _SPECS and name not in ACL_SHORTCUTS:
            break
        cursor.take()
        if name in ACL_SHORTCUTS:
            found["xpath"] = _expanded(name, value if colon else None)
        elif not value:
            raise SyntaxFault(f"{name}:VALUE expected", word)
        else:
            found[_SPECS[name]] = value
    if "attribute" in found and "object-type" not in found:
        raise SyntaxFault("attr needs a type beside it", "attr")
    made: list[XML] = []
    for name in ("xpath", "reference", "object-type"):
        if name in found:
            attributes = {str(key): str(value) for key, value in template.attrib.items()} | {name: found[name]}
            if name == "object-type" and "attribute" in found:
                attributes["attribute"] = found["attribute"]
            made.append(etree.Element("acl_permission", attributes))
    return made


def _old_rule(cursor: Cursor) -> XML:
    """A right as schemas before 2.0 have it."""
    kind = cursor.one_of(_RIGHTS)
    if kind is None:
        raise SyntaxFault("read, write or deny expected", cursor.word or "")
    element = etree.Element(kind)
    while (word := cursor.word) is not None:
        name, colon, value = word.partition(":")
        if name in ACL_SHORTCUTS:
            cursor.take()
            element.set("xpath", _expanded(name, value if colon else None))
        elif name in {"xpath", "ref", "tag", "attribute"} and colon and name not in element.attrib:
            cursor.take()
            element.set(name, value)
        else:
            break
        if name == "attribute":
            break
    return element


def acl_user(cursor: Cursor) -> XML:
    """``user ID {role:R… | rules…}`` of schemas before 2.0."""
    element = etree.Element("acl_user", id=cursor.identifier())
    while cursor.word is not None:
        reference = cursor.match("role:(.+)")
        if reference:
            etree.SubElement(element, "role_ref", id=reference[1])
        else:
            element.append(_old_rule(cursor))
    return element


def _holder(cursor: Cursor, tag: str) -> XML:
    element = etree.Element(tag, id=cursor.identifier())
    while cursor.word is not None:
        etree.SubElement(element, "role", id=cursor.identifier())
    return element


def acl_target(cursor: Cursor) -> XML:
    """``acl_target USER role…``."""
    return _holder(cursor, "acl_target")


def acl_group(cursor: Cursor) -> XML:
    """``acl_group GROUP role…``."""
    return _holder(cursor, "acl_group")
