"""How messages point at an element: its line and a short form of its start tag."""

from __future__ import annotations

from typing import Final

from hacluster.base.report import Place
from hacluster.cib.document import XML

_SHOWN: Final = 80
_NAMING: Final = ("id", "name", "uname", "id-ref", "rsc")


def short(text: str) -> str:
    """``text``, cut to what fits into a message."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def line_of(element: XML) -> int | None:
    """The line where an element begins, ``None`` when it was not read from a text."""
    line: object = element.sourceline
    return line if isinstance(line, int) and line > 0 else None


def described(element: XML) -> str:
    """``<primitive id="web">``, or with another attribute that names it when it has no id."""
    for name in _NAMING:
        value = element.get(name)
        if value is not None:
            return f'<{element.tag!s} {name}="{short(value)}">'
    return f"<{element.tag!s}>"


def place_of(element: XML, file: str) -> Place:
    """The place of an element in a file."""
    return Place(file, line_of(element), described(element))
