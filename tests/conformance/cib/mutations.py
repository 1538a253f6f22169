"""Documents made wrong in one place, the same ones for the same seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from lxml import etree

from hacluster.base.dice import Dice

Element = etree._Element
Item = TypeVar("Item")

VALUES = (
    "",
    "x",
    "0",
    "1",
    "-1",
    "17",
    "true",
    "INFINITY",
    "-INFINITY",
    "Started",
    "Promoted",
    "start",
    "1x",
    " 5 ",
    "a b",
    "restart-type",
    "can_fail",
    "stonith-action",
    "poweroff",
    "10",
)
NAMES = (
    "id",
    "id-ref",
    "name",
    "value",
    "score",
    "type",
    "class",
    "rsc",
    "role",
    "node",
    "kind",
    "operation",
    "moon",
    "masters",
    "bogus",
)


def _one(dice: Dice, items: Sequence[Item]) -> Item:
    return items[dice.below(len(items))]


def _pick(dice: Dice, root: Element) -> Element:
    inside = [node for node in root.iter(etree.Element) if node is not root]
    return _one(dice, inside)


def drop_attribute(dice: Dice, root: Element) -> None:
    node = _pick(dice, root)
    if node.attrib:
        del node.attrib[_one(dice, sorted(node.attrib))]


def add_attribute(dice: Dice, root: Element) -> None:
    _pick(dice, root).set(_one(dice, NAMES), _one(dice, VALUES))


def change_value(dice: Dice, root: Element) -> None:
    node = _pick(dice, root)
    if node.attrib:
        node.set(_one(dice, sorted(node.attrib)), _one(dice, VALUES))


def borrow_value(dice: Dice, root: Element) -> None:
    node, other = _pick(dice, root), _pick(dice, root)
    if node.attrib and other.attrib:
        node.set(_one(dice, sorted(node.attrib)), other.get(_one(dice, sorted(other.attrib))))


def drop_element(dice: Dice, root: Element) -> None:
    node = _pick(dice, root)
    node.getparent().remove(node)


def repeat_element(dice: Dice, root: Element) -> None:
    node = _pick(dice, root)
    twin = copy.deepcopy(node)
    for number, part in enumerate(twin.iter(etree.Element)):
        if part.get("id") is not None and dice.chance(800_000):
            part.set("id", f"twin-{number}-{part.get('id')}")
    node.addnext(twin)


def rename_element(dice: Dice, root: Element) -> None:
    _pick(dice, root).tag = _pick(dice, root).tag


def move_element(dice: Dice, root: Element) -> None:
    node, target = _pick(dice, root), _pick(dice, root)
    if node not in target.iterancestors() and node is not target:
        target.append(node)


def swap_children(dice: Dice, root: Element) -> None:
    node = _pick(dice, root)
    if len(node) > 1:
        node.append(node[0])


def add_text(dice: Dice, root: Element) -> None:
    _pick(dice, root).text = _one(dice, ("text", " ", "\n"))


def thin_out(dice: Dice, root: Element) -> None:
    """Leave few things of each section, so that the verdict hangs on the version that they came with."""
    for section in root.find("configuration") if root.find("configuration") is not None else ():
        for node in list(section):
            if dice.chance(600_000 if section.tag == "resources" else 900_000):
                section.remove(node)
    for operation in list(root.iter("op")):
        if dice.chance(700_000):
            operation.getparent().remove(operation)
    kept = {node.get("id") for node in root.iter(etree.Element)}
    for name in ("rsc", "with-rsc", "first", "then", "template", "id-ref", "reference"):
        for node in [node for node in root.iter(etree.Element) if node.get(name, "") not in ("", *kept)]:
            if node.getparent() is not None:
                node.getparent().remove(node)


MUTATIONS: tuple[Callable[[Dice, Element], None], ...] = (
    drop_attribute, add_attribute, change_value, borrow_value, drop_element, repeat_element, rename_element,
    move_element, swap_children, add_text, thin_out, thin_out, thin_out,
)  # fmt: skip


def mutants(root: Element, seed: int, number: int) -> Iterator[tuple[str, Element]]:
    """``number`` documents, each with a name that says how it was made."""
    dice = Dice(seed)
    for count in range(number):
        twin = copy.deepcopy(root)
        kind = _one(dice, MUTATIONS)
        kind(dice, twin)
        yield f"{kind.__name__}-{seed}-{count}", etree.fromstring(etree.tostring(twin))
