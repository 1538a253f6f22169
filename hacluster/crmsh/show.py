"""From elements to text: one function for each kind of object.

The text is that of crmsh 4.4.1 for whatever crmsh can say; lines are joined by a backslash, or by blanks in the flat
form that is read back to see whether the grammar can carry an object at all (:mod:`hacluster.crmsh.objects`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.kinds import ACL_SHORTCUTS, MEMBERS, is_comment, is_element
from hacluster.crmsh.words import HIDDEN, hidden, pair, plain, quoted

_TRUE: Final = frozenset({"yes", "true", "on", "1"})
_SETS: Final = {
    "node": {"instance_attributes": "attributes", "utilization": "utilization"},
    "primitive": {"instance_attributes": "params", "meta_attributes": "meta", "utilization": "utilization"},
    "op": {"instance_attributes": "op_params", "meta_attributes": "op_meta"},
    "container": {"instance_attributes": "params", "meta_attributes": "meta"},
    "alert": {"instance_attributes": "attributes", "meta_attributes": "meta"},
    "bundle": {
        "instance_attributes": "params",
        "meta_attributes": "meta",
        "docker": "docker",
        "network": "network",
        "storage": "storage",
        "primitive": "primitive",
    },
}
_NAME: Final = "([a-zA-Z_][a-zA-Z0-9_.-]*)"


class Unspeakable(Exception):  # noqa: N818  it is an answer, not a fault
    """The grammar has no words for an element."""


@dataclass(frozen=True, slots=True)
class Style:
    """``flat``: one line, read back by us. ``referenced``: what other objects name by id-ref, with its tag.

    ``nodes``: how many nodes the configuration has, for a fencing topology that is the same for all.
    """

    flat: bool = False
    secrets: Sequence[str] = ()
    referenced: Mapping[str, str] = field(default_factory=dict)
    nodes: int = 0

    def join(self, parts: Sequence[str]) -> str:
        """The parts of a command as one text."""
        return (" " if self.flat else " \\\n\t").join(parts)


def render(element: XML, style: Style) -> str:
    """The command for an element; :class:`Unspeakable` when there is none."""
    tag = element.tag if element.tag != "meta_attributes" else str(element.getparent().tag)  # type: ignore[union-attr]
    head, child = _RENDERERS[str(tag)]
    parts = [head(element, style)]
    description = element.get("description")
    if description:
        parts.append(pair("description", description))
    comments = []
    for inside in element:
        if is_comment(inside):
            comments.append(str(inside.text))
        else:
            text = child(inside, style)
            if text:
                parts.append(text)
    text = style.join(parts)
    return text if style.flat or not comments else "\n".join((*comments, text))


def as_xml(element: XML, *, flat: bool = False) -> str:
    """The element itself as a command: ``xml <…>``."""
    lines = [line for line in etree.tostring(element, pretty_print=True, encoding="unicode").split("\n") if line]
    return "xml " + (" " if flat else " \\\n").join(lines)


# what objects are made of -------------------------------------------------------------------------------------------


def _nvpair(element: XML, style: Style) -> str:
    name, value, ref = element.get("name"), element.get("value"), element.get("id-ref")
    if value is not None and hidden(name, style.secrets):
        value = HIDDEN
    if ref is not None:
        return f"@{ref}" if name is None else f"@{ref}:{name}"
    if name is None:
        raise Unspeakable("a pair without a name")
    own = element.get("id")
    if own is not None and style.referenced.get(own) == "nvpair":
        return f"${own}:{pair(name, value)}"
    return pair(name, value)


def _attribute_set(element: XML, names: Mapping[str, str], style: Style) -> str:
    tag = str(element.tag)
    parts = [names[tag]]
    own, ref = element.get("id"), element.get("id-ref")
    if own is not None and style.referenced.get(own) == tag:
        parts.append(pair("$id", own))
    elif ref is not None:
        parts.append(pair("$id-ref", ref))
    if tag in {"docker", "network"}:
        parts += [pair(str(name), str(value)) for name, value in element.items()]
    if tag == "primitive":
        parts.append(str(own))
    for mapping in ("port-mapping", "storage-mapping"):
        for child in element.iterchildren(mapping):
            parts += [mapping, *(pair(str(name), str(value)) for name, value in child.items())]
    score = element.get("score")
    if score:
        parts.append(f"{score}:")
    parts += [f"rule {_rule(child, style)}" for child in element.iterchildren("rule")]
    parts += [_nvpair(child, style) for child in element.iterchildren("nvpair")]
    return " ".join(parts)


def _score(element: XML) -> str:
    score = element.get("score")
    if score:
        return score.replace("INFINITY", "inf")
    return element.get("score-attribute") or ""


def _rule(element: XML, style: Style) -> str:
    parts = []
    own, ref = element.get("id"), element.get("id-ref")
    if own and style.referenced.get(own) == "rule":
        parts.append(pair("$id", own))
    elif ref:
        return pair("$id-ref", ref)
    role = element.get("role")
    if role:
        parts.append(pair("$role", role))
    score = "" if element.get("score") == "INFINITY" else _score(element)
    if score:
        parts.append(f"{score}:")
    parts.append(_expressions(element))
    return " ".join(parts)


def _expressions(rule: XML) -> str:
    words = []
    for child in rule:
        if child.tag == "date_expression":
            words.append(_date(child))
        elif child.tag == "expression":
            words.append(_expression(child))
    return f" {rule.get('boolean-op') or 'and'} ".join(words)


def _expression(element: XML) -> str:
    operation, attribute, value = element.get("operation"), element.get("attribute"), element.get("value")
    if element.get("type"):
        operation = f"{element.get('type')}:{operation}"
    if not value:
        return f"{operation} {attribute}"
    source = element.get("value-source")
    if source and source != "literal":
        return f"{attribute} {operation} {source}{{{value}}}"
    return f"{attribute} {operation} {value}"


def _date(element: XML) -> str:
    operation = element.get("operation") or ""
    parts = ["date", {"in_range": "in", "date_spec": "spec"}.get(operation, operation)]
    if operation.lower() in {"lt", "gt"}:
        value = element.get("end" if operation.lower() == "lt" else "start")
        if value is None:
            raise Unspeakable("a date without an end")
        parts.append(quoted(value))
        return " ".join(parts)
    if operation == "in_range":
        parts += [pair(name, element.get(name)) for name in ("start", "end") if name in element.attrib]
    for child in element:
        if child.tag in {"duration", "date_spec"}:
            parts += [pair(str(name), str(value)) for name, value in child.items() if name != "id"]
    return " ".join(parts)


# resources and nodes ------------------------------------------------------------------------------------------------


def _node_head(element: XML, _style: Style) -> str:
    name, own = element.get("uname") or "", element.get("id")
    text = "node"
    if own and own != name:
        text += f" {own}:" if plain(own) else f' $id="{own}"'
    text += f" {name}"
    kind = element.get("type")
    return text if not kind or kind == "normal" else f"{text}:{kind}"


def agent_of(element: XML) -> str:
    """``ocf:pacemaker:Dummy``; class and provider are left out for heartbeat's agents of class ocf."""
    class_, provider, type_ = element.get("class"), element.get("provider"), element.get("type") or ""
    if (class_ is None and provider is None) or (class_ == "ocf" and provider is None) or provider == "heartbeat":
        return type_
    return "".join(f"{part}:" for part in (class_, provider) if part) + type_


def _primitive_head(element: XML, _style: Style) -> str:
    template = element.get("template") if element.tag == "primitive" else None
    word = "primitive" if element.tag == "primitive" else "rsc_template"
    return f"{word} {element.get('id')} {'@' + template if template else agent_of(element)}"


def _primitive_child(element: XML, style: Style) -> str:
    if element.tag != "operations":
        return _child_set("primitive")(element, style)
    parts = []
    own, ref = element.get("id"), element.get("id-ref")
    words = (pair("$id", own) if own else "", pair("$id-ref", ref) if ref else "")
    if any(words):
        parts.append(f"operations {' '.join(words) if ref else words[0]}")
    parts += [_operation(operation, style) for operation in element if is_element(operation)]
    return style.join(parts)


def _operation(element: XML, style: Style) -> str:
    name = element.get("name")
    if element.tag != "op" or not name:
        raise Unspeakable("an operation without a name")
    head = [f"op {name}"]
    head += [pair(str(key), str(value)) for key, value in element.items() if key not in {"name", "id"}]
    parts = [" ".join(head)]
    description = element.get("description")
    if description:
        parts.append(pair("description", description))
    parts += [_attribute_set(child, _SETS["op"], style) for child in element if str(child.tag) in _SETS["op"]]
    return style.join(parts)


def _container_head(element: XML, _style: Style) -> str:
    members = [str(child.get("id")) for child in element if child.tag in MEMBERS]
    word = {"master": "ms"}.get(str(element.tag), str(element.tag))
    return f"{word} {element.get('id')} {' '.join(members)}"


def _bundle_head(element: XML, _style: Style) -> str:
    return f"bundle {element.get('id')}"


def _bundle_child(element: XML, style: Style) -> str:
    if str(element.tag) not in _SETS["bundle"]:
        raise Unspeakable(f"a bundle with {element.tag}")
    return _attribute_set(element, _SETS["bundle"], style)


# constraints --------------------------------------------------------------------------------------------------------


def _location_head(element: XML, _style: Style) -> str:
    if "rsc" in element.attrib:
        what = str(element.get("rsc"))
    elif "rsc-pattern" in element.attrib:
        what = f"/{element.get('rsc-pattern')}/"
    elif element.find("resource_set") is not None:
        what = f"{{ {' '.join(_sets(element, 'location'))} }}"
    else:
        raise Unspeakable("a location of nothing")
    parts = [f"location {element.get('id')} {what}"]
    parts += [f"{name}={element.get(name)}" for name in ("role", "resource-discovery") if element.get(name) is not None]
    if element.get("node") is not None:
        parts.append(f"{_score(element)}: {element.get('node')}")
    return " ".join(parts)


def _location_child(element: XML, style: Style) -> str:
    return f"rule {_rule(element, style)}" if element.tag == "rule" else ""


def _sets(element: XML, word: str) -> list[str]:
    parts: list[str] = []
    count, sequential, needs_all = 0, None, None
    for inside in element.iterchildren("resource_set"):
        sequential, needs_all = _boolean(inside.get("sequential")), _boolean(inside.get("require-all"))
        role, action = inside.get("role"), inside.get("action")
        suffix = (action if word == "order" else None) or role
        opening, closing = ("[", "]") if needs_all is False else ("(", ")") if sequential is False else ("", "")
        parts += [opening] if opening else []
        for ref in inside.iterchildren("resource_ref"):
            parts.append(f"{ref.get('id')}:{suffix}" if suffix else str(ref.get("id")))
            count += 1
        if needs_all is False and sequential is not False:
            parts.append("sequential=true")
        parts += [closing] if closing else []
    plain_set = sequential is not False and needs_all is not False
    ticket = word == "rsc_ticket"
    if word != "location" and ((plain_set and not ticket and count <= 2) or (ticket and count <= 1)):
        parts.insert(0, "_rsc_set_")
    return parts


def _boolean(text: str | None) -> bool | None:
    return None if text is None else text.lower() in _TRUE


def _reference(element: XML, name: str, suffix: str) -> str:
    more = element.get(f"{name}-{suffix}") or element.get(f"{name}-instance")
    return f"{element.get(name)}:{more}" if more else str(element.get(name))


def _colocation_head(element: XML, _style: Style) -> str:
    if element.find("resource_set") is not None:
        parts = _sets(element, "colocation")
    else:
        parts = [_reference(element, "rsc", "role"), _reference(element, "with-rsc", "role")]
    if element.get("node-attribute"):
        parts.append(f"node-attribute={element.get('node-attribute')}")
    score = _score(element) or element.get("kind")
    return f"colocation {element.get('id')} " + (f"{score}: " if score else "") + " ".join(parts)


def _order_head(element: XML, _style: Style) -> str:
    if element.find("resource_set") is not None:
        parts = _sets(element, "order")
    else:
        parts = [_reference(element, "first", "action"), _reference(element, "then", "action")]
    if element.get("symmetrical"):
        parts.append(f"symmetrical={element.get('symmetrical')}")
    score = _score(element) or element.get("kind")
    return f"order {element.get('id')} " + (f"{score}: " if score else "") + " ".join(parts)


def _ticket_head(element: XML, _style: Style) -> str:
    if element.find("resource_set") is not None:
        parts = _sets(element, "rsc_ticket")
    else:
        parts = [_reference(element, "rsc", "role")]
    if element.get("loss-policy"):
        parts.append(f"loss-policy={element.get('loss-policy')}")
    return f"rsc_ticket {element.get('id')} {element.get('ticket')}: {' '.join(parts)}"


# the rest -----------------------------------------------------------------------------------------------------------


def _property_head(element: XML, _style: Style) -> str:
    tag = str(element.tag)
    parent = element.getparent()
    word = "property" if tag == "cluster_property_set" else str(parent.tag if parent is not None else tag)
    own = element.get("id") or ""
    return f"{word} {own}:" if plain(own) else f'{word} $id="{own}"'


def _property_child(element: XML, style: Style) -> str:
    if element.tag == "rule":
        return f"rule {_rule(element, style)}"
    return _nvpair(element, style) if element.tag == "nvpair" else ""


def _topology_head(element: XML, style: Style) -> str:
    levels: dict[object, dict[int, str]] = {}
    for level in element.iterchildren("fencing-level"):
        target: object = level.get("target")
        if "target-pattern" in level.attrib:
            target = ("pattern", level.get("target-pattern"))
        elif "target-attribute" in level.attrib:
            target = ("attr", f"{level.get('target-attribute')}={level.get('target-value')}")
        index = level.get("index") or ""
        if not index.lstrip("+-").isdecimal() or str(int(index)) != index:
            raise Unspeakable("a level without a plain number")
        levels.setdefault(target, {})[int(index)] = level.get("devices") or ""
    lines = {target: " ".join(found[index] for index in sorted(found)) for target, found in levels.items()}
    if len(set(lines.values())) == 1 and len(lines) == style.nodes:
        return f"fencing_topology {next(iter(lines.values()))}"

    def named(target: object) -> str:
        return f"{target[0]}:{target[1]}" if isinstance(target, tuple) else f"{target}:"

    return style.join(["fencing_topology", *(f"{named(target)} {devices}" for target, devices in lines.items())])


def _tag_head(element: XML, _style: Style) -> str:
    members = [str(child.get("id")) for child in element if is_element(child)]
    return " ".join(("tag", str(element.get("id")), *members))


_ACL_WORDS: Final = {"acl_role": "role", "acl_user": "user"}


def _acl_head(element: XML, _style: Style) -> str:
    return f"{_ACL_WORDS.get(str(element.tag), element.tag)} {element.get('id')}"


def _acl_child(element: XML, _style: Style) -> str:
    match element.tag:
        case "read" | "write" | "deny":
            words = ("xpath", "ref", "tag", "attribute")
            parts = [
                str(element.tag),
                *(_acl_spec(name, str(element.get(name))) for name in words if element.get(name)),
            ]
            return " ".join(parts)
        case "role_ref":
            return f"role:{element.get('id')}"
        case "role":
            return str(element.get("id"))
        case "acl_permission":
            parts = [str(element.get("kind"))]
            if element.get("description"):
                parts.append(pair("description", element.get("description")))
            named = (("xpath", "xpath"), ("reference", "ref"), ("attribute", "attr"), ("object-type", "type"))
            parts += [_acl_spec(word, str(element.get(name))) for name, word in named if name in element.attrib]
            return " ".join(parts)
    return ""


def _acl_spec(word: str, value: str) -> str:
    if word == "xpath":
        shortcut = _acl_shortcut(value)
        if shortcut:
            return shortcut
        value = quoted(value)
    return f"{word}:{value}" if value else word


def _acl_shortcut(xpath: str) -> str:
    for word, parts in ACL_SHORTCUTS.items():
        for count in range(1, len(parts) + 1):
            pattern = _NAME.join(re.escape(piece) for piece in "".join(parts[:count]).split("@@"))
            match = re.fullmatch(pattern, xpath)
            if match:
                names = match.groups()[:count]
                return f"{word}:{':'.join(names)}" if names else word
    return ""


def _alert_head(element: XML, _style: Style) -> str:
    return f"alert {element.get('id')} {quoted(element.get('path') or '')}"


def _alert_child(element: XML, style: Style) -> str:
    match element.tag:
        case "instance_attributes" | "meta_attributes":
            return _attribute_set(element, _SETS["alert"], style)
        case "select":
            parts = ["select"]
            for child in element:
                if not is_element(child) or not child.tag.startswith("select_"):
                    continue
                # crmsh strips these letters, not the prefix
                parts.append(child.tag.lstrip("select_"))  # noqa: B005
                if child.tag == "select_attributes":
                    parts += ["{", *(str(one.get("name")) for one in child.iterchildren("attribute")), "}"]
            return " ".join(parts)
        case "recipient":
            braces = _needs_braces(element.getparent())
            parts = ["to", *(["{"] if braces else []), quoted(element.get("value") or "")]
            parts += [
                _attribute_set(child, _SETS["alert"], style)
                for child in element
                if child.tag in {"instance_attributes", "meta_attributes"}
            ]
            return " ".join((*parts, *(["}"] if braces else [])))
    return ""


def _needs_braces(alert: XML | None) -> bool:
    """Whether attributes follow the first recipient: without braces they would become the recipient's."""
    assert alert is not None
    tags = [str(child.tag) for child in alert if child.tag in {"recipient", "instance_attributes", "meta_attributes"}]
    behind = tags[tags.index("recipient") + 1 :]
    return "instance_attributes" in behind or "meta_attributes" in behind


def _child_set(kind: str) -> Callable[[XML, Style], str]:
    names = _SETS[kind]

    def child(element: XML, style: Style) -> str:
        return _attribute_set(element, names, style) if str(element.tag) in names else ""

    return child


def _nothing(_element: XML, _style: Style) -> str:
    return ""


Head = Callable[[XML, Style], str]
_RENDERERS: Final[dict[str, tuple[Head, Head]]] = {
    "node": (_node_head, _child_set("node")),
    "template": (_primitive_head, _primitive_child),
    "primitive": (_primitive_head, _primitive_child),
    "bundle": (_bundle_head, _bundle_child),
    "group": (_container_head, _child_set("container")),
    "master": (_container_head, _child_set("container")),
    "clone": (_container_head, _child_set("container")),
    "tag": (_tag_head, _nothing),
    "rsc_location": (_location_head, _location_child),
    "rsc_colocation": (_colocation_head, _nothing),
    "rsc_order": (_order_head, _nothing),
    "rsc_ticket": (_ticket_head, _nothing),
    "fencing-topology": (_topology_head, _nothing),
    "cluster_property_set": (_property_head, _property_child),
    "rsc_defaults": (_property_head, _property_child),
    "op_defaults": (_property_head, _property_child),
    "acl_role": (_acl_head, _acl_child),
    "acl_target": (_acl_head, _acl_child),
    "acl_group": (_acl_head, _acl_child),
    "acl_user": (_acl_head, _acl_child),
    "alert": (_alert_head, _alert_child),
}
