"""What ``crm_resource`` tells of constraints, reasons, operations and digests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from hacluster.base.score import INFINITY
from hacluster.base.tree import Tree
from hacluster.base.values import truth
from hacluster.cib.records import OpRecord
from hacluster.pe.model.kinds import Kind, Role, parse_role
from hacluster.pe.views.details import STATUS
from hacluster.pe.views.outline import Item, Listing, text_lines
from hacluster.tools.output import Failed

if TYPE_CHECKING:
    from hacluster.pe.model.constraints import Colocation
    from hacluster.pe.model.node import Node
    from hacluster.pe.model.resource import Resource
    from hacluster.tools.crm_resource import Call

# -- constraints ------------------------------------------------------------------------------------------------------


def score_words(score: int) -> str:
    """A score as people write it."""
    if abs(score) >= INFINITY:
        return "INFINITY" if score > 0 else "-INFINITY"
    return str(score)


def _locations(rsc: Resource) -> Iterator[tuple[str, str, int]]:
    for location in reversed(rsc.locations):
        for node, score in location.nodes:
            yield node.name, location.id, score


class _Constraints:
    """Walks colocations; ``trees`` collects the same for XML."""

    def __init__(self, recursive: bool) -> None:
        self.recursive = recursive
        self.trees: list[Tree] = []

    def locations(self, rsc: Resource) -> list[Item | Listing]:
        items = []
        for node, ident, score in _locations(rsc):
            words = score_words(score)
            items.append(Item(f"Node {node} (score={words}, id={ident}, rsc={rsc.id})"))
            self.trees.append(Tree("rsc_location", {"node": node, "rsc": rsc.id, "id": ident, "score": words}))
        return [Listing("Locations", list(items))] if items else []

    def _item(self, link: Colocation, peer: Resource, dependents: bool) -> Item:
        role = ""
        if link.primary_role > Role.STARTED:
            role = f", {'needs' if dependents else 'with'} role={link.primary_role.word}"
        attrs = {"id": link.id, "rsc": link.dependent.id, "with-rsc": link.primary.id, "score": score_words(link.score)}
        if link.dependent_role > Role.STARTED:
            attrs["rsc-role"] = link.dependent_role.word
        if link.primary_role > Role.STARTED:
            attrs["with-rsc-role"] = link.primary_role.word
        self.trees.append(Tree("rsc_colocation", attrs))
        return Item(f"{peer.id} (score={score_words(link.score)}{role}, id={link.id})")

    def colocations(self, rsc: Resource, dependents: bool, seen: tuple[Resource, ...] = ()) -> list[Item | Listing]:
        title = f"Resources colocated with {rsc.id}" if dependents else f"Resources {rsc.id} is colocated with"
        listing = Listing(title)
        for link in rsc.with_this if dependents else rsc.this_with:
            peer = link.dependent if dependents else link.primary
            if peer in seen:
                listing.items.append(Item(f"{peer.id} (id={link.id} - loop)"))
                continue
            listing.items.append(self._item(link, peer, dependents))
            nested = self.locations(peer)
            if self.recursive:
                nested += self.colocations(peer, dependents, (*seen, rsc))
            if nested:
                listing.items.append(Listing("", nested))
        return [listing] if listing.items else []


def _constraints(call: Call) -> int:
    from hacluster.pe.unpack.constraints import unpack_constraints  # noqa: PLC0415 - only this needs them

    unpack_constraints(call.cluster)
    rsc = call.rsc
    if not call.force:
        rsc = rsc.top if not rsc.bundled else (rsc.top.parent or rsc.top)
    walk = _Constraints(call.command == "stack" or "recursive" in call.given)
    parts = [*walk.locations(rsc), *walk.colocations(rsc, True), *walk.colocations(rsc, False)]
    for part in parts:
        for line in text_lines(part):
            call.out.line(line)
    call.out.tree(Tree("constraints", children=walk.trees))
    return 0


# -- why --------------------------------------------------------------------------------------------------------------


def _reasons(rsc: Resource) -> tuple[list[str], Tree]:
    parent = rsc.top
    lines: list[str] = []
    tree = Tree("check", {"id": parent.id})
    role = parse_role(parent.meta.get("target-role"))
    if role is Role.STOPPED:
        lines.append(f"Configuration specifies '{parent.id}' should remain stopped")
        tree.attrs["remain_stopped"] = "true"
    elif parent.promotable and role is Role.UNPROMOTED:
        lines.append(f"Configuration specifies '{parent.id}' should not be promoted")
        tree.attrs["promotable"] = "false"
    if truth(parent.meta.get("is-managed")) is False:
        lines.append(f"Configuration prevents cluster from stopping or starting unmanaged '{parent.id}'")
        tree.attrs["unmanaged"] = "true"
    if rsc.lock_node is not None:
        lines.append(f"'{parent.id}' is locked to node {rsc.lock_node.name} due to shutdown")
        tree.attrs["locked-to"] = rsc.lock_node.name
    return lines, tree


def _running(rsc: Resource, node: Node | None = None) -> bool:
    places = rsc.places(1) if rsc.bundle is None else [n for box in rsc.bundle_data.containers for n in box.places(1)]
    return node in places if node is not None else bool(places)


def _why_one(call: Call, rsc: Resource, node: Node | None) -> int:
    runs = _running(rsc, node)
    words = "running" if runs else "not running"
    call.out.line(f"Resource {rsc.id} is {words}" + (f" on host {node.name}" if node is not None else ""))
    lines, tree = _reasons(rsc)
    for line in lines:
        call.out.line(line)
    attrs = {"running_on": node.name} if node is not None and runs else {"running": "true" if runs else "false"}
    call.out.tree(Tree("reason", attrs, [tree]))
    return 0


def _why(call: Call) -> int:
    node = call.node
    if call.name:
        return _why_one(call, call.rsc, node)
    trees = []
    for rsc in node.running if node is not None else call.cluster.resources:
        if rsc.orphan and not rsc.is_active(True):
            continue
        runs = _running(rsc, node)
        call.out.line(f"Resource {rsc.id} is {'running' if runs else 'not running'}"
                      + (f" on host {node.name}" if node is not None else ""))  # fmt: skip
        lines, tree = _reasons(rsc)
        for line in lines:
            call.out.line(line)
        attrs = {"id": rsc.id, "running": "true" if runs else "false"}
        attrs |= {"host": node.name} if node is not None else {}
        trees.append(Tree("resource", attrs, [tree]))
    call.out.tree(Tree("reason", children=[Tree("resources", children=trees)]))
    return 0


# -- operations -------------------------------------------------------------------------------------------------------


def _active(ops: list[OpRecord]) -> list[OpRecord]:
    """The operations since the last start, if the resource has not been stopped since."""
    start = stop = -1
    implied = False
    for place, op in enumerate(ops):
        if op.task == "stop" and op.status == 0:
            stop = place
        elif op.task in ("start", "migrate_from"):
            start = place
        elif op.task == "monitor" and (op.rc in (0, 8) or op.status == -1) and not implied:
            implied = True
            start = place if start < 0 else start
    if start <= stop and stop >= 0:
        return []
    return ops[max(start, 0) :]


def _sorted_ops(ops: list[OpRecord]) -> list[OpRecord]:
    return sorted(ops, key=lambda op: op.call_id if op.call_id >= 0 else 1 << 40)


def _operations(call: Call) -> int:
    from hacluster.pe.views.status.resources import ResourceList  # noqa: PLC0415 - only this shows a resource
    from hacluster.pe.views.status.show import Show  # noqa: PLC0415

    node, wanted = call.node, call.name
    shower = ResourceList(call.cluster, Show(inactive=True))
    trees = []
    for state in call.cluster.document.status.nodes:
        place = call.cluster.find_node(state.uname)
        if place is None or (node is not None and place is not node) or not place.online:
            continue
        for history in state.histories:
            if wanted and history.id != wanted:
                continue
            ops = _sorted_ops(history.ops)
            rsc = call.cluster.find_resource(history.id)
            for op in _active(ops) if call.command == "list-operations" else ops:
                trees.append(_operation_tree(op, place.name, history.id, rsc))
                text = shower.describe(rsc, rsc.printable_id, None, with_nodes=False) if rsc is not None else (
                    f"{history.id}: orphan")  # fmt: skip
                when = f", last-rc-change='{time.ctime(op.last_change)}'" if op.last_change is not None else ""
                call.out.line(f"{text}: {op.key} (node={place.name}, call={op.call_id}, rc={op.rc}{when},"
                              f" exec={op.timing[1] or 0}ms): {STATUS.get(op.status, 'UNKNOWN!')}")  # fmt: skip
    if trees:
        call.out.tree(Tree("operations", children=trees))
    return 0


def _operation_tree(op: OpRecord, node: str, ident: str, rsc: Resource | None) -> Tree:
    attrs = {"op": op.key, "node": node, "call": str(op.call_id), "rc": str(op.rc),
             "status": STATUS.get(op.status, "UNKNOWN!")}  # fmt: skip
    attrs["rsc"] = ident
    if rsc is not None:
        attrs["agent"] = ":".join(part for part in rsc.agent if part)
    if op.last_change is not None:
        attrs["last-rc-change"] = time.ctime(op.last_change)
        attrs["exec-time"] = op.timing[1] or "0"
    return Tree("operation", attrs)


# -- digests ----------------------------------------------------------------------------------------------------------


def _digests(call: Call) -> int:
    from hacluster.base.digest import parameters_digest  # noqa: PLC0415 - only this makes digests
    from hacluster.pe.assign.hashing import table_order  # noqa: PLC0415
    from hacluster.pe.operation.digest import digests_of  # noqa: PLC0415

    rsc, node = call.rsc, call.node
    assert node is not None, "asked for before"
    if rsc.kind is not Kind.PRIMITIVE:
        raise Failed("Error performing operation: Unimplemented", 3)
    found = digests_of(rsc, "start", 0, node, None)
    params = dict(found.params)
    for word in call.given.rest:
        name, _, value = word.partition("=")
        params[name] = value
    whole = parameters_digest(params)
    ordered = {name: params[name] for name in table_order(params)}
    trees = []
    for kind, words, digest in (("all", "all parameters", whole), ("nonprivate", "non-private parameters", whole)):
        call.out.line(f"{digest} ({words})")
        trees.append(Tree("digest", {"type": kind, "hash": digest}, [Tree("parameters", ordered)]))
    attrs = {"resource": call.name, "node": node.name, "task": "start", "interval": "0ms"}
    call.out.tree(Tree("digests", attrs, trees))
    return 0


_TELLERS: Final = {
    "constraints": _constraints, "stack": _constraints, "why": _why, "digests": _digests,
    "list-operations": _operations, "list-all-operations": _operations,
}  # fmt: skip


def tell(call: Call) -> int:
    """Perform the command of a call."""
    return _TELLERS[call.command](call)
