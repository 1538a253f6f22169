"""From commands to elements: one function for each verb of ``configure``.

The elements carry no ids but those that the text names; :mod:`hacluster.crmsh.ids` gives the others. Members of
containers are ``crmsh-ref`` elements until they are looked up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.acls import acl_group, acl_target, acl_user, role
from hacluster.crmsh.cursor import (
    IDSPEC,
    OPERATION_ATTRIBUTES,
    ROLE,
    SCORE,
    TERMINATORS,
    Context,
    Cursor,
    SyntaxFault,
)
from hacluster.crmsh.kinds import BY_TAG, is_element
from hacluster.crmsh.rules import attribute_sets, rules, score_attribute
from hacluster.crmsh.sets import ACTIONS, canonical, resource_sets
from hacluster.crmsh.words import split

MEMBER: Final = "crmsh-ref"
_RSC: Final = {"params": "instance_attributes", "meta": "meta_attributes"}
_UNAME: Final = re.compile(r"([^:]+)(?::(normal|member|ping|remote))?", re.IGNORECASE)
_KINDS: Final = ("Optional", "Mandatory", "Serialize")
_BUNDLE: Final = ("docker", "rkt", "podman", "network", "port-mapping", "storage", "primitive")


def parse(text: str, context: Context) -> XML:
    """The element of one command; raises :class:`SyntaxFault`."""
    if text.startswith("xml"):
        return _xml(text)
    try:
        words = split(text)
    except ValueError as fault:
        raise SyntaxFault(f"the quotes do not fit: {fault}") from None
    if not words:
        raise SyntaxFault("an empty command")
    reader = VERBS.get(words[0].lower())
    if reader is None:
        raise SyntaxFault("unknown command", words[0])
    cursor = Cursor(words, context)
    cursor.take()
    if cursor.left < LEAST.get(words[0].lower(), 1):
        raise SyntaxFault("the command is too short", words[0])
    element = reader(cursor)
    if cursor.word is not None:
        raise SyntaxFault(f"cannot make out: {' '.join(cursor.rest())}")
    return element


def _xml(text: str) -> XML:
    body = " ".join(text.split()[1:])
    if not body:
        raise SyntaxFault("an element expected behind xml")
    try:
        element = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as fault:
        raise SyntaxFault(f"this is no XML: {fault.msg}") from None
    if element.tag == "meta_attributes":
        element = _defaults_around(element)
    if str(element.tag) not in BY_TAG:
        raise SyntaxFault(f"the element {element.tag} has no place in a configuration")
    for inside in element.iter():
        inside.tail = None
        if is_element(inside):
            inside.text = None
    return element


_OF_OPERATIONS: Final = OPERATION_ATTRIBUTES - {"role"}


def _defaults_around(element: XML) -> XML:
    """A set of defaults shown as XML has lost what it stands in: what it sets tells operations from resources."""
    names = {pair.get("name") for pair in element.iterchildren("nvpair")}
    operations = element.find(".//op_expression") is not None or bool(names & _OF_OPERATIONS)
    around = etree.Element("op_defaults" if operations else "rsc_defaults")
    around.append(element)
    return around


# resources ----------------------------------------------------------------------------------------------------------


def _node(cursor: Cursor) -> XML:
    element = etree.Element("node")
    own = cursor.initial_id()
    if own:
        element.set("id", own)
    name = cursor.expect(_UNAME, "a node's name")
    element.set("uname", name[1])
    if name[2]:
        element.set("type", name[2])
    elif cursor.context.type_needed:
        element.set("type", "normal")
    cursor.description(element)
    names = {"attributes": "instance_attributes", "utilization": "utilization"}
    _arguments(cursor, element, names, implicit="attributes")
    return element


def _primitive(cursor: Cursor) -> XML:
    template = cursor.words[0].lower() == "rsc_template"
    element = etree.Element("template" if template else "primitive", id=cursor.identifier())
    reference = None if template else cursor.match(r"@(.+)")
    if reference:
        element.set("template", reference[1])
    else:
        _agent(cursor, element)
    cursor.description(element)
    _arguments(cursor, element, {**_RSC, "utilization": "utilization"}, implicit="params", operations=True)
    return element


def _agent(cursor: Cursor, element: XML) -> None:
    word = cursor.take()
    parts = word.split(":")
    if len(parts) > 3 or not parts[-1]:
        raise SyntaxFault("[class:[provider:]]type expected", word)
    if len(parts) == 3:
        class_, provider, type_ = parts
    else:
        class_, type_ = parts if len(parts) == 2 else ("ocf", parts[0])
        provider = _provider(cursor.context.providers(type_)) if class_ == "ocf" else ""
    for name, value in (("class", class_), ("provider", provider), ("type", type_)):
        if value:
            element.set(name, value)


def _provider(known: list[str]) -> str:
    """Whose agent is meant when nobody is named: heartbeat's, else pacemaker's, else the first."""
    if not known or "heartbeat" in known:
        return "heartbeat"
    return "pacemaker" if "pacemaker" in known else known[0]


def _clone(cursor: Cursor) -> XML:
    tag = "clone" if cursor.words[0].lower() == "clone" else "master"
    element = etree.Element(tag, id=cursor.identifier())
    member = etree.Element(MEMBER, id=cursor.resource())
    cursor.description(element)
    _arguments(cursor, element, _RSC, implicit="params")
    element.append(member)
    return element


def _group(cursor: Cursor) -> XML:
    element = etree.Element("group", id=cursor.identifier())
    members: list[str] = []
    while (word := cursor.word) is not None and "=" not in word and word.lower() not in {"params", "meta"}:
        if word in members:
            raise SyntaxFault(f"child {word} listed more than once in group {element.get('id')}", word)
        members.append(cursor.take())
    cursor.description(element)
    _arguments(cursor, element, _RSC, implicit="params")
    for one in members:
        etree.SubElement(element, MEMBER, id=one)
    return element


def _bundle(cursor: Cursor) -> XML:
    element = etree.Element("bundle", id=cursor.identifier())
    cursor.description(element)
    while (word := cursor.one_of({*_BUNDLE, "meta"})) is not None:
        if word == "meta":
            element.extend(attribute_sets_after(cursor, {"meta": "meta_attributes"}, "meta", _BUNDLE_ENDS))
        else:
            _bundle_part(cursor, element, word)
    return element


_BUNDLE_ENDS: Final = ("network", "storage", "primitive")


def attribute_sets_after(
    cursor: Cursor, names: Mapping[str, str], word: str, terminators: Collection[str]
) -> list[XML]:
    """The sets that follow a word that was taken already."""
    cursor.position -= 1
    assert cursor.word is not None
    assert cursor.word.lower() == word
    return list(attribute_sets(cursor, names, terminators=terminators))


def _bundle_part(cursor: Cursor, element: XML, word: str) -> None:
    pairs = cursor.nvpairs(terminators=("network", "storage", "meta", "primitive"))
    if word == "primitive":
        if len(pairs) != 1 or pairs[0].get("value"):
            raise SyntaxFault("one resource expected behind primitive", cursor.word or "")
        etree.SubElement(element, MEMBER, id=str(pairs[0].get("name")))
        return
    part = element.find(word)
    if part is None:
        part = etree.SubElement(element, word)
    into = part
    for pair in pairs:
        name, value = str(pair.get("name")), pair.get("value")
        if name in {"port-mapping", "storage-mapping"}:
            into = etree.SubElement(part, name)
        else:
            into.set(name, value or "")


def _arguments(
    cursor: Cursor,
    element: XML,
    names: Mapping[str, str],
    *,
    implicit: str | None = None,
    terminators: Collection[str] = TERMINATORS,
    operations: bool = False,
) -> None:
    """Attribute sets and, for primitives, operations, in the order in which they were written."""
    first = True
    while (word := cursor.word) is not None:
        known = word.lower()
        if operations and known in {"operations", "op"}:
            first = False
            _operations(cursor, element)
        elif known in names:
            first = False
            element.extend(attribute_sets(cursor, names, terminators=terminators))
        elif first:
            first = False
            element.extend(attribute_sets(cursor, names, implicit=implicit, terminators=terminators))
        else:
            break


def _operations(cursor: Cursor, element: XML) -> None:
    into = etree.SubElement(element, "operations")
    if cursor.one_of({"operations"}):
        spec = cursor.expect(IDSPEC, "$id=ID or $id-ref=ID")
        name = spec[1].lower()[1:]
        into.set(name, cursor.context.resolve("operations", spec[2]) if name == "id-ref" else spec[2])
    while cursor.one_of({"op"}):
        into.append(_operation(cursor))


def _operation(cursor: Cursor) -> XML:
    element = etree.Element("op", name=cursor.identifier())
    pairs = cursor.nvpairs()
    if not any(pair.get("name") == "interval" for pair in pairs):
        pairs.append(etree.Element("nvpair", name="interval", value="0"))
    parameters: XML | None = None
    for pair in pairs:
        name, value = pair.get("name"), pair.get("value")
        if name in cursor.context.operation_attributes:
            if parameters is not None and name != "interval":
                raise SyntaxFault(f"{name} must stand before the parameters of the operation", name or "")
            element.set(str(name), value or "")
        else:
            if parameters is None:
                parameters = etree.SubElement(element, "instance_attributes")
            parameters.append(pair)
    if parameters is not None:
        element.append(parameters)
    names = {"op_params": "instance_attributes", "op_meta": "meta_attributes"}
    element.extend(attribute_sets(cursor, names, implicit="op_params"))
    return element


# constraints --------------------------------------------------------------------------------------------------------


def _location(cursor: Cursor) -> XML:
    element = etree.Element("rsc_location", id=cursor.identifier())
    pattern = cursor.match("/(.+)/")
    if pattern:
        element.set("rsc-pattern", pattern[1])
    elif cursor.match(r"\{"):
        words = []
        while cursor.word is not None and cursor.word != "}":
            words.append(cursor.take())
        cursor.expect(r"\}", "}")
        if not words:
            raise SyntaxFault("an empty resource set", "{")
        element.extend(resource_sets(words, "role", cursor.context))
    else:
        element.set("rsc", cursor.resource())
    while (match := cursor.match(r"\$?([^=]+)=(.*)")) is not None:
        element.set(match[1], cursor.context.role(match[2], match[1]))
    score = cursor.match(SCORE)
    if score:
        element.set(*score_attribute(score[1]))
        element.set("node", cursor.identifier())
        late = cursor.match(ROLE)
        if late:
            element.set("role", cursor.context.role(late[1]))
        return element
    found = rules(cursor)
    if not found:
        raise SyntaxFault("SCORE: NODE or a rule expected", cursor.word or "the end of the command")
    element.extend(found)
    return element


def _colocation(cursor: Cursor) -> XML:
    element = etree.Element("rsc_colocation", id=cursor.identifier())
    element.set(*score_attribute(cursor.expect(SCORE, "SCORE:")[1]))
    tail = _tail(cursor, r"node-attribute=(.+)")
    if tail:
        element.set("node-attribute", tail[1].lower())
    _resources(cursor, element, "role", ("rsc", "with-rsc"))
    return element


def _order(cursor: Cursor) -> XML:
    element = etree.Element("rsc_order", id=cursor.identifier())
    score = cursor.match(SCORE)
    if score:
        kind = canonical(score[1], _KINDS)
        attribute, value = ("kind", kind) if kind else score_attribute(score[1])
        if attribute == "score-attribute":
            raise SyntaxFault("a kind (Mandatory, Optional, Serialize) or a score expected", score[1])
        if attribute == "score":
            attribute, value = "kind", "Optional" if value == "0" else "Mandatory"
        element.set(attribute, value)
    tail = _tail(cursor, "symmetrical=(true|false|yes|no|on|off)")
    if tail:
        element.set("symmetrical", "true" if tail[1].lower() in {"true", "yes", "on"} else "false")
    _resources(cursor, element, "action", ("first", "then"))
    return element


def _ticket(cursor: Cursor) -> XML:
    element = etree.Element("rsc_ticket", id=cursor.identifier())
    element.set("ticket", cursor.expect(SCORE, "TICKET:")[1])
    tail = _tail(cursor, "loss-policy=(stop|demote|fence|freeze)")
    if tail:
        element.set("loss-policy", tail[1])
    _resources(cursor, element, "role", ("rsc",))
    return element


def _tail(cursor: Cursor, pattern: str) -> re.Match[str] | None:
    """The last word, if it matches; it is taken off."""
    if not cursor.left:
        return None
    match = re.fullmatch(pattern, cursor.words[-1], re.IGNORECASE)
    if match:
        cursor.words = cursor.words[:-1]
    return match


def _resources(cursor: Cursor, element: XML, suffix: str, names: tuple[str, ...]) -> None:
    if cursor.left != len(names):
        sets = resource_sets(cursor.rest(), suffix, cursor.context)
        if not sets:
            raise SyntaxFault(f"{' '.join(['RESOURCE'] * len(names))} or resource sets expected")
        element.extend(sets)
        return
    for name in names:
        word = cursor.take()
        parts = word.split(":")
        if len(parts) > 2:
            raise SyntaxFault(f"resource[:{suffix}] expected", word)
        if word in set("()[]"):
            raise SyntaxFault("a resource set is not whole", word)
        element.set(name, parts[0])
        if len(parts) == 2 and parts[1]:
            element.set(*_suffix(name, suffix, parts[1], cursor.context))


def _suffix(name: str, suffix: str, value: str, context: Context) -> tuple[str, str]:
    known = ACTIONS if suffix == "action" else context.roles
    found = canonical(value if suffix == "action" else context.role(value), known)
    if found is not None:
        return f"{name}-{suffix}", found
    if value.isdigit():
        return f"{name}-instance", value
    raise SyntaxFault(f"{value!r} is no {suffix}", value)


# the rest -----------------------------------------------------------------------------------------------------------


def _property(cursor: Cursor) -> XML:
    word = cursor.words[0].lower()
    if word == "property":
        root = into = etree.Element("cluster_property_set")
    else:
        root = etree.Element(word)
        into = etree.SubElement(root, "meta_attributes")
    own = cursor.initial_id()
    if own is not None:
        into.set("id", own)
    elif (spec := cursor.match(IDSPEC)) is not None:
        name = spec[1].lower()[1:]
        into.set(name, cursor.context.resolve(str(into.tag), spec[2]) if name == "id-ref" else spec[2])
    into.extend(rules(cursor))
    into.extend(cursor.nvpairs())
    return root


def _topology(cursor: Cursor) -> XML:
    target: tuple[str, ...] | None = None
    levels: list[tuple[tuple[str, ...] | None, str]] = []
    while cursor.word is not None:
        if (match := cursor.match(r"attr:([\w-]+)=([\w-]+)")) is not None:
            target = ("attribute", match[1], match[2])
        elif (match := cursor.match("pattern:(.+)")) is not None:
            target = ("pattern", match[1])
        elif (match := cursor.match("([^:]+):")) is not None:
            target = ("node", match[1])
        else:
            levels.append((target, cursor.take()))
    if levels and levels[0][0] is None:
        levels = [(("node", node), devices) for node in cursor.context.nodes for _, devices in levels]
    element = etree.Element("fencing-topology")
    count: Counter[str] = Counter()
    for who, devices in levels:
        assert who is not None
        count[who[1]] += 1
        level = etree.SubElement(element, "fencing-level")
        if who[0] == "node":
            level.set("target", who[1])
        level.set("index", str(count[who[1]]))
        level.set("devices", devices)
        if who[0] == "pattern":
            level.set("target-pattern", who[1])
        elif who[0] == "attribute":
            level.set("target-attribute", who[1])
            level.set("target-value", who[2])
    return element


def _tag(cursor: Cursor) -> XML:
    name = cursor.expect(r"([a-zA-Z_][^\s:]*):?", "the name of a tag")
    element = etree.Element("tag", id=name[1])
    while cursor.word is not None:
        etree.SubElement(element, "obj_ref", id=cursor.resource())
    if not len(element):
        raise SyntaxFault("at least one object expected")
    return element


_ALERT: Final = {"attributes": "instance_attributes", "meta": "meta_attributes"}
_ALERT_ENDS: Final = ("attributes", "meta", "to", "select")


def _alert(cursor: Cursor) -> XML:
    element = etree.Element("alert", id=cursor.identifier(), path=cursor.take())
    cursor.description(element)
    count = 0
    while (word := cursor.word) is not None:
        if word in _ALERT:
            _arguments(cursor, element, _ALERT, terminators=_ALERT_ENDS)
        elif word == "select":
            cursor.take()
            _select(cursor, element)
        else:
            cursor.expect("to", "attributes, meta, select or to")
            count += 1
            _recipient(cursor, element, count)
    return element


def _select(cursor: Cursor, element: XML) -> None:
    into: XML | None = None
    while cursor.word in {"nodes", "fencing", "resources", "attributes"}:
        kind = cursor.take()
        braces = kind == "attributes" and cursor.match(r"\{") is not None
        if kind == "attributes" and not braces:
            cursor.position -= 1
            return
        if into is None:
            into = etree.SubElement(element, "select")
        selected = etree.SubElement(into, f"select_{kind}")
        while braces and cursor.word != "}":
            etree.SubElement(selected, "attribute", name=cursor.identifier())
        if braces:
            cursor.take()


def _recipient(cursor: Cursor, element: XML, count: int) -> None:
    braces = cursor.match(r"\{") is not None
    recipient = etree.Element("recipient", id=f"{element.get('id')}-recipient-{count}", value=cursor.take())
    cursor.description(recipient)
    ends = ("attributes", "meta", "to", *(("}",) if braces else ()))
    _arguments(cursor, recipient, _ALERT, terminators=ends)
    if braces:
        cursor.expect(r"\}", "}")
    element.append(recipient)


Verb = Callable[[Cursor], XML]
VERBS: Final[dict[str, Verb]] = {
    "node": _node,
    "primitive": _primitive,
    "rsc_template": _primitive,
    "group": _group,
    "clone": _clone,
    "ms": _clone,
    "master": _clone,
    "bundle": _bundle,
    "location": _location,
    "colocation": _colocation,
    "collocation": _colocation,
    "order": _order,
    "rsc_ticket": _ticket,
    "property": _property,
    "rsc_defaults": _property,
    "op_defaults": _property,
    "fencing_topology": _topology,
    "fencing-topology": _topology,
    "tag": _tag,
    "role": role,
    "user": acl_user,
    "acl_target": acl_target,
    "acl_group": acl_group,
    "alert": _alert,
}
"""Every verb that makes an object."""

LEAST: Final = dict.fromkeys(set(VERBS) - {"node", "property", "rsc_defaults", "op_defaults", "fencing_topology"}, 2)
LEAST["fencing_topology"] = LEAST["fencing-topology"] = 0
"""How many words a verb takes at least."""
