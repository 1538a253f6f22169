"""A CIB with marks of what a user may see and change (``cibadmin --show-access``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from hacluster.cib.acl import Access
from hacluster.cib.document import XML
from hacluster.cib.markup import attributes

MARKS: Final = ("text", "color", "namespace")
_TEXT: Final = {"writable": " WRITABLE ", "readable": " READABLE ", "denied": " ~DENIED~ "}
_COLORS: Final = {"writable": "\033[32m", "readable": "\033[34m", "denied": "\033[31m"}
_END: Final = "\033[0m"
_NAMESPACE: Final = "http://clusterlabs.org/ns/pacemaker/access/"
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def _start(element: XML, tag: str, end: str) -> str:
    return f"<{tag}" + "".join(f' {k}="{v.translate(_ESCAPES)}"' for k, v in attributes(element).items()) + end


class _Marker:
    def __init__(self, access: Access, style: str) -> None:
        self.access, self.style = access, style

    def mode(self, element: XML) -> str:
        if self.access.may_write(element):
            return "writable"
        return "readable" if self.access.may_read(element) else "denied"

    def declarations(self, root: XML) -> str:
        """The namespaces of all the modes that there are, in the order they are met in."""
        modes = dict.fromkeys(self.mode(element) for element in root.iter() if isinstance(element.tag, str))
        return "".join(f' xmlns:pcmk-access-{mode}="{_NAMESPACE}{mode}"' for mode in modes)

    def lines(self, element: XML, above: str | None, depth: int) -> Iterator[str]:
        """The element and all below; a mark where the mode is another than above."""
        mode, indent = self.mode(element), "  " * depth
        children = [child for child in element if isinstance(child.tag, str)]
        tag, color, end = str(element.tag), "", ""
        if self.style == "color":
            color, end = _COLORS[mode], _END
        elif mode != above and self.style == "text":
            if depth:
                yield indent
            yield f"{indent}vvv---[{_TEXT[mode]}]---vvv"
        elif mode != above:
            tag = f"pcmk-access-{mode}:{tag}"
        declared = "" if depth or self.style != "namespace" else self.declarations(element)
        start = _start(element, tag, declared + (">" if children else "/>"))
        yield f"{indent}{color}{start}" + ("" if children else end)
        for child in children:
            yield from self.lines(child, mode, depth + 1)
        if children:
            yield f"{indent}{color}</{tag}>{end}"


def marked(root: XML, user: str, groups: Iterable[str], style: str) -> str:
    """The document as text with marks."""
    lines = [f"<!-- ACLs as evaluated for user {user} -->"]
    lines += _Marker(Access(root, user, groups), style).lines(root, None, 0)
    return "".join(f"{line}\n" for line in lines)
