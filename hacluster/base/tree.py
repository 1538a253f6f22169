"""An element of an answer: what XML and JSON are written from, free of any syntax and of any library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;"})
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(slots=True)
class Tree:
    """An element: its name, what is said of it, and what is in it: elements or a text."""

    name: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Tree] = field(default_factory=list)
    text: str | None = None
    cdata: bool = False
    """Whether the text is markup that is passed on as it is."""


def xml_lines(tree: Tree, depth: int = 0) -> Iterator[str]:
    """The element as lines of indented XML."""
    indent = "  " * depth
    start = indent + f"<{tree.name}" + "".join(f' {k}="{v.translate(_ATTRIBUTE)}"' for k, v in tree.attrs.items())
    if tree.text is not None:
        text = (
            f"<![CDATA[{tree.text.replace(']]>', ']]]]><![CDATA[>')}]]>" if tree.cdata else tree.text.translate(_TEXT)
        )
        yield f"{start}>{text}</{tree.name}>"
    elif tree.children:
        yield start + ">"
        for child in tree.children:
            yield from xml_lines(child, depth + 1)
        yield f"{indent}</{tree.name}>"
    else:
        yield start + "/>"


def plain_data(tree: Tree) -> dict[str, Any]:
    """The element as data that JSON can hold."""
    found: dict[str, Any] = {"element": tree.name, **({"attributes": tree.attrs} if tree.attrs else {})}
    if tree.text is not None:
        found["text"] = tree.text
    if tree.children:
        found["children"] = [plain_data(child) for child in tree.children]
    return found
