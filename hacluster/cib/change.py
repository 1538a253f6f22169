"""Changes of the status, typed: what was done or became known, not how two documents differ.

Each is applied to the records (:mod:`hacluster.cib.records`) and cast to the other nodes as it is. The words of an
operation's record are those of ``lrm_rsc_op`` (Pacemaker Explained, "Status"), so nothing that a peer's tools read is
lost on the way. They are tagged structs, so that one of them can be told from another when they travel.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from lxml import etree

from hacluster.cib.records import History, NodeState, Status, read_op

Words = tuple[tuple[str, str], ...]
"""Attributes of an XML element, in their order."""


class OperationRecorded(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """The result of an operation on a node; it takes the place of the record with its ``id``."""

    node: str
    resource: str
    operation: Words
    standard: str = ""
    provider: str = ""
    type: str = ""


class ResourceForgotten(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """What a node's executor knew of a resource is forgotten; with ``operation`` only the record of that id."""

    node: str
    resource: str
    operation: str = ""


class NodeStateSet(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """Words of a ``node_state`` (``in_ccm``, ``crmd``, ``join``, ``expected``, …); an empty value takes one away."""

    node: str
    words: Words
    id: str = ""


class AttributeSet(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """A transient attribute of a node; ``value`` ``None`` takes it away. ``utilization``: one of its capacities."""

    node: str
    name: str
    value: str | None
    id: str = ""
    utilization: bool = False


class NodeAttributesSet(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """A node has these transient attributes (name, value) and capacities, and no others; in one step."""

    node: str
    attributes: Words = ()
    utilization: Words = ()


class TicketSet(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """The words of a ticket; none at all forget it."""

    ticket: str
    words: Words = ()


class NodeForgotten(msgspec.Struct, frozen=True, tag=True, tag_field="kind"):
    """Everything about a node is forgotten; ``histories_only``: what its executor knew, as after a fencing."""

    node: str
    histories_only: bool = False


Change = (
    OperationRecorded | ResourceForgotten | NodeStateSet | AttributeSet | NodeAttributesSet | TicketSet | NodeForgotten
)


Ids = Mapping[str, str]
"""The ids of nodes by their names, as the configuration has them."""


def node_ids(root: etree._Element) -> Ids:
    """The ids that a document gives its nodes."""
    nodes = root.iterfind("configuration/nodes/node")
    return {node.get("uname", ""): node.get("id", "") for node in nodes if node.get("uname") and node.get("id")}


def _state(status: Status, node: str, ident: str = "") -> NodeState:
    state = status.by_uname(node)
    if state is None:
        state = NodeState(ident or node, node)
        status.nodes.append(state)
    elif ident and state.id != ident:
        state.id = ident
        if state.transient is not None:
            state.transient.set("id", ident)
    return state


def _record(status: Status, change: OperationRecorded, ids: Ids) -> None:
    state = _state(status, change.node, ids.get(change.node, ""))
    history = state.history(change.resource)
    if history is None:
        history = state.add_history(History(change.resource))
    history.type = change.type or history.type
    history.standard = change.standard or history.standard
    history.provider = change.provider or history.provider
    op = read_op(dict(change.operation))
    places = [place for place, known in enumerate(history.ops) if known.id == op.id]
    if places:
        history.ops[places[0]] = op
    else:
        history.ops.append(op)


def _forget_resource(status: Status, change: ResourceForgotten) -> None:
    state = status.by_uname(change.node)
    if state is None:
        return
    if not change.operation:
        state.histories = [entry for entry in state.histories if entry.id != change.resource]
        return
    for history in state.histories_of(change.resource):
        history.ops = [op for op in history.ops if op.id != change.operation]


def _set_words(words: dict[str, str], changes: Words) -> None:
    for name, value in changes:
        if value:
            words[name] = value
        else:
            words.pop(name, None)


def _attributes(state: NodeState, kind: str) -> etree._Element:
    if state.transient is None:
        state.transient = etree.Element("transient_attributes", id=state.id or "")
    found = state.transient.find(kind)
    ident = f"status-{state.id}" if kind == "instance_attributes" else f"status-{state.id}-{kind}"
    return found if found is not None else etree.SubElement(state.transient, kind, id=ident)


def _set_attribute(status: Status, change: AttributeSet, ids: Ids) -> None:
    kind = "utilization" if change.utilization else "instance_attributes"
    if change.value is None:
        known = status.by_uname(change.node)
        if known is None or known.transient is None:
            return
        for pair in known.transient.findall(f"{kind}/nvpair"):
            parent = pair.getparent()
            if pair.get("name") == change.name and parent is not None:
                parent.remove(pair)
        return
    state = _state(status, change.node, ids.get(change.node, ""))
    pairs = _attributes(state, kind)
    known_pairs = [entry for entry in pairs.findall("nvpair") if entry.get("name") == change.name]
    ident = change.id or f"status-{state.id}-{change.name}"
    pair = known_pairs[0] if known_pairs else etree.SubElement(pairs, "nvpair", id=ident, name=change.name)
    pair.set("value", change.value)


def _set_attributes(status: Status, change: NodeAttributesSet, ids: Ids) -> None:
    known = status.by_uname(change.node)
    if known is None and not change.attributes and not change.utilization:
        return
    for place, pairs in (("instance_attributes", change.attributes), ("utilization", change.utilization)):
        now = (
            {}
            if known is None or known.transient is None
            else {pair.get("name", ""): pair.get("value", "") for pair in known.transient.iterfind(f"{place}/nvpair")}
        )
        wanted, loads = dict(pairs), place == "utilization"
        for name in now.keys() - wanted.keys():
            _set_attribute(status, AttributeSet(change.node, name, None, utilization=loads), ids)
        for name, value in pairs:
            if now.get(name) != value:
                _set_attribute(status, AttributeSet(change.node, name, value, utilization=loads), ids)


def _set_ticket(status: Status, change: TicketSet) -> None:
    known = next((ticket for ticket in status.tickets if ticket.get("id") == change.ticket), None)
    if not change.words:
        status.tickets = [ticket for ticket in status.tickets if ticket is not known]
        return
    if known is None:
        known = {"id": change.ticket}
        status.tickets.append(known)
    _set_words(known, change.words)


def apply_change(status: Status, change: Change, ids: Ids = MappingProxyType({})) -> None:
    """Make one change of the status. What it takes away and is not there is no error.

    ``ids``: what the configuration calls the nodes, which is what the status is filed under; a node that it does not
    know has its name for an id.
    """
    match change:
        case OperationRecorded():
            _record(status, change, ids)
        case ResourceForgotten():
            _forget_resource(status, change)
        case NodeStateSet():
            _set_words(_state(status, change.node, change.id or ids.get(change.node, "")).attrs, change.words)
        case AttributeSet():
            _set_attribute(status, change, ids)
        case NodeAttributesSet():
            _set_attributes(status, change, ids)
        case TicketSet():
            _set_ticket(status, change)
        case NodeForgotten() if change.histories_only:
            known = status.by_uname(change.node)
            if known is not None:
                known.forget_lrm()
        case NodeForgotten():
            status.nodes = [state for state in status.nodes if state.uname != change.node]
