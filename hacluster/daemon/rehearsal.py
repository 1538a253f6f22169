"""A short life of this node beside a pretended one, before anything begins: what is made once for it is shared.

Machines are pure: they can be run ahead on a clock of their own, and what they ask for be thrown away. Libraries set
themselves up at their first use (OpenSSL alone half a MiB), and CPython changes code as it learns how it is used
(PEP 659). Done once, before the supervisor forks, these pages are everybody's; else each process does the same on
copies of its own.

Nothing of the real host is read or touched, and nothing is said to anybody. Agents that are asked succeed, disks write,
and no datagram is lost: it is no test of anything.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from hacluster.base.effects import Append, MachineName, Persist, Spawn, Transmit
from hacluster.base.machine import Instant, after
from hacluster.msg.driver import (
    ChildEnd,
    ChildExited,
    DatagramReceived,
    HostSample,
    Persisted,
    Restored,
    StopRequested,
)
from hacluster.node.assembly import Birth, NodeSettings, build
from hacluster.node.layout import ProcessName
from hacluster.node.router import Asked, Router

HEARTBEATS: Final = 12
"""How many each sends before the first of them leaves: eight calls make a habit of a function."""

MAX_EVENTS: Final = 5_000
_BEGIN: Final = Instant(1_000_000)
_UNIX_MS: Final = 1_700_000_000_000
_LOADAVG: Final = "0.00 0.00 0.00 1/100 1"


def rehearse(settings: NodeSettings) -> None:
    """Play it. Where the pretended world leads a machine astray the real one is none the worse for it."""
    with contextlib.suppress(Exception):
        for _ in play(settings):
            pass


def play(settings: NodeSettings) -> Iterable[Asked]:
    """The first seconds of a node and its stop; gives what its machines ask for."""
    other = next((name.lower() for name in settings.ha.nodes if name.lower() != settings.node), "other")
    nodes = (_router(settings, 1), _router(replace(settings, node=other), 2))
    stage = _Stage(nodes)
    for which, router in enumerate(nodes):
        for machine in router.names:
            stage.events += [(which, machine, Restored(key, None)) for key, _ in settings.layout.restored[machine]]
    keepalive_ms = settings.ha.keepalive_ms
    for beat in range(HEARTBEATS):
        sample = HostSample(_UNIX_MS + beat * keepalive_ms, _LOADAVG)
        stage.events += [(which, name, sample) for which, router in enumerate(nodes) for name in sorted(router.names)]
        yield from stage.pass_time(keepalive_ms)
    stage.events.append((0, settings.layout.manager, StopRequested()))
    yield from stage.pass_time(keepalive_ms)


def _router(settings: NodeSettings, number: int) -> Router:
    # What thinks is not loaded before the fork.
    processes = [name for name in settings.layout.hosted if name is not ProcessName.THOUGHT]
    return build(processes, settings, Birth(bytes([number]) * 16, bytes([number]) * 16, number))


class _Stage:
    """The two nodes, the time, and what is about to happen: to which of them, to which machine, what."""

    def __init__(self, nodes: tuple[Router, Router]) -> None:
        self._nodes = nodes
        self._now = _BEGIN
        self._left = MAX_EVENTS
        self._started: set[tuple[int, tuple[str, ...]]] = set()
        self.events: deque[tuple[int, MachineName, object]] = deque()

    def pass_time(self, ms: int) -> Iterable[Asked]:
        """All that happens until then; gives what the first node asks for."""
        until = after(self._now, ms)
        while self._left:
            self._left -= 1
            if self.events:
                which, machine, event = self.events.popleft()
                asked = self._nodes[which].deliver(machine, event, self._now)
            else:
                due, which = min((node.deadline() or until, which) for which, node in enumerate(self._nodes))
                if due >= until:
                    break
                self._now = max(self._now, due)
                asked = self._nodes[which].tick(self._now)
            for each in asked:
                self._answer(which, each)
            if which == 0:
                yield from asked
        self._now = until

    def _answer(self, which: int, asked: Asked) -> None:
        match asked.effect:
            case Transmit(medium, data):
                event = DatagramReceived(medium, data, "192.0.2.1")
                self.events.append((1 - which, MachineName.HEARTBEAT, event))
            case Persist(key, _, token) | Append(key, _, token):
                self.events.append((which, asked.by, Persisted(key, token)))
            case Spawn(child_id, argv):
                code, said = self._run(which, argv)
                self.events.append((which, asked.by, ChildExited(child_id, ChildEnd.EXITED, code, said)))
            case _:
                pass

    def _run(self, which: int, argv: tuple[str, ...]) -> tuple[int, bytes]:
        """Exit status and output of a program: an agent of a service that always obeys."""
        *service, action = argv
        key = (which, tuple(service))
        match action:
            case "start":
                self._started.add(key)
            case "stop":
                self._started.discard(key)
            case "status" | "monitor":
                return (0, b"running") if key in self._started else (3 if action == "status" else 7, b"stopped")
            case _:
                pass
        return 0, b""
