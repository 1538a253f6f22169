"""Where a resource will be once a transition has been run, and how that is said."""

from __future__ import annotations

from collections.abc import Collection

from hacluster.pe.explain.place import blocked_action
from hacluster.pe.model.action import Action
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.resource import Resource

Places = tuple[tuple[str, str, str], ...]
"""Where everything of a resource will be: configured id, node and role, sorted."""


def leaves_of(rsc: Resource) -> list[Resource]:
    """The primitives that a resource consists of; of a bundle addresses, what is inside, containers and connections."""
    if rsc.kind is Kind.BUNDLE:
        return [part for replica in rsc.bundle_data.replicas for part in replica.parts()]
    return [entry for entry in rsc.walk() if not entry.instances]


def places_of(rsc: Resource, stuck: Collection[Action] = ()) -> Places:
    """Where a resource will be if the transition is run as far as it can be."""
    found = []
    for leaf in leaves_of(rsc):
        node, barrier = leaf.assigned, blocked_action(leaf, stuck)
        if barrier is not None and (barrier.task == "stop" or barrier in stuck):
            found += [(leaf.config_id, place.name, leaf.role.word) for place in leaf.active_on]
        elif node is not None and (barrier is None or barrier.task != "start"):
            role = Role.UNPROMOTED if barrier is not None and leaf.next_role is Role.PROMOTED else leaf.next_role
            found.append((leaf.config_id, node.name, role.word))
    return tuple(sorted(found))


def _restarts(leaf: Resource) -> bool:
    node = leaf.assigned
    if node is None or leaf.active_on != [node] or not leaf.managed:
        return False
    return any(one.task == "start" and one.node is node and one.can_run and not one.optional for one in leaf.actions)


def restarted(rsc: Resource) -> bool:
    """Whether any of a resource stays where it is and is stopped and started all the same."""
    return any(_restarts(leaf) for leaf in leaves_of(rsc))


def untouched(rsc: Resource) -> bool:
    """Whether the cluster leaves any of it alone."""
    return any(not leaf.managed for leaf in leaves_of(rsc))


def outcome(rsc_id: str, places: Places) -> str:
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
