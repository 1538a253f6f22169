"""The router: carries messages between the machines of one process, and hands everything else to the driver.

Theory of operation. A driver calls :meth:`Router.deliver` with an event for one machine. The machine's effects are
performed in order: a ``Send`` to a machine that lives here is queued and delivered after the effects before it, until
all is quiet; every other effect, and a ``Send`` to a machine that lives elsewhere, is returned to the driver with the
name of the machine that asked. The order of what one machine says to another is kept. The router has no state
between two calls, so a driver may persist, crash and replay at any call's edge.

What it does not do: time (drivers ask :meth:`deadline` and send ``Tick``), processes, queues between processes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from hacluster.base.effects import Effect, MachineName, Send
from hacluster.base.limits import MAX_CASCADE
from hacluster.base.machine import Instant, Machine, earliest
from hacluster.msg.driver import Tick


@dataclass(frozen=True, slots=True)
class Asked:
    """An effect for the driver, and which machine asked for it (answers go back there)."""

    by: MachineName
    effect: Effect


class Router:
    """The machines of one process."""

    def __init__(self, machines: Mapping[MachineName, Machine[object]]) -> None:
        self._machines = dict(machines)

    @property
    def names(self) -> frozenset[MachineName]:
        """The machines that live here."""
        return frozenset(self._machines)

    def deliver(self, to: MachineName, event: object, now: Instant) -> list[Asked]:
        """Hand one event over and let its consequences run until quiet."""
        asked: list[Asked] = []
        queue: deque[tuple[MachineName, object]] = deque([(to, event)])
        steps = 0
        while queue:
            name, body = queue.popleft()
            steps += 1
            assert steps <= MAX_CASCADE, f"machines talk in a circle: {name} got {body!r}"
            for effect in self._machines[name].step(body, now):
                if isinstance(effect, Send) and effect.to in self._machines:
                    queue.append((effect.to, effect.body))
                else:
                    asked.append(Asked(name, effect))
        return asked

    def tick(self, now: Instant) -> list[Asked]:
        """Wake every machine whose deadline has come."""
        asked: list[Asked] = []
        for name, machine in self._machines.items():
            deadline = machine.deadline()
            if deadline is not None and deadline <= now:
                asked += self.deliver(name, Tick(), now)
        return asked

    def deadline(self) -> Instant | None:
        """When the first machine wants a tick."""
        return earliest(*(machine.deadline() for machine in self._machines.values()))

    def check(self) -> None:
        """Assert the invariants of every machine."""
        for machine in self._machines.values():
            machine.check()
