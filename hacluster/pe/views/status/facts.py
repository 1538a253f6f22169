"""What a status shows besides nodes and resources: attributes, histories, failures, tickets, bans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hacluster.base.values import is_true, scan_int
from hacluster.cib.records import History, OpRecord
from hacluster.pe.assign.hashing import table_order
from hacluster.pe.model.action import parse_op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.kinds import Kind, Role
from hacluster.pe.model.node import Node
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.failcount import failcount
from hacluster.pe.views.details import STATUS, expected_connectivity, is_hidden
from hacluster.pe.views.outline import Item, Listing, Span
from hacluster.pe.views.status.show import Show, wanted
from hacluster.pe.views.words import exit_text

# -- attributes of nodes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. ``expected`` is what a connectivity attribute should be."""

    name: str
    value: str
    expected: int | None

    @property
    def degraded(self) -> str:
        """What is wrong with the connectivity."""
        found = scan_int(self.value) or 0
        if self.expected is None or found >= self.expected > 0 or (found > 0 and self.expected <= 0):
            return ""
        return "Connectivity is lost" if found <= 0 else f"Connectivity is degraded (Expected={self.expected})"


def attributes(cluster: Cluster, show: Show) -> Iterator[tuple[Node, list[Attribute]]]:
    """The nodes that are online with the attributes that no other section tells."""
    for node in cluster.nodes:
        if not node.online or not show.has_node(node):
            continue
        names = sorted(name for name in node.attrs if not is_hidden(name))
        found = [Attribute(name, node.attrs[name], expected_connectivity(node.running, node, name)) for name in names]
        if found:
            yield node, found


def _attribute_item(entry: Attribute, show: Show) -> Item:
    if show.page:
        if not entry.degraded:
            return Item(f"{entry.name}: {entry.value}")
        lost = entry.degraded == "Connectivity is lost"
        word = "(connectivity is lost)" if lost else f"(connectivity is degraded -- expected {entry.expected})"
        spans: list[Span] = [(None, f"{entry.name}: {entry.value}"), ("bold", word)]
        return Item("", spans)
    text = f"{entry.name:<32}\t: {entry.value:<10}"
    return Item(f"{text}\t: {entry.degraded}" if entry.degraded else text)


def attribute_section(cluster: Cluster, show: Show) -> Listing | None:
    """The attributes of nodes."""
    section = Listing("Node Attributes")
    for node, found in attributes(cluster, show):
        name = show.node_name(node)
        items = [_attribute_item(entry, show) for entry in found]
        section.items.append(Listing(f"Node: {name}", list(items), f"{name}:"))
    return section if section.items else None


# -- histories --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one resource on one node: its fail count and its operations."""

    ident: str
    rsc: Resource | None
    count: int
    last: int
    ops: tuple[OpRecord, ...]


def _order(op: OpRecord) -> int:
    return op.call_id


def _shown_ops(history: History) -> list[OpRecord]:
    """Operations in the order of their calls; probes that found nothing and what never ran are left out."""
    ops = sorted(history.ops, key=lambda op: op.call_id if op.call_id >= 0 else 1 << 40)
    return [op for op in ops if not (op.is_probe and op.rc == 7) and op.task != "notify"]


def _told(cluster: Cluster, node: Node, history: History, show: Show, operations: bool) -> Told | None:
    rsc = cluster.find_resource(history.id)
    if rsc is not None and not _is_wanted(rsc, show):
        return None
    if rsc is None and show.rscs is not None and history.id not in show.rscs:
        return None
    count, last = (0, 0) if rsc is None else failcount(rsc, node, effective=False)
    if not operations:
        return Told(history.id, rsc, count, last, ()) if rsc is not None and count > 0 else None
    ops = _shown_ops(history)
    return Told(history.id, rsc, count, last, tuple(ops)) if ops else None


def _is_wanted(rsc: Resource, show: Show) -> bool:
    """What is in a group counts by itself or with its group alone."""
    if rsc.top.kind is Kind.GROUP:
        return show.names_rsc(rsc.printable_id) or show.names_rsc(rsc.top.printable_id)
    return wanted(rsc, show)


def histories(cluster: Cluster, show: Show, *, operations: bool) -> Iterator[tuple[Node, list[Told]]]:
    """The nodes that are online with what is told of resources there."""
    for state in cluster.document.status.nodes:
        node = next((entry for entry in cluster.nodes if entry.id == state.id), None)
        if node is None or not node.online or not show.has_node(node):
            continue
        yield node, [
            told for history in state.histories
            if (told := _told(cluster, node, history, show, operations)) is not None
        ]  # fmt: skip


def _threshold(told: Told, show: Show) -> str:
    if told.rsc is None:
        return f"{told.ident}: orphan"
    text = f"{told.ident}: migration-threshold={told.rsc.migration_threshold}"
    if told.count > 0:
        text += f" fail-count={told.count}"
        text += f" last-failure='{show.clock(told.last)}'" if told.last > 0 else ""
    return text


def task_of(op: OpRecord) -> str:
    """The operation as it is called."""
    return "probe" if op.is_probe else op.task


def _op_item(op: OpRecord, show: Show) -> Item:
    text = f"({op.call_id if op.has_call_id else -1}) {task_of(op)}"
    parts = [f'interval="{op.interval_ms}ms"'] if op.interval_ms else []
    if show.timing:
        if op.last_change is not None:
            parts.append(f'last-rc-change="{show.clock(op.last_change)}"')
        parts += [
            f'{name}="{value or 0}ms"' for name, value in (("exec-time", op.timing[1]), ("queue-time", op.timing[0]))
        ]
        parts.append(f"rc={op.rc} ({exit_text(op.rc)})")
    return Item(f"{text}: {' '.join(parts)}" if parts else text)


def history_section(cluster: Cluster, show: Show) -> Listing | None:
    """Operations, or fail counts alone."""
    operations = "operations" in show.sections
    section = Listing("Operations" if operations else "Migration Summary")
    seen = False
    for node, found in histories(cluster, show, operations=operations):
        seen = True
        name = show.node_name(node)
        listing = Listing(f"Node: {name}", [], f"{name}:")
        for told in found:
            if operations:
                listing.items.append(Listing(_threshold(told, show), [_op_item(op, show) for op in told.ops]))
            else:
                listing.items.append(Item(_threshold(told, show)))
        section.items += [listing] if listing.items else []
    return section if seen else None


# -- failures ---------------------------------------------------------------------------------------------------------


def failures(cluster: Cluster, show: Show) -> list[tuple[OpRecord, str]]:
    """The operations that failed, with the name of the node."""
    found = []
    for op, name in cluster.failed_ops:
        if op.masks_probe_failure or (show.nodes is not None and name.lower() not in show.nodes):
            continue
        parsed = parse_op_key(op.key)
        if show.rscs is not None and (parsed is None or parsed[0] not in show.rscs):
            continue
        found.append((op, name))
    return found


def _interval_words(interval: int) -> str:
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if interval and interval % size == 0:
            return f"{interval // size}{unit}-interval "
    return f"{interval}ms-interval " if interval else ""


def _friendly(op: OpRecord, name: str, show: Show) -> str:
    parsed = parse_op_key(op.key)
    ident, task, interval = parsed if parsed is not None else (op.key, "", 0)
    words = f"{ident} {_interval_words(interval)}{task}".rstrip()
    text = f"{words} on {name} "
    if op.status == 0:
        text += f"returned '{exit_text(op.rc)}'"
        text += f" ({op.exit_reason})" if op.exit_reason else ""
    else:
        text += f"could not be executed ({STATUS.get(op.status, 'Unrecognized status (bug?)')}"
        text += f": {op.exit_reason})" if op.exit_reason else ")"
    if op.last_change is not None:
        text += f" at {show.clock(op.last_change)}"
        executed = scan_int(op.timing[1])
        text += f" after {_duration(executed)}" if executed else ""
    return text


def _duration(msec: int) -> str:
    if msec < 1000:
        return f"{msec}ms"
    seconds, rest = divmod(msec, 1000)
    if rest and seconds < 60:
        return f"{seconds}.{rest:03d}s".rstrip()
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts)


def _technical(op: OpRecord, name: str, show: Show) -> str:
    call = str(op.call_id) if op.has_call_id else "unknown"
    text = f"{op.key} on {name} '{exit_text(op.rc)}' ({op.rc}): call={call}, "
    text += f"status='{STATUS.get(op.status, 'Unrecognized status (bug?)')}'"
    text += f", exitreason='{op.exit_reason}'" if op.exit_reason else ""
    if op.last_change is not None:
        text += f", last-rc-change='{show.clock(op.last_change)}'"
    text += f", queued={op.timing[0]}ms" if op.timing[0] else ""
    return text + (f", exec={op.timing[1]}ms" if op.timing[1] else "")


def failure_section(cluster: Cluster, show: Show) -> Listing | None:
    """The operations that failed."""
    words = _technical if show.detail else _friendly
    items = [Item(words(op, name, show)) for op, name in failures(cluster, show)]
    return Listing("Failed Resource Actions", list(items)) if items else None


# -- tickets and bans -------------------------------------------------------------------------------------------------


def tickets(cluster: Cluster) -> Iterator[tuple[str, bool, bool, int]]:
    """Tickets that are known: id, granted, standby, when granted last (0: never)."""
    for ident in table_order(cluster.tickets):
        ticket = cluster.tickets[ident]
        last = scan_int(ticket.state.get("last-granted")) or 0
        yield ident, ticket.granted, is_true(ticket.state.get("standby")), last


def ticket_section(cluster: Cluster, show: Show) -> Listing | None:
    """The tickets."""
    items = []
    for ident, granted, standby, last in tickets(cluster):
        words = ("granted" if granted else "revoked") + (" [standby]" if standby else "")
        when = f' last-granted="{show.clock(last)}"' if last > 0 else ""
        text = f"{ident}: {words}{when}"
        items.append(Item(text, [("bold", f"{ident}:"), (None, f" {words}{when}")] if show.page else []))
    return Listing("Tickets", list(items)) if items else None


@dataclass(frozen=True, slots=True)
class Ban:
    """A constraint that keeps a resource off a node."""

    ident: str
    rsc: str
    role: Role
    node: Node
    score: int


def bans(cluster: Cluster, show: Show) -> Iterator[Ban]:
    """Location constraints with a negative score, the last first."""
    for location in reversed(cluster.locations):
        if not location.id.startswith(show.bans):
            continue
        rsc = location.rsc
        top = rsc.top
        if show.rscs is not None and not (show.names_rsc(rsc.id) or show.names_rsc(top.id)):
            continue
        for node, score in location.nodes:
            if score < 0 and show.has_node(node):
                yield Ban(location.id, rsc.id, location.role, node, score)


def ban_section(cluster: Cluster, show: Show) -> Listing | None:
    """The bans."""
    items = [
        Item(f"{ban.ident}\tprevents {ban.rsc} from running "
             f"{'in Promoted role ' if ban.role is Role.PROMOTED else ''}on {show.node_name(ban.node)}")
        for ban in bans(cluster, show)
    ]  # fmt: skip
    return Listing("Negative Location Constraints", list(items)) if items else None
