"""The explanation of a resource: its parts, and the changes that would move it, each tried out.

A change is only told if scheduling a copy of the CIB with that change has shown what becomes of the resource. How many
are tried is bounded by the size of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from hacluster.base.errors import ConfigError
from hacluster.base.iso8601 import Moment
from hacluster.base.report import Report, Severity
from hacluster.base.score import INFINITY, show_score
from hacluster.cib.document import Document
from hacluster.pe.explain.answer import Because, Effect, Elsewhere, Explanation, Part
from hacluster.pe.explain.beside import constraints_beside, expired_failures, mistakes
from hacluster.pe.explain.book import Book
from hacluster.pe.explain.candidates import (
    allowance_changes,
    clone_changes,
    constraint_changes,
    failure_changes,
    leave,
    named_ids,
    named_settings,
    node_changes,
    option_changes,
    order_changes,
    priority_changes,
    promotion_changes,
    setting_changes,
)
from hacluster.pe.explain.edits import Candidate, copied, prefer
from hacluster.pe.explain.outcome import leaves_of
from hacluster.pe.explain.part import neighbourhood
from hacluster.pe.explain.place import part_of, why_not
from hacluster.pe.explain.stuck import stuck_actions
from hacluster.pe.explain.trials import Accepts, Trials, sound
from hacluster.pe.explain.words import Teller
from hacluster.pe.model.causes import Why
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.memory import Memory
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.model.tally import Tally
from hacluster.pe.schedule import decide
from hacluster.pe.unpack.status import unpack

_NEXT: Final = 3
"""For how many other nodes a location score is looked for."""


def _preference(rsc: Resource, node: Node, score: int) -> Candidate:
    text = f"Add a location constraint of {rsc.id} for {node.name} with score {show_score(score)}"
    return Candidate(text, None, prefer(rsc.id, node.name, score))


def _enough(trials: Trials, rsc: Resource, node: Node, difference: int) -> Effect | None:
    """The smallest score that was found to bring the resource to a node."""
    for score in dict.fromkeys((max(difference, 1), difference + 1)):
        effect = trials.effect(_preference(rsc, node, score), only_cheap=score == difference)
        if effect is not None and node.name in effect.nodes:
            return effect
    best = trials.effect(_preference(rsc, node, INFINITY))
    if best is None or node.name not in best.nodes:
        return None
    low, high = difference + 1, INFINITY
    while high - low > max(1, low // 20):
        middle = (low + high) // 2 if high < INFINITY else min(low * 4 + 4, INFINITY - 1)
        effect = trials.effect(_preference(rsc, node, middle))
        if effect is not None and node.name in effect.nodes:
            high, best = middle, effect
        else:
            low = middle
        if low >= INFINITY - 1:
            break
    return best


def _pulls(trials: Trials, rsc: Resource, leaf: Resource, on: str | None) -> Iterator[Effect]:
    """A location score for the nodes that come next, or for the one that was asked about."""
    contest = leaf.cluster.contests.get(leaf.idx)
    if contest is None or leaf.assigned is None or rsc.top is not rsc or rsc.kind not in (Kind.PRIMITIVE, Kind.GROUP):
        # An instance cannot be named in a constraint, and a member goes where its group goes.
        return
    scores = {leaf.cluster.node_table[idx].name: score for idx, score, _load in contest.places}
    highest = scores.get(leaf.assigned.name, 0)
    table = leaf.cluster.node_table
    others = [table[idx] for idx, _score, _load in contest.places if table[idx] is not leaf.assigned]
    others = others[:_NEXT] if on is None else [node for node in others if node.name == on]
    for node in others:
        own = scores.get(node.name)
        if not node.available or own is None or own < 0 or highest >= INFINITY:
            continue
        effect = _enough(trials, rsc, node, highest - own)
        if effect is not None:
            yield effect


def _candidates(
    teller: Teller, rsc: Resource, parts: list[Part], leaves: list[Resource], beside: list[Because]
) -> Iterator[Candidate]:
    cluster = teller.cluster
    yield from option_changes(cluster, teller, leaves)
    for leaf in leaves:
        yield from setting_changes(leaf)
    yield from named_settings(cluster, parts)
    yield from constraint_changes(cluster, named_ids(parts))
    yield from constraint_changes(cluster, [reason.id for reason in beside if reason.id is not None])
    yield from failure_changes(teller, leaves)
    for node in cluster.nodes:
        yield from node_changes(cluster, node)
    yield from clone_changes(rsc)
    yield from order_changes(rsc)
    yield from promotion_changes(leaves)
    yield from allowance_changes(cluster, leaves)
    if any(step.cause.why is Why.UTILIZATION for leaf in leaves for node in cluster.nodes
           for step in teller.book.steps(leaf, node)):  # fmt: skip
        yield from priority_changes(rsc)
    used = dict.fromkeys(leaf.assigned for leaf in leaves if leaf.assigned is not None)
    for node in used if len(used) == 1 else ():
        if node.available:
            yield leave(node)


def _effects(
    trials: Trials, teller: Teller, rsc: Resource, parts: list[Part], *, on: str | None, beside: list[Because]
) -> list[Effect]:
    leaves = leaves_of(rsc)
    found: list[Effect] = []
    tried: set[str] = set()
    for candidate in _candidates(teller, rsc, parts, leaves, beside):
        if candidate.text in tried:
            continue
        tried.add(candidate.text)
        effect = trials.effect(candidate)
        if effect is not None:
            found.append(effect)
    if leaves:
        found += _pulls(trials, rsc, leaves[0], on)
    return found


def _collection(teller: Teller, rsc: Resource, leaves: list[Resource]) -> Part:
    """A clone as a whole: where it has instances, and why not on the other nodes."""
    nodes = sorted({leaf.assigned.name for leaf in leaves if leaf.assigned is not None})
    where = f"on {' and '.join(nodes)}" if nodes else "nowhere"
    most = rsc.clone_data.max
    part = Part(rsc.id, f"{rsc.id} is a clone of up to {most} instances: its place is {where}")
    spare = next((leaf for leaf in leaves if leaf.assigned is None), None)
    for node in rsc.cluster.nodes:
        if node.name in nodes or node.idx not in rsc.allowed:
            continue
        reasons = why_not(teller, spare or leaves[0], node)
        part.elsewhere.append(Elsewhere(node.name, tuple(reasons)))
    return part


def _parts(teller: Teller, rsc: Resource) -> list[Part]:
    leaves = leaves_of(rsc)
    parts = [part_of(teller, leaf) for leaf in leaves]
    if rsc.kind is Kind.GROUP:
        for part in parts[1:]:
            part.elsewhere = [] if part.node == parts[0].node else part.elsewhere
    if rsc.kind is not Kind.CLONE or not leaves:
        return parts
    placed = [part for part, leaf in zip(parts, leaves, strict=True) if leaf.assigned is not None or leaf.active_on]
    for part in placed:
        part.elsewhere = []
    return [_collection(teller, rsc, leaves), *placed]


def _only(explanation: Explanation, node: str) -> None:
    """Keep what is about one node."""
    for part in explanation.parts:
        part.elsewhere = [entry for entry in part.elsewhere if entry.node == node]
        if part.node != node:
            part.why = []
    explanation.changes = [effect for effect in explanation.changes if node in effect.nodes]


def unknown(kind: str, name: str, known: list[str]) -> ConfigError:
    """There is no such resource, node or action."""
    hint = f"known: {', '.join(known[:20])}{', …' if len(known) > 20 else ''}" if known else ""
    return ConfigError([Report(f"unknown-{kind}", Severity.ERROR, f"there is no {kind} {name!r}", hint=hint)])


def find_any(cluster: Cluster, ident: str) -> Resource | None:
    """The resource of an id: as it is known to the cluster, or as the configuration has it inside a clone or bundle.

    What a clone has several of is explained with the clone.
    """
    found = cluster.find_resource(ident)
    if found is not None and found.id == ident:
        return found
    inside = [rsc for rsc in cluster.resource_table if rsc.xml_id == ident and not rsc.orphan]
    if not inside:
        return found
    return inside[0] if len(inside) == 1 else inside[0].top


def _all_ids(cluster: Cluster) -> list[str]:
    return list(dict.fromkeys(name for rsc in cluster.resource_table for name in (rsc.id, rsc.xml_id)))


def _only_named(parts: list[Part], rsc: Resource, ident: str) -> list[Part]:
    """Of a clone, the parts that are instances of what was asked for."""
    named = {entry.id for entry in rsc.walk() if ident in (entry.id, entry.xml_id)}
    below = {leaf.id for entry in rsc.walk() if entry.id in named for leaf in entry.walk()}
    kept = [part for part in parts if part.resource in below]
    return [parts[0], *[part for part in kept if part is not parts[0]]] if kept and rsc.id not in named else parts


def explain(
    document: Document, now: Moment, rsc_id: str, on: str | None = None, accepts: Accepts = sound
) -> Explanation:
    """Why a resource is where it is, or, with ``on``, why it is or is not on that node.

    The document is not changed. A change is told only if ``accepts`` (configuration before and after) finds it one that
    can be made. Raises :class:`ConfigError` for a resource or node that there is not.
    """
    configuration = document.root.find("configuration")
    memory = Memory() if configuration is not None and Memory.trusts(etree.tostring(configuration)) else None
    cluster, tally = Cluster(copied(document), now, sanitized=True, ledger=True, memory=memory), Tally()
    cluster.tally = tally
    unpack(cluster)
    transition = decide(cluster)
    rsc = find_any(cluster, rsc_id)
    if rsc is None:
        raise unknown("resource", rsc_id, _all_ids(cluster))
    if on is not None and cluster.find_node(on) is None:
        raise unknown("node", on, [node.name for node in cluster.nodes])
    teller = Teller(Book(cluster))
    teller.stuck = stuck_actions(transition.graph)
    parts = _only_named(_parts(teller, rsc), rsc, rsc_id)
    for leaf in leaves_of(rsc):
        part = next((one for one in parts if one.resource == leaf.id), None)
        if part is not None:
            part.facts += expired_failures(leaf)
    around = neighbourhood(document, cluster, tally, rsc)
    trials = Trials(document, now, teller, rsc, accepts=accepts, part=around)
    beside = list(mistakes(rsc, document.root if around is None else around.root))
    beside += constraints_beside(rsc, set(named_ids(parts)))
    effects = _effects(trials, teller, rsc, parts, on=on, beside=beside)
    explanation = Explanation(rsc.id, parts, effects, beside=beside)
    if on is not None:
        explanation.node = on
        _only(explanation, on)
    return explanation
