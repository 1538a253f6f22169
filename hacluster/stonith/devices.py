"""The devices of this node: what they can do, and the actions that run on them.

A *job* is one action of one device: it waits for its turn (``pcmk_action_limit``), for the agent's meta-data, and for
its delay; then the agent is run, again after a failure as long as tries and time are left. After an ``off`` that the
agent calls done, the agent is asked for the state where it can tell one: only a device that is off is off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from hacluster.base.dice import Dice
from hacluster.base.effects import Effect, Say, Spawn
from hacluster.base.limits import MAX_FENCE_DEVICES, MAX_FENCE_JOBS
from hacluster.base.machine import Instant, after
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.msg.driver import ChildExited
from hacluster.msg.stonith import Device
from hacluster.stonith.conventions import (
    Call,
    Places,
    call_of,
    facts_of,
    fault_of,
    is_glue,
    power_of,
    reason_of,
    succeeded,
    targets_of,
)
from hacluster.stonith.parameters import AgentFacts, Parameters

_NEVER: Final = Instant(0)

SERVICE: Final = "stonith"
META_MS: Final = 20_000
"""How long an agent may take to say what it can."""

LOOK_MS: Final = 20_000
"""How long a look at a device may take: ``list`` and ``status``."""

PAUSE_MS: Final = 1_000
"""Between two tries of one action."""

LIST_KEPT_MS: Final = 60_000
"""How long the targets that a device has listed are good."""

_OUTPUT: Final = 262_144


@dataclass(slots=True)
class Job:
    """One action. ``tell`` gets its end: whether it is done, why not, and the last run of the agent."""

    device: str
    action: str
    target: str
    timeout_ms: int
    delay_ms: int
    tell: Callable[[bool, str, ChildExited | None], None]
    tries: int = 1
    until: Instant = _NEVER
    begun: bool = False
    verifying: bool = False
    child: int = 0

    @property
    def strikes(self) -> bool:
        """Whether it takes a node's power or storage away."""
        return self.action in ("off", "reboot")


@dataclass(slots=True)
class Registered:
    """A device that this node can use. ``facts`` is ``None`` until the agent has said what it can."""

    device: Device
    parameters: Parameters
    by_hand: bool
    facts: AgentFacts | None = None
    asking: bool = False
    targets: frozenset[str] | None = None
    listed: Instant = _NEVER
    waiting: list[Job] = field(default_factory=list)
    running: list[Job] = field(default_factory=list)
    curious: list[Callable[[], None]] = field(default_factory=list)


class Devices:
    """All of them. ``out`` is where effects go; ``now`` is set before anything is called."""

    def __init__(self, places: Places, dice: Dice) -> None:
        self.out: list[Effect] = []
        self.now = Instant(0)
        self._places, self._dice = places, dice
        self._known: dict[str, Registered] = {}
        self._children: dict[int, tuple[Device, Job | None]] = {}
        self._timers: Timers[int] = Timers()
        self._sleeping: dict[int, Job] = {}
        self._serial = 0

    # ---- which there are

    def __contains__(self, ident: str) -> bool:
        return ident in self._known

    def all(self) -> list[Registered]:
        """In the order of their names."""
        return [self._known[ident] for ident in sorted(self._known)]

    def get(self, ident: str) -> Registered | None:
        """A device, if it is known."""
        return self._known.get(ident)

    def register(self, device: Device, *, by_hand: bool = False) -> str:
        """Use a device from now on; why it cannot be, or nothing."""
        fault = fault_of(device.agent)
        if not fault and any("\0" in word or "\n" in name for name, word in device.parameters for word in (name, word)):
            fault = f"a parameter of {device.id} cannot be handed to a program"
        known = self._known.get(device.id)
        if not fault and known is None and len(self._known) >= MAX_FENCE_DEVICES:
            fault = f"{MAX_FENCE_DEVICES} devices are registered already"
        if fault:
            self._say(Severity.ERROR, "device-refused", f"{device.id}: {fault}")
            return fault
        if known is not None and known.device == device:
            known.by_hand = known.by_hand or by_hand
            return ""
        fresh = Registered(device, Parameters(device), by_hand or (known is not None and known.by_hand))
        if known is not None:
            fresh.waiting, fresh.running, fresh.curious = known.waiting, known.running, known.curious
            if known.device.agent == device.agent:
                fresh.facts = known.facts
        self._known[device.id] = fresh
        self._learn(fresh)
        return ""

    def remove(self, ident: str) -> bool:
        """Forget a device; what runs on it ends, what waits has failed."""
        known = self._known.pop(ident, None)
        if known is None:
            return False
        self._satisfy(known)
        for job in known.waiting:
            job.tell(False, "the device was removed", None)
        for job in known.running:
            if not job.child:
                self._forget_timer(job)
                job.tell(False, "the device was removed", None)
        return True

    def when_known(self, known: Registered, tell: Callable[[], None]) -> None:
        """Call when the agent has said what it can, or has failed to (then ``facts`` is ``None``)."""
        if known.facts is not None:
            tell()
        else:
            known.curious.append(tell)
            self._learn(known)

    @staticmethod
    def _satisfy(known: Registered) -> None:
        curious, known.curious = known.curious, []
        for tell in curious:
            tell()

    def _learn(self, known: Registered) -> None:
        if known.facts is None and not known.asking:
            known.asking = True
            parameters, none = known.parameters, AgentFacts(frozenset())
            call = call_of(known.device.agent, parameters, none, "metadata", target="", places=self._places)
            self._spawn(call, META_MS, known.device, None)

    # ---- running

    def submit(self, job: Job) -> None:
        """Do this as soon as it may be."""
        known = self._known.get(job.device)
        if known is None:
            job.tell(False, f"there is no device {job.device} here", None)
        elif len(known.waiting) >= MAX_FENCE_JOBS:
            job.tell(False, f"{MAX_FENCE_JOBS} actions wait for {job.device} already", None)
        else:
            known.waiting.append(job)
            self._go_on(known)

    def _go_on(self, known: Registered) -> None:
        if known.facts is None:
            if known.waiting:
                self._learn(known)
            return
        limit = known.parameters.limit
        while known.waiting and (limit < 1 or len(known.running) < limit):
            job = known.waiting.pop(0)
            known.running.append(job)
            self._begin(known, known.facts, job)

    def _begin(self, known: Registered, facts: AgentFacts, job: Job) -> None:
        if job.action == "reboot" and "reboot" not in facts.actions:
            text = f"{job.device} cannot reboot {job.target}; it is switched off"
            self._say(Severity.NOTICE, "off-instead", text)
            job.action = "off"
        delay = 0
        if job.strikes and job.delay_ms >= 0:
            low, high = known.parameters.delays_ms(job.target)
            delay = job.delay_ms + (self._dice.between(low, high) if high else 0)
        job.tries = known.parameters.tries(job.action)
        if delay:
            self._say(Severity.NOTICE, "delay", f"{job.action} of {job.target} by {job.device} waits {delay} ms")
            self._sleep(job, delay)
        else:
            self._run(known, job)

    def _sleep(self, job: Job, delay_ms: int) -> None:
        self._serial += 1
        self._sleeping[self._serial] = job
        self._timers.set(self._serial, self.now, delay_ms)

    def _forget_timer(self, job: Job) -> None:
        for number in [number for number, entry in self._sleeping.items() if entry is job]:
            self._timers.cancel(number)
            del self._sleeping[number]

    def _run(self, known: Registered, job: Job) -> None:
        assert known.facts is not None, known
        if not job.begun:
            job.begun, job.until = True, after(self.now, job.timeout_ms)
        action = "status" if job.verifying else job.action
        call = call_of(
            known.device.agent, known.parameters, known.facts, action, target=job.target, places=self._places
        )
        job.tries -= 0 if job.verifying else 1
        job.child = self._spawn(call, max(1, job.until - self.now), known.device, job)

    def _spawn(self, call: Call, timeout_ms: int, device: Device, job: Job | None) -> int:
        self._serial += 1
        self._children[self._serial] = (device, job)
        self.out.append(
            Spawn(
                self._serial,
                call.argv,
                call.env,
                timeout_ms,
                2_000,
                output_limit=_OUTPUT,
                stdin=call.stdin,
                secrets=call.secrets,
                stdin_secrets=call.stdin_secrets,
            )
        )
        return self._serial

    # ---- what ends

    def deadline(self) -> Instant | None:
        """When a delay is over."""
        return self._timers.deadline()

    def on_tick(self) -> None:
        """Delays that are over."""
        while (number := self._timers.pop(self.now)) is not None:
            job = self._sleeping.pop(number)
            known = self._known.get(job.device)
            if known is None or job not in known.running:
                job.tell(False, "the device was removed", None)
            else:
                self._run(known, job)

    def on_exited(self, exited: ChildExited) -> None:
        """An agent has ended."""
        entry = self._children.pop(exited.child_id, None)
        if entry is None:
            return
        device, job = entry
        known = self._known.get(device.id)
        if job is None:
            if known is not None and known.device.agent == device.agent:
                self._on_facts(known, exited)
            return
        job.child = 0
        if known is None:
            job.tell(False, "the device was removed", exited)
            return
        if job.verifying:
            self._on_verified(known, job, exited)
        elif not self._is_good(job, exited):
            self._on_failed(known, job, exited)
        elif job.action == "off" and known.facts is not None and "status" in known.facts.actions:
            job.verifying = True
            job.until = max(job.until, after(self.now, LOOK_MS))
            self._run(known, job)
        else:
            self._end(known, job, exited, good=True)

    def _is_good(self, job: Job, exited: ChildExited) -> bool:
        return power_of(exited) is not None if job.action == "status" else succeeded(exited)

    def _on_failed(self, known: Registered, job: Job, exited: ChildExited) -> None:
        reason = reason_of(exited, known.parameters)
        if job.strikes or job.action == "on":
            text = f"{job.action} of {job.target or 'the device'} by {job.device} failed: {reason}"
            self._say(Severity.WARNING, "device-failed", text)
        if job.tries > 0 and job.until - self.now > PAUSE_MS:
            self._sleep(job, PAUSE_MS)
        else:
            self._end(known, job, exited, good=False)

    def _on_verified(self, known: Registered, job: Job, exited: ChildExited) -> None:
        power = power_of(exited)
        if power is not True:
            if power is None:
                text = f"{job.device} says that {job.target} is off, and cannot tell its state: it is believed"
                self._say(Severity.NOTICE, "not-verified", text)
            self._end(known, job, exited, good=True)
            return
        text = f"{job.device} says that it has switched {job.target} off, but its state is on"
        self._say(Severity.ERROR, "device-lies", text)
        job.verifying = False
        if job.tries > 0 and job.until - self.now > PAUSE_MS:
            self._sleep(job, PAUSE_MS)
        else:
            self._end(known, job, replace(exited, code=1, stderr=b"its state is still on"), good=False)

    def _end(self, known: Registered, job: Job, exited: ChildExited, *, good: bool) -> None:
        known.running = [entry for entry in known.running if entry is not job]
        if good and job.action == "list":
            known.targets, known.listed = targets_of(known.device.agent, exited), self.now
        job.tell(good, "" if good else reason_of(exited, known.parameters), exited)
        self._go_on(known)

    def _on_facts(self, known: Registered, exited: ChildExited) -> None:
        known.asking = False
        known.facts = facts_of(known.device.agent, exited)
        if known.facts is not None:
            self._satisfy(known)
            self._go_on(known)
            return
        why = reason_of(exited, known.parameters)
        text = f"{known.device.id}: {known.device.agent} does not say what it can: {why}"
        self._say(Severity.ERROR, "no-metadata", text)
        jobs, known.waiting = known.waiting, []
        for job in jobs:
            job.tell(False, f"{known.device.agent} does not say what it can: {why}", exited)
        self._satisfy(known)

    # ---- for people and for who asks

    def listed(self, known: Registered) -> frozenset[str] | None:
        """What the device has listed, unless that is too long ago."""
        fresh = known.targets is not None and self.now - known.listed < LIST_KEPT_MS
        return known.targets if fresh else None

    def actions_of(self, known: Registered) -> tuple[str, ...]:
        """The power actions that a device knows."""
        facts = known.facts
        if facts is None:
            return ()
        names = {"off", "on", "reboot"} & facts.actions
        return tuple(sorted(names | ({"reboot"} if "off" in names and not is_glue(known.device.agent) else set())))

    def check(self) -> None:
        """Assert that limits are kept and that nothing waits that could run."""
        for known in self._known.values():
            limit = known.parameters.limit
            assert not known.waiting or known.facts is None or len(known.running) >= limit, known.device.id
            assert not known.waiting or known.facts is not None or known.asking, known.device.id

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self.out.append(Say(severity, SERVICE, code, text))
