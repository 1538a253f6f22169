"""What an attribute of the CIB may say: words, the few XML Schema data types that the grammar uses, and exceptions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NC_NAME: Final = re.compile(r"[^\W\d][\w.\-·]*")


def _collapse(text: str) -> str:
    return _SPACE.sub(" ", text).strip(" ")


def _is_boolean(text: str) -> bool:
    return text in ("true", "false", "1", "0")


def _is_integer(text: str) -> bool:
    return _INTEGER.fullmatch(text) is not None


def _is_count(text: str) -> bool:
    return _is_integer(text) and int(text) >= 0


def _is_positive(text: str) -> bool:
    return _is_integer(text) and int(text) > 0


def _is_name(text: str) -> bool:
    return _NC_NAME.fullmatch(text) is not None


_NAME: Final = "an id (a letter or _, then letters, digits, '-', '_' and '.')"
_TYPES: Final = {
    "boolean": (_is_boolean, "true or false"),
    "integer": (_is_integer, "an integer"),
    "nonNegativeInteger": (_is_count, "an integer of at least 0"),
    "positiveInteger": (_is_positive, "an integer of at least 1"),
    "ID": (_is_name, _NAME),
    "IDREF": (_is_name, "the id of another element"),
}


@dataclass(frozen=True, slots=True)
class Values:
    """One way in which an attribute's value can be right: a data type, or one of ``words``."""

    type: str | None = None
    words: tuple[str, ...] = ()
    pattern: str | None = None
    excepted: tuple[str, ...] = ()

    def accepts(self, text: str) -> bool:
        """Whether ``text`` is such a value; white space around tokens does not count."""
        if self.words:
            return _collapse(text) in self.words
        if self.type in _TYPES:
            return _TYPES[self.type][0](_collapse(text))
        if self.pattern is not None and re.fullmatch(self.pattern, text) is None:
            return False
        return _collapse(text) not in self.excepted

    @property
    def expected(self) -> str:
        """What is expected, in words that follow "expected"."""
        if self.words:
            return self.words[0] if len(self.words) == 1 else "one of " + ", ".join(self.words)
        if self.type in _TYPES:
            return _TYPES[self.type][1]
        if self.pattern is not None:
            return f"text like {self.pattern}"
        return "a name that is not one of " + ", ".join(self.excepted) if self.excepted else "any text"


ANY: Final = Values()
"""Any text."""


def accepts(choices: tuple[Values, ...], text: str) -> bool:
    """Whether one of several ways accepts ``text``."""
    return any(choice.accepts(text) for choice in choices)


def expected(choices: tuple[Values, ...]) -> str:
    """What several ways expect together; words of all of them come as one list."""
    words = tuple(dict.fromkeys(word for choice in choices for word in choice.words))
    others = dict.fromkeys(choice.expected for choice in choices if not choice.words)
    parts = [*others, *([Values(words=words).expected] if words else [])]
    return " or ".join(parts)
