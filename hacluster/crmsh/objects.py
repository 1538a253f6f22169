"""A configuration as the shell sees it: objects with kinds and ids, each with its text.

Whether an object can be said in the grammar is found by saying it: its flat text is read back and must give the same
element. What cannot be said is shown as XML, so that a text always carries the whole configuration.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.cursor import Context, SyntaxFault
from hacluster.crmsh.ids import Ids, alike
from hacluster.crmsh.kinds import (
    ATTRIBUTE_DEFAULTS,
    BY_TAG,
    CONTAINERS,
    DEFAULTS,
    MEMBERS,
    Kind,
    is_comment,
    is_element,
)
from hacluster.crmsh.parse import MEMBER, parse
from hacluster.crmsh.show import Style, Unspeakable, as_xml, render


@dataclass(slots=True)
class Object:
    """``element``: in the configuration's tree. ``speakable``: the grammar has words for all of it."""

    kind: Kind
    id: str
    element: XML
    speakable: bool = True


class Configuration:
    """The objects of a CIB's ``configuration``. The tree is a copy: status, defaults and blanks are taken out of it."""

    def __init__(self, cib: XML, providers: Callable[[str], list[str]]) -> None:
        self.cib = copy.deepcopy(cib)
        _tidy(self.cib)
        self.schema = self.cib.get("validate-with")
        found = self.cib.find("configuration")
        self.root = found if found is not None else etree.SubElement(self.cib, "configuration")
        self.referenced: dict[str, str] = {}
        self.objects = list(_objects(self.root))
        self._by_id: dict[str, Object] = {}
        for one in self.objects:
            self._by_id.setdefault(one.id, one)
        self.context = Context(
            self.schema,
            nodes=[str(one.element.get("uname") or one.id) for one in self.objects if one.kind.tag == "node"],
            providers=providers,
            resolve=self.resolve,
            member=self.member,
        )
        ids = Ids()
        for one in self.objects:
            _lift_comments(one.element)
        for one in self.objects:
            one.speakable = self._says_itself(one, ids)

    def resolve(self, word: str, reference: str) -> str:
        """The id that ``$id-ref`` means: an object's name stands for its first set of that kind."""
        self.referenced[reference] = word
        one = self._by_id.get(reference)
        if one is not None:
            for inside in one.element.iter(word):
                own = inside.get("id")
                if own:
                    return str(own)
        return reference

    def member(self, id_: str) -> XML | None:
        """The element of a resource."""
        one = self._by_id.get(id_)
        return one.element if one is not None and one.kind.section == "resources" else None

    def _says_itself(self, one: Object, ids: Ids) -> bool:
        text = self._flat(one)
        comments = [child.text or "" for child in one.element if is_comment(child)]
        if text is None or not text.isascii() or any("\n" in comment for comment in (text, *comments)):
            return False
        try:
            made = parse(text, self.context)
        except SyntaxFault:
            return False
        old = one.element
        if one.kind.tag in DEFAULTS:
            made = made[0]
            parent = one.element.getparent()
            assert parent is not None
            old = parent
        elif one.kind.tag == "cluster_property_set":
            parent = one.element.getparent()
            assert parent is not None
            old = parent
        if one.kind.tag != "fencing-topology" and not made.get("id") and not made.get("uname"):
            made.set("id", one.kind.default_id)
        ids.fill(made, old)
        self._members(made)
        for place, comment in enumerate(comments):
            made.insert(place, etree.Comment(comment))
        return alike(one.element, made)

    def _members(self, element: XML) -> None:
        for reference in list(element.iterchildren(MEMBER)):
            found = self.member(str(reference.get("id")))
            if found is None:
                element.remove(reference)
            else:
                element.replace(reference, copy.deepcopy(found))

    def _flat(self, one: Object) -> str | None:
        try:
            return render(one.element, Style(flat=True, referenced=self.referenced, nodes=len(self.node_names())))
        except (Unspeakable, ValueError, TypeError):
            return None

    def node_names(self) -> list[str]:
        """The nodes' names."""
        return [str(one.element.get("uname") or one.id) for one in self.objects if one.kind.tag == "node"]

    def sorted(self) -> list[Object]:
        """As ``show`` has them: by kind, then by id."""
        return sorted(self.objects, key=lambda one: (one.kind.rank, one.id))

    def text(self, one: Object, *, secrets: Sequence[str] = ()) -> str:
        """The command for one object, or its XML."""
        if not one.speakable:
            return as_xml(one.element)
        style = Style(secrets=secrets, referenced=self.referenced, nodes=len(self.node_names()))
        return render(one.element, style)

    def show(self, chosen: Sequence[Object] | None = None, *, secrets: Sequence[str] = ()) -> str:
        """The commands for all objects, or for some, each beginning a line."""
        wanted = self.sorted() if chosen is None else [one for one in self.sorted() if one in chosen]
        return "\n".join(self.text(one, secrets=secrets) for one in wanted)

    def lines(self, chosen: Sequence[Object]) -> str:
        """The commands for some objects, each in one line, secrets as they are: what a program reads."""
        style = Style(flat=True, referenced=self.referenced, nodes=len(self.node_names()))
        texts = []
        for one in self.sorted():
            if one in chosen:
                comments = [str(child.text) for child in one.element if is_comment(child)]
                texts += [*comments, render(one.element, style) if one.speakable else as_xml(one.element, flat=True)]
        return "".join(f"{text}\n" for text in texts)

    def find(self, id_: str) -> Object | None:
        """The object of that id."""
        return self._by_id.get(id_)


def _objects(root: XML) -> Iterator[Object]:
    ordered = sorted(
        (one for one in root.iter() if is_element(one) and one.tag in BY_TAG),
        key=lambda one: BY_TAG[str(one.tag)].rank,
    )
    for element in ordered:
        kind = BY_TAG[str(element.tag)]
        if kind.tag in DEFAULTS:
            for inside in element.iterchildren("meta_attributes"):
                yield Object(kind, inside.get("id") or kind.default_id, inside)
        elif kind.tag == "fencing-topology":
            yield Object(kind, "fencing_topology", element)
        else:
            yield Object(kind, element.get("id") or element.get("uname") or kind.default_id, element)


def _tidy(cib: XML) -> None:
    """Take out what is no configuration, and what says what is so without it; members stand behind attributes."""
    for status in cib.findall("status"):
        cib.remove(status)
    for element in cib.iter("*"):
        element.tail = element.text = None
        tag = str(element.tag)
        for name, value in ATTRIBUTE_DEFAULTS.get(tag, {}).items():
            if element.get(name) == value:
                del element.attrib[name]
        if tag in CONTAINERS:
            for member in [child for child in element if child.tag in MEMBERS]:
                element.append(member)


def _lift_comments(element: XML) -> None:
    """An object's comments begin with a ``#`` as they do in a text; those behind its second part move up to it."""
    place = 0
    late: list[XML] = []
    for index, child in enumerate(element):
        if is_comment(child):
            text = (child.text or "").strip()
            child.text = text if text.startswith("#") else f"# {text}"
            if place:
                late.append(child)
        elif not place:
            place = index
    for comment in late:
        element.insert(place, comment)
        place += 1
