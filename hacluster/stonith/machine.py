"""The fencer of a node as a machine: uses this node's devices, and sees to the fencings that this node was asked for.

Theory of operation
-------------------
Devices come from the CIB (``FencingConfigured``, which names all of them) and by hand. Whoever wants a node fenced asks
the fencer of any node (``Fence`` from crmd, ``FenceAsked`` from a client); that one asks all fencers which of their
devices can do it (``AskDevices``), chooses, and has one of them do each step (``RunDevice``); so it does not matter
which node reaches a device. Beginning and end are told to all fencers, the target's among them: a node that hears that
it was fenced and lives to hear it tells crmd, which does what ``fence-reaction`` says.

The same wish twice is one fencing, whoever asks and wherever. A fencing whose asker's node leaves is lost, and begun
anew by those who waited for it elsewhere.

Rules. A device's word is checked by its own ``status`` where it has one. A node never fences itself. Every question has
a deadline. Nothing that is secret is said. A fencing that succeeded is never taken back.

What the machine does not do: decide who must be fenced (pe, crmd), whether there is quorum (ccm), read the CIB, run
programs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final, assert_never

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, MachineName, Reply, Say, SelfFence, Send
from hacluster.base.machine import Instant, earliest
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.msg.driver import (
    ChildExited,
    HostSample,
    MachineRestarted,
    Refused,
    Request,
    RequesterGone,
    StopRequested,
    Tick,
)
from hacluster.msg.stonith import (
    AskDevices,
    CheckDevice,
    ConfirmDown,
    DeviceOp,
    DeviceOpEnded,
    DeviceRan,
    DeviceSaid,
    DevicesQuery,
    DevicesView,
    Fence,
    FenceAsked,
    Fenced,
    FencersAre,
    FencingConfigured,
    FencingEntry,
    FencingNoticed,
    FencingTold,
    ForgetHistory,
    HistoryForgotten,
    HistoryQuery,
    HistoryTold,
    HistoryView,
    HistoryWanted,
    Level,
    Offer,
    OfferDevices,
    RegisterDevice,
    RegisterLevel,
    RemoveDevice,
    RemoveLevel,
    RunDevice,
    TargetsQuery,
)
from hacluster.msg.stream import Convey, Conveyed
from hacluster.stonith.conventions import Places
from hacluster.stonith.devices import LOOK_MS, Devices, Job
from hacluster.stonith.fencings import SERVICE, Fencings
from hacluster.stonith.operation import WATCHDOG, Asker
from hacluster.stonith.survey import Survey

Event = (
    FencingConfigured
    | FencersAre
    | Fence
    | DeviceOp
    | Conveyed
    | ChildExited
    | Tick
    | HostSample
    | Request
    | RequesterGone
    | StopRequested
    | MachineRestarted
)

SPEECH: Final = MachineName.SPEECH
"""Who carries what fencers say to one another."""

_OK, _GENERIC, _UNIMPLEMENTED, _CONFIGURED, _NOT_RUNNING = 0, 1, 3, 6, 7
"""OCF exit codes."""

MAX_LEVEL: Final = 9


class StonithMachine:
    """See the module. ``asker``: the machine that asks by ``Fence`` and hears of the end of each fencing."""

    def __init__(
        self,
        node: str,
        dice: Dice,
        places: Places | None = None,
        *,
        asker: MachineName = MachineName.CRMD,
        watchdog_bound_ms: int = 0,
    ):
        self._node, self._asker = node, asker
        self._devices = Devices(places or Places(), dice.fork())
        self._fencings = Fencings(node, dice.below(1 << 32), self._tell, self._answer, watchdog_bound_ms)
        self._peers: tuple[str, ...] | None = None
        self._configured: frozenset[str] = frozenset()
        self._levels: list[Level] = []
        self._started: set[str] = set()
        self._surveys: dict[int, Survey] = {}
        self._timers: Timers[int] = Timers()
        self._serial = 0
        self._loop: deque[object] = deque()
        self._unix_ms, self._sampled, self._now = 0, Instant(0), Instant(0)
        self._out: list[Effect] = []

    # ---- the shape of a machine

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        self._now, self._out = now, []
        unix_ms = self._unix_ms + now - self._sampled if self._unix_ms else 0
        for part in (self._devices, self._fencings):
            part.now, part.out = now, self._out
        self._fencings.unix_ms = unix_ms
        self._dispatch(event)
        while self._loop:
            self._on_peer(self._node, self._loop.popleft())
        return self._out

    def deadline(self) -> Instant | None:
        """When a delay is over, or an answer overdue."""
        return earliest(self._devices.deadline(), self._fencings.deadline(), self._timers.deadline())

    def check(self) -> None:
        """Assert every invariant."""
        self._devices.check()
        self._fencings.check()
        assert not self._loop

    def _dispatch(self, event: Event) -> None:
        match event:
            case FencingConfigured():
                self._configure(event)
            case FencersAre():
                self._on_peers(event.nodes, quorate=event.quorate)
            case Fence():
                self._fencings.ask(event, Asker(number=event.number))
            case DeviceOp():
                self._on_device_op(event)
            case Conveyed():
                # Before the first view of this life it is meant for an earlier one, which knew what it was about.
                if self._peers is not None:
                    self._on_peer(event.sender.name, event.body)
            case ChildExited():
                self._devices.on_exited(event)
            case Tick():
                self._devices.on_tick()
                self._fencings.on_tick()
                while (number := self._timers.pop(self._now)) is not None:
                    self._surveys.pop(number).end()
            case HostSample():
                self._unix_ms, self._sampled = event.unix_ms, self._now
            case Request():
                self._on_request(event)
            case RequesterGone() | StopRequested() | MachineRestarted():
                pass
            case _:
                assert_never(event)

    # ---- configuration and peers

    def _configure(self, config: FencingConfigured) -> None:
        before = self._configured
        wanted = {device.id: device for device in config.devices if self._node not in device.banned}
        for ident in sorted(before - set(wanted)):
            known = self._devices.get(ident)
            if known is not None and not known.by_hand:
                self._devices.remove(ident)
        for device in wanted.values():
            self._devices.register(device)
        self._configured = frozenset(wanted)
        self._fencings.config = config
        self._use_levels(config)

    def _use_levels(self, config: FencingConfigured) -> None:
        own = tuple(level for level in self._levels if level not in config.levels)
        if own:
            self._fencings.config = replace(config, levels=(*config.levels, *own))

    def _on_peers(self, nodes: tuple[str, ...], *, quorate: bool) -> None:
        before, self._peers = self._peers, nodes
        self._fencings.quorate = quorate
        self._fencings.on_peers(nodes)
        others = tuple(name for name in nodes if name != self._node)
        if before is None:
            if others:
                self._tell(others, HistoryWanted())
            return
        fresh = tuple(name for name in others if name not in before)
        stayed = [name for name in nodes if name in before]
        if fresh and stayed and min(stayed) == self._node:
            self._tell(fresh, HistoryTold(self._fencings.history.newest_first()))

    # ---- fencers among themselves

    def _tell(self, nodes: tuple[str, ...], body: object) -> None:
        others = tuple(name for name in nodes if name != self._node)
        if others:
            self._out.append(Send(SPEECH, Convey(others, MachineName.STONITH, body)))
        if self._node in nodes:
            self._loop.append(body)

    def _on_peer(self, sender: str, body: object) -> None:
        match body:
            case AskDevices():
                self._survey(
                    body.target, body.action, lambda found: self._tell((sender,), OfferDevices(body.operation, found))
                )
            case OfferDevices():
                self._fencings.on_offer(sender, body)
            case RunDevice():
                self._on_run(sender, body)
            case DeviceRan():
                self._fencings.on_ran(sender, body)
            case FencingTold():
                self._on_told(body.entry)
            case HistoryTold():
                for entry in body.entries:
                    self._fencings.history.put(entry)
            case HistoryWanted():
                self._tell((sender,), HistoryTold(self._fencings.history.newest_first()))
            case HistoryForgotten():
                self._fencings.history.forget(body.target)
            case _:
                text = f"{sender} says {type(body).__name__}, which no fencer understands"
                self._out.append(Say(Severity.WARNING, SERVICE, "unknown-word", text))

    def _survey(self, target: str, action: str, tell: object) -> None:
        assert callable(tell)
        self._serial += 1
        number = self._serial

        def done(found: tuple[Offer, ...]) -> None:
            self._surveys.pop(number, None)
            self._timers.cancel(number)
            tell(found)

        survey = self._surveys[number] = Survey(self._node, self._devices, target, action, done)
        self._timers.set(number, self._now, LOOK_MS)
        survey.begin()

    def _on_run(self, sender: str, run: RunDevice) -> None:
        def ended(good: bool, reason: str, exited: ChildExited | None) -> None:
            del exited
            self._tell((sender,), DeviceRan(run.operation, run.step, good, reason))

        if run.target == self._node and run.device == WATCHDOG:
            text = f"{sender} has this node reset itself ({run.action}): no device can do it"
            self._out.append(SelfFence(text, panic=True))
            return
        if run.target == self._node and run.action != "on":
            ended(False, "a node does not fence itself", None)
            return
        self._devices.submit(Job(run.device, run.action, run.target, run.timeout_ms, run.delay_ms, ended))

    def _on_told(self, entry: FencingEntry) -> None:
        new = self._fencings.on_told(entry)
        own = entry.origin == self._node
        if new or own:
            self._out.append(Send(self._asker, FencingNoticed(entry)))

    def _answer(self, asker: Asker, entry: FencingEntry) -> None:
        if asker.request:
            self._out.append(Reply(asker.request, Fenced(0, entry)))
        else:
            self._out.append(Send(self._asker, Fenced(asker.number, entry)))

    # ---- devices as resources

    def _on_device_op(self, op: DeviceOp) -> None:
        began, ident = self._now, op.device.id

        def ended(good: bool, reason: str, exited: ChildExited | None) -> None:
            del exited
            code = _OK if good else _GENERIC
            if good:
                self._started.add(ident)
            self._out.append(
                Send(MachineName.LRM, DeviceOpEnded(op.child_id, code, reason, elapsed_ms=self._now - began))
            )

        def at_once(code: int, reason: str = "") -> None:
            self._out.append(Send(MachineName.LRM, DeviceOpEnded(op.child_id, code, reason)))

        if op.action == "stop":
            self._started.discard(ident)
            at_once(_OK)
        elif op.action == "monitor" and ident not in self._started:
            at_once(_NOT_RUNNING)
        elif op.action in ("start", "monitor"):
            fault = self._devices.register(op.device) if op.action == "start" else ""
            if fault:
                at_once(_CONFIGURED, fault)
            else:
                self._devices.submit(Job(ident, "monitor", "", op.timeout_ms, -1, ended))
        else:
            at_once(_UNIMPLEMENTED, f"a fence device has no {op.action}")

    # ---- clients

    def _on_request(self, request: Request) -> None:
        number, fencings = request.request_id, self._fencings
        name, pid = request.peer.name, request.peer.pid
        client = f"{name}.{pid}"
        match request.body:
            case FenceAsked() as asked:
                wish = Fence(0, asked.target, asked.action, asked.timeout_ms, asked.delay_ms, asked.tolerance_ms)
                wish = replace(wish, client=f"{name}.{asked.tag}.{pid}" if asked.tag else client)
                fencings.ask(wish, Asker(request=number))
            case ConfirmDown() as confirm:
                fencings.confirm(confirm.target, client, Asker(request=number))
            case DevicesQuery() as query if query.target:
                self._survey(
                    query.target,
                    query.action,
                    lambda found: self._reply_devices(number, [offer.device for offer in found]),
                )
            case DevicesQuery():
                self._reply_devices(number, [entry.device.id for entry in self._devices.all()])
            case TargetsQuery() as query:
                self._look(number, query.device, "list", query.timeout_ms)
            case CheckDevice() as query:
                self._look(number, query.device, "monitor", query.timeout_ms)
            case HistoryQuery() as query:
                self._reply(number, HistoryView(fencings.history.newest_first(query.target)))
            case ForgetHistory() as forget:
                self._tell(self._fencings.peers, HistoryForgotten(forget.target))
                self._reply(number, DeviceSaid(good=True))
            case RegisterDevice() as register:
                fault = self._devices.register(register.device, by_hand=True)
                self._reply(number, DeviceSaid(not fault, fault))
            case RemoveDevice() as remove:
                self._reply(number, DeviceSaid(good=True, known=self._devices.remove(remove.device)))
            case RegisterLevel() as register:
                self._reply(number, self._add_level(register.level))
            case RemoveLevel() as remove:
                self._remove_level(remove.level)
                self._reply(number, DeviceSaid(good=True))
            case _:
                self._reply(number, Refused("unknown-request", "the fencer does not know this request"))

    def _add_level(self, level: Level) -> DeviceSaid:
        if not level.devices or not 0 < level.index <= MAX_LEVEL:
            return DeviceSaid(good=False, text=f"a level is 1 to {MAX_LEVEL}, and has devices")
        self._levels.append(level)
        self._use_levels(self._fencings.config)
        return DeviceSaid(good=True)

    def _remove_level(self, level: Level) -> None:
        def same(other: Level) -> bool:
            whose = (other.index, other.target, other.pattern, other.attribute, other.value)
            return whose == (level.index, level.target, level.pattern, level.attribute, level.value)

        self._levels = [entry for entry in self._levels if not same(entry)]
        config = self._fencings.config
        left = tuple(entry for entry in config.levels if not same(entry))
        self._fencings.config = replace(config, levels=left)

    def _reply_devices(self, number: int, found: list[str]) -> None:
        entries = [self._devices.get(ident) for ident in found]
        self._reply(number, DevicesView(tuple((one.device.id, one.device.agent) for one in entries if one is not None)))

    def _look(self, number: int, ident: str, action: str, timeout_ms: int) -> None:
        if ident not in self._devices:
            self._reply(number, DeviceSaid(good=False, text=f"there is no device {ident}", known=False))
            return

        def ended(good: bool, reason: str, exited: ChildExited | None) -> None:
            text = exited.stdout.decode("utf-8", "replace") if good and exited is not None else reason
            known = self._devices.get(ident)
            self._reply(number, DeviceSaid(good, known.parameters.hide(text) if known is not None else reason))

        self._devices.submit(Job(ident, action, "", timeout_ms, -1, ended))

    def _reply(self, number: int, body: object) -> None:
        self._out.append(Reply(number, body))
