"""Meta-attributes that are meant for a whole resource: set on the container, members' own ones out of the way.

What is set on a member of a clone is set on the clone; a member of a group keeps its own. When a group is set, what its
members say for themselves is removed if the user wants so (option ``manage-children``). ``maintenance`` and
``is-managed`` contradict each other, so one makes way for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from hacluster.crmsh.kinds import CONTAINERS, MEMBERS
from hacluster.crmsh.level import Refused

if TYPE_CHECKING:
    from hacluster.cib.document import XML
    from hacluster.crmsh.session import Session

_CONFLICTS = {"maintenance": "is-managed", "is-managed": "maintenance"}
_RESOURCES = frozenset({"primitive", "group", "clone", "master", "bundle"})


def set_meta(session: Session, name: str, attribute: str, value: str) -> None:
    """Set a meta-attribute of a resource, or of all that a tag marks; raises :class:`Refused`."""
    elements = resources_of(session, name)
    if not elements:
        raise Refused(f"Resource not found: {name}")
    for element in elements:
        _set(session, _meant(element), attribute, value)


def resources_of(session: Session, name: str) -> list[XML]:
    """The resource of that id, or those that a tag of that id marks."""
    found = session.work.find(name, node=False)
    if found is not None and found.tag == "tag":
        marked = [session.work.find(str(one.get("id")), node=False) for one in found.iterfind("obj_ref")]
        return [one for one in marked if one is not None and str(one.tag) in _RESOURCES]
    return [found] if found is not None and str(found.tag) in _RESOURCES else []


def _meant(element: XML) -> XML:
    parent = element.getparent()
    if element.tag == "primitive" and parent is not None and parent.tag == "group":
        return element
    while (parent := element.getparent()) is not None and str(parent.tag) in CONTAINERS:
        element = parent
    return element


def _pairs(element: XML, attribute: str) -> list[XML]:
    return [one for one in element.iterfind("meta_attributes/nvpair") if one.get("name") == attribute]


def _set(session: Session, element: XML, attribute: str, value: str) -> None:
    conflict = _CONFLICTS.get(attribute, "")
    gone: list[XML] = []
    members = [one for one in element if str(one.tag) in MEMBERS]
    if element.tag in {"clone", "master"}:
        gone += [pair for one in members for pair in _pairs(one, attribute)]
    manage = session.preferences.get("core.manage_children")
    grouped = element.tag == "group" or any(one.tag == "group" for one in members)
    if manage != "never" and grouped:
        for primitive in element.iter("primitive"):
            id_ = primitive.get("id")
            clash = f"'{attribute}' conflicts with '{conflict}' attribute. Remove '{conflict}' for child resource"
            override = f"Do you want to override '{attribute}' for child resource {id_}?"
            for own, question in ((conflict, f"{clash} {id_}?"), (attribute, override)):
                pairs = _pairs(primitive, own) if own else []
                if pairs and (manage == "always" or session.ask(question)):
                    gone += pairs
    remove(gone)
    if conflict:
        pairs = _pairs(element, conflict)
        question = f"'{attribute}' conflicts with '{conflict}' attribute. Remove '{conflict}' for resource"
        if pairs and session.ask(f"{question} {element.get('id')}?"):
            remove(pairs)
    for one in [one for one in element.iter("meta_attributes", "instance_attributes") if not len(one)]:
        around = one.getparent()
        if around is not None and one.get("id-ref") is None:
            around.remove(one)
    put(session, element, attribute, value)


def remove(pairs: list[XML]) -> None:
    """Take pairs out, and the sets that are empty then."""
    for pair in dict.fromkeys(pairs):
        around = pair.getparent()
        if around is None:
            continue
        around.remove(pair)
        outside = around.getparent()
        if not len(around) and outside is not None:
            outside.remove(around)


def put(session: Session, element: XML, attribute: str, value: str, tag: str = "meta_attributes") -> None:
    """Set an attribute where it is, else in every set of that kind, else in a new one before the members."""
    pairs = [one for one in element.iterfind(f"{tag}/nvpair") if one.get("name") == attribute]
    for pair in pairs:
        pair.set("value", value)
    if pairs:
        return
    sets = [one for one in element.iterchildren(tag) if one.get("id-ref") is None]
    ids = session.work.ids
    if not sets:
        new = etree.Element(tag)
        new.set("id", ids.new(new, str(element.get("id"))))
        at = next((place for place, one in enumerate(element) if str(one.tag) in MEMBERS), len(element))
        if element.tag == "primitive":
            at = next((place for place, one in enumerate(element) if one.tag == "operations"), len(element))
        element.insert(at, new)
        sets = [new]
    for inside in sets:
        pair = etree.SubElement(inside, "nvpair", name=attribute, value=value)
        new_id = ids.new(pair, str(inside.get("id")))
        pair.attrib.clear()
        pair.set("id", new_id)
        pair.set("name", attribute)
        pair.set("value", value)
