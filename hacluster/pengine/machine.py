"""pengine as a machine: the policy engine over a copy of the CIB that it is told of, change by change.

It follows cibd: the whole at each sync, then each committed record and each change of the status, in that order. Asked
to schedule, it answers with a plan of tasks; a transition of the engine is good until its next call, so it is turned
into a plan at once. It has no state that cannot be told again. What the configuration says about fencing it tells the
fencer and crmd of its node, each time that that changes.

What a decision was made of is written down (``inputs``) once it is answered.

What the machine does not do: decide when to think (crmd), run anything (te).
"""

from __future__ import annotations

from typing import Final, assert_never

from lxml import etree

from hacluster.base.effects import Effect, MachineName, Say, Send
from hacluster.base.iso8601 import Moment
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.values import interval_ms, scan_int
from hacluster.cib.change import (
    AttributeSet,
    Change,
    Ids,
    NodeAttributesSet,
    NodeForgotten,
    NodeStateSet,
    OperationRecorded,
    ResourceForgotten,
    TicketSet,
    apply_change,
    node_ids,
)
from hacluster.cib.document import XML, Document, parse_document
from hacluster.cib.patch import apply_patch
from hacluster.msg.alerts import AlertsConfigured
from hacluster.msg.crmd import ManagerOptions
from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Persisted,
    PersistFailed,
    Restored,
    StopRequested,
    Tick,
)
from hacluster.msg.replica import Committed, CopyTaken, StatusChanged
from hacluster.msg.stonith import FencingConfigured
from hacluster.msg.transition import Plan, ScheduleAt, Scheduled, SidesWeighed, Task, TaskKind, WeighSides
from hacluster.msg.views import ViewSynced
from hacluster.pe.graph.xml import graph_xml
from hacluster.pe.incremental import Engine
from hacluster.pengine.alerts import alerts_of
from hacluster.pengine.fencing import delay_against, devices_of, fencing_in
from hacluster.pengine.inputs import KEY, Inputs
from hacluster.pengine.options import options_of

Event = (
    CopyTaken
    | Committed
    | StatusChanged
    | ScheduleAt
    | WeighSides
    | ViewSynced
    | Tick
    | HostSample
    | StopRequested
    | MachineRestarted
    | Restored
    | Persisted
    | PersistFailed
)

WAY_MS: Final = 60_000
"""What a result may take beyond the agent's own time, if the configuration says nothing that makes sense."""

_KINDS = {"pseudo_event": TaskKind.PSEUDO, "rsc_op": TaskKind.RESOURCE, "crm_event": TaskKind.CRM}
_RESOURCES = ("primitive", "template")


class PengineMachine:
    """See the module."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._engine = Engine()
        self._ids_of: XML | None = None
        self._known_ids: Ids = {}
        self._fencing: FencingConfigured | None = None
        self._alerts: AlertsConfigured | None = None
        self._options: ManagerOptions | None = None
        self._inputs = Inputs()
        self._failing = False
        self._unix_ms = 0
        self._touched: set[str] | None = None
        self._now = Instant(0)

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._now = now
        said: list[Effect] = []
        if self._document is not None:
            if isinstance(event, Tick):
                said = self._inputs.write_on(self._document)
            elif isinstance(event, CopyTaken | Committed | StatusChanged | ScheduleAt):
                # What was decided on is to be kept as it was.
                said = self._inputs.before_change(self._document)
        effects = said + self._dispatch(event)
        if isinstance(event, CopyTaken | Committed):
            effects += self._tell_configured() + self._tell_alerts()
        return effects

    def _tell_alerts(self) -> list[Effect]:
        """What the configuration says about alerts, when that is news."""
        if self._document is None:
            return []
        found = alerts_of(self._document, Moment.from_epoch(self._unix_ms // 1_000))
        if found == (self._alerts or AlertsConfigured()):
            return []
        self._alerts = found
        return [Send(MachineName.CRMD, found)]

    def _tell_configured(self) -> list[Effect]:
        """What the configuration says about fencing, to the fencer and to crmd, and to the manager; if it is news."""
        if self._document is None:
            return []
        root = self._document.root
        cluster = devices_of(self._document, Moment.from_epoch(self._unix_ms // 1_000))
        told = self._tell_options(options_of(cluster.options, root))
        found = fencing_in(cluster, root)
        if found == self._fencing:
            return told
        self._fencing = found
        return [*told, Send(MachineName.STONITH, found), Send(MachineName.CRMD, found)]

    def _tell_options(self, options: ManagerOptions) -> list[Effect]:
        if options == self._options:
            return []
        self._options = options
        return [Send(MachineName.CRMD, options)]

    def _on_failed(self, event: PersistFailed) -> list[Effect]:
        failing, self._failing = self._failing, True
        text = f"{event.key} cannot be written, so this decision cannot be looked at later: {event.error}"
        return [] if failing else [Say(Severity.ERROR, "pengine", "input-not-written", text)]

    def _dispatch(self, event: Event) -> list[Effect]:  # noqa: C901 - one flat table of events
        match event:
            case CopyTaken():
                self._document, self._touched = parse_document(event.text.encode()), None
            case Committed():
                if self._document is not None:
                    patch = etree.fromstring(event.record.patch)
                    self._document.root = apply_patch(self._document.root, patch, check_version=False)
                    self._touched = None
            case StatusChanged():
                if self._document is not None:
                    apply_change(self._document.status, event.change, self._ids())
                    self._note(event.change)
            case ScheduleAt():
                return self._schedule(event)
            case WeighSides(other):
                now = Moment.from_epoch(self._unix_ms // 1_000)
                delay_ms = 0 if self._document is None else delay_against(self._document, other, now)
                return [Send(MachineName.CRMD, SidesWeighed(other, delay_ms))]
            case HostSample():
                self._unix_ms = event.unix_ms
            case MachineRestarted():
                if event.machine in (MachineName.STONITH, MachineName.CRMD):
                    self._fencing = self._alerts = self._options = None
                    return self._tell_configured() + self._tell_alerts()
            case Restored():
                if event.key == KEY:
                    self._inputs.restore(event.data)
            case Persisted():
                self._failing = False
            case PersistFailed():
                return self._on_failed(event)
            case ViewSynced() | Tick() | StopRequested():
                pass
            case _:
                assert_never(event)
        return []

    def deadline(self) -> Instant | None:
        """At once, when an input is to be written."""
        return self._now if self._inputs.due else None

    def check(self) -> None:
        """There is nothing that could contradict itself."""

    def _ids(self) -> Ids:
        """What the configuration calls the nodes."""
        assert self._document is not None, "asked of no document"
        if self._ids_of is not self._document.root:
            self._ids_of, self._known_ids = self._document.root, node_ids(self._document.root)
        return self._known_ids

    def _note(self, change: Change) -> None:
        """Note which histories are not what they were, as long as all that are there keep their places."""
        match change:
            case OperationRecorded():
                if self._touched is not None:
                    self._touched.add(change.resource)
            case ResourceForgotten() | NodeForgotten():
                self._touched = None
            case NodeStateSet() | NodeAttributesSet() | AttributeSet() | TicketSet():
                pass  # what is said of nodes and tickets is compared each time
            case _:
                assert_never(change)

    def _schedule(self, asked: ScheduleAt) -> list[Effect]:
        if self._document is None:
            return [Send(MachineName.CRMD, Scheduled(Plan(asked.number, ()), "no copy of the CIB yet"))]
        root = self._document.root
        root.set("have-quorum", "1" if asked.quorate else "0")
        root.set("dc-uuid", self._ids().get(asked.leader, asked.leader))
        touched, self._touched = self._touched, set()
        transition = self._engine.schedule(self._document, Moment.from_epoch(asked.unix_s), touched=touched)
        plan = plan_of(graph_xml(transition.graph, asked.number), asked.number)
        name = self._inputs.name(self._document, transition.cluster.reports, asked.unix_s)
        # An option may hang on a rule, and be another one now.
        told = self._tell_options(options_of(transition.cluster.options, root))
        return [*told, Send(MachineName.CRMD, Scheduled(plan, input=name))]


def plan_of(graph: XML, number: int) -> Plan:
    """The plan that a transition graph says."""
    tasks = []
    fail_values = {name: graph.get(f"failed-{name}-offset", "") for name in ("start", "stop")}
    for synapse in graph.iterfind("synapse"):
        inputs = tuple(int(event.get("id", "0")) for event in synapse.iterfind("inputs/trigger/*"))
        priority = int(synapse.get("priority", "0"))
        tasks += [_task(event, inputs, priority, fail_values) for event in synapse.iterfind("action_set/*")]
    return Plan(
        number,
        tuple(tasks),
        batch_limit=scan_int(graph.get("batch-limit")) or 0,
        recheck_by=int(graph.get("recheck-by", "0")),
        migration_limit=scan_int(graph.get("migration-limit", "-1")) or 0,
        way_ms=interval_ms(graph.get("cluster-delay")) or WAY_MS,
    )


def _task(event: XML, inputs: tuple[int, ...], priority: int, fail_values: dict[str, str]) -> Task:
    agent = next((child for child in event if child.tag in _RESOURCES), None)
    words: dict[str, str] = {} if agent is None else {str(name): str(value) for name, value in agent.attrib.items()}
    attributes = event.find("attributes")
    key = event.get("internal_operation_key") or event.get("operation_key") or ""
    return Task(
        int(event.get("id", "0")),
        _KINDS[str(event.tag)],
        event.get("operation", ""),
        key,
        event.get("on_node", ""),
        words.get("id", ""),
        words.get("class", ""),
        words.get("provider", ""),
        words.get("type", ""),
        () if attributes is None else tuple((str(name), str(value)) for name, value in attributes.attrib.items()),
        inputs,
        priority,
        fail_values.get(event.get("operation", ""), ""),
    )
