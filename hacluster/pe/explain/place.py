"""Where a resource is or will be and why, and why it is not on the other nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from hacluster.base.score import INFINITY, show_score
from hacluster.base.values import is_true
from hacluster.pe.explain.answer import Because, Elsewhere, Part
from hacluster.pe.explain.blocked import block_reasons, no_quorum, obstacles
from hacluster.pe.explain.nodes import failure, node_troubles
from hacluster.pe.explain.sources import meta_id, option_id
from hacluster.pe.explain.stuck import stuck_reasons
from hacluster.pe.explain.words import Teller
from hacluster.pe.model.action import Action, find_first, resource_actions
from hacluster.pe.model.causes import Contest, What
from hacluster.pe.model.kinds import Discovery, Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource

_MOVING: Final = ("start", "stop", "promote", "demote")
"""The tasks that change where a resource is or what it is."""


def _names(nodes: list[Node]) -> str:
    return " and ".join(sorted(node.name for node in nodes))


def _is(rsc: Resource, role: Role) -> str:
    if role in (Role.PROMOTED, Role.UNPROMOTED) and rsc.top.promotable:
        return f"is {role.word.lower()}"
    return "runs"


def _first(rsc: Resource, node: Node | None, task: str) -> Action | None:
    found = resource_actions(rsc, node, task, False)
    return found[0] if found else None


def blocked_action(rsc: Resource, stuck: Collection[Action] = ()) -> Action | None:
    """The start, promotion or stop that would have to be done but cannot; ``stuck``: what a run never reaches."""
    if stuck:
        held = next((one for one in rsc.actions if one in stuck and one.task in _MOVING), None)
        if held is not None:
            return held
    node = rsc.assigned
    for task in ("start", "promote"):
        action = None if node is None else _first(rsc, node, task)
        if action is not None and not action.can_run and not action.optional:
            return action
    if node is not None and node not in rsc.active_on:
        start = _first(rsc, node, "start")
        if start is not None and not start.can_run:
            return start
    for place in rsc.active_on:
        stop = _first(rsc, place, "stop")
        if stop is not None and not stop.can_run and not stop.optional and rsc.assigned is not place:
            return stop
    return None


def _fate(rsc: Resource, stuck: Collection[Action]) -> str:
    """What becomes of an active resource."""
    node, here = rsc.assigned, rsc.active_on
    barrier = blocked_action(rsc, stuck)
    if barrier is not None and barrier in stuck:
        return f"stays as it is: {barrier.task} of it is to be done, but cannot"
    if not rsc.managed:
        return "stays there"
    if node is None:
        return "has to stop, but cannot be stopped" if barrier is not None else "is going to be stopped"
    if barrier is not None and barrier.task == "start":
        return "is going to be stopped" + (f", and cannot be started on {node.name}" if node not in here else "")
    if node not in here:
        migrate = _first(rsc, node, "migrate_from")
        return f"migrates to {node.name}" if migrate is not None and migrate.can_run else f"moves to {node.name}"
    if len(here) > 1:
        return f"will run on {node.name} only"
    stop = find_first(rsc.actions, None, "stop", node)
    restart = stop is not None and not stop.optional and stop.can_run
    if rsc.role is not rsc.next_role and rsc.next_role is Role.PROMOTED:
        return "is going to be promoted there"
    if rsc.role is Role.PROMOTED and rsc.next_role is not Role.PROMOTED:
        return "is going to be demoted there"
    return "is restarted there" if restart else "stays there"


def sentence(rsc: Resource, stuck: Collection[Action] = ()) -> str:
    """Where a resource is, and where it will be."""
    node, here = rsc.assigned, rsc.active_on
    if here:
        return f"{rsc.id} {_is(rsc, rsc.role)} on {_names(here)} and {_fate(rsc, stuck)}"
    if node is None:
        return f"{rsc.id} is stopped and stays stopped"
    barrier = blocked_action(rsc, stuck)
    if barrier is not None and barrier.task == "start":
        return f"{rsc.id} is stopped; it is to start on {node.name}, but cannot"
    promoted = " and is promoted there" if rsc.next_role is Role.PROMOTED else ""
    return f"{rsc.id} is stopped and starts on {node.name}{promoted}"


def facts(rsc: Resource, stuck: Collection[Action] = ()) -> list[Because]:
    """What holds for the resource wherever it is: left alone, blocked, failed, kept from starting."""
    cluster = rsc.cluster
    found: list[Because] = []
    if rsc.blocked or not rsc.managed:
        word = "is blocked" if rsc.blocked else "is not managed: the cluster leaves it as it is"
        found.append(Because(f"{rsc.id} {word}", rsc.config_id, None, tuple(block_reasons(rsc))))
    for entry in cluster.decisions or ():
        if entry.subject == rsc.id and entry.what in (What.RECOVER, What.STOP):
            word = "it is recovered" if entry.what is What.RECOVER else "it is stopped (on-fail is stop)"
            found.append(Because(f"{failure(cluster, entry.cause)}; {word}", entry.cause.id))
    if rsc.managed and rsc.kind is Kind.PRIMITIVE:
        if cluster.stop_everything:
            found.append(Because("stop-all-resources is true", option_id(cluster, "stop-all-resources")))
        barrier = blocked_action(rsc, stuck)
        if barrier is not None and barrier in stuck:
            found += stuck_reasons(barrier, stuck)
        elif barrier is not None:
            found += [reason for reason in obstacles(barrier) if reason not in found]
    return found + _restart(rsc) + role_facts(rsc)


def _restart(rsc: Resource) -> list[Because]:
    """Why a resource that stays where it is has to stop and start."""
    node = rsc.assigned
    if node is None or rsc.active_on != [node] or not rsc.managed or rsc.failed:
        return []
    start, stop = _first(rsc, node, "start"), _first(rsc, node, "stop")
    if start is None or stop is None or stop.optional or not start.can_run:
        return []
    reason = start.reason or stop.reason or "what it depends on is restarted"
    orders = [edge for action in (start, stop) for edge in action.before if edge.cause is not None]
    behind = tuple(Because(f"order constraint {cause}", cause) for cause in dict.fromkeys(one.cause for one in orders))
    behind += tuple(_not_interleaved(rsc))
    return [Because(f"{rsc.id} is restarted: {reason}", rsc.config_id, None, behind)]


def _ordered_with_a_clone(top: Resource) -> bool:
    """Whether an order ties a clone to another one."""
    cluster = top.cluster
    clones = {one.id for one in cluster.resources if one.is_clone and one is not top}
    for order in cluster.document.root.iterfind("configuration/constraints/rsc_order"):
        named = {order.get("first"), order.get("then")}
        named |= {ref.get("id") for ref in order.iterfind("resource_set/resource_ref")}
        if top.id in named and named & clones:
            return True
    return False


def _not_interleaved(rsc: Resource) -> Iterator[Because]:
    """Instances that wait for all instances of another clone, not for the one beside them alone."""
    top = rsc.top
    if top.is_clone and not is_true(top.meta.get("interleave")) and _ordered_with_a_clone(top):
        text = f"interleave of {top.id} is false: each instance waits for every instance that comes first"
        yield Because(text, meta_id(top, "interleave") or top.id)


def role_facts(rsc: Resource) -> list[Because]:
    """Why an instance of a promotable clone is promoted or not."""
    top = rsc.top
    if not top.promotable or rsc.assigned is None or top.clone is None:
        return []
    instance = next((child for child in top.instances if rsc in list(child.walk())), rsc)
    score, data = show_score(instance.sort_index), top.clone_data
    most = f"promoted-max is {data.promoted_max}"
    if rsc.next_role is Role.PROMOTED:
        return [Because(f"{rsc.id} is promoted: its promotion score is {score} ({most})", top.config_id, score)]
    if rsc.meta.get("target-role", "").lower() in ("unpromoted", "slave"):
        return [Because(f"target-role of {rsc.id} is {rsc.meta['target-role']}", meta_id(rsc, "target-role"))]
    quorum = no_quorum(rsc.cluster)
    if quorum:
        return quorum
    if instance.sort_index < 0:
        text = f"{rsc.id} is not promoted: nothing on {rsc.assigned.name} asks for it (promotion score {score})"
        return [Because(text, top.config_id, score)]
    text = f"{rsc.id} is not promoted: {most}, and others come before it (its promotion score is {score})"
    return [Because(text, meta_id(top, "promoted-max") or top.config_id, score)]


_FEW: Final = 4
"""How many nodes are named one by one."""


def _several(nodes: list[Node]) -> str:
    return _names(nodes) if len(nodes) <= _FEW else f"{len(nodes)} other nodes"


def _tie(contest: Contest, rsc: Resource, node: Node) -> Because | None:
    """What decided between nodes of the same score."""
    own = next((place for place in contest.places if place[0] == node.idx), None)
    if own is None:
        return None
    table, placement = rsc.cluster.node_table, rsc.cluster.placement
    rivals = [place for place in contest.places if place[1] == own[1] and place[0] != own[0]]
    rivals = [place for place in rivals if table[place[0]].available]
    if not rivals:
        return None
    names = _several([table[place[0]] for place in rivals])
    score, has = show_score(own[1]), "have" if len(rivals) > 1 else "has"
    same = f"{names} {has} the same score ({score})"
    if contest.preferred == node.name:
        return Because(f"{names} would do as well ({score}), but it can stay on {node.name}")
    if placement == "balanced":
        return Because(f"{same}, but no more capacity left than {node.name}")
    busier = [place for place in rivals if place[2] > own[2]] if placement != "minimal" else []
    if len(busier) < len(rivals) and rsc.current is node:
        return Because(f"{names} would do as well ({score}), but it runs on {node.name} already")
    if not busier:
        return Because(f"{same}; the order of names decides")
    counts = f": {table[busier[0][0]].name} {busier[0][2]}, {node.name} {own[2]}" if len(busier) == 1 else ""
    if len(busier) == len(rivals):
        return Because(f"{same}, but more resources to run{counts}")
    some = _several([table[place[0]] for place in busier])
    return Because(
        f"{same}; {some} of them {'have' if len(busier) > 1 else 'has'} more to run, then the order of names decides"
    )


def why_here(teller: Teller, rsc: Resource, node: Node) -> list[Because]:
    """Why a resource was given that node."""
    if not rsc.managed:
        return [Because(f"it is on {node.name}, and the cluster leaves it alone", rsc.config_id)]
    found = teller.chain(rsc, node)
    contest = rsc.cluster.contests.get(rsc.idx)
    if contest is not None:
        tie = _tie(contest, rsc, node)
        if tie is not None:
            found.append(tie)
    if not found:
        found.append(Because(f"nothing speaks for or against {node.name}; no other node has a higher score", node.id))
    return found


def _no_score(rsc: Resource, node: Node) -> list[Because]:
    """The row does not know the node."""
    cluster = rsc.cluster
    if not cluster.symmetric:
        text = f"symmetric-cluster is false, and no location constraint allows {rsc.id} on {node.name}"
        return [Because(text, option_id(cluster, "symmetric-cluster"))]
    if node.discover is Discovery.NEVER:
        return [Because(f"{node.name} is only for what is inside its container", node.id)]
    return [Because(f"{rsc.id} has no score on {node.name}", rsc.config_id)]


def _score_when_placed(rsc: Resource, node: Node) -> int | None:
    contest = rsc.cluster.contests.get(rsc.idx)
    if contest is not None:
        return next((place[1] for place in contest.places if place[0] == node.idx), None)
    return rsc.allowed.get(node.idx)


def why_not(teller: Teller, rsc: Resource, node: Node) -> list[Because]:
    """Why a resource was not given that node."""
    cluster = rsc.cluster
    found = node_troubles(cluster, node)
    known = {reason.id for reason in found}
    for step in teller.book.steps(rsc, node):
        if step.cause.pulls and found:
            # What would be with it cannot be there for the same reason.
            continue
        if step.worsens and (step.after is None or step.after < 0):
            reason = teller.step(rsc, node, step)
            if step.cause.other and not step.cause.pulls and rsc.assigned is not None:
                # Why the other one is where it is has been told with the reasons for the place chosen.
                reason = replace(reason, because=())
            if reason.id not in known:
                found.append(reason)
                known.add(reason.id)
    if found:
        return found
    if node.idx not in rsc.allowed:
        return _no_score(rsc, node)
    if not rsc.managed:
        return [Because(f"{rsc.id} is not managed and stays where it is", rsc.config_id)]
    if rsc.assigned is None:
        return facts(rsc) or [Because(f"{rsc.id} is not to run", rsc.config_id)]
    return _beaten(teller, rsc, node)


def _beaten(teller: Teller, rsc: Resource, node: Node) -> list[Because]:
    """It could run there, but another node is better."""
    best = rsc.assigned
    assert best is not None, rsc.id
    own, highest = _score_when_placed(rsc, node), _score_when_placed(rsc, best)
    steps = tuple(teller.steps(rsc, node))
    score = show_score(own if own is not None else -INFINITY)
    if own is not None and highest is not None and own < highest:
        text = f"its score there is {score}, less than {show_score(highest)} on {best.name}"
        return [Because(text, None, score, steps)]
    contest = rsc.cluster.contests.get(rsc.idx)
    tie = None if contest is None else _tie(contest, rsc, best)
    text = f"its score there is {score}, no better than on {best.name}"
    return [Because(text, None, score, (*steps, tie) if tie is not None else steps)]


def part_of(teller: Teller, rsc: Resource) -> Part:
    """The whole story of one primitive or instance."""
    node = rsc.assigned
    stuck = teller.stuck
    part = Part(rsc.id, sentence(rsc, stuck), None if node is None else node.name, facts=facts(rsc, stuck))
    if node is not None:
        score = _score_when_placed(rsc, node)
        part.score = None if score is None or not rsc.managed else show_score(score)
        part.why = why_here(teller, rsc, node)
    part.elsewhere = [
        Elsewhere(other.name, tuple(why_not(teller, rsc, other)))
        for other in rsc.cluster.nodes
        if other is not node and not _irrelevant(rsc, other)
    ]
    return part


def _irrelevant(rsc: Resource, node: Node) -> bool:
    """Nodes inside containers are nothing for what does not belong there."""
    return node.discover is Discovery.NEVER and node.idx not in rsc.allowed
