"""Fencers of a few nodes and the devices that they reach; nothing takes time unless the clock is moved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Reply, Say, SelfFence, Send, Spawn
from hacluster.base.machine import Instant
from hacluster.base.members import Member
from hacluster.msg.driver import ChildEnd, ChildExited, HostSample, Peer, Request, Tick
from hacluster.msg.stonith import (
    Device,
    DeviceOpEnded,
    Fence,
    Fenced,
    FencersAre,
    FencingConfigured,
    FencingEntry,
    FencingNoticed,
)
from hacluster.msg.stream import Convey, Conveyed
from hacluster.stonith.conventions import Places
from hacluster.stonith.machine import StonithMachine

METADATA = """<?xml version="1.0"?><resource-agent name="{name}"><parameters><parameter name="plug"/></parameters>
<actions>{actions}</actions></resource-agent>"""
ALL = ("on", "off", "reboot", "status", "list", "monitor", "metadata")
Answer = tuple[int, str]


@dataclass(slots=True)
class Agent:
    """A fence agent: its actions, and what each call answers (exit status and output)."""

    actions: tuple[str, ...] = ALL
    on: str = '<action name="on"/>'
    answers: dict[str, Answer] = field(default_factory=dict)
    hangs: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()

    def metadata(self) -> str:
        tags = "".join(self.on if name == "on" else f'<action name="{name}"/>' for name in self.actions)
        return METADATA.format(name="fence_x", actions=tags)


@dataclass(slots=True)
class Fencers:
    """``calls`` has what was run: (node, program, words)."""

    names: tuple[str, ...]
    agents: dict[str, Agent] = field(default_factory=dict)
    machines: dict[str, StonithMachine] = field(default_factory=dict)
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    said: list[tuple[str, Say]] = field(default_factory=list)
    fenced: list[tuple[str, Fenced]] = field(default_factory=list)
    noticed: list[tuple[str, FencingEntry]] = field(default_factory=list)
    replies: dict[int, object] = field(default_factory=dict)
    ended: list[DeviceOpEnded] = field(default_factory=list)
    hanging: list[tuple[str, Spawn, int]] = field(default_factory=list)
    spawned: list[Spawn] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    self_fenced: list[str] = field(default_factory=list)
    watchdog_bound_ms: int = 8_000
    now: int = 0
    _queue: deque[Callable[[], None]] = field(default_factory=deque)
    _serial: int = 0

    def __post_init__(self) -> None:
        for number, name in enumerate(self.names):
            self.start(name, number)
        for name in self.names:
            self.give(name, FencersAre(self.names))

    def start(self, name: str, seed: int) -> None:
        self.machines[name] = StonithMachine(
            name, Dice(seed), Places(own="/own"), watchdog_bound_ms=self.watchdog_bound_ms
        )
        self.give(name, HostSample(1_600_000_000_000 + self.now, ""))

    def configure(self, config: FencingConfigured) -> None:
        for name in self.machines:
            self.give(name, config)

    def give(self, node: str, event: object) -> None:
        machine = self.machines.get(node)
        if machine is None or node in self.cut:
            return
        for effect in machine.step(event, Instant(self.now)):  # type: ignore[arg-type]
            self._perform(node, effect)
        machine.check()
        while self._queue:
            self._queue.popleft()()

    def ask(self, node: str, body: object) -> int:
        self._serial += 1
        self.give(node, Request(self._serial, Peer("root", 0, 0, 1), body))
        return self._serial

    def fence(self, node: str, target: str, action: str = "", **more: int) -> None:
        self._serial += 1
        self.give(node, replace(Fence(self._serial, target, action), **more))

    def pass_time(self, ms: int) -> None:
        end = self.now + ms
        while True:
            due = [int(when) for machine in self.machines.values() if (when := machine.deadline()) is not None]
            late = [began + (spawn.timeout_ms or 0) for _, spawn, began in self.hanging]
            nearest = min([*due, *late], default=end + 1)
            if nearest > end:
                break
            self.now = max(self.now, nearest)
            for entry in [one for one in self.hanging if one[2] + (one[1].timeout_ms or 0) <= self.now]:
                self.hanging.remove(entry)
                self.give(entry[0], ChildExited(entry[1].child_id, ChildEnd.TIMED_OUT, 15))
            for name, machine in self.machines.items():
                when = machine.deadline()
                if when is not None and when <= self.now:
                    self.give(name, Tick())
        self.now = end

    def leave(self, *names: str) -> None:
        """These are gone; the others learn it."""
        for name in names:
            self.machines.pop(name, None)
        for name in list(self.machines):
            self.give(name, FencersAre(tuple(self.machines)))

    @property
    def strikes(self) -> list[tuple[str, str, str]]:
        """(node, action, plug) of what changes power."""
        return [
            (n, w["action"], w.get("plug", "")) for n, _, w in self.calls if w.get("action") in ("on", "off", "reboot")
        ]

    def texts(self, code: str) -> list[str]:
        return [say.text for _, say in self.said if say.code == code]

    def _perform(self, node: str, effect: Effect) -> None:
        match effect:
            case Send(body=Convey() as convey):
                for to in convey.to:
                    heard = Conveyed(Member(node, 1, 1), convey.body)
                    self._queue.append(lambda to=to, heard=heard: self.give(to, heard))  # type: ignore[misc]
            case Send(to=MachineName.LRM, body=DeviceOpEnded() as ended):
                self.ended.append(ended)
            case Send(body=Fenced() as fenced):
                self.fenced.append((node, fenced))
            case Send(body=FencingNoticed() as noticed):
                self.noticed.append((node, noticed.entry))
            case Spawn():
                self._spawn(node, effect)
            case Reply():
                self.replies[effect.request_id] = effect.body
            case Say():
                self.said.append((node, effect))
            case SelfFence(panic=True):
                self.self_fenced.append(node)
            case _:
                raise AssertionError(effect)

    def _spawn(self, node: str, spawn: Spawn) -> None:
        self.spawned.append(spawn)
        program = spawn.argv[0].rpartition("/")[2]
        words = dict(line.split("=", 1) for line in spawn.stdin.decode().splitlines())
        if program == "stonith":
            program, words = spawn.argv[2], {"action": " ".join(spawn.argv[3:])}
        action, agent = words.get("action", ""), self.agents.get(program)
        if agent is None:
            exited = ChildExited(spawn.child_id, ChildEnd.NOT_STARTED, 2)
        elif action in ("metadata", "-n"):
            said = agent.metadata() if action == "metadata" else " ".join(agent.names)
            exited = ChildExited(spawn.child_id, ChildEnd.EXITED, 0, said.encode())
        else:
            self.calls.append((node, program, words))
            if action in agent.hangs:
                self.hanging.append((node, spawn, self.now))
                return
            place = f"{node}:{action}" if f"{node}:{action}" in agent.answers else action
            code, text = agent.answers.get(place, (2 if action == "status" else 0, ""))
            where = {"stdout": text.encode()} if code == 0 else {"stderr": text.encode()}
            exited = ChildExited(spawn.child_id, ChildEnd.EXITED, code, **where)
        self._queue.append(lambda: self.give(node, exited))


def device(ident: str, agent: str = "fence_x", banned: tuple[str, ...] = (), **parameters: str) -> Device:
    """A device; ``hosts`` is short for ``pcmk_host_list``."""
    words = {name.replace("hosts", "pcmk_host_list"): value for name, value in parameters.items()}
    return Device(ident, agent, tuple(words.items()), banned)
