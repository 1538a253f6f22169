"""Breaking CIBs: what administrators, old tools and attackers make of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Final

from lxml import etree

from tests.conformance.pe.choices import Choices

_ABSURD: Final = ("99999999999999999999", "-1", "1e400", "NaN", "", "INFINITYY", "-INFINITY", "0x10", "2147483648",
                  "\u0661", "true", "P1Y", "9999-99-99", "(((", "/", ":", "a:b:c", "-" * 300, "é" * 50)  # fmt: skip
_REFERENCES: Final = ("rsc", "with-rsc", "first", "then", "id-ref", "template", "node", "uname", "on_node", "ticket")
_NUMBERS: Final = ("score", "interval", "call-id", "rc-code", "op-status", "last-rc-change", "timeout", "value",
                   "transition-key", "transition-magic", "have-quorum", "replicas", "promoted-max", "execution-date",
                   "epoch")  # fmt: skip
_DEEP: Final = 3000
_BOMB: Final = (
    b'<!DOCTYPE cib [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(12))
    + b"]>"
)


def _elements(root: etree._Element) -> list[etree._Element]:
    return [item for item in root.iter() if isinstance(item.tag, str) and item is not root]


def _with_attribute(root: etree._Element, names: tuple[str, ...]) -> list[tuple[etree._Element, str]]:
    return [(item, name) for item in root.iter() if isinstance(item.tag, str) for name in names if name in item.attrib]


def _dangling(choices: Choices, root: etree._Element) -> None:
    found = _with_attribute(root, _REFERENCES)
    if found:
        item, name = choices.pick(found)
        item.set(name, "nobody")


def _swapped(choices: Choices, root: etree._Element) -> None:
    found = _with_attribute(root, _REFERENCES)
    ids = root.xpath("//@id")
    if found and ids:
        item, name = choices.pick(found)
        item.set(name, choices.pick(ids))


def _duplicate(choices: Choices, root: etree._Element) -> None:
    found = _with_attribute(root, ("id",))
    if len(found) > 1:
        item, _ = choices.pick(found)
        item.set("id", choices.pick(found)[0].get("id"))


def _twice(choices: Choices, root: etree._Element) -> None:
    item = choices.pick(_elements(root))
    parent = item.getparent()
    if parent is not None:
        parent.append(deepcopy(item))


def _absurd(choices: Choices, root: etree._Element) -> None:
    found = _with_attribute(root, _NUMBERS)
    if found:
        item, name = choices.pick(found)
        item.set(name, choices.pick(_ABSURD))


def _any_value(choices: Choices, root: etree._Element) -> None:
    item = choices.pick(_elements(root))
    if item.keys():
        item.set(choices.pick(item.keys()), choices.pick(_ABSURD))


def _no_attribute(choices: Choices, root: etree._Element) -> None:
    item = choices.pick(_elements(root))
    if item.keys():
        del item.attrib[choices.pick(item.keys())]


def _emptied(choices: Choices, root: etree._Element) -> None:
    item = choices.pick([found for found in _elements(root) if len(found)] or [root])
    for child in list(item):
        item.remove(child)


def _gone(choices: Choices, root: etree._Element) -> None:
    item = choices.pick(_elements(root))
    parent = item.getparent()
    if parent is not None:
        parent.remove(item)


def _renamed(choices: Choices, root: etree._Element) -> None:
    elements = _elements(root)
    choices.pick(elements).tag = choices.pick(elements).tag


def _moved(choices: Choices, root: etree._Element) -> None:
    elements = _elements(root)
    item, place = choices.pick(elements), choices.pick(elements)
    if item not in place.iterancestors() and item is not place:
        place.append(item)


def _resources(root: etree._Element) -> list[str]:
    return root.xpath("//resources//*[self::primitive or self::group or self::clone or self::bundle]/@id")


def _constraints(root: etree._Element) -> etree._Element:
    found = root.find("configuration/constraints")
    return etree.SubElement(root, "constraints") if found is None else found


def _order_ring(choices: Choices, root: etree._Element) -> None:
    ids, parent = _resources(root), _constraints(root)
    for number, (one, other) in enumerate(zip(ids, ids[1:] + ids[:1], strict=True)):
        kind = choices.pick(("Mandatory", "Optional", "Serialize"))
        etree.SubElement(parent, "rsc_order", id=f"ring-o-{number}", first=one, then=other, kind=kind)


def _colocation_ring(choices: Choices, root: etree._Element) -> None:
    ids, parent = _resources(root), _constraints(root)
    for number, (one, other) in enumerate(zip(ids, ids[1:] + ids[:1], strict=True)):
        score = choices.pick(("INFINITY", "100", "-INFINITY", "-5"))
        etree.SubElement(
            parent, "rsc_colocation", {"id": f"ring-c-{number}", "rsc": one, "with-rsc": other, "score": score}
        )


def _deep(choices: Choices, root: etree._Element) -> None:
    tag = choices.pick(("group", "clone", "rule", "bundle", "primitive", "x"))
    place = choices.pick(_elements(root))
    for level in range(choices.pick((2, 10, _DEEP))):
        place = etree.SubElement(place, tag, id=f"deep-{level}")


_CHANGES: Final[tuple[Callable[[Choices, etree._Element], None], ...]] = (
    _dangling, _swapped, _duplicate, _twice, _absurd, _absurd, _any_value, _any_value, _no_attribute, _emptied, _gone,
    _renamed, _moved, _order_ring, _colocation_ring, _deep,
)  # fmt: skip


def _bytes(choices: Choices, data: bytes) -> bytes:
    """Damage that is below XML."""
    kind = choices.pick(("none",) * 12 + ("cut", "noise", "bomb", "nothing"))
    if kind == "cut":
        return data[: choices.between(0, len(data))]
    if kind == "noise":
        place = choices.between(0, len(data))
        return data[:place] + bytes(choices.between(0, 255) for _ in range(8)) + data[place:]
    if kind == "bomb":
        return _BOMB + data.replace(b'value="', b'value="&l;', 1)
    return b"" if kind == "nothing" else data


def broken(cib: bytes, seed: int) -> bytes:
    """A CIB with one to four things broken."""
    choices = Choices.of_seed(seed)
    root = etree.fromstring(cib)
    for _ in range(choices.between(1, 4)):
        if len(root):
            choices.pick(_CHANGES)(choices, root)
    return _bytes(choices, etree.tostring(root))
