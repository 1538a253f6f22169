"""The explanation of a resource: its parts, and the changes that would move it, each tried out.

A change is only told if scheduling a copy of the CIB with that change has shown what becomes of the resource. How many
are tried is bounded by the size of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hacluster.base.errors import ConfigError
from hacluster.base.iso8601 import Moment
from hacluster.base.report import Report, Severity
from hacluster.base.score import INFINITY, show_score
from hacluster.cib.document import Document
from hacluster.pe.explain.answer import Effect, Elsewhere, Explanation, Part
from hacluster.pe.explain.book import Book
from hacluster.pe.explain.candidates import (
    clone_changes,
    constraint_changes,
    failure_changes,
    leave,
    named_settings,
    node_changes,
    option_changes,
    setting_changes,
)
from hacluster.pe.explain.edits import Candidate, copied, prefer
from hacluster.pe.explain.place import blocked_action, part_of, why_not
from hacluster.pe.explain.words import Teller
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.schedule import Transition, schedule

_RUNS: Final = 60
"""Most changes that are tried."""
_WORK: Final = 200_000
"""Most resource-node pairs that are scheduled altogether to try changes."""
_FEWEST: Final = 4
_NEXT: Final = 3
"""For how many other nodes a location score is looked for."""

Places = tuple[tuple[str, str, str], ...]
"""Where everything of a resource will be: configured id, node and role, sorted."""


def leaves_of(rsc: Resource) -> list[Resource]:
    """The primitives that a resource consists of; of a bundle addresses, what is inside, containers and connections."""
    if rsc.kind is Kind.BUNDLE:
        return [part for replica in rsc.bundle_data.replicas for part in replica.parts()]
    return [entry for entry in rsc.walk() if not entry.instances]


def places_of(rsc: Resource) -> Places:
    """Where a resource will be if the transition is run."""
    found = []
    for leaf in leaves_of(rsc):
        node, barrier = leaf.assigned, blocked_action(leaf)
        if barrier is not None and barrier.task == "stop":
            found += [(leaf.config_id, place.name, leaf.role.word) for place in leaf.active_on]
        elif node is not None and (barrier is None or barrier.task != "start"):
            role = Role.UNPROMOTED if barrier is not None and leaf.next_role is Role.PROMOTED else leaf.next_role
            found.append((leaf.config_id, node.name, role.word))
    return tuple(sorted(found))


def untouched(rsc: Resource) -> bool:
    """Whether the cluster leaves any of it alone."""
    return any(not leaf.managed for leaf in leaves_of(rsc))


def _outcome(rsc_id: str, places: Places) -> str:
    """Places in words."""
    if not places:
        return f"{rsc_id} is stopped everywhere"
    by_role: dict[tuple[str, str], list[str]] = {}
    for ident, node, role in places:
        by_role.setdefault((ident, role), []).append(node)
    whole = {tuple(nodes) for nodes in by_role.values()}
    if len(whole) == 1 and len({role for _ident, role in by_role}) == 1:
        role = next(role for _ident, role in by_role)
        verb = "runs" if role == "Started" else f"is {role.lower()}"
        return f"{rsc_id} {verb} on {' and '.join(dict.fromkeys(next(iter(whole))))}"
    texts = []
    for (ident, role), nodes in sorted(by_role.items()):
        verb = "runs" if role == "Started" else f"is {role.lower()}"
        texts.append(f"{ident} {verb} on {' and '.join(dict.fromkeys(nodes))}")
    return "; ".join(texts)


class _Trials:
    """Tries changes on copies, within bounds."""

    def __init__(self, document: Document, now: Moment, cluster: Cluster, rsc: Resource) -> None:
        self._document = document
        self._now = now
        self._id = rsc.id
        self.present = places_of(rsc)
        self._untouched = untouched(rsc)
        size = max(1, len(cluster.resource_table) * len(cluster.nodes))
        self._left = max(_FEWEST, min(_RUNS, _WORK // size))

    def run(self, candidate: Candidate) -> Resource | None:
        """The resource after a change; ``None`` if the bounds are reached or there is no such resource any more."""
        if self._left <= 0:
            return None
        self._left -= 1
        document = copied(self._document)
        candidate.edit(document)
        return schedule(document, self._now, sanitized=True).cluster.find_resource(self._id)

    def effect(self, candidate: Candidate) -> Effect | None:
        """What a change would do; ``None`` if nothing."""
        rsc = self.run(candidate)
        places = self.present if rsc is None else places_of(rsc)
        freed = rsc is not None and self._untouched and not untouched(rsc)
        if places == self.present and not freed:
            return None
        nodes = tuple(sorted({node for _ident, node, _role in places}))
        again = ", and the cluster takes care of it again" if freed else ""
        return Effect(candidate.text, candidate.id, _outcome(self._id, places) + again, nodes)


def _preference(rsc: Resource, node: Node, score: int) -> Candidate:
    text = f"Add a location constraint of {rsc.id} for {node.name} with score {show_score(score)}"
    return Candidate(text, None, prefer(rsc.id, node.name, score))


def _enough(trials: _Trials, rsc: Resource, node: Node, difference: int) -> Effect | None:
    """The smallest score that was found to bring the resource to a node."""
    for score in dict.fromkeys((max(difference, 1), difference + 1)):
        effect = trials.effect(_preference(rsc, node, score))
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


def _pulls(trials: _Trials, rsc: Resource, leaf: Resource, on: str | None) -> Iterator[Effect]:
    """A location score for the nodes that come next, or for the one that was asked about."""
    contest = leaf.cluster.contests.get(leaf.idx)
    if contest is None or leaf.assigned is None or rsc.kind not in (Kind.PRIMITIVE, Kind.GROUP):
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


def _candidates(teller: Teller, rsc: Resource, parts: list[Part], leaves: list[Resource]) -> Iterator[Candidate]:
    cluster = teller.cluster
    yield from option_changes(cluster, teller, leaves)
    for leaf in leaves:
        yield from setting_changes(leaf)
    yield from named_settings(cluster, parts)
    yield from constraint_changes(cluster, parts)
    yield from failure_changes(teller, leaves)
    for node in cluster.nodes:
        yield from node_changes(cluster, node)
    yield from clone_changes(rsc)
    used = dict.fromkeys(leaf.assigned for leaf in leaves if leaf.assigned is not None)
    for node in used if len(used) == 1 else ():
        if node.available:
            yield leave(node)


def _effects(trials: _Trials, teller: Teller, rsc: Resource, parts: list[Part], on: str | None) -> list[Effect]:
    leaves = leaves_of(rsc)
    found: list[Effect] = []
    tried: set[str] = set()
    for candidate in _candidates(teller, rsc, parts, leaves):
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


def explain(document: Document, now: Moment, rsc_id: str, on: str | None = None) -> Explanation:
    """Why a resource is where it is, or, with ``on``, why it is or is not on that node.

    The document is not changed. Raises :class:`ConfigError` for a resource or node that there is not.
    """
    transition: Transition = schedule(copied(document), now, sanitized=True, ledger=True)
    cluster = transition.cluster
    rsc = cluster.find_resource(rsc_id)
    if rsc is None:
        raise unknown("resource", rsc_id, [entry.id for entry in cluster.resources])
    if on is not None and cluster.find_node(on) is None:
        raise unknown("node", on, [node.name for node in cluster.nodes])
    teller = Teller(Book(cluster))
    parts = _parts(teller, rsc)
    trials = _Trials(document, now, cluster, rsc)
    explanation = Explanation(rsc.id, parts, _effects(trials, teller, rsc, parts, on))
    if on is not None:
        explanation.node = on
        _only(explanation, on)
    return explanation
