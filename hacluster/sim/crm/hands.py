"""Hands of a pretended node: the real machine of the hands over services, agents and a journal that are pretended.

Agents take their time, fail, or hang until their time is up; hands may be killed at any moment, and their agents with
them, in the middle of what they do. Who may run where is looked at all the time (A1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from hacluster.base.dice import Dice
from hacluster.base.effects import Append, Effect, Kill, MachineName, Persist, Send, SetAside, Spawn
from hacluster.base.machine import Instant
from hacluster.config.settings import HaclusterConfig
from hacluster.lrm.ledger import KEY
from hacluster.lrm.machine import LrmEvent, LrmMachine
from hacluster.lrm.surroundings import Surroundings
from hacluster.msg.driver import ChildEnd, ChildExited, HostSample, Persisted, Restored, Tick
from hacluster.msg.lrm import CancelOp, OcfCode, OpsNoted, OpsQuery, RunAlert, StartOp
from hacluster.msg.stonith import DeviceOpEnded
from hacluster.sim.clock import Agenda
from hacluster.sim.crm.checkers import Breach

EPOCH_MS: Final = 1_600_000_000_000
WAY_MS: Final = 1
"""What a message between two processes of a node takes."""

_DOES = {
    "start": OcfCode.OK,
    "promote": OcfCode.RUNNING_PROMOTED,
    "demote": OcfCode.OK,
    "stop": OcfCode.NOT_RUNNING,
    "migrate_from": OcfCode.OK,
}
"""What a service is after an action, in the words of its monitor."""

_META_DATA: Final = b"""<?xml version="1.0"?>
<resource-agent name="pretended"><version>1.1</version><parameters>
<parameter name="config" unique="1"/><parameter name="level" reloadable="1"/><parameter name="passwd" private="1"/>
</parameters><actions><action name="start"/><action name="reload-agent"/></actions></resource-agent>
"""


@dataclass(slots=True)
class Services:
    """All services of a ring: who runs what. ``single`` may run on one node at a time.

    ``broken``: (node, service, action) that fails; ``slow``: milliseconds of (service, action); ``hanging``: (service,
    action) that never ends. ``done``: what was carried out, as (when, node, action, service). ``alerts``: (when, node,
    environment) of each alert agent that was run.
    """

    single: frozenset[str] = frozenset()
    runs: dict[str, dict[str, OcfCode]] = field(default_factory=dict)
    broken: set[tuple[str, str, str]] = field(default_factory=set)
    slow: dict[tuple[str, str], int] = field(default_factory=dict)
    hanging: set[tuple[str, str]] = field(default_factory=set)
    done: list[tuple[int, str, str, str]] = field(default_factory=list)
    alerts: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)

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


@dataclass(slots=True)
class _Child:
    spawn: Spawn
    began: int
    service: str
    action: str


class Hands:
    """The hands of one life of their process. ``files`` outlive it, until the node loses power."""

    def __init__(  # noqa: PLR0917
        self,
        node: str,
        services: Services,
        agenda: Agenda,
        dice: Dice,
        tell: Callable[[MachineName, object], None],
        files: dict[str, bytes],
    ) -> None:
        self._node, self._services, self._agenda, self._dice, self._tell = node, services, agenda, dice, tell
        self._files = files
        self._lrm = LrmMachine(HaclusterConfig(), Surroundings(node), asker=MachineName.CRMD)
        self._children: dict[int, _Child] = {}
        self._writing: list[Persist | Append] = []
        self._armed: int | None = None
        self.alive = True
        self._give(HostSample(EPOCH_MS + agenda.now, ""))
        self._give(Restored(KEY, files.get(KEY)))

    def take(self, body: StartOp | CancelOp | OpsQuery | OpsNoted | DeviceOpEnded | RunAlert) -> None:
        """The brain says something."""
        self._agenda.after(WAY_MS, partial(self._give, body))

    def kill(self) -> None:
        """The process is killed: what its agents were doing is done, or not; of what was being written a beginning."""
        self.alive = False
        for child in self._children.values():
            if self._dice.chance(500_000) and (child.service, child.action) not in self._services.hanging:
                self._carry_out(child)
        for write in self._writing[: self._dice.below(len(self._writing) + 1)]:
            self._write(write)
        self._children.clear()

    # ---- the driver of the machine

    def _give(self, event: LrmEvent) -> None:
        if not self.alive:
            return
        for effect in self._lrm.step(event, Instant(self._agenda.now)):
            self._perform(effect)
        self._lrm.check()
        self._arm()

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._agenda.after(WAY_MS, partial(self._say, effect))
            case Spawn():
                self._run(effect)
            case Kill():
                self._end(effect.child_id, ChildEnd.SIGNALED, effect.signal)
            case Persist() | Append():
                self._writing.append(effect)
                self._agenda.after(self._dice.between(0, 3), self._written)
            case SetAside():
                self._files.pop(effect.key, None)
            case _:
                pass

    def _say(self, send: Send) -> None:
        if self.alive:
            self._tell(send.to, send.body)

    def _written(self) -> None:
        if self.alive and self._writing:
            write = self._writing.pop(0)
            self._write(write)
            self._give(Persisted(write.key, write.token))

    def _write(self, write: Persist | Append) -> None:
        before = self._files.get(write.key, b"") if isinstance(write, Append) else b""
        self._files[write.key] = before + write.data

    def _arm(self) -> None:
        due = self._lrm.deadline()
        if due is None or (self._armed is not None and self._agenda.now <= self._armed <= due):
            return
        self._armed = max(int(due), self._agenda.now)
        self._agenda.at(self._armed, partial(self._tick, self._armed))

    def _tick(self, when: int) -> None:
        if self._armed == when:
            self._armed = None
        self._give(Tick())

    # ---- agents

    def _run(self, spawn: Spawn) -> None:
        env = dict(spawn.env)
        if "CRM_alert_kind" in env:
            self._services.alerts.append((self._agenda.now, self._node, env))
        child = _Child(spawn, self._agenda.now, env.get("OCF_RESOURCE_INSTANCE", ""), spawn.argv[-1])
        self._children[spawn.child_id] = child
        if spawn.timeout_ms is not None:
            self._agenda.after(spawn.timeout_ms, partial(self._end, spawn.child_id, ChildEnd.TIMED_OUT, 15))
        if (child.service, child.action) in self._services.hanging:
            return
        took = self._services.slow.get((child.service, child.action), 0) or self._dice.between(10, 60)
        self._agenda.after(took, partial(self._exit, child))

    def _carry_out(self, child: _Child) -> OcfCode:
        if (self._node, child.service, child.action) in self._services.broken:
            return OcfCode.GENERIC
        if child.action in _DOES:
            self._services.become(self._node, child.service, _DOES[child.action])
            self._services.done.append((self._agenda.now, self._node, child.action, child.service))
            return OcfCode.OK
        if child.action == "monitor":
            return self._services.runs.get(self._node, {}).get(child.service, OcfCode.NOT_RUNNING)
        return OcfCode.OK

    def _exit(self, child: _Child) -> None:
        if self._children.get(child.spawn.child_id) is child and self.alive:
            out = _META_DATA if child.action == "meta-data" else b""
            self._end(child.spawn.child_id, ChildEnd.EXITED, int(self._carry_out(child)), out)

    def _end(self, child_id: int, end: ChildEnd, code: int, out: bytes = b"") -> None:
        child = self._children.pop(child_id, None)
        if child is not None:
            elapsed = self._agenda.now - child.began
            self._give(ChildExited(child_id, end, code, out, elapsed_ms=elapsed, stamp=1))
