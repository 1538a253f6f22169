"""Resource sets of constraints: ``a b ( c d ) [ e f ]``, each with a role or an action behind a colon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from hacluster.cib.document import XML
from hacluster.crmsh.cursor import Context, SyntaxFault

ACTIONS: Final = ("start", "promote", "demote", "stop")
_CLOSING: Final = {"(": ")", "[": "]"}
_TRUE: Final = frozenset({"yes", "true", "on", "1"})
_FALSE: Final = frozenset({"no", "false", "off", "0"})
DEGENERATE: Final = "_rsc_set_"
"""Stands in front of a set that would be taken for the simple form otherwise."""


def canonical(value: str, known: tuple[str, ...]) -> str | None:
    """The word of ``known`` that ``value`` is, whatever its case."""
    return next((word for word in known if word.lower() == value.lower()), None)


def _spread(words: list[str]) -> Iterator[str]:
    for word in words:
        if word[0] in "([" and len(word) > 1:
            yield word[0]
            yield word[1:]
        elif word[-1] in ")]" and len(word) > 1:
            yield word[:-1]
            yield word[-1]
        else:
            yield word


class _Sets:
    """The sets so far, and the one that is being filled."""

    def __init__(self, suffix: str) -> None:
        self.found: list[XML] = []
        self.opened = ""
        self._suffix = suffix
        self._current = etree.Element("resource_set")
        self._flags = {"sequential": True, "require-all": True}
        self._qualifier = ""

    def open(self, bracket: str) -> None:
        """A bracket opens: what was outside is a set."""
        self.close()
        if self.opened:
            raise SyntaxFault("resource sets cannot be nested", bracket)
        self.opened = bracket
        self._flags = {"sequential": False, "require-all": bracket != "["}

    def shut(self, bracket: str) -> None:
        """A bracket closes."""
        if not len(self._current):
            raise SyntaxFault("an empty resource set", bracket)
        if _CLOSING.get(self.opened) != bracket:
            raise SyntaxFault("a closing bracket without its opening one", bracket)
        self.close()
        self.opened = ""
        self._flags = {"sequential": True, "require-all": True}

    def flag(self, word: str) -> None:
        """``sequential=…`` or ``require-all=…`` of the set that is open."""
        name, _, value = word.partition("=")
        if name not in self._flags or value.lower() not in _TRUE | _FALSE:
            raise SyntaxFault("sequential=true|false or require-all=true|false expected", word)
        self._flags[name] = value.lower() in _TRUE

    def add(self, resource: str, qualifier: str) -> None:
        """One resource; another role or action than that of the last begins a new set."""
        if qualifier != self._qualifier:
            self.close()
            self._qualifier = qualifier
        etree.SubElement(self._current, "resource_ref", id=resource)

    def close(self) -> None:
        """End the set that is being filled, unless it is empty."""
        if len(self._current):
            for name in ("require-all", "sequential"):
                if not self._flags[name]:
                    self._current.set(name, "false")
            if self._qualifier:
                self._current.set(self._suffix, self._qualifier)
            self.found.append(self._current)
            self._current = etree.Element("resource_set")
        self._qualifier = ""


def resource_sets(words: list[str], suffix: str, context: Context) -> list[XML]:
    """The sets; ``suffix`` is ``role`` or ``action``. A change of it begins a new set."""
    sets = _Sets(suffix)
    for word in _spread([word for word in words if word]):
        if word == DEGENERATE:
            continue
        if word in _CLOSING:
            sets.open(word)
        elif word in _CLOSING.values():
            sets.shut(word)
        elif "=" in word:
            sets.flag(word)
        else:
            sets.add(*_reference(word, suffix, context))
    if sets.opened:
        raise SyntaxFault("a resource set is not closed", sets.opened)
    sets.close()
    return sets.found


def _reference(word: str, suffix: str, context: Context) -> tuple[str, str]:
    parts = word.split(":")
    if len(parts) == 1:
        return word, ""
    if len(parts) > 2:
        raise SyntaxFault("resource[:role] expected", word)
    known = ACTIONS if suffix == "action" else context.roles
    value = canonical(parts[1] if suffix == "action" else context.role(parts[1]), known)
    if value is None:
        raise SyntaxFault(f"{parts[1]!r} is no {suffix}", word)
    return parts[0], value
