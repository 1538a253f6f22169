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
from hacluster.cib.unconfirmed import drop_mark
from hacluster.crmsh.cursor import Context, SyntaxFault
from hacluster.crmsh.ids import Ids, alike
from hacluster.crmsh.kinds import BY_TAG, CONTAINERS, DEFAULTS, KINDS, MEMBERS, Kind, is_element
from hacluster.crmsh.objects import Configuration
from hacluster.crmsh.parse import MEMBER, parse
from hacluster.crmsh.ties import about, drop, pointless, rename, tagging, word_of
from hacluster.crmsh.words import Statement, statements

METHODS = ("replace", "update", "push")
"""How a text is loaded. replace: it is all there is afterwards, but for nodes; update: objects that exist become what
it says, sets of options are merged; push: the same, and what it does not name goes."""

SECTIONS = frozenset(kind.section for kind in KINDS)
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
    """``root`` is the ``configuration`` element that is worked on, without the mark of a commit to be confirmed."""

    def __init__(self, cib: XML, providers: Providers) -> None:
        self.cib = cib
        self.providers = providers
        found = cib.find("configuration")
        self.root = copy.deepcopy(found) if found is not None else etree.Element("configuration")
        drop_mark(self.root)
        self.base = copy.deepcopy(self.root)
        self._before = etree.tostring(self.root, method="c14n")
        self.told: list[str] = []
        """What was done besides what was asked for; who shows it takes it out."""
        self.schema = cib.get("validate-with")
        """What the configuration is to be valid in."""
        self.ids = Ids()
        self.ids.take_all(self.root)

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit."""
        return self.schema != self.cib.get("validate-with") or etree.tostring(self.root, method="c14n") != self._before

    def view(self) -> Configuration:
        """The objects as they are now, with their texts."""
        return Configuration(self.whole(), self.providers)

    def whole(self, *, status: bool = False) -> XML:
        """A CIB with the configuration as it is now; ``status``: and with the status that it began with."""
        whole = self._around(self.root, status=status)
        if self.schema is not None:
            whole.set("validate-with", self.schema)
        return whole

    def whole_before(self, *, status: bool = False) -> XML:
        """The same with the configuration as it was when this copy was taken."""
        return self._around(self.base, status=status)

    def _around(self, root: XML, *, status: bool) -> XML:
        whole = etree.Element("cib", {str(k): str(v) for k, v in self.cib.attrib.items()})
        whole.append(copy.deepcopy(root))
        found = self.cib.find("status") if status else None
        if found is not None:
            whole.append(copy.deepcopy(found))
        return whole

    def saved(self) -> XML:
        """The configuration as it is now, to come back to with :meth:`restore`."""
        return copy.deepcopy(self.root)

    def restore(self, saved: XML) -> None:
        """Be as it was when that was saved."""
        self.root[:] = list(copy.deepcopy(saved))
        self.ids = Ids()
        self.ids.take_all(self.root)
        self.told.clear()

    def context(self) -> Context:
        """What commands are read against."""
        nodes = [str(node.get("uname") or node.get("id")) for node in self.root.iterfind("nodes/node")]
        return Context(self.schema, nodes=nodes, providers=self.providers, resolve=self._resolve)

    def _resolve(self, word: str, reference: str) -> str:
        found = self.find(reference, node=False)
        if found is not None:
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
        before = self.saved()
        if method == "replace":
            self.clear()
        elif method == "push":
            self._drop_unnamed(made)
        taken = "make" if method == "replace" else "update"
        reports = self._take(sorted(made, key=lambda one: one.kind.rank), taken, file)
        if reports:
            self.restore(before)
            raise Rejected(reports)

    def _drop_unnamed(self, made: Sequence[_Made]) -> None:
        """Remove what a text does not name; nodes only when it names some."""
        named = {(one.kind.tag, _name(one.element)) for one in made}
        with_nodes = any(one.kind.tag == "node" for one in made)
        gone = []
        for one in self.view().objects:
            known = {(one.kind.tag, one.id), (one.kind.tag, str(one.element.get("uname")))}
            if not known & named and (with_nodes or one.kind.tag != "node"):
                gone.append((one.kind.rank, one.id, one.kind.tag == "node"))
        for _, id_, node in sorted(gone, reverse=True):  # constraints first: then they do not hang
            element = self.find(id_, node=node)
            if element is not None:
                self._delete(element)

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
        if old is not None and old.tag != element.tag:
            return taken(kind, str(id_), old)
        if old is not None and method == "make" and kind.tag not in {"fencing-topology", "node"}:
            return taken(kind, str(id_), old)
        if old is None and kind.tag not in {"fencing-topology", "node"} and self._used(str(id_)):
            return f"the id {id_} is used already"
        merging = old is not None and method == "make" and kind.tag == "node"
        if old is not None and not merging:
            self.ids.release(old)
        if not merging:
            self.ids.fill(element, old)
        if old is not None and not merging and kind.tag not in CONTAINERS and alike(bare(old), bare(element)):
            self.ids.take_all(old)
            return ""
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
            if kind.tag in CONTAINERS:
                self._tie_to_container(element)
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
        elif method == "rewrite":
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
                return f"{element.get('id')} refers to missing object {id_}"
            if element.tag == "group" and found.tag != "primitive":
                return f"a group may contain only primitives; {id_} is {BY_TAG[str(found.tag)].word}"
            parent = found.getparent()
            if parent is not None and parent.tag in CONTAINERS and parent is not old:
                return f"Cannot create {word_of(element)}: Child {word_of(found)} already in {word_of(parent)}"
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

    def rewrite(self, chosen: Sequence[str], text: str) -> None:
        """What an editor or a filter made of the texts of ``chosen`` (ids): those that are gone go, others are made.

        Raises :class:`Rejected`, and then nothing was changed.
        """
        made, reports = self._read(text, "")
        wanted = {_name(one.element): one for one in made}
        taken = [name for name in wanted if name not in chosen and self._is_object(name)]
        if taken:
            reports.append(_report("exists", f"elements {', '.join(taken)} already exist", "", None))
        if reports:
            raise Rejected(reports)
        before = self.saved()
        gone = [id_ for id_ in chosen if id_ not in wanted and self.find(id_) is not None]
        first = [id_ for id_ in gone if self._goes_first(id_)]
        self.delete(first)
        new = [one for name, one in wanted.items() if name not in chosen]
        reports = self._take(sorted(new, key=lambda one: one.kind.rank), "make", "")
        for one in [wanted[id_] for id_ in dict.fromkeys(chosen) if id_ in wanted]:
            reports = reports or self._take([one], "rewrite", "")
        self.delete([id_ for id_ in gone if id_ not in first and self.find(id_) is not None])
        reports += [
            _report("missing", fault, "", None) for one in wanted.values() for fault in self.dangling(one.element)
        ]
        if reports:
            self.restore(before)
            raise Rejected(reports)

    def _is_object(self, name: str) -> bool:
        found = self.find(name)
        return found is not None and found.tag != "node"

    def _goes_first(self, id_: str) -> bool:
        found = self.find(id_)
        return found is not None and (str(found.tag) in CONTAINERS or _section_of(found) == "constraints")

    def dangling(self, element: XML) -> list[str]:
        """What a constraint names and nobody has."""
        if _section_of(element) != "constraints":
            return []
        names = [element.get(name) for name in ("rsc", "with-rsc", "first", "then") if element.get(name)]
        names += [one.get("id") for one in element.iterfind("resource_set/resource_ref")]
        missing = [str(name) for name in names if self.find(str(name), node=False) is None]
        return [f"constraint {element.get('id')} refers to missing object {name}" for name in missing]

    # removing -------------------------------------------------------------------------------------------------------

    def delete(self, ids: Sequence[str]) -> None:
        """Remove objects; what is tied to them follows or goes too, which is told. Raises :class:`Rejected`."""
        missing = [id_ for id_ in ids if self.find(id_) is None]
        if missing:
            raise Rejected([_report("unknown", f"object {id_} does not exist", "", None) for id_ in missing])
        wanted = [(id_, self.find(id_)) for id_ in ids]
        for id_, element in list(wanted):
            if element is not None and element.tag == "template":
                for primitive in [one for one in self.root.iter("primitive") if one.get("template") == id_]:
                    if str(primitive.get("id")) not in ids:
                        self.told.append(f"hanging {word_of(primitive)} deleted")
                        wanted.append((str(primitive.get("id")), primitive))
        known = [(id_, one) for id_, one in wanted if one is not None]
        for _, element in sorted(known, key=lambda pair: _rank(pair[1]), reverse=True):
            self._delete(element)

    def remove(self, element: XML) -> None:
        """Remove one object with what is tied to it."""
        self._delete(element)

    def clear(self) -> None:
        """Remove everything but nodes."""
        for section in list(self.root):
            if section.tag == "nodes":
                continue
            if section.tag in SECTIONS and section.tag in {"crm_config", "resources", "constraints"}:
                section[:] = []
            else:
                self.root.remove(section)
        self.ids = Ids()
        self.ids.take_all(self.root)

    def _delete(self, element: XML) -> None:
        """Remove one object, and the container that it was the only member of."""
        parent = element.getparent()
        if parent is None:
            return
        if str(parent.tag) in CONTAINERS and len([one for one in parent if str(one.tag) in MEMBERS]) == 1:
            self._delete(parent)
        if element.getparent() is not None:
            self._remove(element)

    def _remove(self, element: XML) -> None:
        members = [child for child in element if str(child.tag) in MEMBERS] if str(element.tag) in CONTAINERS else []
        for child in members:
            self._section(BY_TAG[str(child.tag)]).append(child)
        parent = element.getparent()
        assert parent is not None
        self.ids.release(element)
        parent.remove(element)
        if parent.tag in DEFAULTS and not len(parent):
            whole = parent.getparent()
            assert whole is not None
            whole.remove(parent)
        self._untie(element, str(element.get("id")), members)

    def _untie(self, element: XML, id_: str, members: Sequence[XML]) -> None:
        for reference in tagging(self.root, id_):
            tag = reference.getparent()
            assert tag is not None
            tag.remove(reference)
            if tag.find("obj_ref") is None:
                self._remove(tag)
                self.told.append(f"hanging {word_of(tag)} deleted")
        if _section_of(element) != "resources":
            return
        for constraint in about(self.root, id_):
            if members and constraint.find("resource_set") is None:
                self._retie(constraint, id_, str(members[0].get("id")))
            dropped = drop(constraint, id_)
            if pointless(constraint, id_):
                self._remove(constraint)
                self.told.append(f"hanging {word_of(constraint)} deleted")
            elif dropped:
                self.told.append(f"constraint {word_of(constraint)} updated")

    def _retie(self, constraint: XML, old: str, new: str) -> None:
        if rename(constraint, old, new):
            self.told.append(f"modified {word_of(constraint)} from {old} to {new}")

    def _tie_to_container(self, element: XML) -> None:
        """What was about a member is about the new container."""
        id_ = str(element.get("id"))
        for member in [child for child in element if str(child.tag) in MEMBERS]:
            for constraint in about(self.root, str(member.get("id"))):
                self._retie(constraint, str(member.get("id")), id_)
        for constraint in about(self.root, id_):
            if pointless(constraint, id_):
                self._remove(constraint)

    def rename(self, old: str, new: str) -> None:
        """Give an object another id; what names it follows. Ids inside it keep theirs."""
        element = self.find(old)
        if element is None:
            raise Rejected([_report("unknown", f"object {old} does not exist", "", None)])
        if element.tag == "fencing-topology":
            raise Rejected([_report("fixed", "fencing_topology cannot be renamed", "", None)])
        if element.tag == "node":
            raise Rejected([_report("fixed", f"{old} is a node, which cannot be renamed", "", None)])
        if self.ids.taken(new):
            raise Rejected([_report("used", f"{new}: id is already in use", "", None)])
        for constraint in about(self.root, old):
            self._retie(constraint, old, new)
        self.ids.release(element)
        element.set("id", new)
        self.ids.take_all(element)
        for reference in tagging(self.root, old):
            reference.set("id", new)
        for primitive in self.root.iter("primitive"):
            if primitive.get("template") == old:
                primitive.set("template", new)
        for level in self.root.iter("fencing-level"):
            devices = (level.get("devices") or "").split(",")
            if old in devices:
                level.set("devices", ",".join(new if device == old else device for device in devices))


def taken(kind: Kind, id_: str, old: XML) -> str:
    """What is said of an id that another object has."""
    return f"Cannot create {kind.word} with ID '{id_}': Found existing {BY_TAG[str(old.tag)].word} with same ID."


def bare(element: XML) -> XML:
    """A copy without comments: they say nothing to the cluster."""
    twin = copy.deepcopy(element)
    for comment in [one for one in twin.iter() if not is_element(one)]:
        parent = comment.getparent()
        if parent is not None:
            parent.remove(comment)
    return twin


def _rank(element: XML) -> int:
    kind = BY_TAG.get(str(element.tag))
    return 0 if kind is None else kind.rank


def _name(element: XML) -> str:
    """The id by which an object that was read is known."""
    if element.tag == "fencing-topology":
        return "fencing_topology"
    if element.tag in DEFAULTS:
        inside = element[0] if len(element) else element
        return str(inside.get("id") or BY_TAG[str(element.tag)].default_id)
    return str(element.get("id") or element.get("uname") or BY_TAG[str(element.tag)].default_id)


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
