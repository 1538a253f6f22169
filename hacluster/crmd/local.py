"""This node's operations: what the DC asks for, done by the hands, and the history of it.

The history is this node's own: at each view that works it is said anew, whole, so that a DC that was elsewhere knows
what runs here. Results of operations that a former DC asked for are recorded all the same.

Nothing of it is lost with a process. Each operation takes along what it is about (its *context*), and each record is
noted with the hands, which keep it. A new life of this process asks the hands (``take_up``): notes give the history,
results that were not noted are worked off now, and what is under way is awaited. When the hands begin anew they take up
what they were told; what they were not told yet is asked for again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import msgspec

from hacluster.base.effects import MachineName
from hacluster.base.members import NO_VIEW, ViewId
from hacluster.cib.change import (
    Change,
    NodeForgotten,
    NodeStateSet,
    OperationRecorded,
    ResourceForgotten,
)
from hacluster.crmd.presence import Presence
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.lrm import (
    AgentClass,
    CancelOp,
    OpEnd,
    OpFinished,
    OpsNoted,
    OpsView,
    ResourceSpec,
    StartOp,
)
from hacluster.msg.record import FAKE_KEY, PENDING, PENDING_RC, Outcome, is_failure, operation_records
from hacluster.msg.transition import Task, TaskKind

INFINITY = "INFINITY"
_ENDS = {OpEnd.DONE: 0, OpEnd.TIMED_OUT: 2, OpEnd.CANCELLED: 1, OpEnd.NOT_INSTALLED: 7, OpEnd.ERROR: 4}
"""Execution statuses as ``op-status`` has them."""

LONG_DELAY_MS: Final = 300_000
"""A first run that is further away is not waited for: the transition goes on as if it had been fine (Pacemaker)."""

_ASKER: Final = MachineName.CRMD.value
_COUNTED: Final = frozenset({"start", "stop", "promote", "demote", "asyncmon"})
_HISTORY, _SPEC = "history ", "spec "
"""What the keys of notes begin with."""

_BY_ITSELF: Final = "by itself"
"""The context of what no DC has asked for."""

_SPECS: Final = msgspec.json.Decoder(ResourceSpec)


@dataclass(slots=True)
class Asked:
    """An operation under way here: what it is about, whose transition it is of, and in which view it was asked."""

    task: Task
    transition_key: str
    view: ViewId


_ASKED: Final = msgspec.json.Decoder(Asked)
_RECORDED: Final = msgspec.json.Decoder(OperationRecorded)


@dataclass(slots=True)
class Local:
    """History, and what is under way here; fail counts are attributes, which attrd keeps.

    ``unknown``: the hands have not told yet what they do.
    """

    node: str
    presence: Presence = field(default_factory=Presence)
    asked: dict[int, Asked] = field(default_factory=dict)
    history: dict[str, dict[str, OperationRecorded]] = field(default_factory=dict)
    specs: dict[str, ResourceSpec] = field(default_factory=dict)
    serial: int = 0
    unsure: set[str] = field(default_factory=set)
    """What ran here when its history was forgotten by order: it is held to run until something is known of it."""

    unknown: bool = True
    _worked: int = 0
    _acked: int = 0
    _recurring: dict[tuple[str, str, int], int] = field(default_factory=dict)
    _notes: dict[str, str | None] = field(default_factory=dict)
    _told: list[OpsView] = field(default_factory=list)
    _sent: dict[int, StartOp] = field(default_factory=dict)

    def start(self, task: Task, transition_key: str, view: ViewId, unix_s: int) -> tuple[list[object], list[Change]]:
        """What the hands are asked, and the record that it is under way: another DC must know of it.

        A recurring operation takes the place of the one before with the same name.
        """
        asks: list[object] = []
        if task.operation == "stop":
            # What recurred would find it stopped, and the hands know of no reason not to look.
            asks += self._end([key for key in self._recurring if key[0] == task.resource])
        key = (task.resource, task.operation, task.interval_ms)
        if task.interval_ms and key in self._recurring:
            before = self._recurring[key]
            self._drop(before)
            asks.append(CancelOp(before, asker=_ASKER))
        self.serial += 1
        asked = self.asked[self.serial] = Asked(task, transition_key, view)
        if task.interval_ms:
            self._recurring[key] = self.serial
        operation = self._sent[self.serial] = self._operation(self.serial, asked)
        self._know(operation.resource)
        changes: list[Change] = []
        if task.operation not in ("monitor", "notify"):
            pending = Outcome(PENDING_RC, PENDING, began_s=unix_s, changed_s=unix_s)
            changes += self._record(asked, pending)
        return [*asks, operation], changes

    @staticmethod
    def _operation(number: int, asked: Asked) -> StartOp:
        task = asked.task
        meta = {n.removeprefix("CRM_meta_"): v for n, v in task.attributes if n.startswith("CRM_meta_")}
        own = {n: v for n, v in task.attributes if not n.startswith("CRM_meta_")}
        standard = AgentClass(task.standard or "ocf")
        # A script of Heartbeat's class has its arguments by their places, as haresources writes them.
        places = sorted(map(int, filter(str.isdecimal, own))) if standard is AgentClass.HEARTBEAT else []
        spec = ResourceSpec(
            task.resource,
            standard,
            task.provider,
            task.type,
            tuple(own[str(place)] for place in places),
            tuple(sorted(own.items())),
        )
        return StartOp(
            number,
            spec,
            task.operation,
            task.number("timeout", 0) or None,
            task.interval_ms,
            tuple(sorted(meta.items())),
            max(0, task.number("start_delay", 0)),
            msgspec.json.encode(asked).decode(),
            _ASKER,
        )

    def _know(self, spec: ResourceSpec) -> None:
        """How a resource is stopped, should nobody say so any more."""
        if self.specs.get(spec.id) != spec:
            self.specs[spec.id] = spec
            self._notes[f"{_SPEC}{spec.id}"] = msgspec.json.encode(spec).decode()

    def goes_on_without(self, task: Task) -> bool:
        """Whether nobody waits for its first result, it is so far away."""
        return task.interval_ms > 0 and task.number("start_delay", 0) > LONG_DELAY_MS

    def cancel(self, task: Task) -> tuple[list[CancelOp], list[Change]]:
        """Stop a recurring operation, and forget its record."""
        operation, interval = task.meta("operation") or "monitor", task.interval_ms
        ends = self._end([(task.resource, operation, interval)])
        return ends, [self._forget(task.resource, f"{task.resource}_{operation}_{interval}")]

    def _end(self, keys: list[tuple[str, str, int]]) -> list[CancelOp]:
        numbers = [self._recurring[key] for key in keys if key in self._recurring]
        for number in numbers:
            self._drop(number)
        return [CancelOp(number, asker=_ASKER) for number in numbers]

    def _drop(self, number: int) -> Asked | None:
        asked = self.asked.pop(number, None)
        self._sent.pop(number, None)
        if asked is not None:
            key = (asked.task.resource, asked.task.operation, asked.task.interval_ms)
            if self._recurring.get(key) == number:
                del self._recurring[key]
        return asked

    def forget(self, resource: str) -> tuple[list[CancelOp], Change]:
        """Everything about a resource is forgotten (lrm_delete); its recurring operations end."""
        ends = self._end([key for key in self._recurring if key[0] == resource])
        for ident in self.history.pop(resource, {}):
            self._notes[f"{_HISTORY}{resource} {ident}"] = None
        if self.specs.pop(resource, None) is not None:
            self._notes[f"{_SPEC}{resource}"] = None
        return ends, ResourceForgotten(self.node, resource)

    def clear_failures(self, resource: str) -> list[Change | UpdateAttribute]:
        """The fail counts of a resource are gone."""
        return [
            self._forget(resource, f"{resource}_last_failure_0"),
            UpdateAttribute(pattern=f"^(fail-count|last-failure)-{re.escape(resource)}(#.*)?$"),
        ]

    def cleaned(
        self, resource: str, operation: str, interval_ms: int
    ) -> tuple[list[CancelOp], list[Change | UpdateAttribute]]:
        """What is known of a resource is forgotten by order, and its failures: with ``operation`` those of that one.

        What recurs ends: the DC asks for it again when it has looked.
        """
        ran, spec = resource in self.running(), self.specs.get(resource)
        ends, forgotten = self.forget(resource)
        if ran and spec is not None:
            self.unsure.add(resource)
            self._know(spec)
        which = f"#{re.escape(operation)}_{interval_ms}$" if operation else "(#.*)?$"
        name = re.escape(resource.partition(":")[0])
        return ends, [
            forgotten,
            UpdateAttribute(pattern=f"^(fail-count|last-failure)-{name}{which}", node=self.node),
        ]

    def failed_by_order(self, resource: str, now_s: int) -> list[Change | UpdateAttribute]:
        """Somebody says that a resource has failed here; nothing when it is not known."""
        records = self.history.get(resource)
        if not records:
            return []
        known = next(iter(records.values()))
        return self.fail(known.standard, known.provider, known.type, resource, now_s)

    def fail(
        self, standard: str, provider: str, kind: str, resource: str, now_s: int
    ) -> list[Change | UpdateAttribute]:
        """Somebody says that a resource has failed here (``crm_resource --fail``)."""
        self.serial += 1
        key = f"{resource}_asyncmon_0"
        task = Task(0, TaskKind.RESOURCE, "asyncmon", key, self.node, resource, standard, provider, kind)
        asked = Asked(task, f"{self.serial}:-1:0:{FAKE_KEY}", NO_VIEW)
        outcome = Outcome(1, 0, self.serial, "Simulated failure", now_s, now_s)
        return [*self._record(asked, outcome), *self._count(task, now_s)]

    def finished(self, result: OpFinished, unix_s: int) -> tuple[Asked | None, list[Change | UpdateAttribute]]:
        """An operation has ended: who asked for it, and what the status says now."""
        if self.unknown or (result.serial and result.serial <= self._worked):
            return None, []  # the hands will tell it again, or have told it before
        self._worked = max(self._worked, result.serial)
        asked = self.asked.get(result.op_id)
        if asked is None:
            return None, []
        task = asked.task
        if not task.interval_ms or result.end is OpEnd.CANCELLED:
            self._drop(result.op_id)
        if result.end is OpEnd.CANCELLED or task.operation == "notify":
            return asked, []
        outcome = outcome_of(result, unix_s)
        failed = is_failure(task, outcome)
        changes: list[Change | UpdateAttribute] = [*self._record(asked, outcome)]
        if failed:
            changes += self._count(task, outcome.changed_s or unix_s)
        if task.operation == "stop" and not failed:
            changes += self._end_recurring(task)
        return asked, changes

    def _record(self, asked: Asked, outcome: Outcome) -> list[Change]:
        task, changes = asked.task, []
        for words in operation_records(task, asked.transition_key, outcome):
            change = OperationRecorded(self.node, task.resource, words, task.standard, task.provider, task.type)
            ident = words[0][1]
            self.unsure.discard(task.resource)
            self.history.setdefault(task.resource, {})[ident] = change
            self._notes[f"{_HISTORY}{task.resource} {ident}"] = msgspec.json.encode(change).decode()
            changes.append(change)
        return list[Change](changes)

    def _forget(self, resource: str, ident: str) -> ResourceForgotten:
        if self.history.get(resource, {}).pop(ident, None) is not None:
            self._notes[f"{_HISTORY}{resource} {ident}"] = None
        return ResourceForgotten(self.node, resource, ident)

    @staticmethod
    def _count(task: Task, now_s: int) -> list[UpdateAttribute]:
        """What the policy engine goes by: how often, and when last. Probes, notifications, migrations do not count."""
        if not task.interval_ms and task.operation not in _COUNTED:
            return []
        place = f"{task.resource}#{task.operation}_{task.interval_ms}"
        fatal = task.operation in ("start", "stop") and (task.fail_value or INFINITY) == INFINITY
        return [
            UpdateAttribute(f"fail-count-{place}", INFINITY if fatal else "value++"),
            UpdateAttribute(f"last-failure-{place}", str(now_s)),
        ]

    def _end_recurring(self, task: Task) -> list[Change]:
        """What recurred is no more; the last failure stays for people to see, until somebody cleans up."""
        known, failure = self.history.get(task.resource, {}), f"{task.resource}_last_failure_0"
        intervals = {ident: dict(change.operation).get("interval") for ident, change in known.items()}
        gone = [ident for ident, interval in intervals.items() if interval != "0" and ident != failure]
        return [self._forget(task.resource, ident) for ident in gone]

    def running(self) -> list[str]:
        """What may run here, first what was started last."""
        found = []
        for resource, records in self.history.items():
            last = records.get(f"{resource}_last_0")
            words = {} if last is None else dict(last.operation)
            stopped = words.get("operation") == "stop" and words.get("rc-code") == "0"
            absent = words.get("operation") == "monitor" and words.get("rc-code") in ("7", "5")
            if words and not stopped and not absent:
                found.append(resource)
        found += [resource for resource in self.unsure if resource not in self.history]
        return found[::-1]

    def stop_all(self) -> list[StartOp | CancelOp]:
        """Operations that stop what runs here; their results are nobody's but who asked for this."""
        out: list[StartOp | CancelOp] = []
        for resource in self.running():
            out += self._end([key for key in self._recurring if key[0] == resource])
            if resource in self.specs:
                self.serial += 1
                out.append(StartOp(self.serial, self.specs[resource], "stop", context=_BY_ITSELF, asker=_ASKER))
        return out

    def said_anew(self) -> list[Change]:
        """The whole of it, and last that this node is a member."""
        changes: list[Change] = [NodeForgotten(self.node, histories_only=True)]
        for records in self.history.values():
            changes += records.values()
        return [*changes, NodeStateSet(self.node, self.presence.here())]

    # ---- surviving

    def notes(self) -> OpsNoted | None:
        """What the hands are to keep of what happened since; ``None`` when nothing did."""
        if self.unknown or (not self._notes and self._worked == self._acked):
            return None
        noted = OpsNoted(self._worked, tuple(self._notes.items()), _ASKER)
        self._notes, self._acked = {}, self._worked
        return noted

    def take_up(self, view: OpsView) -> tuple[list[StartOp], list[OpFinished]] | None:
        """What the hands say that they do, in one view of several; ``None`` until the last one.

        Then: what they do not know of and is asked again, and the results that are to be worked off now.
        """
        self._told.append(view)
        if view.more:
            return None
        views, self._told, self.unknown = self._told, [], False
        pending = {entry.op_id: entry for part in views for entry in part.pending}
        results = [result for part in views for result in part.last if result.context]
        if not self.history:
            for part in views:
                self._restore(part.notes)
        elif not any(part.notes for part in views):
            self._note_anew()
        contexts = [(entry.op_id, entry.context) for entry in pending.values()]
        contexts += [(result.op_id, result.context) for result in results]
        for number, context in contexts:
            self.serial = max(self.serial, number)
            if number not in self.asked and context and context != _BY_ITSELF:
                self._know_again(number, _ASKED.decode(context))
        self._drop_lost()
        done = {result.op_id for result in results}
        again = [op for number, op in self._sent.items() if number not in pending and number not in done]
        return again, results

    def _know_again(self, number: int, asked: Asked) -> None:
        task = asked.task
        self.asked[number] = asked
        self._sent[number] = self._operation(number, asked)
        if task.interval_ms:
            self._recurring[task.resource, task.operation, task.interval_ms] = number

    def _restore(self, notes: tuple[tuple[str, str], ...]) -> None:
        for name, value in notes:
            if name.startswith(_SPEC):
                spec = _SPECS.decode(value)
                self.specs[spec.id] = spec
            if not name.startswith(_HISTORY):
                continue
            change = _RECORDED.decode(value)
            words = dict(change.operation)
            self.history.setdefault(change.resource, {})[words["id"]] = change
            self.serial = max(self.serial, int(words.get("call-id", "0")))

    def _note_anew(self) -> None:
        """The hands have lost what they kept, and count their results from one again."""
        self._worked = self._acked = 0
        self._notes |= {f"{_SPEC}{name}": msgspec.json.encode(spec).decode() for name, spec in self.specs.items()}
        for resource, records in self.history.items():
            for ident, change in records.items():
                self._notes[f"{_HISTORY}{resource} {ident}"] = msgspec.json.encode(change).decode()

    def _drop_lost(self) -> None:
        """Records of what was under way and never came to the hands: nobody will ever say what became of it."""
        alive = {asked.transition_key for asked in self.asked.values()}
        for resource, records in self.history.items():
            for ident, change in list(records.items()):
                words = dict(change.operation)
                if words.get("op-status") == str(PENDING) and words.get("transition-key") not in alive:
                    self._forget(resource, ident)


def outcome_of(result: OpFinished, unix_s: int) -> Outcome:
    """A result of the hands, as it is recorded."""
    return Outcome(
        int(result.rc),
        _ENDS[result.end],
        result.op_id,
        result.reason,
        result.began_s or unix_s - result.elapsed_ms // 1_000,
        result.changed_s or unix_s,
        result.elapsed_ms,
        result.queued_ms,
        result.traits,
    )
