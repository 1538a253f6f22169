"""Comparing two answers of crm_simulate's kind on one CIB, by the rules that the recorded cases are compared by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from tests.conformance.pe import recorded

LEVELS: Final = ("L1", "L2", "L3", "L4", "L5")
_COLLECTION: Final = re.compile(r"(Clone Set|Container bundle)(?: set)?: (\S+?) \[(.*?)\](?: \((.*?)\))?:$")


@dataclass(slots=True)
class Answer:
    """A report, and the transition graph; None if there was none."""

    text: str
    graph: etree._Element | None


def read(text: str, graph: bytes | None) -> Answer:
    """An answer as it was written."""
    return Answer(text, etree.fromstring(graph) if graph else None)


def anonymous(cib: etree._Element, text: str) -> dict[str, str]:
    """The children of anonymous clones and bundles in a report, by child: the clone."""
    children: dict[str, str] = {}
    for line in text.splitlines():
        match = _COLLECTION.match(line.strip().removeprefix("* "))
        if match is None or "unique" in (match[4] or "").split(", "):
            continue
        if match[1] == "Clone Set":
            members = cib.xpath("//group[@id=$id]/primitive/@id", id=match[3])
            children |= dict.fromkeys([match[3], *members], match[2])
        else:
            children |= dict.fromkeys(cib.xpath("//bundle[@id=$id]/primitive/@id", id=match[2]), match[2])
    return children


def _differences(ours: Iterable[str], theirs: Iterable[str]) -> list[str]:
    mine, other = Counter(ours), Counter(theirs)
    return [f"- {item}" for item in sorted((other - mine).elements())] + [
        f"+ {item}" for item in sorted((mine - other).elements())
    ]


def _orderings(labels: list[str], before: list[list[int]]) -> list[str]:
    """Everything that a graph says, item by item."""
    items = [f"action {label}" for label in labels]
    for place, bits in enumerate(recorded.closure(before)):
        items += [f"order {labels[other]} -> {labels[place]}" for other in range(len(labels)) if bits >> other & 1]
    return items


def _graph_differences(ours: Answer, theirs: Answer, nameless: recorded.Nameless) -> list[str]:
    if ours.graph is None or theirs.graph is None:
        return [] if ours.graph is theirs.graph else ["one of the graphs is missing"]
    mine, other = recorded.graph(ours.graph, nameless), recorded.graph(theirs.graph, nameless)
    if recorded.shape(*mine) == recorded.shape(*other):
        return []
    return _differences(_orderings(*mine), _orderings(*other)) or ["the same pairs, but another shape"]


def compare(cib: etree._Element, ours: Answer, theirs: Answer) -> dict[str, list[str]]:
    """What differs per level: ``-`` only theirs, ``+`` only ours; empty lists where they agree."""
    children = anonymous(cib, theirs.text)
    nameless = recorded.without_numbers(children)
    mine, other = recorded.sections(ours.text), recorded.sections(theirs.text)
    found: dict[str, list[str]] = {level: [] for level in LEVELS}
    if mine.keys() != other.keys():
        found["L1"] = [f"sections: {sorted(other)} there, {sorted(mine)} here"]
    sides = [{level: items.get(level, []) for level in LEVELS} for items in (mine, other)]
    found["L1"] += _differences(*(recorded.summary(side["L1"], nameless)[0] for side in sides))
    found["L2"] = _differences(*(recorded.status(side["L2"], nameless) for side in sides))
    found["L4"] = _differences(*((nameless(" ".join(item.split())) for item in side["L4"]) for side in sides))
    scores = [recorded.scores(side["L3"]) for side in sides]
    if not recorded.same_scores(*scores, children):
        plain = _differences(*({nameless(line) for line in lines} for lines in scores))
        found["L3"] = plain or ["the same lines, but differently combined within the instances of a clone"]
    found["L5"] = _graph_differences(ours, theirs, nameless)
    return found
