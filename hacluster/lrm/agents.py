"""What is known of the agents of this host, asked of them when it is needed, and the results that wait for it.

An agent is asked for its meta-data beside the first operation that it does, and again when its file has changed since
(``ChildExited.stamp``). The result of that operation waits for the answer, and so do those of the same agent behind it,
so that nothing overtakes; for ``WAIT_MS`` at most: an agent that hangs in its meta-data costs digests, not a failover.
"""

from __future__ import annotations

import errno
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.effects import Effect, Say, Spawn
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.lrm import ocf
from hacluster.lrm.call import Call
from hacluster.lrm.surroundings import Surroundings
from hacluster.lrm.traits import read_traits
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.msg.lrm import AgentClass, AgentTraits, OpFinished, ResourceSpec, StartOp

WAIT_MS: Final = 5_000
TIMEOUT_MS: Final = 30_000
OUTPUT_LIMIT: Final = 1_048_576
PARALLEL: Final = 4
"""Agents that are asked at the same time."""

NEED_TRAITS: Final = frozenset(
    {"start", "monitor", "promote", "demote", "reload", "reload-agent", "migrate_to", "migrate_from", "asyncmon"}
)
"""Operations whose record has digests that depend on meta-data."""

AgentKey = tuple[str, str]
"""Provider and type; other classes than OCF have no parameters."""

Held = tuple[StartOp, OpFinished]


@dataclass(slots=True)
class _Agent:
    spec: ResourceSpec
    stamp: int | None = None
    traits: AgentTraits | None = None
    child_id: int | None = None
    attempt: int = 0
    waits: bool = False
    held: deque[Held] = field(default_factory=deque)

    @property
    def asked(self) -> bool:
        """Whether an answer may still come."""
        return self.waits or self.child_id is not None


class Agents:
    """The agents of one host."""

    def __init__(self, host: Surroundings, kill_after_ms: int) -> None:
        self._host, self._kill_after_ms = host, kill_after_ms
        self._agents: dict[AgentKey, _Agent] = {}
        self._children: dict[int, AgentKey] = {}
        self._queue: deque[AgentKey] = deque()
        self._patience: Timers[AgentKey] = Timers()

    def runs(self, child_id: int) -> bool:
        """Whether that child is an agent that was asked."""
        return child_id in self._children

    def deadline(self) -> Instant | None:
        """When somebody has waited long enough."""
        return self._patience.deadline()

    @staticmethod
    def key_of(op: StartOp) -> AgentKey | None:
        """The agent that an operation wants to know of; ``None`` when none."""
        spec = op.resource
        return (spec.provider, spec.type) if spec.agent_class is AgentClass.OCF and op.context else None

    def want(self, op: StartOp) -> None:
        """An operation begins: its agent is asked, if it never was."""
        key = self.key_of(op)
        if key is None or op.action not in NEED_TRAITS:
            return
        agent = self._agents.get(key)
        if agent is None:
            agent = self._agents[key] = _Agent(op.resource)
            self._ask(key, agent)

    def _ask(self, key: AgentKey, agent: _Agent) -> None:
        agent.waits, agent.attempt = True, 0
        self._queue.append(key)

    def next_call(self, child_id: int) -> Spawn | None:
        """Ask the next one, as that child; ``None`` when none may be asked now."""
        if not self._queue or len(self._children) >= PARALLEL:
            return None
        key = self._queue.popleft()
        agent = self._agents[key]
        agent.waits, agent.child_id = False, child_id
        self._children[child_id] = key
        return self._spawn(child_id, agent, ocf.meta_data_call(agent.spec, self._host))

    def _spawn(self, child_id: int, agent: _Agent, call: Call) -> Spawn:
        program = call.candidates[agent.attempt]
        return Spawn(
            child_id,
            (program, *call.arguments),
            call.env,
            TIMEOUT_MS,
            kill_after_ms=self._kill_after_ms,
            output_limit=OUTPUT_LIMIT,
        )

    def finished(self, exited: ChildExited, next_child: int) -> tuple[list[Effect], list[Held]]:
        """One that was asked has answered: what to do, and the results that need not wait any more."""
        key = self._children.pop(exited.child_id)
        agent = self._agents[key]
        agent.child_id = None
        call = ocf.meta_data_call(agent.spec, self._host)
        missing = exited.end is ChildEnd.NOT_STARTED and exited.code in (errno.ENOENT, errno.ENOTDIR)
        if missing and agent.attempt + 1 < len(call.candidates):
            agent.attempt += 1
            agent.child_id = next_child
            self._children[next_child] = key
            return [self._spawn(next_child, agent, call)], []
        effects: list[Effect] = []
        agent.traits = read_traits(exited.stdout) if exited.end is ChildEnd.EXITED else None
        agent.stamp = exited.stamp
        if agent.traits is None and not missing:
            text = f"the agent {':'.join(part for part in key if part)} gives no meta-data that can be read"
            how = f"({exited.end} {exited.code}); changes of its parameters will mean a restart"
            effects.append(Say(Severity.WARNING, "lrm", "no-meta-data", f"{text} {how}"))
        return effects, self._release(key, agent)

    def hold(self, op: StartOp, result: OpFinished, stamp: int, now: Instant) -> list[Held]:
        """A result: those that may be told now, in order (itself among them, if nothing is waited for)."""
        key = self.key_of(op)
        agent = None if key is None else self._agents.get(key)
        if agent is None or key is None:
            return [(op, result)]
        if op.action in NEED_TRAITS and stamp and agent.stamp is not None and stamp != agent.stamp and not agent.asked:
            self._ask(key, agent)
        if not agent.asked or (op.action not in NEED_TRAITS and not agent.held):
            return [(op, result)]
        if not agent.held:
            self._patience.set(key, now, WAIT_MS)
        agent.held.append((op, result))
        return []

    def overdue(self, now: Instant) -> list[Held]:
        """Results that have waited long enough; they go without traits."""
        free: list[Held] = []
        while (key := self._patience.pop(now)) is not None:
            free += self._release(key, self._agents[key])
        return free

    def traits(self, op: StartOp) -> AgentTraits | None:
        """What is known of an operation's agent, if its record needs that."""
        key = self.key_of(op)
        agent = None if key is None or op.action not in NEED_TRAITS else self._agents.get(key)
        return None if agent is None else agent.traits

    def _release(self, key: AgentKey, agent: _Agent) -> list[Held]:
        self._patience.cancel(key)
        held = list(agent.held)
        agent.held.clear()
        return held

    def check(self) -> None:
        """Assert that nothing waits for ever."""
        assert len(self._children) <= PARALLEL
        for key, agent in self._agents.items():
            assert not agent.held or agent.asked, key
            assert bool(agent.held) == (key in self._patience), key
