"""Comparing two answers of crm_simulate's kind: summary, revised status, scores, executed actions, graph.

Order of lines and spacing do not matter. Numbers of an anonymous clone's instances are arbitrary and left out; scores
may have them renumbered as a whole. Of the graph counts which actions there are and which must precede which.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

LEVELS: Final = ("L1", "L2", "L3", "L4", "L5")
_HEADINGS: Final = {
    "Current cluster status:": "now",
    "Allocation Scores:": "L3",
    "Transition Summary:": "L1",
    "Executing Cluster Transition:": "L4",
    "Revised Cluster Status:": "L2",
}
_COLLECTION: Final = re.compile(
    r"(Clone Set|Container bundle(?: set)?|Resource Group): (\S+?)(?: \[(.*?)\])?(?: \((.*?)\))?:$"
)
_LISTED: Final = re.compile(r"((?:\w+Node )?\w+)(?: \((.*?)\))?: \[ (.*) \]$")
_SCORE: Final = re.compile(r"(\S+ \S+ \S+ \S+) (\S+): (\S+)$|(\S+ \S+ \S+) (\S+): (\S+)$")


@dataclass(slots=True)
class Answer:
    """One report, its sections without indentation, and its graph."""

    sections: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    graph: etree._Element | None = None


def read(text: str, graph: bytes | None) -> Answer:
    """Split a report into its sections."""
    answer = Answer()
    current: str | None = None
    for line in text.split("\n"):
        if line in _HEADINGS:
            current = _HEADINGS[line]
            answer.sections[current] = []
        elif current is not None and line.lstrip().startswith("* ") and line.startswith(" "):
            answer.sections[current].append(line.strip()[2:].rstrip())
    answer.graph = etree.fromstring(graph) if graph else None
    return answer


def anonymous(cib: etree._Element, status: Iterable[str]) -> dict[str, str]:
    """Which primitives and groups are the children of anonymous clones and bundles, by child: the clone."""
    children: dict[str, str] = {}
    for line in status:
        match = _COLLECTION.match(line)
        if match is None or match[1] == "Resource Group" or "unique" in (match[4] or "").split(", "):
            continue
        if match[1] == "Clone Set":
            members = cib.xpath("//group[@id=$id]/primitive/@id", id=match[3])
            children |= dict.fromkeys([match[3], *members], match[2])
        else:
            children |= dict.fromkeys(cib.xpath("//bundle[@id=$id]/primitive/@id", id=match[2]), match[2])
    return children


def _strip(children: Iterable[str]) -> Callable[[str], str]:
    known = "|".join(re.escape(name) for name in sorted(children, key=len, reverse=True))
    if not known:
        return lambda line: line
    number = re.compile(rf"(?<![\w.:-])({known}):\d+(?=_|\s|$)")
    return lambda line: number.sub(r"\1", line)


def _summary(lines: list[str]) -> Iterator[str]:
    for line in lines:
        text = " ".join(line.split())
        if text.startswith("Fence "):
            yield re.sub(r" '.*'$", "", text)
        else:
            yield re.sub(r"^(\S+ \S+ \( .*? \))(.*?)( *due to .*)?$", r"\1\2", text)


def _flags(text: str | None) -> str:
    return ",".join(sorted(filter(None, re.split(r",\s*", text or ""))))


def _status(lines: list[str]) -> Iterator[str]:
    """One item for each node and each instance, however many a line tells of."""
    child = ""
    for line in lines:
        collection = _COLLECTION.match(line)
        listed = _LISTED.match(line)
        if collection is not None:
            child = collection[3] or ""
            yield f"{collection[1]} {collection[2]} {_flags(collection[4])}"
        elif listed is not None and "\t" not in line:
            subject = child if listed[1] not in ("Online", "OFFLINE") and not listed[1].startswith(
                ("Remote", "Guest")) else "node"  # fmt: skip
            for name in listed[3].split():
                yield f"{subject} {listed[1]} {name} {_flags(listed[2])}".rstrip()
        elif "\t" in line:
            name, _, rest = line.partition("\t")
            rest = rest.split(":\t", 1)[-1]
            flags = ",".join(re.findall(r"\((.*?)\)", rest))
            words = re.sub(r"\(.*?\)|[\[\]]", " ", rest).split()
            yield f"{name.split()[0]} {' '.join([words[0], *sorted(words[1:])] if words else [])} {_flags(flags)}".rstrip()
        else:
            yield line


def _scores(lines: list[str], children: dict[str, str]) -> tuple[set[str], Counter[tuple[str, frozenset[str]]]]:
    """Lines of one instance, and per anonymous clone what each of its instances has."""
    plain: set[str] = set()
    blocks: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in lines:
        match = re.match(r"(?:(\S+): )?(\S+) (allocation|promotion) score on (\S+): (\S+)$", line)
        if match is None:
            continue
        name, _, number = match[2].rpartition(":")
        if number.isdigit() and name in children:
            blocks[children[name], number].add(line.replace(match[2], f"{name}:N", 1))
        else:
            plain.add(line)
    return plain, Counter((clone, frozenset(block)) for (clone, _), block in blocks.items())


def _label(action: etree._Element, strip: Callable[[str], str]) -> str:
    name = strip(action.get("operation_key") or action.get("operation") or "?")
    if action.tag == "pseudo_event":
        return f"pseudo {name}"
    kind = {"rsc_op": "rsc", "crm_event": "cluster"}.get(action.tag, action.tag)
    via = f" via {action.get('router_node')}" if action.get("router_node") else ""
    return f"{kind} {name} on {action.get('on_node') or '?'}{via}"


def _before(direct: dict[str, list[str]]) -> dict[str, set[str]]:
    """All that must precede each action; actions on a loop precede themselves."""
    closure: dict[str, set[str]] = {}
    for start in direct:
        found: set[str] = set()
        todo = list(direct[start])
        while todo:
            item = todo.pop()
            if item in found:
                continue
            found.add(item)
            known = closure.get(item)
            if known is None:
                todo += direct[item]
            else:
                found |= known
        closure[start] = found
    return closure


def orderings(graph: etree._Element, strip: Callable[[str], str]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Labels of a graph's actions by their ids, and all that must precede each."""
    labels: dict[str, str] = {}
    direct: dict[str, list[str]] = {}
    for synapse in graph.iterfind("synapse"):
        inputs = [item.get("id") for item in synapse.iterfind("inputs/trigger/*")]
        for action in synapse.iterfind("action_set/*"):
            labels[action.get("id")] = _label(action, strip)
            direct[action.get("id")] = inputs
    known = {ident: [item for item in inputs if item in labels] for ident, inputs in direct.items()}
    return labels, _before(known)


def _shape(labels: dict[str, str], before: dict[str, set[str]]) -> Counter[int]:
    """Equal for partial orders that are equal but for their numbers."""
    after: dict[str, set[str]] = {ident: set() for ident in labels}
    for ident, found in before.items():
        for item in found:
            after[item].add(ident)
    colours = {ident: hash(label) for ident, label in labels.items()}
    for _ in range(4):
        colours = {
            ident: hash((
                colours[ident],
                tuple(sorted(colours[item] for item in before[ident])),
                tuple(sorted(colours[item] for item in after[ident])),
            ))
            for ident in labels
        }  # fmt: skip
    return Counter(colours.values())


def _differences(ours: Counter[str], theirs: Counter[str]) -> list[str]:
    return [f"- {item}" for item in sorted((theirs - ours).elements())] + [
        f"+ {item}" for item in sorted((ours - theirs).elements())
    ]


def _graph_differences(ours: Answer, theirs: Answer, strip: Callable[[str], str]) -> list[str]:
    if ours.graph is None or theirs.graph is None:
        return [] if ours.graph is theirs.graph else ["one of the graphs is missing"]
    (labels, before), (their_labels, their_before) = orderings(ours.graph, strip), orderings(theirs.graph, strip)
    if _shape(labels, before) == _shape(their_labels, their_before):
        return []

    def items(names: dict[str, str], found: dict[str, set[str]]) -> Counter[str]:
        counted = Counter(f"action {name}" for name in names.values())
        counted.update(f"order {names[item]} -> {names[ident]}" for ident in found for item in found[ident])
        return counted

    return _differences(items(labels, before), items(their_labels, their_before)) or ["same pairs, other shape"]


def compare(cib: etree._Element, ours: Answer, theirs: Answer) -> dict[str, list[str]]:
    """What differs per level: ``-`` only theirs, ``+`` only ours; empty lists where they agree."""
    children = anonymous(cib, [*theirs.sections["now"], *theirs.sections["L2"]])
    strip = _strip(children)
    found: dict[str, list[str]] = {}
    for level, normal in (
        ("L1", _summary),
        ("L2", _status),
        ("L4", lambda lines: (" ".join(x.split()) for x in lines)),
    ):
        mine, other = (Counter(map(strip, normal(answer.sections[level]))) for answer in (ours, theirs))
        found[level] = _differences(mine, other)
    mine_scores, other_scores = (_scores(answer.sections["L3"], children) for answer in (ours, theirs))
    found["L3"] = []
    if mine_scores != other_scores:
        found["L3"] = _differences(Counter(set(map(strip, ours.sections["L3"]))),
                                   Counter(set(map(strip, theirs.sections["L3"])))) or [
                                       "same lines, but differently combined within the instances of a clone"]  # fmt: skip
    found["L5"] = _graph_differences(ours, theirs, strip)
    return {level: found[level] for level in LEVELS}
