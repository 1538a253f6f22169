"""Which actions and which edges count: those are what the graph is made of."""

from __future__ import annotations

from hacluster.pe.model.action import Action, Edge, Flag, Order

_HARMLESS = Order.FIRST_PRINTED | Order.THEN_PRINTED | Order.OPTIONAL


def belongs(action: Action) -> bool:
    """Whether an action is to be done in this transition."""
    flags, rsc, node = action.flags, action.rsc, action.node
    if not flags & Flag.RUNNABLE or (flags & Flag.OPTIONAL and not flags & Flag.ALWAYS):
        return False
    if rsc is not None and not rsc.managed and action.task != "monitor" and action.meta.get("interval", "0") == "0":
        # Of what is unmanaged only monitors are run.
        return False
    if flags & Flag.PSEUDO or action.task in ("stonith", "do_shutdown"):
        return True
    if node is None:
        return False
    if flags & Flag.DC or (node.is_guest and not node.remote_requires_reset):
        return True
    return node.online and not node.unclean


def _wrong_place(action: Action, edge: Edge) -> bool:
    """Orders about room, and about keeping apart, are for one node only."""
    first = edge.action
    if edge.type == Order.LOAD:
        node = action.node
        if action.rsc is not None and action.task == "migrate_to":
            return first.node is None or first.node is not action.rsc.assigned
        return first.node is None or node is None or first.node is not node or first.optional
    if first.node is not None and action.node is not None and first.node is not action.node:
        return True
    return first.optional


def includes(action: Action, edge: Edge) -> bool:
    """Whether an edge matters for an action of the graph."""
    first, kind = edge.action, edge.type
    if edge.dumped:
        return True
    if kind == Order.NONE:
        return False
    if not first.can_run and (not kind & ~_HARMLESS or kind & (Order.ONE_OR_MORE | Order.IMPLIES_FIRST_MIGRATABLE)):
        return False
    if kind & Order.FIRST_NON_MIGRATABLE and first.flags & Flag.MIGRATE_RUNNABLE:
        return False
    if kind == Order.OPTIONAL and first.flags & Flag.MIGRATE_RUNNABLE and first.key.endswith("_stop_0"):
        return False
    if kind in (Order.LOAD, Order.ANTI_COLOCATION):
        if _wrong_place(action, edge):
            edge.type = Order.NONE
            return False
        return True
    if (
        first.rsc is not None
        and first.rsc is not action.rsc
        and first.rsc.failed
        and not first.rsc.managed
        and first.key.endswith("_stop_0")
        and action.rsc is not None
        and action.rsc.is_clone
    ):
        return False
    return not (first.optional and not first.flags & (Flag.ALWAYS | Flag.DUMPED) and not belongs(first))


def has_loop(origin: Action, action: Action, edge: Edge) -> bool:
    """Whether following edges backwards leads to where it began."""
    first = edge.action
    if first.flags & Flag.TRACKING or not includes(action, edge):
        return False
    if first is origin:
        return True
    first.set(Flag.TRACKING)
    found = any(has_loop(origin, first, other) for other in first.before)
    first.clear(Flag.TRACKING)
    return found


def merge_edges(action: Action) -> None:
    """One edge per action that comes before, in the order in which these were made."""
    merged: dict[Action, Edge] = {}
    for edge in sorted(action.before, key=lambda entry: entry.action.id):
        known = merged.get(edge.action)
        if known is None:
            merged[edge.action] = edge
            edge.dumped = False
        else:
            known.type |= edge.type
            known.dumped = known.dumped or edge.dumped
            known.cause = known.cause or edge.cause
    action.before = list(merged.values())
