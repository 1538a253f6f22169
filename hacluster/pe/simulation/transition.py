"""Running a transition without a cluster: every action does what it is expected to, unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hacluster.cib.document import Document
from hacluster.pe.graph.build import Graph, Synapse
from hacluster.pe.graph.xml import action_attributes, element_name, instance_key
from hacluster.pe.model.action import Action, op_key
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.model.resource import Resource
from hacluster.pe.ordering.remote import connection_host
from hacluster.pe.simulation.inject import (
    Result,
    configure_node,
    forget_node,
    history_of,
    inject_failure,
    node_state,
    record_result,
    set_online,
    why_no_history,
)
from hacluster.pe.views.scorelines import Remark


@dataclass(slots=True)
class Run:
    """How a pretended run went."""

    lines: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    complete: bool = True


def _names(cluster: Cluster, rsc: Resource) -> tuple[str, str]:
    """The name a result is shown under, and the configured one."""
    if rsc.orphan and rsc.clone_name is not None:
        configured, long_id = rsc.clone_name, rsc.id
    elif not rsc.unique:
        configured = rsc.xml_id
        long_id = rsc.clone_name if rsc.clone_name not in (None, rsc.xml_id) else rsc.id
    else:
        configured, long_id = rsc.id, rsc.id
    if cluster.find_resource(configured) is None and cluster.find_resource(long_id) is not None:
        return long_id, configured
    return configured, configured


class _Runner:
    def __init__(
        self, document: Document, cluster: Cluster, graph: Graph, when: int, failures: Mapping[str, int]
    ) -> None:
        self._document = document
        self._cluster = cluster
        self._when = when
        self._failures = failures
        self._abort = False
        self.configures = False
        self._failed: set[Action] = set()
        self._done: set[Action] = set()
        self._waiting = list(graph.synapses)
        self.run = Run()
        self._do: dict[str, Callable[[Action], None]] = {
            "pseudo_event": self._pseudo,
            "crm_event": self._cluster_event,
            "rsc_op": self._resource_op,
        }

    def _pseudo(self, action: Action) -> None:
        node = f" on {action.node.name}" if action.node is not None and action.task == "stonith" else ""
        self.run.lines.append(f"Pseudo action:   {instance_key(action)}{node}")

    def _fence(self, action: Action) -> None:
        assert action.node is not None, action.key
        op = action.meta.get("stonith_action")
        self.run.lines.append(f"Fencing {action.node.name} ({op})")
        if op != "on":
            if self.configures:
                configure_node(self._document, action.node.name)
            forget_node(set_online(self._document, action.node.name, up=False))

    def _cluster_event(self, action: Action) -> None:
        if action.task == "stonith":
            self._fence(action)
            return
        node = "" if action.node is None else action.node.name
        what = action.task if action.rsc is None else f"{action.task} for {_names(self._cluster, action.rsc)[1]}"
        self.run.lines.append(f"Cluster action:  {what} on {node}")

    def _expected_failure(self, names: tuple[str, str], task: str, interval: int, node: str) -> tuple[str, int] | None:
        for name in dict.fromkeys(names):
            rc = self._failures.get(f"{op_key(name, task, interval)}@{node}".lower())
            if rc is not None:
                return name, rc
        return None

    def _resource_op(self, action: Action) -> None:
        rsc, node = action.rsc, action.node
        if rsc is None or node is None:
            return
        names = _names(self._cluster, rsc)
        value = action.meta.get("interval", "0")
        interval = int(value) if value.isdecimal() else 0
        what = f"{action.task}={interval}" if interval and action.task not in ("delete", "meta-data") else action.task
        line = f"Resource action: {names[0]:<15} {what} on {node.name}"
        if action.task in ("delete", "meta-data"):
            self.run.lines.append(line)
            return
        target_rc = int(action.meta.get("op_target_rc", "0"))
        result = Result(names[1], action.task, interval, target_rc, target_rc, self._when, "User-injected result")
        result.params = action_attributes(action)
        routed = connection_host(action) is not None
        if self.configures:
            configure_node(self._document, node.name)
        state = node_state(self._document, node.name, node.name if routed else node.id)
        agent = rsc.meta.get("class"), rsc.meta.get("provider"), rsc.meta.get("type")
        complaint = why_no_history(state, names, agent)
        if complaint is not None:
            self.run.complaints.append(complaint)
            self._failed.add(action)
            self._abort = True
            return
        self.run.lines.append(line)
        twins = len(state.histories_of(names[-1])) > 1
        history = history_of(state, names, agent)
        failure = self._expected_failure(names, action.task, interval, node.name)
        if failure is not None:
            name, result.rc = failure
            self.run.lines.append(Remark(f"Pretending action {action.id} failed with rc={result.rc}"))
            self._failed.add(action)
            self._abort = True
            fatal = self._cluster.start_failure_fatal
            self.run.lines += inject_failure(
                state, name, (action.task, interval), result.rc, self._when, fatal_starts=fatal
            )
        record_result(history, result, node.name, 1 if twins else None)

    def _ready(self, synapse: Synapse) -> bool:
        if not all(action in self._done and action not in self._failed for action in synapse.inputs):
            return False
        return not self._abort or element_name(synapse.action) == "pseudo_event" or synapse.priority >= 1_000_000

    def go(self) -> Run:
        progress = True
        while self._waiting and progress:
            progress = False
            left: list[Synapse] = []
            for synapse in self._waiting:
                if self._ready(synapse):
                    before = len(self.run.complaints)
                    self._do[element_name(synapse.action)](synapse.action)
                    self._done.add(synapse.action)
                    progress = progress or len(self.run.complaints) == before
                else:
                    left.append(synapse)
            self._waiting = left
        self.run.complete = not self._waiting or self._abort
        return self.run


def run_transition(
    document: Document,
    cluster: Cluster,
    graph: Graph,
    when: int,
    failures: Mapping[str, int] | None = None,
    *,
    configures: bool = False,
) -> Run:
    """Pretend that a graph is run at ``when`` (seconds since 1970); the status of ``document`` is what it leads to.

    ``failures`` are exit codes by ``<resource>_<task>_<interval>@<node>`` in lower case. ``configures``: a node of
    which something is pretended is one of the configuration from then on.
    """
    runner = _Runner(document, cluster, graph, when, failures or {})
    runner.configures = configures
    return runner.go()
