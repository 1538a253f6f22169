"""A status as an outline: lists with titles, items, and in items spans that a page may colour.

The outline is what text and HTML have in common; both are written from it (:func:`text_lines`, and
:mod:`hacluster.pe.views.page`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

INDENT: Final = "  "
Span = tuple[str | None, str]
"""What a part of an item is (``bold``, ``rsc-ok``, …; ``None``: nothing special), and its text."""


@dataclass(slots=True)
class Item:
    """A line. ``spans`` are its parts on a page, if it has parts there; ``inside`` is a list within it."""

    text: str
    spans: list[Span] = field(default_factory=list)
    inside: Listing | None = None


@dataclass(slots=True)
class Listing:
    """Items under a title. ``title`` "" is a list without one, as it follows an item."""

    title: str
    items: list[Item | Listing] = field(default_factory=list)
    page_title: str | None = None
    """The title on a page, where it differs."""
    raw: tuple[str, ...] = ()
    """Lines that stand in the place of a list, as they are."""


def text_lines(part: Item | Listing, depth: int = 0) -> Iterator[str]:
    """The lines of a list or item. A list at the top has no bullet before its title."""
    indent = INDENT * depth
    if isinstance(part, Item):
        yield f"{indent}* {part.text}"
        return
    yield from part.raw
    if part.raw:
        return
    if part.title:
        yield f"{indent}* {part.title}:" if depth else f"{part.title}:"
    for item in part.items:
        yield from text_lines(item, depth + 1)


def outline_text(sections: list[Listing]) -> str:
    """Sections as text, a blank line between them."""
    return "".join(f"{line}\n" for line in _with_gaps(sections))


def _with_gaps(sections: list[Listing]) -> Iterator[str]:
    for number, section in enumerate(sections):
        if number:
            yield ""
        yield from text_lines(section)
