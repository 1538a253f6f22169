"""A patch set in words, as crm_shadow and the logs show it."""

from __future__ import annotations

from collections.abc import Iterator

from hacluster.cib.document import XML
from hacluster.cib.markup import attributes
from hacluster.cib.version import read_version


def _lines(element: XML, depth: int) -> Iterator[str]:
    attrs = "".join(f' {name}="{value}"' for name, value in attributes(element).items())
    yield f"{'  ' * depth}<{element.tag}{attrs}/>"
    children = [child for child in element if isinstance(child.tag, str)]
    for child in children:
        yield from _lines(child, depth + 1)
    if children:
        yield f"{'  ' * depth}</{element.tag}>"


def patch_lines(patch: XML) -> Iterator[str]:
    """The versions and one line or more for each change."""
    source, target = patch.find("version/source"), patch.find("version/target")
    if source is not None and target is not None:
        yield f"Diff: --- {read_version(source)} {patch.get('format', '1')}"
        yield f"Diff: +++ {read_version(target)} {patch.get('digest', '(no digest)')}"
    for change in patch.iterfind("change"):
        path = change.get("path", "")
        match change.get("operation"):
            case "create":
                start = f"++ {path}: "
                for number, line in enumerate(_lines(change[0], 0)):
                    yield f"{start if number == 0 else '++ ' + ' ' * (len(start) - 3)} {line}"
            case "move":
                yield f"+~ {path} moved to offset {change.get('position')}"
            case "modify":
                attrs = change.findall("change-list/change-attr")
                put = [f"@{item.get('name')}={item.get('value')}" for item in attrs if item.get("operation") == "set"]
                gone = [f"@{item.get('name')}" for item in attrs if item.get("operation") == "unset"]
                if put:
                    yield f"+  {path}:  {', '.join(put)}"
                if gone:
                    yield f"-- {path}:  {', '.join(gone)}"
            case "delete":
                position = change.get("position")
                yield f"-- {path}" + (f" ({position})" if position else "")
