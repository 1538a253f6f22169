"""The status section as records: what happened where, in slots instead of XML nodes.

A record of an operation costs a tenth of its XML element, and a cluster of 32 nodes and 5,000 resources has 160,000 of
them. XML is a view (:mod:`hacluster.cib.statusxml`), made when somebody asks for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from hacluster.base.values import int_or, scan_int

_COMMON: Final = {str(code): code for code in range(200)}
"""Exit codes, statuses and other small numbers as they are nearly always written."""

EXEC_UNKNOWN: Final = -2
"""The execution status of a record that names none."""


_UNTIMED: Final = ("", "")


def _target_rc(key: str) -> int:
    """The expected exit code inside a transition key ``action:transition:rc:uuid``; -1 if there is none."""
    parts = key.split(":", 3)
    if len(parts) < 4 or not parts[3]:
        return -1
    if parts[2] in _COMMON and parts[0].isdecimal() and parts[1].isdecimal():
        return _COMMON[parts[2]]
    numbers = [scan_int(part) for part in parts[:3]]
    return -1 if None in numbers else (numbers[2] or 0)


@dataclass(slots=True)
class OpRecord:
    """One ``lrm_rsc_op``: the last result of an operation of a resource on a node (Pacemaker Explained, "Status")."""

    id: str
    key: str
    task: str
    rc: int = -1
    status: int = EXEC_UNKNOWN
    call_id: int = 0
    interval_ms: int = 0
    target_rc: int = -1
    transition_key: str | None = None
    magic: str | None = None
    on_node: str | None = None
    source: str | None = None
    target: str | None = None
    exit_reason: str = ""
    last_change: int | None = None
    digest: str | None = None
    restart_digest: str | None = None
    force_restart: str | None = None
    secure_list: str | None = None
    secure_digest: str | None = None
    feature_set: str | None = None
    has_call_id: bool = True
    has_key: bool = True
    timing: tuple[str, str] = _UNTIMED
    """Milliseconds that the operation was queued and run, as they are written."""

    @property
    def is_probe(self) -> bool:
        """Whether this is a one-off monitor."""
        return self.interval_ms == 0 and self.task == "monitor"

    @property
    def masks_probe_failure(self) -> bool:
        """A probe that failed because the agent or its software is missing says only "not running here"."""
        return self.is_probe and (self.rc in (2, 5) or self.status == 7)


def _as_is(text: str, _same: str) -> str:
    return text


@functools.lru_cache(maxsize=1 << 14)
def _timed(queued: str, run: str) -> tuple[str, str]:
    """One pair for all operations that took the same."""
    return queued, run


def read_op(attrs: Mapping[str, str], share: Callable[[str, str], str] = _as_is) -> OpRecord:
    """The record of an ``lrm_rsc_op`` element's attributes; what is missing gets the default of its field.

    ``share`` (``setdefault`` of a dictionary) keeps one copy of texts that many operations have in common.
    """
    get = attrs.get
    ident = get("id", "")
    key, task, node = get("operation_key", ident), get("operation", ""), get("on_node")
    digest, features = get("op-digest"), get("crm_feature_set")
    transition_key, interval = get("transition-key"), get("interval")
    code, status, call = get("rc-code"), get("op-status"), get("call-id")
    known_code, known_status = _COMMON.get(code or ""), _COMMON.get(status or "")
    rc = int_or(code, -1) if known_code is None else known_code
    target = -1 if transition_key is None else _target_rc(transition_key)
    recurs = 0 if interval == "0" else scan_int(interval) or 0
    return OpRecord(
        share(ident, ident),
        share(key, key),
        share(task, task),
        rc,
        int_or(status, EXEC_UNKNOWN) if known_status is None else known_status,
        int_or(call, 0),
        recurs if recurs > 0 else 0,
        target,
        transition_key,
        get("transition-magic"),
        node and share(node, node),
        get("migrate_source"),
        get("migrate_target"),
        get("exit-reason", ""),
        scan_int(get("last-rc-change")),
        digest and share(digest, digest),
        get("op-restart-digest"),
        get("op-force-restart"),
        get("op-secure-params"),
        get("op-secure-digest"),
        features and share(features, features),
        call is not None,
        "operation_key" in attrs,
        _timed(get("queue-time", ""), get("exec-time", "")),
    )


@dataclass(slots=True)
class History:
    """One ``lrm_resource``: everything a node's executor knows of a resource.

    ``place``: which one of its node's histories it is, as far as somebody has counted them.
    """

    id: str
    type: str | None = None
    standard: str | None = None
    provider: str | None = None
    container: str | None = None
    shutdown_lock: str | None = None
    place: int = 0
    ops: list[OpRecord] = field(default_factory=list)

    def with_task(self, task: str) -> Iterator[OpRecord]:
        """The records of one task, in the order of the document."""
        return (op for op in self.ops if op.task == task)


@dataclass(slots=True)
class NodeState:
    """One ``node_state``: membership words, transient attributes (still XML: they may hold rules) and histories."""

    id: str | None
    uname: str | None
    attrs: dict[str, str] = field(default_factory=dict)
    transient: etree._Element | None = None
    has_lrm: bool = False
    histories: list[History] = field(default_factory=list)
    _index: dict[str, list[History]] | None = None
    _indexed: int = 0

    def histories_of(self, rsc_id: str) -> list[History]:
        """All histories of a resource by the id the executor knows it under; more than one is a fault, but happens."""
        if self._index is None or self._indexed != len(self.histories):
            self._index = {}
            self._indexed = len(self.histories)
            for entry in self.histories:
                self._index.setdefault(entry.id, []).append(entry)
        return self._index.get(rsc_id, [])

    def history(self, rsc_id: str) -> History | None:
        """The only history of a resource; ``None`` if there is none or more than one."""
        found = self.histories_of(rsc_id)
        return found[0] if len(found) == 1 else None

    def add_history(self, history: History) -> History:
        """Append a history."""
        self.histories.append(history)
        self.has_lrm = True
        return history

    def forget_lrm(self) -> None:
        """Drop what the executor of a fenced node knew."""
        self.histories, self._index, self.has_lrm = [], None, False


@dataclass(slots=True)
class Status:
    """The status section."""

    nodes: list[NodeState] = field(default_factory=list)
    tickets: list[dict[str, str]] = field(default_factory=list)

    def by_uname(self, uname: str) -> NodeState | None:
        """The state of the node that is called ``uname``."""
        return next((state for state in self.nodes if state.uname == uname), None)
