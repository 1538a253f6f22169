"""The causes of the ledger in words: one sentence for each kind, with what is behind it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from hacluster.base.score import INFINITY, show_score
from hacluster.cib.document import XML
from hacluster.pe.explain.answer import Because
from hacluster.pe.explain.beside import left_over
from hacluster.pe.explain.book import Book, Step
from hacluster.pe.explain.nodes import failure, node_troubles
from hacluster.pe.explain.sources import (
    constraint_of,
    failcount_attributes,
    find,
    meta_id,
    node_attribute_id,
    option_id,
)
from hacluster.pe.model.action import Action
from hacluster.pe.model.causes import Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.rules.evaluate import Subject, test_rule

_DEPTH: Final = 6
"""How far a chain of reasons is followed."""


_Telling = tuple[str, str | None, Iterable[Because]]


class Teller:
    """Puts steps of the ledger into words."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.cluster: Cluster = book.cluster
        self.stuck: frozenset[Action] = frozenset()
        """What the transition never reaches."""

    def step(self, rsc: Resource, node: Node, step: Step, seen: tuple[str, ...] = ()) -> Because:
        """One step as a reason."""
        text, ident, behind = _WORDS[step.cause.why](self, rsc, node, step, seen)
        return Because(text, ident, step.shown, tuple(behind))

    def steps(self, rsc: Resource, node: Node, until: int | None = None, seen: tuple[str, ...] = ()) -> list[Because]:
        """All steps that say something, oldest first."""
        return [self.step(rsc, node, step, seen) for step in self.book.steps(rsc, node, until) if _says_something(step)]

    def chain(self, rsc: Resource, node: Node, seen: tuple[str, ...] = ()) -> list[Because]:
        """What it must be with and is there, then all steps that say something."""
        found = []
        for entry in rsc.this_with:
            if entry.score >= INFINITY and node in entry.primary.places(0):
                text, ident, behind = self.follow(rsc, entry, node, seen)
                found.append(Because(text, ident, None, tuple(behind)))
        return found + [
            reason for reason in self.steps(rsc, node, None, seen) if reason.text not in {one.text for one in found}
        ]

    def follow(self, rsc: Resource, entry: Colocation, node: Node, seen: tuple[str, ...]) -> _Telling:
        """What a colocation asks of its dependent."""
        source = _SOURCES.get(entry.why, "container")
        other = entry.primary
        must = "must" if abs(entry.score) >= INFINITY else "should"
        role = f" {entry.primary_role.word.lower()}" if entry.primary_role else ""
        verb = f"{must} not be where" if entry.score < 0 else f"{must} be where"
        if entry.attribute is not None:
            verb = verb.replace(" where", f" at a node with the {entry.attribute} of the one where")
        text = f"{source}: {rsc.id} {verb} {other.id} is{role}, {self.goes_to(other, entry.primary_role)}"
        behind = _other_reasons(self, other, node, (*seen, rsc.id))
        if entry.score > 0 and entry.primary_role is Role.PROMOTED:
            behind = [*_never_promoted(other), *behind]
        return text, entry.id, behind

    def goes_to(self, other: Resource | None, role: Role | None = None) -> str:
        """Where a resource will really be, in the role that is asked for."""
        if other is None:
            return "which is not there"
        leaves = [entry for entry in other.walk() if not entry.instances]
        if other.kind is Kind.BUNDLE:
            leaves = [part for replica in other.bundle_data.replicas for part in replica.parts()]
        if role is Role.PROMOTED or role is Role.UNPROMOTED:
            places = {leaf.assigned.name for leaf in leaves if leaf.assigned is not None and leaf.next_role is role}
            if not places:
                return f"which is {role.word.lower()} nowhere"
            return f"which is {role.word.lower()} on {' and '.join(sorted(places))}"
        places = {leaf.assigned.name for leaf in leaves if leaf.assigned is not None}
        held = {leaf.assigned.name for leaf in leaves if leaf.assigned is not None and self.is_held(leaf)}
        if not places:
            return "which runs nowhere"
        if held == places:
            return f"which is to be on {' and '.join(sorted(places))}, but cannot start there"
        return f"which goes to {' and '.join(sorted(places - held) if places - held else sorted(places))}"

    def is_held(self, leaf: Resource) -> bool:
        """Whether a primitive has a place and will not be started there."""
        return any(
            action.task == "start"
            and action.node is leaf.assigned
            and leaf.assigned not in leaf.active_on
            and not action.optional
            and (not action.can_run or action in self.stuck)
            for action in leaf.actions
        )

    def primary(self, ident: str) -> Resource | None:
        """A resource by its id."""
        return self.cluster.find_resource(ident)


def _says_something(step: Step) -> bool:
    if step.cause.why in (Why.BASE, Why.NODE):
        return step.after not in (None, 0)
    return step.added != 0


def _base(teller: Teller, _rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    if step.after is not None and step.after <= -INFINITY:
        troubles = node_troubles(teller.cluster, node)
        if troubles:
            return troubles[0].text, troubles[0].id, troubles[0].because
    return f"{node.name} has this score for every resource", node.id, ()


def _verb(score: int | None) -> str:
    if score is None:
        return "gives a score to"
    if score >= INFINITY:
        return "asks for"
    if score <= -INFINITY:
        return "bans"
    if score == 0:
        return "allows"
    return "prefers" if score > 0 else "avoids"


def _location(teller: Teller, _rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    score = step.added if step.added is not None else step.after
    constraint, element = constraint_of(teller.cluster, step.cause.id), find(teller.cluster, step.cause.id)
    over = left_over(constraint)
    if constraint is None or element is None or element.tag != "rule":
        return f"a location constraint {_verb(score)} {node.name}{over}", step.cause.id, ()
    text = f"a rule of location constraint {constraint.get('id')} {_verb(score)} {node.name}{over}"
    return text, step.cause.id, list(_rule(element, node, teller))


_OPERATIONS: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">=", "eq": "=", "ne": "!="}


def _rule(rule: XML, node: Node, teller: Teller) -> Iterator[Because]:
    """The expressions of a rule that hold for a node, with the values that they see."""
    for part in rule:
        ident = part.get("id")
        if part.tag == "rule":
            yield from _rule(part, node, teller)
        elif part.tag == "expression":
            if not test_rule(_alone(rule, part), Subject(teller.cluster.now, lambda _when: None, node.attrs)):
                continue
            name, operation = part.get("attribute", ""), part.get("operation", "")
            value = node.attrs.get(name)
            seen = f"{name} is {value} on {node.name}" if value is not None else f"{name} is not set on {node.name}"
            asked = f"{name} {_OPERATIONS.get(operation, operation)} {part.get('value', '')}".rstrip()
            behind = node_attribute_id(teller.cluster, node, name)
            why = (Because(f"the attribute is set by {behind}", behind),) if behind is not None else ()
            yield Because(f"{asked}: {seen}", ident, None, why)
        elif part.tag == "date_expression":
            yield Because(f"the time fits ({part.get('operation', 'in_range')})", ident)


def _alone(rule: XML, part: XML) -> XML:
    """A rule that has this one expression only."""
    single = rule.makeelement("rule", {})
    single.append(copy.copy(part))
    return single


def _health(teller: Teller, _rsc: Resource, node: Node, _step: Step, _seen: tuple[str, ...]) -> _Telling:
    cluster = teller.cluster
    names = [name for name in sorted(node.attrs) if name.startswith("#health")]
    behind = [
        Because(f"{name} is {node.attrs[name]}", node_attribute_id(cluster, node, name) or name) for name in names
    ]
    text = f"the health of {node.name} counts (node-health-strategy is {cluster.health_strategy})"
    return text, option_id(cluster, "node-health-strategy"), behind


def _other_reasons(teller: Teller, other: Resource | None, node: Node, seen: tuple[str, ...]) -> list[Because]:
    """Why the other resource is there: its own reasons."""
    if other is None or other.id in seen or len(seen) >= _DEPTH:
        return []
    place = other.location(0)
    leaf = other
    while leaf.instances and place is not None:
        leaf = next((child for child in leaf.instances if place in child.places(0)), leaf.instances[0])
    reasons = teller.chain(leaf, place or node, (*seen, other.id))
    return [reason for reason in reasons if place is None or not (reason.score or "").startswith("-")]


def without_promotion_score(clone: Resource) -> list[Resource]:
    """The instances of a clone that have a place, if none of them may be promoted for want of a promotion score."""
    placed = [child for child in clone.instances if child.location(0) is not None]
    return placed if clone.promotable and all(child.sort_index < 0 for child in placed) else []


def _never_promoted(clone: Resource) -> list[Because]:
    placed = without_promotion_score(clone)
    if not placed:
        return []
    text = f"no instance of {clone.id} has a promotion score: neither its agent nor a constraint has given one"
    return [Because(text, clone.config_id)]


def _together(teller: Teller, rsc: Resource, node: Node, step: Step, seen: tuple[str, ...]) -> _Telling:
    cause = step.cause
    other = teller.primary(cause.other)
    source = _SOURCES.get(cause.why, "container")
    if cause.pulls:
        behind = teller.steps(other, node, step.position, (*seen, rsc.id)) if other is not None else []
        if other is None or other.id in seen:
            behind = []
        return f"{source}: {cause.other} is to be with {rsc.id}, and what it prefers counts too", cause.id, behind
    colocations = teller.cluster.colocations
    entry = next((one for one in colocations if one.following == cause and _part_of(rsc, one.dependent)), None)
    if entry is None:
        return f"{source}: {rsc.id} goes with {cause.other}, {teller.goes_to(other)}", cause.id, ()
    return teller.follow(rsc, entry, node, seen)


_SOURCES: Final = {Why.COLOCATION: "colocation", Why.GROUP: "same group"}


def _part_of(rsc: Resource, whole: Resource) -> bool:
    return rsc is whole or rsc.is_inside(whole)


def _stickiness(_teller: Teller, rsc: Resource, node: Node, _step: Step, _seen: tuple[str, ...]) -> _Telling:
    ident = meta_id(rsc, "resource-stickiness")
    text = f"{rsc.id} runs on {node.name} now, and resource-stickiness is {show_score(rsc.stickiness)}"
    return text, ident or rsc.config_id, ()


def _fail_limit(teller: Teller, rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    failed = next((entry for entry in rsc.walk() if entry.config_id == step.cause.id), rsc)
    member = failed if not failed.instances else failed.instances[0]
    threshold = show_score(member.migration_threshold)
    source = next((entry for entry in teller.cluster.resource_table if entry.xml_id == step.cause.id), failed)
    behind = [
        Because(f"{name} is {value}", node_attribute_id(teller.cluster, node, name) or name)
        for name, value in failcount_attributes(source, node)
    ]
    limit = show_score(source.migration_threshold) if source.migration_threshold < INFINITY else threshold
    text = f"{step.cause.id} failed too often on {node.name} (migration-threshold is {limit})"
    return text, meta_id(source, "migration-threshold") or step.cause.id, behind


def _failed(consequence: str) -> Callable[[Teller, Resource, Node, Step, tuple[str, ...]], _Telling]:
    def tell(teller: Teller, _rsc: Resource, _node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
        return f"{failure(teller.cluster, step.cause)}{consequence}", step.cause.id, ()

    return tell


def _ticket(teller: Teller, _rsc: Resource, _node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    element = constraint_of(teller.cluster, step.cause.id)
    name = "" if element is None else element.get("ticket", "")
    ticket = teller.cluster.tickets.get(name)
    word = "is in standby" if ticket is not None and ticket.granted else "is not granted"
    return f"it may run only with ticket {name}, which {word} here", step.cause.id, ()


def _lock(teller: Teller, rsc: Resource, _node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    where = step.cause.node
    text = f"{rsc.id} is kept for {where}, which left cleanly (shutdown-lock is true)"
    return text, option_id(teller.cluster, "shutdown-lock"), ()


def _target_role(teller: Teller, rsc: Resource, _node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    ident = meta_id(rsc, "target-role")
    if rsc.meta.get("target-role", "").lower() == "stopped":
        return "target-role is Stopped", ident or step.cause.id, ()
    for entry in teller.cluster.decisions or ():
        if entry.subject == rsc.id and entry.what.value == "stop":
            return f"{failure(teller.cluster, entry.cause)}, and on-fail is stop", entry.cause.id, ()
    return f"{rsc.id} is to be stopped", step.cause.id, ()


def _plain(text: str) -> Callable[[Teller, Resource, Node, Step, tuple[str, ...]], _Telling]:
    """A sentence with places for ``{rsc}``, ``{node}`` and ``{id}``."""

    def tell(_teller: Teller, rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
        return text.format(rsc=rsc.id, node=node.name, id=step.cause.id), step.cause.id, ()

    return tell


def _utilization(teller: Teller, rsc: Resource, node: Node, _step: Step, _seen: tuple[str, ...]) -> _Telling:
    needs = ", ".join(f"{name} {value}" for name, value in rsc.utilization.items())
    text = f"{node.name} has not enough capacity left for {rsc.id} and what must be with it"
    behind = [Because(f"{rsc.id} alone needs {needs}", rsc.config_id)] if needs else []
    left = ", ".join(f"{name} {value}" for name, value in node.utilization.items()) or "nothing"
    behind.append(Because(f"when all have their place, {node.name} has {left} left", node.id))
    return text, option_id(teller.cluster, "placement-strategy"), behind


def _clone_max(_teller: Teller, rsc: Resource, _node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    top = rsc.top
    most = top.clone_data.max if top.clone is not None else 0
    ident = meta_id(top, "clone-max") or step.cause.id
    return f"all {most} instances of {top.id} have their place (clone-max is {most})", ident, ()


def _clone_full(_teller: Teller, rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    top = rsc.top
    ident = meta_id(top, "clone-node-max") or step.cause.id
    return f"{node.name} has as many instances of {top.id} as clone-node-max allows", ident, ()


def _clone_node(teller: Teller, rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    troubles = node_troubles(teller.cluster, node)
    if troubles:
        return troubles[0].text, troubles[0].id, troubles[0].because
    return f"no instance of {rsc.top.id} can use {node.name}", step.cause.id, ()


def _clone_banned(teller: Teller, rsc: Resource, node: Node, step: Step, seen: tuple[str, ...]) -> _Telling:
    top = rsc.parent or rsc
    behind = [reason for reason in teller.steps(top, node, step.position, seen) if (reason.score or "").startswith("-")]
    return f"{top.id} as a whole may not run on {node.name}", step.cause.id, behind


def _promotion(teller: Teller, rsc: Resource, node: Node, step: Step, _seen: tuple[str, ...]) -> _Telling:
    name = rsc.id if rsc.clone_name is None else rsc.clone_name
    names = [f"master-{name}", f"master-{name.split(':')[0]}"]
    ident = next(filter(None, (node_attribute_id(teller.cluster, node, one) for one in names)), step.cause.id)
    return f"its agent set a promotion score for {name} on {node.name}", ident, ()


_WORDS: Final[dict[Why, Callable[[Teller, Resource, Node, Step, tuple[str, ...]], _Telling]]] = {
    Why.BASE: _base,
    Why.NODE: _base,
    Why.LOCATION: _location,
    Why.HEALTH: _health,
    Why.COLOCATION: _together,
    Why.GROUP: _together,
    Why.CONTAINER: _together,
    Why.STICKINESS: _stickiness,
    Why.FAIL_LIMIT: _fail_limit,
    Why.STOP_FAILED: _failed(""),
    Why.HARD_ERROR: _failed(", which trying again there cannot mend"),
    Why.FATAL_ERROR: _failed(", which trying again anywhere cannot mend"),
    Why.MASKED_PROBE: _failed(": it cannot run there"),
    Why.ON_FAIL: _failed(", and on-fail asks for this"),
    Why.TICKET: _ticket,
    Why.SHUTDOWN_LOCK: _lock,
    Why.TARGET_ROLE: _target_role,
    Why.ORPHAN: _plain("{rsc} is not in the configuration any more"),
    Why.MULTIPLE_ACTIVE: _plain("{rsc} is active more than once, and multiple-active asks for this"),
    Why.UNMANAGED: _plain("{rsc} is on {node}, and the cluster leaves it alone"),
    Why.UTILIZATION: _utilization,
    Why.REMOTE: _plain("{rsc} cannot run on remote or guest nodes such as {node}"),
    Why.EXCLUSIVE: _plain(
        "{rsc} may run only where location constraints with resource-discovery=exclusive name a node"
    ),
    Why.CLONE_NODE: _clone_node,
    Why.CLONE_BANNED: _clone_banned,
    Why.CLONE_FULL: _clone_full,
    Why.CLONE_MAX: _clone_max,
    Why.BUNDLE: _plain("bundle {id} decides what runs on its own nodes"),
    Why.PROMOTION: _promotion,
    Why.PROMOTION_ORDER: _plain("the promotion priority of an instance on {node}"),
    Why.KEEP: _plain("what was said before is taken back: it would have left {rsc} no node"),
}
