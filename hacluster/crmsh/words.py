"""Words of the grammar: quoting as a shell does, lines that go on behind a backslash, values that must not show."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_PLAIN: Final = re.compile(r"[\w.-]+")
HIDDEN: Final = "******"
SECRETS: Final = ("passw*",)
"""Names of parameters whose values are shown as stars, as patterns of a shell."""


def plain(text: str) -> bool:
    """Whether a value needs no quotes."""
    return _PLAIN.fullmatch(text) is not None or (text.endswith("\n") and _PLAIN.fullmatch(text[:-1]) is not None)


def quoted(text: str) -> str:
    """A value with quotes where it needs them."""
    if plain(text):
        return text
    return '"' + text.replace('"', '\\"') + '"'


def pair(name: str, value: str | None) -> str:
    """``name=value``, or the bare name where there is no value."""
    return name if value is None else f"{name}={quoted(value)}"


def hidden(name: str | None, patterns: Sequence[str]) -> bool:
    """Whether the value of the parameter ``name`` must not show."""
    return name is not None and any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Statement:
    """One command as it was written: ``line`` is where it begins; comments in front of it."""

    text: str
    line: int
    comments: tuple[str, ...] = ()


def statements(text: str) -> Iterator[Statement]:
    """The commands of a text: lines that end with a backslash go on in the next, ``#`` begins a comment line.

    A line that begins with an escape character is a coloured message that got into the text, and no command.
    """
    parts: list[str] = []
    begun = 0
    comments: list[str] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        begun = begun or number
        if line.endswith("\\"):
            parts.append(line.rstrip("\\"))
            continue
        parts.append(line)
        whole = "".join(parts).strip()
        if whole.startswith("#"):
            comments.append(whole)
        elif whole and not whole.startswith("\x1b"):
            yield Statement(whole, begun, tuple(comments))
            comments = []
        parts, begun = [], 0
    rest = "".join(parts).strip()
    if rest:
        yield Statement(rest, begun, tuple(comments))


def split(text: str) -> list[str]:
    """The words of a command; raises ``ValueError`` when a quote is not closed."""
    return shlex.split(text)
