"""Hands of a pretended node: services, how long agents take, and what fails; and who may run where (A1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from hacluster.base.dice import Dice
from hacluster.msg.lrm import CancelOp, OcfCode, OpEnd, OpFinished, StartOp
from hacluster.sim.clock import Agenda
from hacluster.sim.crm.checkers import Breach

_DOES = {"start": OcfCode.OK, "promote": OcfCode.RUNNING_PROMOTED, "demote": OcfCode.OK, "stop": OcfCode.NOT_RUNNING}
"""What a service is after an action, in the words of its monitor."""


@dataclass(slots=True)
class Services:
    """All services of a ring: who runs what. ``single`` may run on one node at a time."""

    single: frozenset[str] = frozenset()
    runs: dict[str, dict[str, OcfCode]] = field(default_factory=dict)
    broken: set[tuple[str, str, str]] = field(default_factory=set)
    slow: dict[tuple[str, str], int] = field(default_factory=dict)
    done: list[tuple[int, str, str, str]] = field(default_factory=list)

    def where(self, service: str) -> list[str]:
        """The nodes on which a service runs."""
        return sorted(node for node, services in self.runs.items() if service in services)

    def become(self, node: str, service: str, code: OcfCode) -> None:
        """A service is something else now."""
        services = self.runs.setdefault(node, {})
        if code is OcfCode.NOT_RUNNING:
            services.pop(service, None)
        else:
            services[service] = code
        if service in self.single and len(self.where(service)) > 1:
            raise Breach(f"A1 {service} runs on {self.where(service)}")


class Hands:
    """The operations of one life of a node."""

    def __init__(
        self, node: str, services: Services, agenda: Agenda, dice: Dice, tell: Callable[[OpFinished], None]
    ) -> None:
        self._node, self._services, self._agenda, self._dice, self._tell = node, services, agenda, dice, tell
        self._queues: dict[str, list[StartOp]] = {}
        self._recurring: dict[tuple[int, str], OcfCode] = {}
        self.alive = True

    def take(self, body: StartOp | CancelOp) -> None:
        """An operation is asked for, or one is to end."""
        if isinstance(body, CancelOp):
            self._recurring = {key: last for key, last in self._recurring.items() if key[0] != body.op_id}
            return
        queue = self._queues.setdefault(body.resource.id, [])
        queue.append(body)
        if len(queue) == 1:
            self._run(body)

    def _run(self, op: StartOp) -> None:
        took = self._services.slow.get((op.resource.id, op.action), 0) or self._dice.between(10, 60)
        self._agenda.after(took, partial(self._end, op, took))

    def _outcome(self, op: StartOp) -> OcfCode:
        service = op.resource.id
        if (self._node, service, op.action) in self._services.broken:
            return OcfCode.GENERIC
        if op.action in _DOES:
            self._services.become(self._node, service, _DOES[op.action])
            self._services.done.append((self._agenda.now, self._node, op.action, service))
            return OcfCode.OK
        if op.action == "monitor":
            return self._services.runs.get(self._node, {}).get(service, OcfCode.NOT_RUNNING)
        return OcfCode.OK

    def _end(self, op: StartOp, took: int) -> None:
        if not self.alive:
            return
        queue = self._queues[op.resource.id]
        queue.remove(op)
        if queue:
            self._run(queue[0])
        code = self._outcome(op)
        if op.action == "stop":
            self._recurring = {key: last for key, last in self._recurring.items() if key[1] != op.resource.id}
        if op.interval_ms:
            self._recurring[op.op_id, op.resource.id] = code
            self._agenda.after(op.interval_ms, partial(self._again, op))
        self._finish(op, code, took)

    def _again(self, op: StartOp) -> None:
        key = (op.op_id, op.resource.id)
        if not self.alive or key not in self._recurring:
            return
        code = self._outcome(op)
        if code is not self._recurring[key]:
            self._recurring[key] = code
            self._finish(op, code, 5)
        self._agenda.after(op.interval_ms, partial(self._again, op))

    def _finish(self, op: StartOp, code: OcfCode, took: int) -> None:
        self._tell(
            OpFinished(
                op.op_id, op.resource.id, op.action, OpEnd.DONE, code, elapsed_ms=took, interval_ms=op.interval_ms
            )
        )
