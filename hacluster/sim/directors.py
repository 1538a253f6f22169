"""A director in virtual time: real servers that come, go and answer slowly, and a kernel's table that others change.

The kernel here is no kinder than the real one: a rule on what is not there fails and the rules after it still run,
reading and applying take time, and somebody else may change the table between the two. Checks end in any order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hacluster.base.dice import Dice
from hacluster.base.machine import Instant
from hacluster.director.machine import DirectorMachine
from hacluster.director.words import (
    Applied,
    Apply,
    Checked,
    Command,
    Deed,
    Ended,
    Event,
    Log,
    Monitor,
    ReadTable,
    Run,
    SendMail,
    TableRead,
    Tick,
)
from hacluster.lvs.rules import Rule, perform
from hacluster.lvs.settings import Check, CheckType, DirectorSettings
from hacluster.lvs.table import Table

START: Final = Instant(0)


@dataclass(slots=True)
class RealServer:
    """What a real server does. ``latency_ms`` above a check's limit is a server that hangs."""

    up: bool = True
    latency_ms: int = 5


@dataclass(slots=True)
class DirectorWorld:
    """One machine, its kernel, and the servers by address. ``broken``: ipvsadm fails altogether."""

    settings: DirectorSettings
    dice: Dice
    servers: dict[str, RealServer] = field(default_factory=dict)
    kernel: Table = field(default_factory=Table)
    now: Instant = field(default=START)
    broken: str = ""
    ipvsadm_ms: int = 20
    log: list[tuple[int, Log]] = field(default_factory=list)
    mails: list[tuple[int, SendMail]] = field(default_factory=list)
    commands: list[tuple[int, Command]] = field(default_factory=list)
    monitor: list[Monitor] = field(default_factory=list)
    applied: list[tuple[int, Rule]] = field(default_factory=list)
    runs: list[tuple[int, Check, bool]] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    ended: bool = False
    machine: DirectorMachine = field(init=False)
    _queue: list[tuple[int, int, Callable[[], Event]]] = field(default_factory=list)
    _count: int = 0
    _applies: int = 0

    def __post_init__(self) -> None:
        self.machine = DirectorMachine(self.settings, self.now)
        self.give(Tick())

    def server(self, address: str) -> RealServer:
        """The server at that address, made when it is first spoken of."""
        return self.servers.setdefault(address, RealServer())

    def give(self, event: Event) -> None:
        """Let the machine take an event in now, and do what it wants."""
        deeds = self.machine.step(event, self.now)
        self.machine.check()
        for deed in deeds:
            self._do(deed)

    def run_until(self, instant: int) -> None:
        """Let time pass up to ``instant`` (milliseconds)."""
        while True:
            wanted = self.machine.deadline()
            first = self._queue[0][0] if self._queue else None
            at = min((when for when in (wanted, first) if when is not None), default=None)
            if at is None or at > instant:
                break
            self.now = Instant(max(self.now, at))
            if first is not None and first <= self.now:
                _, _, event = heapq.heappop(self._queue)
                self.give(event())
            else:
                self.give(Tick())
        self.now = Instant(max(self.now, instant))

    def codes(self) -> list[str]:
        """The codes of all lines of log so far."""
        return [line.code for _, line in self.log]

    def weight(self, address: str) -> int | None:
        """The weight of the server in the first service of the kernel's table; ``None`` when it has no entry."""
        for inside in self.kernel.destinations.values():
            for entry in inside.values():
                if entry.address == address:
                    return entry.weight
        return None

    def _later(self, delay_ms: int, event: Callable[[], Event]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now + delay_ms, self._count, event))

    def _do(self, deed: Deed) -> None:
        match deed:
            case ReadTable():
                self._later(self.ipvsadm_ms, self._read)
            case Apply():
                self._applies += 1
                assert self._applies == 1, "two batches of rules under way at once"
                self._later(self.ipvsadm_ms, lambda: self._apply(deed.rules))
            case Run():
                self._run(deed.check, connect_only=deed.connect_only)
            case Log():
                self.log.append((self.now, deed))
            case SendMail():
                self.mails.append((self.now, deed))
            case Command():
                self.commands.append((self.now, deed))
            case Monitor():
                self.monitor.append(deed)
            case Ended():
                self.ended = True

    def _read(self) -> TableRead:
        return TableRead(Table(), self.broken) if self.broken else TableRead(self.kernel.copy())

    def _apply(self, rules: tuple[Rule, ...]) -> Applied:
        self._applies -= 1
        faults = []
        for rule in rules:
            fault = self.broken or refused(self.kernel, rule)
            if fault:
                faults.append((rule, fault))
            else:
                perform(self.kernel, rule)
                self.applied.append((self.now, rule))
        return Applied(tuple(faults))

    def _run(self, check: Check, *, connect_only: bool) -> None:
        self.runs.append((self.now, check, connect_only))
        server = self.server(check.address)
        limit = check.negotiate_timeout_ms if check.type is CheckType.NEGOTIATE else check.timeout_ms
        took = min(server.latency_ms + self.dice.between(0, 3), limit)
        late = server.latency_ms >= limit

        def end() -> Event:
            up = server.up and not late
            if up and not connect_only:
                self.good.add(check.address)
            text = "ok" if up else "timeout" if late else "refused"
            return Checked(check, connect_only, up, text, took)

        self._later(took if server.up or late else 1, end)


def refused(table: Table, rule: Rule) -> str:
    """What ipvsadm says to a rule that the kernel does not take; empty when it takes it."""
    id_, destination = rule.service.id, rule.destination
    known = id_ in table.services
    if rule.command == "-A":
        return "Service already exists" if known else ""
    if not known:
        return "No such service" if destination is None else "Service not defined"
    if destination is None:
        return ""
    present = table.find(id_, destination.address, destination.port) is not None
    if rule.command == "-a":
        return "Destination already exists" if present else ""
    return "" if present else "No such destination"
