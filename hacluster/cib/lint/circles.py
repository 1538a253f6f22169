"""Constraints that contradict one another: circles of orders, together and apart at once, and left-over moves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from hacluster.base.report import Report
from hacluster.base.score import INFINITY, parse_score
from hacluster.base.values import truth
from hacluster.cib.document import XML
from hacluster.cib.lint.facts import Facts
from hacluster.cib.places import line_of

_Step = tuple[str, str]
"""A resource and what is done with it: start, promote, …"""
_Edges = dict[_Step, list[tuple[_Step, XML]]]
_OPPOSITE: Final = {"start": "stop", "stop": "start", "promote": "demote", "demote": "promote"}
_LATER: Final = (("start", "promote"), ("demote", "stop"))
_BEGIN: Final = "\0"
"""Marks the step with which a group begins; without it, it is the one with which the group is done."""


def _where(element: XML) -> str:
    line = line_of(element)
    return f"{element.get('id')} (line {line})" if line else str(element.get("id"))


def _is_mandatory(order: XML, part: XML | None = None) -> bool:
    at = part if part is not None and (part.get("kind") or part.get("score")) else order
    kind = at.get("kind")
    if kind is not None:
        return kind.lower() == "mandatory"
    score = at.get("score")
    return score is None or parse_score(score) != 0


def _link(edges: _Edges, first: _Step, then: _Step, order: XML, symmetrical: bool) -> None:
    edges.setdefault(first, []).append((then, order))
    if symmetrical:
        edges.setdefault((then[0], _OPPOSITE[then[1]]), []).append(((first[0], _OPPOSITE[first[1]]), order))


def _set_steps(part: XML) -> list[list[_Step]]:
    """The steps of a set, in layers that come one after the other."""
    action = part.get("action") or "start"
    steps = [(str(ref.get("id")), action) for ref in part.iterfind("resource_ref")]
    return [steps] if truth(part.get("sequential")) is False else [[step] for step in steps]


def _edges(facts: Facts) -> _Edges:
    edges: _Edges = {}
    for order in facts.configuration.iterfind("constraints/rsc_order"):
        symmetrical = truth(order.get("symmetrical")) is not False
        first, then = order.get("first"), order.get("then")
        if first is not None and then is not None and _is_mandatory(order):
            action = order.get("first-action") or "start"
            _link(edges, (first, action), (then, order.get("then-action") or action), order, symmetrical)
        last: list[_Step] = []
        for part in order.iterfind("resource_set"):
            for layer in _set_steps(part) if _is_mandatory(order, part) else []:
                for one in last:
                    for other in layer:
                        _link(edges, one, other, order, symmetrical)
                last = layer
    return edges


def _with_groups(facts: Facts, edges: _Edges) -> _Edges:
    """What comes before a group comes before its members, and these before what comes after the group."""
    groups = {
        str(group.get("id")): (group, [str(item.get("id")) for item in group.iterfind("primitive")])
        for group in facts.configuration.iterfind("resources/group")
    }
    for found in edges.values():
        found[:] = [(((then[0] + _BEGIN, then[1]) if then[0] in groups else then), order) for then, order in found]
    for ident, (group, members) in groups.items():
        for action in ("start", "stop"):
            for member in members:
                edges.setdefault((ident + _BEGIN, action), []).append(((member, action), group))
                edges.setdefault((member, action), []).append(((ident, action), group))
        for one, other in pairwise(members):
            _link(edges, (one, "start"), (other, "start"), group, True)
    return edges


def _aliases(facts: Facts) -> dict[str, str]:
    """Members and what stands around them: an order of the one is one of the other."""
    found = {}
    for ident, rsc in facts.resources.items():
        top = facts.outermost(rsc)
        if top is not rsc and top.tag != "group":
            found[ident] = str(top.get("id"))
    return found


def _circle(edges: _Edges) -> list[tuple[_Step, XML]] | None:
    """One circle, as its steps with the order that leads on from each."""
    done: set[_Step] = set()
    for start in edges:
        path: list[tuple[_Step, XML | None]] = [(start, None)]
        waiting = [iter(edges.get(start, ()))]
        on_path = {start: 0}
        while waiting and start not in done:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
                step, _ = path.pop()
                done.add(step)
                del on_path[step]
                continue
            step, order = found
            if step in on_path:
                steps = [entry for entry, _ in path[on_path[step] :]]
                ways = [way for _, way in path[on_path[step] + 1 :]] + [order]
                return [(entry, way) for entry, way in zip(steps, ways, strict=True) if way is not None]
            if step not in done:
                path.append((step, order))
                on_path[step] = len(path) - 1
                waiting.append(iter(edges.get(step, ())))
    return None


def _orders(facts: Facts) -> Iterator[Report]:
    alias = _aliases(facts)
    edges: _Edges = {}
    for (ident, action), ways in _edges(facts).items():
        for (other, then), order in ways:
            edge = ((alias.get(other, other), then), order)
            edges.setdefault((alias.get(ident, ident), action), []).append(edge)
    edges = _with_groups(facts, edges)
    told: set[frozenset[str]] = set()
    for _ in range(16):
        circle = _circle(edges)
        if circle is None:
            return
        idents = list(dict.fromkeys(str(order.get("id")) for _, order in circle))
        steps = list(dict.fromkeys(f"{action} {ident.rstrip(_BEGIN)}" for (ident, action), _ in circle))
        at = next((order for _, order in reversed(circle) if order.tag != "group"), circle[-1][1])
        if frozenset(idents) not in told:
            told.add(frozenset(idents))
            chain = " → ".join([*steps, steps[0]])
            by = ", ".join(_where(order) for order in {str(way.get("id")): way for _, way in circle}.values())
            text = f"the orders run in a circle: {chain} (by {by}): none of it can be done"
            yield facts.warn(at, "order-circle", text, "remove one of them, or make it kind=Optional")
        for step, order in circle:
            if order is at:
                edges[step] = [entry for entry in edges[step] if entry[1] is not order]


def _unit(facts: Facts, ident: str) -> str:
    """What is on one node together: a group for its members, and else the resource itself."""
    rsc = facts.resources.get(ident)
    parent = None if rsc is None else rsc.getparent()
    return str(parent.get("id")) if parent is not None and parent.tag == "group" else ident


def _pairs(facts: Facts) -> Iterator[tuple[frozenset[str], int, XML, str]]:
    for colocation in facts.configuration.iterfind("constraints/rsc_colocation"):
        one, other = colocation.get("rsc"), colocation.get("with-rsc")
        if one is not None and other is not None and one != other:
            roles = {(colocation.get(name) or "started").lower() for name in ("rsc-role", "with-rsc-role")}
            if roles == {"started"}:
                attribute = colocation.get("node-attribute") or "#uname"
                yield (
                    frozenset({_unit(facts, one), _unit(facts, other)}),
                    parse_score(colocation.get("score")),
                    colocation,
                    attribute,
                )


def _contradictions(facts: Facts) -> Iterator[Report]:
    seen: dict[tuple[frozenset[str], str], list[tuple[int, XML]]] = {}
    for pair, score, colocation, attribute in _pairs(facts):
        for other, earlier in seen.setdefault((pair, attribute), []):
            if {score, other} == {INFINITY, -INFINITY}:
                names = " and ".join(sorted(pair))
                text = f"{names} must be together and apart at once: {_where(earlier)} says the opposite"
                yield facts.warn(colocation, "contradiction", text, "remove one of the two")
        seen[pair, attribute].append((score, colocation))


def _locations(facts: Facts) -> Iterator[Report]:
    seen: dict[tuple[str, str], list[tuple[int, XML]]] = {}
    for location in facts.configuration.iterfind("constraints/rsc_location"):
        rsc, node = location.get("rsc"), location.get("node")
        if rsc is None or node is None:
            continue
        score = parse_score(location.get("score"))
        unit = _unit(facts, rsc), node.lower()
        for other, earlier in seen.setdefault(unit, []):
            if {score, other} == {INFINITY, -INFINITY}:
                text = (
                    f"{rsc} must and must not run on {node}: {_where(earlier)} says the opposite, and not running wins"
                )
                yield facts.warn(location, "contradiction", text, "remove one of the two")
        seen[unit].append((score, location))


def _left_over(facts: Facts) -> Iterator[Report]:
    for location in facts.configuration.iterfind("constraints/rsc_location"):
        ident, rsc = location.get("id") or "", location.get("rsc")
        if not ident.startswith(("cli-prefer-", "cli-ban-", "cli-standby-")) or rsc is None:
            continue
        what = "a ban" if ident.startswith("cli-ban") else "a move"
        ends = location.find(".//date_expression") is not None
        if not ends:
            text = f"{what} of {rsc} by hand is left over and stays in force"
            yield facts.warn(location, "left-over", text, f"crm_resource --clear --resource {rsc} removes it")


def check_circles(facts: Facts) -> Iterator[Report]:
    """Every contradiction between constraints."""
    for run in (_orders, _contradictions, _locations, _left_over):
        yield from run(facts)
