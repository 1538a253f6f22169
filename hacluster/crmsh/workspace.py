"""A configuration under change: commands make, replace, merge and remove objects of a copy, which is then committed.

Nothing is half done: the commands of a text are all read before the first one counts, and every fault of them is told
with its line. Members of containers are moved, not copied, so a resource stands in one place always.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from hacluster.base.report import Place, Report, Severity
from hacluster.cib.document import XML
from hacluster.crmsh.cursor import Context, SyntaxFault
from hacluster.crmsh.ids import Ids
from hacluster.crmsh.kinds import BY_TAG, CONTAINERS, DEFAULTS, KINDS, Kind, is_element
from hacluster.crmsh.objects import Configuration
from hacluster.crmsh.parse import MEMBER, parse
from hacluster.crmsh.words import Statement, statements

METHODS = ("replace", "update", "push")
"""How a text is loaded. replace: it is all there is afterwards; update: attributes of objects that exist are merged;
push: objects that exist are replaced, the others stay."""

SECTIONS = frozenset(kind.section for kind in KINDS)
_REFERENCES = ("rsc", "with-rsc", "first", "then")
Providers = Callable[[str], list[str]]


class Rejected(Exception):  # noqa: N818  faults of what a person wrote, all of them
    """Nothing was changed; ``reports`` say why."""

    def __init__(self, reports: Sequence[Report]) -> None:
        super().__init__("; ".join(str(report) for report in reports))
        self.reports = list(reports)


@dataclass(slots=True)
class _Made:
    element: XML
    statement: Statement

    @property
    def kind(self) -> Kind:
        return BY_TAG[str(self.element.tag)]


class Workspace:
    """``root`` is the ``configuration`` element that is worked on."""

    def __init__(self, cib: XML, providers: Providers) -> None:
        self.cib = cib
        self.providers = providers
        found = cib.find("configuration")
        self.root = copy.deepcopy(found) if found is not None else etree.Element("configuration")
        self._before = etree.tostring(self.root)
        self.ids = Ids()
        self.ids.take_all(self.root)

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit."""
        return etree.tostring(self.root) != self._before

    def view(self) -> Configuration:
        """The objects as they are now, with their texts."""
        whole = etree.Element("cib", {str(k): str(v) for k, v in self.cib.attrib.items()})
        whole.append(copy.deepcopy(self.root))
        return Configuration(whole, self.providers)

    def context(self) -> Context:
        """What commands are read against."""
        nodes = [str(node.get("uname") or node.get("id")) for node in self.root.iterfind("nodes/node")]
        return Context(self.cib.get("validate-with"), nodes=nodes, providers=self.providers, resolve=self._resolve)

    def _resolve(self, word: str, reference: str) -> str:
        found = self.find(reference, node=False)
        if found is not None and _section_of(found) == "resources":
            for inside in found.iter(word):
                if inside.get("id"):
                    return str(inside.get("id"))
        return reference

    def find(self, id_: str, *, node: bool | None = None) -> XML | None:
        """The object of that id: a node by its name too, a set of defaults by the id of its set.

        A node and a resource may share a name (a remote node has its connection's): ``node`` says which is meant.
        """
        if id_ in {"fencing_topology", "fencing-topology"}:
            return self.root.find("fencing-topology")
        for element in self.root.iter("*"):
            tag = str(element.tag)
            parent = element.getparent()
            inside_defaults = tag == "meta_attributes" and parent is not None and parent.tag in DEFAULTS
            if tag not in BY_TAG and not inside_defaults:
                continue
            if node is not None and node is not (tag == "node"):
                continue
            if id_ == element.get("id") or (tag == "node" and id_ == element.get("uname")):
                return element
        return None

    # loading --------------------------------------------------------------------------------------------------------

    def load(self, text: str, method: str, file: str = "") -> None:
        """Take over a text in the grammar or as XML; raises :class:`Rejected`."""
        if method not in METHODS:
            raise ValueError(method)
        made, reports = self._read(text, file)
        if reports:
            raise Rejected(reports)
        if method == "replace":
            for section in list(self.root):
                if section.tag in SECTIONS:
                    section[:] = []
                else:
                    self.root.remove(section)
            self.ids = Ids()
        before, known = copy.deepcopy(self.root), self.ids
        reports = self._take(sorted(made, key=lambda one: one.kind.rank), method, file)
        if reports:
            self.root[:] = list(before)
            self.ids = known
            raise Rejected(reports)

    def make(self, text: str) -> None:
        """One command that makes an object, as typed; raises :class:`Rejected`."""
        made, reports = self._read(text, "")
        if not reports:
            reports = self._take(made, "make", "")
        if reports:
            raise Rejected(reports)

    def _read(self, text: str, file: str) -> tuple[list[_Made], list[Report]]:
        if text.lstrip().startswith("<"):
            return self._read_xml(text, file)
        context, made, reports = self.context(), list[_Made](), list[Report]()
        found = list(statements(text))
        context.nodes += tuple(_node_names(found, context))
        for statement in found:
            try:
                element = parse(statement.text, context)
            except SyntaxFault as fault:
                reports.append(_report("syntax", fault.text, file, statement.line, fault.word))
                continue
            made.append(_Made(element, statement))
        return made, reports

    def _read_xml(self, text: str, file: str) -> tuple[list[_Made], list[Report]]:
        try:
            root = etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as fault:
            return [], [_report("xml", f"this is no XML: {fault.msg}", file, fault.lineno or 1)]
        top = root.find("configuration") if root.tag == "cib" else root
        if top is None:
            return [], [_report("xml", "there is no configuration in it", file, 1)]
        found = [top] if str(top.tag) in BY_TAG else list(_top_objects(top))
        return [_Made(element, Statement("", _line(element))) for element in found], []

    def _take(self, made: Iterable[_Made], method: str, file: str) -> list[Report]:
        reports: list[Report] = []
        for one in made:
            fault = self._take_one(one, method)
            if fault:
                reports.append(_report("refused", fault, file, one.statement.line))
        return reports

    def _take_one(self, one: _Made, method: str) -> str:
        element, kind = one.element, one.kind
        for place, comment in enumerate(one.statement.comments):
            (element[0] if kind.tag in DEFAULTS and len(element) else element).insert(place, etree.Comment(comment))
        if kind.tag in DEFAULTS:
            return self._take_sets(element[0] if element.tag in DEFAULTS and len(element) else element, kind, method)
        if kind.tag == "cluster_property_set":
            return self._take_sets(element, kind, method)
        id_ = element.get("id") or element.get("uname")
        known = "fencing_topology" if kind.tag == "fencing-topology" else str(id_)
        old = self.find(known, node=kind.tag == "node")
        if kind.tag == "node" and old is not None:
            method = "update" if method == "make" else method
        if old is not None and old.tag != element.tag:
            return f"{id_} is a {BY_TAG[str(old.tag)].word} already"
        if old is not None and method == "make" and kind.tag != "fencing-topology":
            return f"{id_} exists already"
        if old is None and kind.tag not in {"fencing-topology", "node"} and self._used(str(id_)):
            return f"the id {id_} is used already"
        merging = old is not None and method == "update" and kind.tag != "fencing-topology"
        if old is not None and not merging:
            self.ids.release(old)
        if not merging:
            self.ids.fill(element, old)
        fault = self._members(element, old)
        if fault:
            return fault
        if old is not None and merging:
            merge(old, element, self.ids)
        elif old is not None:
            parent = old.getparent()
            assert parent is not None
            parent.replace(old, element)
        else:
            self._section(kind).append(element)
        return ""

    def _take_sets(self, element: XML, kind: Kind, method: str) -> str:
        """Properties and defaults: what is set goes into the set of that id."""
        if "id" not in element.attrib and "id-ref" not in element.attrib:
            element.set("id", kind.default_id)
        id_ = str(element.get("id"))
        section = self._section(kind)
        old = next((one for one in section if one.get("id") == id_ and one.tag == element.tag), None)
        if old is None:
            self.ids.fill(element, None)
            section.append(element)
        elif method in {"replace", "push"}:
            self.ids.release(old)
            self.ids.fill(element, old)
            section.replace(old, element)
        else:
            merge(old, element, self.ids)
        return ""

    def _members(self, element: XML, old: XML | None) -> str:
        for reference in list(element.iterchildren(MEMBER)):
            id_ = str(reference.get("id"))
            found = self.find(id_, node=False)
            if found is None or _section_of(found) != "resources":
                return f"{element.get('id')} names the resource {id_}, which does not exist"
            parent = found.getparent()
            if parent is not None and parent.tag in CONTAINERS and parent is not old:
                return f"{id_} is in {parent.get('id')} already"
            element.replace(reference, found)
        for inside in element.iterdescendants("primitive", "group"):
            double = self.find(str(inside.get("id")), node=False)
            if double is not None and double is not inside and double.getparent() is not old:
                self._remove(double)
        if old is not None and str(element.tag) in CONTAINERS:
            for left in [child for child in old if str(child.tag) in BY_TAG]:
                self._section(BY_TAG[str(left.tag)]).append(left)
        return ""

    def _used(self, id_: str) -> bool:
        """Whether something but a node has that id."""
        nodes = {str(node.get("id")) for node in self.root.iterfind("nodes/node")}
        return self.ids.taken(id_) and id_ not in nodes

    def _section(self, kind: Kind) -> XML:
        if kind.section == "configuration":
            return self.root
        found = self.root.find(kind.section)
        return found if found is not None else etree.SubElement(self.root, kind.section)

    # removing -------------------------------------------------------------------------------------------------------

    def delete(self, ids: Sequence[str]) -> list[str]:
        """Remove objects with the constraints that name them; members of a container stay. What went besides them."""
        missing = [id_ for id_ in ids if self.find(id_) is None]
        if missing:
            raise Rejected([_report("unknown", f"there is no object {id_}", "", None) for id_ in missing])
        gone: list[str] = []
        for id_ in ids:
            element = self.find(id_)
            if element is None:
                continue
            if str(element.tag) in CONTAINERS:
                parent = element.getparent()
                assert parent is not None
                for child in [child for child in element if str(child.tag) in BY_TAG]:
                    parent.insert(parent.index(element), child)
            self._remove(element)
            gone += self._drop_references(id_)
        return gone

    def _remove(self, element: XML) -> None:
        parent = element.getparent()
        assert parent is not None
        self.ids.release(element)
        parent.remove(element)
        emptied = str(parent.tag) in CONTAINERS and not any(str(child.tag) in BY_TAG for child in parent)
        if emptied:
            self._remove(parent)
            self._drop_references(str(parent.get("id")))

    def _drop_references(self, id_: str) -> list[str]:
        gone: list[str] = []
        for constraint in list(self.root.iterfind("constraints/*")):
            named = any(constraint.get(name) == id_ for name in _REFERENCES) or constraint.get("node") == id_
            for reference in list(constraint.iter("resource_ref")):
                if reference.get("id") == id_:
                    inside = reference.getparent()
                    assert inside is not None
                    inside.remove(reference)
                    if not len(inside):
                        constraint.remove(inside)
            empty = not named and "rsc" not in constraint.attrib and "first" not in constraint.attrib
            if named or (empty and constraint.find("resource_set") is None and "rsc-pattern" not in constraint.attrib):
                gone.append(str(constraint.get("id")))
                self._remove(constraint)
        for reference in list(self.root.iterfind("tags/tag/obj_ref")):
            if reference.get("id") == id_:
                tag = reference.getparent()
                assert tag is not None
                tag.remove(reference)
                if not len(tag):
                    gone.append(str(tag.get("id")))
                    self._remove(tag)
        return gone

    def rename(self, old: str, new: str) -> None:
        """Give an object another id; what names it follows. Ids inside it that begin with its own do, too."""
        element = self.find(old)
        if element is None:
            raise Rejected([_report("unknown", f"there is no object {old}", "", None)])
        if self.ids.taken(new):
            raise Rejected([_report("used", f"the id {new} is used already", "", None)])
        self.ids.release(element)
        element.set("id", new)
        self.ids.take_all(element)
        for constraint in self.root.iterfind("constraints/*"):
            for name in _REFERENCES:
                if constraint.get(name) == old:
                    constraint.set(name, new)
        for tag in ("resource_ref", "obj_ref"):
            for reference in self.root.iter(tag):
                if reference.get("id") == old:
                    reference.set("id", new)
        for primitive in self.root.iter("primitive"):
            if primitive.get("template") == old:
                primitive.set("template", new)
        for level in self.root.iter("fencing-level"):
            devices = (level.get("devices") or "").split(",")
            if old in devices:
                level.set("devices", ",".join(new if device == old else device for device in devices))


def merge(old: XML, new: XML, ids: Ids, prefix: str = "") -> None:
    """Put the attributes and parameters of ``new`` into ``old``; what ``new`` does not name stays.

    ``prefix``: the id of what ``old`` stands in, for new ids where it has none itself.
    """
    prefix = old.get("id") or prefix
    for name, value in new.attrib.items():
        if name != "id":
            old.set(name, value)
    for child in list(new):
        if not is_element(child):
            old.insert(0, child)
            continue
        counterpart = _same(child, old)
        if counterpart is None:
            if ids.taken(str(child.get("id"))):
                del child.attrib["id"]
            old.append(child)
            ids.fill(child, None, prefix)
        else:
            merge(counterpart, child, ids, prefix)


def _same(child: XML, old: XML) -> XML | None:
    keys = {"nvpair": ("name",), "op": ("name", "interval")}.get(str(child.tag), ())
    unique = child.tag in {"instance_attributes", "meta_attributes", "utilization", "operations"}
    for one in old.iterchildren(str(child.tag)):
        if keys and all(one.get(key) == child.get(key) for key in keys):
            return one
        if unique or (not keys and one.get("id") == child.get("id")):
            return one
    return None


def _line(element: XML) -> int:
    line: Any = element.sourceline
    return line if isinstance(line, int) else 1


def _section_of(element: XML) -> str:
    """The section that an element's kind belongs to; a set of defaults is in none."""
    kind = BY_TAG.get(str(element.tag))
    return "" if kind is None else kind.section


def _top_objects(top: XML) -> Iterable[XML]:
    for section in top:
        if not is_element(section):
            continue
        if section.tag == "fencing-topology":
            yield section
        elif section.tag in DEFAULTS:
            for inside in list(section.iterchildren("meta_attributes")):
                wrapper = etree.Element(section.tag)
                wrapper.append(inside)
                yield wrapper
        else:
            yield from [child for child in list(section) if str(child.tag) in BY_TAG]


def _node_names(found: Sequence[Statement], context: Context) -> Iterable[str]:
    for statement in found:
        if statement.text.startswith("node"):
            try:
                name = parse(statement.text, context).get("uname")
            except SyntaxFault:
                continue
            if name and name not in context.nodes:
                yield name


def _report(code: str, text: str, file: str, line: int | None, word: str = "") -> Report:
    return Report(code, Severity.ERROR, text, Place(file or "command", line if file else None, word or None))
