"""The level ``configure``: shows, makes, loads, removes and renames objects, and commits them."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from lxml import etree

from hacluster.base.report import Place, Report, Severity
from hacluster.cib.document import XML
from hacluster.client.agents import providers_of
from hacluster.client.cibsource import open_source
from hacluster.config.findings import nearest
from hacluster.crmsh.kinds import BY_WORD
from hacluster.crmsh.objects import Configuration, Object
from hacluster.crmsh.parse import VERBS as OBJECT_VERBS
from hacluster.crmsh.words import SECRETS
from hacluster.crmsh.workspace import METHODS, Rejected, Workspace


def _rejected(text: str) -> Rejected:
    return Rejected([Report("refused", Severity.ERROR, text, Place("command"))])


class ConfigureLevel:
    """``environment`` says which CIB is meant; ``force``: commit whatever might be asked before."""

    def __init__(self, environment: Mapping[str, str], *, force: bool = False) -> None:
        self._source = open_source(environment=environment)
        self._force = force
        self._work = self._opened()

    def _opened(self) -> Workspace:
        return Workspace(self._source.read(), providers_of)

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit."""
        return self._work.changed

    def run(self, words: Sequence[str], text: str) -> None:
        """One command of the level; raises :class:`Rejected` and what the source raises."""
        verb = words[0].lower()
        if verb == "xml" or verb in OBJECT_VERBS:
            self._work.make(text if verb in {words[0], "xml"} else verb + text[len(words[0]) :])
            return
        handler = VERBS.get(verb)
        if handler is None:
            hint = nearest(verb, (*VERBS, *OBJECT_VERBS))
            raise _rejected(f"{words[0]}: no such command" + (f" ({hint})" if hint else ""))
        handler(self, list(words[1:]))

    def commit(self) -> None:
        """Put the configuration in the place of the old one; what the schema does not allow is refused."""
        self._source.change("replace", scope="configuration", data=copy.deepcopy(self._work.root))
        self._work = self._opened()

    # verbs ----------------------------------------------------------------------------------------------------------

    def show(self, words: list[str]) -> None:
        """``show [xml] [ID… | changed | type:T | tag:T | related:X | obscure:PATTERN]``."""
        as_xml = bool(words) and words[0] == "xml"
        view = self._work.view()
        secrets = [word.removeprefix("obscure:") for word in words if word.startswith("obscure:")] or SECRETS
        wanted = [word for word in words[1 if as_xml else 0 :] if not word.startswith("obscure:")]
        chosen = self._chosen(view, wanted) if wanted else None
        text = _xml_of(view, chosen) if as_xml else view.show(chosen, secrets=secrets)
        if text:
            sys.stdout.write(f"{text}\n")

    def _chosen(self, view: Configuration, words: Sequence[str]) -> list[Object]:
        found: list[Object] = []
        missing: list[str] = []
        for word in words:
            objects = self._named(view, word)
            if objects is None:
                missing.append(word)
            else:
                found += [one for one in objects if one not in found]
        if missing:
            known = [one.id for one in view.objects]
            raise Rejected([_missing(word, known) for word in missing])
        return found

    def _named(self, view: Configuration, word: str) -> list[Object] | None:
        kind, colon, name = word.partition(":")
        if colon and kind == "type":
            tag = BY_WORD[name].tag if name in BY_WORD else name
            return [one for one in view.objects if one.kind.tag == tag]
        if colon and kind == "tag":
            tag_object = view.find(name)
            if tag_object is None or tag_object.kind.tag != "tag":
                return None
            members = {str(ref.get("id")) for ref in tag_object.element.iter("obj_ref")}
            return [one for one in view.objects if one.id in members]
        if colon and kind == "related":
            return [one for one in view.objects if one.id == name or _names(one.element, name)] or None
        if word == "changed":
            before = Configuration(self._source.read(), providers_of)
            old = {(one.kind.tag, one.id): etree.tostring(one.element) for one in before.objects}
            return [one for one in view.objects if old.get((one.kind.tag, one.id)) != etree.tostring(one.element)]
        found = [one for one in view.objects if word in {one.id, one.element.get("uname")}]
        return found or None

    def load(self, words: list[str]) -> None:
        """``load [xml] {replace|update|push} FILE``; ``-`` is standard input."""
        rest = [word for word in words if word != "xml"]
        if len(rest) != 2 or rest[0] not in METHODS:
            raise _rejected(f"write: load [xml] {{{'|'.join(METHODS)}}} FILE")
        method, file = rest
        if file == "-":
            text = sys.stdin.read()
        else:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
        self._work.load(text, method, file)

    def save(self, words: list[str]) -> None:
        """``save [xml] FILE``."""
        as_xml = bool(words) and words[0] == "xml"
        rest = words[1 if as_xml else 0 :]
        if not rest:
            raise _rejected("write: save [xml] [ID…] FILE")
        view = self._work.view()
        chosen = self._chosen(view, rest[:-1]) if rest[:-1] else None
        text = (_xml_of(view, chosen) if as_xml else view.show(chosen)) + "\n"
        if rest[-1] == "-":
            sys.stdout.write(text)
        else:
            with open(rest[-1], "w", encoding="utf-8") as opened:
                opened.write(text)

    def delete(self, words: list[str]) -> None:
        """``delete [--force] ID…``; constraints that name what goes are gone with it."""
        ids = [word for word in words if word != "--force"]
        if not ids:
            raise _rejected("write: delete ID…")
        for gone in self._work.delete(ids):
            sys.stderr.write(f"INFO: hanging {gone} deleted\n")

    def rename(self, words: list[str]) -> None:
        """``rename OLD NEW``."""
        if len(words) != 2:
            raise _rejected("write: rename OLD NEW")
        self._work.rename(*words)

    def commit_words(self, words: list[str]) -> None:
        """``commit [force] [replace]``."""
        if set(words) - {"force", "replace"}:
            raise _rejected("write: commit [force] [replace]")
        self.commit()

    def refresh(self, words: list[str]) -> None:
        """``refresh``: forget changes that were not committed."""
        if words:
            raise _rejected("write: refresh")
        self._work = self._opened()

    def erase(self, words: list[str]) -> None:
        """``erase [nodes]``: remove everything, nodes only when they are named."""
        if words not in ([], ["nodes"]):
            raise _rejected("write: erase [nodes]")
        keep = {"node"} if not words else set()
        for one in self._work.view().objects:
            found = self._work.find(one.id, node=one.kind.tag == "node")
            parent = found.getparent() if found is not None else None
            if found is not None and parent is not None and one.kind.tag not in keep:
                parent.remove(found)


def _names(element: XML, id_: str) -> bool:
    """Whether an object refers to ``id_`` anywhere in it."""
    return any(id_ in {str(value) for value in inside.attrib.values()} for inside in element.iter("*"))


def _missing(word: str, known: Sequence[str]) -> Report:
    return Report("unknown", Severity.ERROR, f"object {word} does not exist", Place("command"), nearest(word, known))


def _xml_of(view: Configuration, chosen: Sequence[Object] | None) -> str:
    """The configuration as XML, or those sections of it that the chosen objects stand in, with these alone."""
    root = copy.deepcopy(view.root)
    if chosen is not None:
        wanted = {(one.kind.tag, one.id) for one in chosen}
        for section in list(root):
            for child in list(section):
                if (str(child.tag), child.get("id")) not in wanted:
                    section.remove(child)
            if not len(section):
                root.remove(section)
    whole = etree.Element("cib")
    whole.append(root)
    return '<?xml version="1.0" ?>\n' + etree.tostring(whole, pretty_print=True, encoding="unicode").rstrip("\n")


Handler = Callable[[ConfigureLevel, list[str]], None]
VERBS: Final[dict[str, Handler]] = {
    "show": ConfigureLevel.show,
    "load": ConfigureLevel.load,
    "save": ConfigureLevel.save,
    "delete": ConfigureLevel.delete,
    "rm": ConfigureLevel.delete,
    "rename": ConfigureLevel.rename,
    "commit": ConfigureLevel.commit_words,
    "refresh": ConfigureLevel.refresh,
    "erase": ConfigureLevel.erase,
}
"""Verbs of the level that make no object."""
