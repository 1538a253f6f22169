"""Looking things up in the status records."""

from __future__ import annotations

from hacluster.base.values import scan_int
from hacluster.cib.records import History, OpRecord
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.sorting import merge_sort


def _magic(text: str | None) -> tuple[str, int] | None:
    """Uuid and transition number of a transition magic ``status:rc;action:transition:target:uuid``."""
    if text is None:
        return None
    _result, _separator, key = text.partition(";")
    parts = key.split(":", 3)
    if len(parts) < 4:
        return None
    number = scan_int(parts[1])
    return None if number is None or not parts[3] else (parts[3], number)


def _by_change(one: OpRecord, other: OpRecord) -> int:
    early, late = one.last_change, other.last_change
    first, second = (-1 if early is None else early), (-1 if late is None else late)
    if first >= 0 and first < second:
        return -1
    return 1 if second >= 0 and first > second else 0


def _on_one_node(one: OpRecord, other: OpRecord) -> bool:
    """Only what says where it ran is known to have run there; call ids of two nodes say nothing of one another."""
    if one.on_node is None or other.on_node is None:
        return one.on_node is other.on_node
    return one.on_node.lower() == other.on_node.lower()


def compare_age(one: OpRecord, other: OpRecord) -> int:
    """-1 if ``one`` is older than ``other``, 1 if it is newer, 0 if that cannot be told."""
    same_node = _on_one_node(one, other)
    if same_node and one.id == other.id:
        return 0
    call, other_call = one.call_id if one.has_call_id else -1, other.call_id if other.has_call_id else -1
    if call == -1 and other_call == -1:
        return 0
    if same_node and call >= 0 and call < other_call:
        return -1
    if same_node and other_call >= 0 and call > other_call:
        return 1
    if call >= 0 and other_call >= 0 and (not same_node or call == other_call):
        return _by_change(one, other)
    magic, other_magic = _magic(one.magic), _magic(other.magic)
    if magic is None or other_magic is None:
        return 0
    number, other_number = magic[1], other_magic[1]
    if magic[0].lower() != other_magic[0].lower() or number == other_number:
        # Which of them is pending tells their order when transitions cannot.
        if other_call == -1:
            return -1
        return 1 if call == -1 else 0
    if (0 <= number < other_number) or other_number == -1:
        return -1
    return 1


def in_order(history: History) -> list[OpRecord]:
    """The records of a history, oldest first; of those that cannot be told apart the last of the document first."""
    ops = history.ops
    if len(ops) == 1:
        return list(ops)
    return merge_sort(ops[::-1], compare_age)


def active_span(ops: list[OpRecord]) -> tuple[int, int]:
    """Where in an ordered history the resource was last started, and where last stopped; -1 for never."""
    start = stop = implied_monitor = implied_clone = -1
    for index, op in enumerate(ops):
        if op.task == "stop" and op.status == 0:
            stop = index
        elif op.task in ("start", "migrate_from"):
            start = index
        elif implied_monitor <= stop and op.task == "monitor":
            if op.rc in (0, 8):
                implied_monitor = index
        elif op.task in ("promote", "demote"):
            implied_clone = index
    if start == -1:
        start = implied_clone if implied_clone != -1 else implied_monitor
    return start, stop


def find_history(cluster: Cluster, rsc_id: str, node_name: str) -> History | None:
    """The history of a resource on a node."""
    state = cluster.document.status.by_uname(node_name)
    return None if state is None else state.history(rsc_id)


def find_only_op(
    cluster: Cluster, rsc_id: str, task: str, node_name: str, *, partner: str | None, target_rc: int
) -> OpRecord | None:
    """The one record of a task, of a migration with ``partner`` if one is given; ``None`` if there are several.

    With a ``target_rc`` of 0 or more only if it ended with that code.
    """
    history = find_history(cluster, rsc_id, node_name)
    if history is None:
        return None
    found = list(history.with_task(task))
    if partner is not None and task == "migrate_to":
        found = [op for op in found if op.target == partner]
    elif partner is not None and task == "migrate_from":
        found = [op for op in found if op.source == partner]
    if len(found) != 1:
        return None
    op = found[0]
    return None if target_rc >= 0 and (op.rc != target_rc or op.status != 0) else op
