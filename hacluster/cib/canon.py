"""The digest of a whole CIB: equal on all nodes that have the same, whatever they noted about who wrote it.

It is the MD5 of the XML text without white space, with attributes in their order, and without the attributes that say
who wrote the document and when (Pacemaker's second form of the digest, in use since feature set 3.0.6).
"""

from __future__ import annotations

import hashlib
from typing import Final

from hacluster.cib.document import XML

UNCOUNTED: Final = frozenset({"crm-debug-origin", "cib-last-written", "update-origin", "update-client", "update-user"})
"""Attributes that differ from node to node."""

_ESCAPES: Final = str.maketrans({
    "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "&": "&amp;", "\t": "    ", "\n": "\\n", "\r": "\\r",
})  # fmt: skip


def _start(element: XML) -> str:
    parts = [f"<{element.tag!s}"]
    for name, value in element.attrib.items():
        if name not in UNCOUNTED:
            parts.append(f' {name!s}="{str(value).translate(_ESCAPES)}"')
    return "".join(parts)


def canonical_text(root: XML) -> str:
    """The text that the digest is made of."""
    out: list[str] = []
    waiting: list[XML | str] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            out.append(item)
            continue
        children = [child for child in item if isinstance(child.tag, str)]
        out.append(_start(item) + (">" if children else "/>"))
        if children:
            waiting.append(f"</{item.tag}>")
            waiting.extend(reversed(children))
    return "".join(out)


def document_digest(root: XML) -> str:
    """The digest as 32 hexadecimal digits."""
    return hashlib.md5(canonical_text(root).encode(), usedforsecurity=False).hexdigest()
