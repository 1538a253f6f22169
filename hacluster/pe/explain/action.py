"""The explanation of an action: why it is in the transition, what it comes after, what is in its way."""

from __future__ import annotations

from typing import Final

from hacluster.base.iso8601 import Moment
from hacluster.cib.document import Document
from hacluster.pe.explain.answer import ActionAnswer, Because
from hacluster.pe.explain.blocked import left_out, no_quorum, obstacles, source_of, title, why_fenced
from hacluster.pe.explain.book import Book
from hacluster.pe.explain.edits import copied
from hacluster.pe.explain.place import facts, sentence
from hacluster.pe.explain.resource import unknown
from hacluster.pe.explain.sources import find, node_attribute_id
from hacluster.pe.explain.words import Teller
from hacluster.pe.graph.xml import instance_key
from hacluster.pe.model.action import Action, Edge, Flag, Order
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.resource import Resource
from hacluster.pe.schedule import schedule

_MILESTONES: Final = {
    "running": "all starts",
    "stopped": "all stops",
    "promoted": "all promotions",
    "demoted": "all demotions",
    "notified": "all notifications",
}


def _matches(action: Action, key: str, node: str | None) -> bool:
    if key not in (action.key, instance_key(action), str(action.id)):
        return False
    return node is None or (action.node is not None and action.node.name == node)


def find_actions(cluster: Cluster, wanted: str) -> list[Action]:
    """The actions that ``KEY``, ``KEY on NODE``, ``KEY@NODE`` or a number names; if any are in the graph, those."""
    key, node = wanted.strip(), None
    for separator in (" on ", "@", " "):
        head, found, tail = key.rpartition(separator)
        if found and cluster.find_node(tail.strip()) is not None:
            key, node = head.strip(), tail.strip()
            break
    actions = [action for action in cluster.actions if _matches(action, key, node)]
    in_graph = [action for action in actions if action.flags & Flag.DUMPED]
    return in_graph or [action for action in actions if not action.optional] or actions


def _because_of_reason(action: Action) -> list[Because]:
    """The engine's own word for what made an action necessary."""
    reason = action.reason
    if reason is None:
        return []
    rsc = action.rsc
    if rsc is not None and reason == "resource definition change" and rsc.assigned not in rsc.active_on:
        # It would have been restarted where it is.
        return []
    if rsc is not None and reason in ("no quorum", "quorum freeze"):
        return no_quorum(rsc.cluster)
    verb, _, rest = reason.partition(" ")
    if verb in ("required", "unrunnable") and rest:
        for edge_action, edge in _neighbours(action):
            other = "" if edge_action.rsc is None else f"{edge_action.rsc.id} "
            if rest == f"{other}{edge_action.task}":
                word = "is needed too" if verb == "required" else "cannot be run"
                return [Because(f"{title(edge_action)} {word}{source_of(edge)}", edge.cause)]
    return [Because(reason, None if rsc is None else rsc.config_id)]


def _neighbours(action: Action) -> list[tuple[Action, Edge]]:
    found = [(edge.action, edge) for edge in action.before]
    for after in action.after:
        found += [(after, edge) for edge in after.before if edge.action is action]
    return found


def _placement(teller: Teller, rsc: Resource) -> Because:
    node = rsc.assigned
    behind = teller.steps(rsc, node) if node is not None else facts(rsc)
    return Because(sentence(rsc), rsc.config_id, None, tuple(behind))


def _why_monitor(action: Action, rsc: Resource) -> list[Because]:
    interval = action.meta.get("interval", "0")
    node = "a node" if action.node is None else action.node.name
    if interval == "0":
        return [Because(f"the state of {rsc.id} on {node} is not known, so it is looked for (probe)", rsc.config_id)]
    ident = None if action.op is None else action.op.get("id")
    where = f"{rsc.id} is to be checked every {int(interval) // 1000} s while it is on {node}"
    return [Because(where, ident or rsc.config_id)]


def _why_rsc(teller: Teller, action: Action, rsc: Resource) -> list[Because]:
    if action.cancel_task is not None:
        return [Because("this recurring operation is not wanted there any more", rsc.config_id)]
    if action.task == "monitor":
        return _why_monitor(action, rsc)
    if action.task == "notify":
        return [Because(f"{rsc.top.id} has notify=true, and its instances are told what happens", rsc.top.config_id)]
    if rsc.kind is not Kind.PRIMITIVE:
        what = _MILESTONES.get(action.task, f"the {action.task} of all parts")
        return [Because(f"a milestone: it stands for {what} of {rsc.id}", rsc.config_id)]
    found = _because_of_reason(action)
    if action.task == "clear_failcount":
        return found or [Because(f"the failures of {rsc.id} are to be forgotten", rsc.config_id)]
    if action.task == "lrm_delete":
        return found or [Because(f"the history of {rsc.id} there is not needed any more", rsc.config_id)]
    if action.pseudo and action.task in ("stop", "demote"):
        found.append(Because("fencing of the node does it", rsc.config_id))
    return [*found, _placement(teller, rsc)]


def _why(teller: Teller, action: Action) -> list[Because]:
    cluster, node = teller.cluster, action.node
    if action.task == "stonith":
        return why_fenced(action, cluster)
    if action.task == "do_shutdown" and node is not None:
        ident = node_attribute_id(cluster, node, "shutdown")
        return [Because(f"{node.name} asked to leave the cluster", ident or node.id)]
    if action.rsc is None:
        return [Because("a milestone that other actions wait for", None)]
    return _why_rsc(teller, action, action.rsc)


def _order_text(edge: Edge, then: Action, cluster: Cluster) -> str:
    """Which ordering puts one action before another."""
    first = edge.action
    if edge.cause is not None:
        element = find(cluster, edge.cause)
        kind = {"rsc_order": "order constraint", "rsc_colocation": "colocation: never both at once"}
        return kind.get("" if element is None else str(element.tag), "constraint")
    if first.task == "stonith":
        return "the node has to be fenced first"
    if first.rsc is not None and first.rsc is then.rsc:
        return "one after the other on the same resource"
    if edge.type & (Order.LOAD | Order.ANTI_COLOCATION):
        return "room has to be made first"
    if (
        "notify" in (first.task, then.task)
        or "notified" in (first.task, then.task)
        or "_notify_" in first.key + then.key
    ):
        return "notifications around a change"
    if first.task == "monitor":
        return "what runs where has to be known first"
    if first.rsc is not None and then.rsc is not None:
        return _structure(first.rsc, then.rsc)
    return "this has to happen first"


def _structure(first: Resource, then: Resource) -> str:
    if first.is_inside(then) or then.is_inside(first):
        whole = then if first.is_inside(then) else first
        return f"part of {whole.kind.name.lower()} {whole.id}"
    if first.parent is not None and first.parent is then.parent:
        return f"order within {first.parent.kind.name.lower()} {first.parent.id}"
    if then.container is first or first.container is then:
        return "container and what is inside"
    return "this has to happen first"


def _waits_for(action: Action, cluster: Cluster) -> list[Because]:
    found = []
    for edge in action.before:
        if edge.dumped:
            text = f"{title(edge.action)} (action {edge.action.id}): {_order_text(edge, action, cluster)}"
            found.append(Because(text, edge.cause))
    return found


def _verdict(action: Action) -> str:
    if action.flags & Flag.DUMPED:
        kind = "milestone" if action.pseudo and action.task != "stonith" else "action"
        return f"{title(action)} is {kind} {action.id} of the transition"
    if action.optional:
        return f"{title(action)} is not part of the transition: nothing needs it"
    if action.rsc is not None and not action.rsc.managed:
        return f"{title(action)} is not part of the transition: {action.rsc.id} is left alone"
    return f"{title(action)} would be needed, but cannot be run"


def _answer(teller: Teller, action: Action) -> ActionAnswer:
    node = None if action.node is None else action.node.name
    answer = ActionAnswer(action.key, node, action.id, _verdict(action))
    if not action.optional or action.flags & Flag.DUMPED:
        answer.why = _why(teller, action)
    answer.waits_for = _waits_for(action, teller.cluster) if action.flags & Flag.DUMPED else []
    if not action.flags & Flag.DUMPED and not action.optional:
        answer.blocked = obstacles(action)
        if not answer.blocked:
            answer.blocked = left_out(action)
    return answer


def explain_action(document: Document, now: Moment, wanted: str) -> list[ActionAnswer]:
    """Why the actions that ``wanted`` names are part of the transition, or are not.

    The document is not changed. Raises :class:`ConfigError` if there is no such action.
    """
    cluster = schedule(copied(document), now, sanitized=True, ledger=True).cluster
    actions = find_actions(cluster, wanted)
    if not actions:
        in_graph = [title(action) for action in cluster.actions if action.flags & Flag.DUMPED and not action.pseudo]
        raise unknown("action", wanted, in_graph)
    teller = Teller(Book(cluster))
    return [_answer(teller, action) for action in actions]
