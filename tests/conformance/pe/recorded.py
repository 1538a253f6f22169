"""The five levels of a scheduler case, taken from a report's text and a transition graph.

Whatever has no meaning is left out: spacing, order of lines, ids of actions, numbers of instances that have no
identity of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lxml import etree

HEADINGS = {
    "Assignment Scores:": "L3",
    "Transition Summary:": "L1",
    "Executing Cluster Transition:": "L4",
    "Revised Cluster Status:": "L2",
}
STATES = frozenset(
    [
        "ORPHANED",
        "FAILED",
        "Started",
        "Stopped",
        "Promoted",
        "Unpromoted",
        "Starting",
        "Stopping",
        "Promoting",
        "Demoting",
        "Migrating",
        "Monitoring",
        "pending",
    ]
)
STAGES = {
    "pcmk__primitive_assign": "primitive",
    "pcmk__group_assign": "group",
    "pcmk__clone_assign": "clone",
    "pcmk__bundle_assign": "bundle",
}
KINDS = {"rsc_op": "rsc", "pseudo_event": "pseudo", "crm_event": "cluster"}
_NODES = re.compile(r"(Remote|Guest)?(Online|OFFLINE): \[ (.*) \]$")
_NODE = re.compile(r"(Remote|Guest)?Node (\S+): (.*)$")
_SET = re.compile(
    r"(?:Resource (Group)|(Clone) Set|(Container) bundle(?: set)?): (\S+?)(?: \[(.*?)\])?(?: \((.*?)\))?:$"
)
_INSTANCES = re.compile(r"(\w+)(?: \((.*?)\))?: \[ (.*) \]$")
_CHANGE = re.compile(r"(\S+ \S+ \( .*? \))(?: *due to (.*)| *(.*))$")
_FENCE = re.compile(r"(Fence .*?) '(.*)'$")
_SCORE = re.compile(r"(\S+): (\S+) allocation score on (\S+): (\S+)$")
_PROMOTION = re.compile(r"(\S+) promotion score on (\S+): (\S+)$")
"""Of an instance that is nowhere it is not compared: which one that is has no meaning."""

Nameless = Callable[[str], str]


def without_numbers(anonymous: Iterable[str]) -> Nameless:
    """A function that takes the instance number from children of clones that are not globally unique."""
    names = "|".join(re.escape(name) for name in sorted(anonymous, key=len, reverse=True))
    if not names:
        return str
    pattern = re.compile(rf"(?<![\w.:-])({names}):\d+(?=_|\s|$)")
    return lambda text: pattern.sub(r"\1", text)


def sections(text: str) -> dict[str, list[str]]:
    """The items below each heading that counts."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.split("\n"):
        if line in HEADINGS:
            current = found.setdefault(HEADINGS[line], [])
        elif current is not None and line.lstrip().startswith("* "):
            current.append(line.strip()[2:])
    return found


def summary(items: Iterable[str], nameless: Nameless) -> tuple[list[str], list[str]]:
    """What is to be done; and the same with the reasons."""
    plain, reasons = [], []
    for item in items:
        line, reason = " ".join(item.split()), ""
        if fence := _FENCE.match(line):
            line, reason = fence.groups()
        elif change := _CHANGE.match(line):
            line = " ".join(filter(None, (change[1], change[3])))
            reason = change[2] or ""
        plain.append(nameless(line))
        reasons.append(nameless(line) + " <- " + nameless(reason))
    return plain, reasons


def _flags(text: str | None) -> str:
    return ",".join(sorted(filter(None, re.split(r",\s*", text or ""))))


def _resource(item: str) -> str:
    name, rest = item.split("\t", 1)
    rest = rest.split(":\t", 1)[-1]
    flags = ",".join(re.findall(r"\((.*?)\)", rest))
    states: list[str] = []
    nodes: list[str] = []
    for word in re.sub(r"\(.*?\)|[\[\]]", " ", rest).split():
        (states if word in STATES and not nodes else nodes).append(word)
    parts = (name.split(" ")[0], "+".join(states), ",".join(sorted(nodes)), _flags(flags))
    return "rsc " + " ".join(filter(None, parts))


def status(items: Iterable[str], nameless: Nameless) -> Iterator[str]:
    """One line per node, instance and collection."""
    child = ""
    for item in items:
        if found := _NODES.match(item):
            kind = f"/{found[1].lower()}" if found[1] else ""
            yield from (f"node {name}{kind} {found[2].lower()}" for name in found[3].split())
        elif found := _NODE.match(item):
            kind = f"/{found[1].lower()}" if found[1] else ""
            yield f"node {found[2]}{kind} {found[3]}"
        elif found := _SET.match(item):
            kind = (found[1] or found[2] or found[3]).lower()
            child = found[5] or child
            yield nameless(f"set {kind} {found[4]} {_flags(found[6])}".strip())
        elif "\t" in item:
            yield nameless(_resource(item))
        elif found := _INSTANCES.match(item):
            flags = _flags(found[2])
            yield from (nameless(f"rsc {child} {found[1]} {node} {flags}".strip()) for node in found[3].split())
        elif not item.endswith(":"):
            yield "other " + nameless(item)


def scores(items: Iterable[str]) -> set[str]:
    """Each score once: stage, resource, node, score."""
    found = set()
    for item in items:
        if score := _SCORE.match(item):
            found.add(f"{STAGES.get(score[1], score[1])} {score[2]} {score[3]} {score[4]}")
        elif score := _PROMOTION.match(item):
            found.add(f"promotion {score[1]} {score[2]} {score[3]}")
    return found


def same_scores(one: Iterable[str], other: Iterable[str], anonymous: dict[str, str]) -> bool:
    """Whether two sets of scores differ in the numbering of anonymous instances at most."""
    return _instances(one, anonymous) == _instances(other, anonymous)


def _instances(lines: Iterable[str], anonymous: dict[str, str]) -> tuple[set[str], Counter[tuple[str, frozenset[str]]]]:
    flat: set[str] = set()
    blocks: dict[tuple[str, str], set[str]] = {}
    for line in lines:
        stage, name, rest = line.split(" ", 2)
        child, _, number = name.rpartition(":")
        if child in anonymous:
            blocks.setdefault((anonymous[child], number), set()).add(f"{stage} {child} {rest}")
        else:
            flat.add(line)
    return flat, Counter((clone, frozenset(lines)) for (clone, _), lines in blocks.items())


def graph(root: etree._Element, nameless: Nameless) -> tuple[list[str], list[list[int]]]:
    """Labels of the actions of a transition graph, and the predecessors that it names."""
    labels: list[str] = []
    places: dict[str, int] = {}
    wanted: list[list[str]] = []
    for synapse in root.iterfind("synapse"):
        inputs = [action.get("id", "") for action in synapse.iterfind("inputs/trigger/*")]
        for action in synapse.iterfind("action_set/*"):
            kind = KINDS.get(str(action.tag), str(action.tag))
            label = f"{kind} {nameless(action.get('operation_key') or action.get('operation') or '?')}"
            if kind != "pseudo":
                label += f" on {action.get('on_node', '?')}"
                label += f" via {action.get('router_node')}" if action.get("router_node") else ""
            places[action.get("id", "")] = len(labels)
            labels.append(label)
            wanted.append(inputs)
    return labels, [[places[name] for name in names if name in places] for names in wanted]


def closure(before: list[list[int]]) -> list[int]:
    """All predecessors of each action, as bits; of an action in a loop, itself too."""
    result = []
    for place in range(len(before)):
        bits, todo = 0, list(before[place])
        while todo:
            other = todo.pop()
            if bits >> other & 1:
                continue
            bits |= 1 << other
            if other < len(result):
                bits |= result[other]
            else:
                todo += before[other]
        result.append(bits)
    return result


def shape(labels: list[str], before: list[list[int]]) -> Counter[int]:
    """The partial order without the names: labels, refined by what comes before and after (Weisfeiler and Leman)."""
    all_before = closure(before)
    direct: list[list[int]] = []
    for place, names in enumerate(before):
        implied = 0
        for other in names:
            implied |= all_before[other]
        loop = all_before[place] >> place & 1
        direct.append([other for other in set(names) if loop or not implied >> other & 1])
    after: list[list[int]] = [[] for _ in direct]
    for place, names in enumerate(direct):
        for other in names:
            after[other].append(place)
    colours = [hash(label) for label in labels]
    for _ in range(8):
        colours = [
            hash((colour, *sorted(colours[o] for o in direct[place]), None, *sorted(colours[o] for o in after[place])))
            for place, colour in enumerate(colours)
        ]
    return Counter(colours)


def differences(expected: dict[str, Any], text: str, root: etree._Element) -> dict[str, list[str]]:
    """Level → lines that differ: ``-`` expected and missing, ``+`` not expected. Levels that agree are left out."""
    nameless = without_numbers(expected["anon"])
    items = sections(text)
    plain, reasons = summary(items["L1"], nameless)
    found = {
        "L1": plain,
        "L1+reasons": reasons,
        "L2": list(status(items["L2"], nameless)),
        "L4": [nameless(" ".join(item.split())) for item in items["L4"]],
    }
    result: dict[str, list[str]] = {}
    for level, lines in found.items():
        here, there = Counter(lines), Counter(expected[level])
        if here != there:
            result[level] = [f"-{line}" for line in (there - here).elements()]
            result[level] += [f"+{line}" for line in (here - there).elements()]
    if not same_scores(expected["L3"], scores(items["L3"]), expected["anon"]):
        here_scores, there_scores = scores(items["L3"]), set(expected["L3"])
        result["L3"] = [f"-{line}" for line in sorted(there_scores - here_scores)]
        result["L3"] += [f"+{line}" for line in sorted(here_scores - there_scores)] or ["scores of instances mixed"]
    labels, before = graph(root, nameless)
    if shape(labels, before) != shape(expected["L5"]["actions"], expected["L5"]["before"]):
        result["L5"] = ["the graphs differ"]
    return result
