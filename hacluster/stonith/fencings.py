"""The fencings that this node was asked for, and those of others that somebody here waits for.

Each asks all fencers what they can (a short while is given to those that are slow once somebody has offered
something), settles its ways, and goes through them. Its end is told to all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hacluster.base.effects import Effect, Say
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.msg.stonith import (
    NO_DEVICE,
    AskDevices,
    DeviceRan,
    Fence,
    FencingConfigured,
    FencingEntry,
    FencingState,
    FencingTold,
    Level,
    OfferDevices,
    RunDevice,
)
from hacluster.stonith.history import History
from hacluster.stonith.operation import WATCHDOG, Asker, Operation
from hacluster.stonith.topology import levels_of

QUERY_MS: Final = 22_000
"""How long fencers may take to say what they can: a little more than a look at a device."""

GRACE_MS: Final = 1_000
"""How long the slow ones are waited for when what was offered is enough to begin."""

WAY_MS: Final = 5_000
"""What an answer may take beyond the agent's own time."""

SERVICE: Final = "stonith"
BY_HAND: Final = "a human"
"""The executor of a fencing that a person has confirmed (Pacemaker's word)."""

_ACTIONS: Final = frozenset({"off", "on", "reboot"})
_LEAST_WITH_QUORUM: Final = 2


class Fencings:
    """All that are under way. ``send`` reaches fencers (our own among them), ``answer`` an asker."""

    def __init__(
        self,
        node: str,
        birth: int,
        send: Callable[[tuple[str, ...], object], None],
        answer: Callable[[Asker, FencingEntry], None],
        watchdog_bound_ms: int = 0,
    ) -> None:
        self.out: list[Effect] = []
        self.now = Instant(0)
        self.unix_ms = 0
        self.history = History()
        self.config = FencingConfigured()
        self.peers: tuple[str, ...] = (node,)
        self.quorate = False
        self._watchdog_bound_ms = watchdog_bound_ms
        self._node, self._birth, self._send, self._answer = node, birth, send, answer
        self._operations: dict[str, Operation] = {}
        self._following: dict[str, list[tuple[Asker, Fence]]] = {}
        self._timers: Timers[tuple[str, str]] = Timers()
        self._serial = 0

    def deadline(self) -> Instant | None:
        """When something is overdue."""
        return self._timers.deadline()

    def check(self) -> None:
        """Assert that everything under way waits for something."""
        for ident, operation in self._operations.items():
            assert any((word, ident) in self._timers for word in ("query", "step", "watchdog")), ident
            assert operation.entry.state is FencingState.PENDING, ident

    # ---- asking

    def ask(self, fence: Fence, asker: Asker) -> None:
        """Fence somebody, unless the same is under way or was done just now."""
        action = (fence.action or self.config.action).lower().replace("poweroff", "off")
        if action not in _ACTIONS or not fence.target:
            entry = self._entry(fence, action)
            self._answer(asker, replace(entry, state=FencingState.FAILED, reason=f"there is no action {action!r}"))
            return
        if fence.tolerance_ms > 0:
            done = self.history.succeeded_since(fence.target, action, self.unix_ms - fence.tolerance_ms)
            if done is not None:
                self._answer(asker, done)
                return
        for ident, operation in self._operations.items():
            if (operation.entry.target, operation.entry.action) == (fence.target, action):
                self._say(Severity.NOTICE, "merged", f"{action} of {fence.target} is under way already ({ident})")
                operation.askers.append(asker)
                return
        for entry in self.history.pending():
            same = (entry.target, entry.action) == (fence.target, action)
            if same and entry.origin in self.peers and entry.origin != self._node:
                self._say(Severity.NOTICE, "merged", f"{entry.origin} has {action} of {fence.target} under way already")
                self._following.setdefault(entry.id, []).append((asker, fence))
                return
        self._begin(fence, action, asker)

    def _entry(self, fence: Fence, action: str) -> FencingEntry:
        self._serial += 1
        ident = f"{self._node}.{self._birth:x}.{self._serial}"
        return FencingEntry(
            ident, fence.target, action, FencingState.PENDING, self._node, fence.client, began_ms=self.unix_ms
        )

    def _begin(self, fence: Fence, action: str, asker: Asker) -> None:
        entry = self._entry(fence, action)
        operation = Operation(entry, fence.timeout_ms or self.config.timeout_ms, fence.delay_ms, [asker])
        self._operations[entry.id] = operation
        client = f" for {fence.client}" if fence.client else ""
        self._say(Severity.NOTICE, "fencing", f"{action} of {fence.target} is wanted{client}")
        self._send(self.peers, FencingTold(entry))
        asked = [name for name in self.peers if action == "on" or name != fence.target]
        operation.asked = set(asked)
        self._timers.set(("query", entry.id), self.now, QUERY_MS)
        if asked:
            self._send(tuple(asked), AskDevices(entry.id, fence.target, action))
        else:
            self._plan(operation)

    # ---- what comes

    def on_offer(self, sender: str, said: OfferDevices) -> None:
        """A fencer says what it can."""
        operation = self._operations.get(said.operation)
        if operation is None or operation.planned or sender not in operation.asked:
            return
        operation.asked.discard(sender)
        if said.offers:
            operation.offers[sender] = said.offers
            self._timers.sooner(("query", said.operation), self.now, GRACE_MS if self._enough(operation) else QUERY_MS)
        if not operation.asked:
            self._plan(operation)

    def _enough(self, operation: Operation) -> bool:
        levels = self._levels(operation)
        known = {offer.device for offers in operation.offers.values() for offer in offers}
        return bool(known) and (not levels or set(levels[0].devices) <= known)

    def _levels(self, operation: Operation) -> tuple[Level, ...]:
        return levels_of(operation.entry.target, self.config.levels, self.config.nodes)

    def _plan(self, operation: Operation) -> None:
        ident = operation.entry.id
        self._timers.cancel(("query", ident))
        watchdog, note = self._trusts_watchdog()
        notes = operation.plan(self._levels(operation), watchdog=watchdog)
        if note and not operation.ways:
            notes.append(note)
        for note in notes:
            self._say(Severity.WARNING, "level-unusable", f"{operation.entry.target}: {note}")
        operation.reasons += notes
        self._go_on(operation)

    def _trusts_watchdog(self) -> tuple[bool, str]:
        """Whether a node's own watchdog is counted on, and if not although it is wanted, why.

        A node without quorum is reset by it (:class:`~hacluster.base.effects.Vouch`); so only a side with quorum, of
        more than one node, may wait for that: of two nodes each would wait for the other.
        """
        wanted, bound = self.config.watchdog_ms, self._watchdog_bound_ms
        if wanted <= 0:
            return False, ""
        if not bound:
            return False, "this node has no watchdog, and does not know when others' have fired"
        if wanted < bound:
            return False, f"stonith-watchdog-timeout is {wanted} ms, and a watchdog may take {bound} ms to fire"
        if not self.quorate or len(self.peers) < _LEAST_WITH_QUORUM:
            return False, "watchdogs are counted on by a side with quorum, of more than one node"
        return True, ""

    def _go_on(self, operation: Operation) -> None:
        ident, entry = operation.entry.id, operation.entry
        while operation.ways:
            step = operation.step
            if step is None:
                self._finish(operation, FencingState.SUCCESS)
                return
            if step.device == WATCHDOG:
                text = f"{entry.target} is reset by its own watchdog within {self.config.watchdog_ms} ms"
                self._say(Severity.NOTICE, "watchdog", text)
                self._timers.set(("watchdog", ident), self.now, self.config.watchdog_ms)
                if entry.target in self.peers:
                    # It has quorum as we have, so nothing resets it unless it is asked to.
                    run = RunDevice(ident, 0, WATCHDOG, entry.target, step.action, self.config.watchdog_ms, -1)
                    self._send((entry.target,), run)
                return
            executors = operation.executors()
            if executors:
                self._run(operation, executors[0])
                return
            operation.give_up_step()
        self._finish(operation, FencingState.FAILED)

    def _run(self, operation: Operation, executor: str) -> None:
        step, entry = operation.step, operation.entry
        assert step is not None, entry
        offer = operation.offer(step.device, executor)
        assert offer is not None, (step, executor)
        operation.executor = executor
        operation.tried.add(executor)
        operation.serial += 1
        delay = -1 if operation.struck else operation.delay_ms
        operation.struck = operation.struck or step.action != "on"
        timeout = offer.timeout_ms or operation.timeout_ms
        wait = timeout + (max(0, delay) + offer.delay_ms if delay >= 0 else 0) + WAY_MS
        self._timers.set(("step", entry.id), self.now, wait)
        self._say(Severity.NOTICE, "step", f"{executor} does {step.action} of {entry.target} by {step.device}")
        run = RunDevice(entry.id, operation.serial, step.device, entry.target, step.action, timeout, delay)
        self._send((executor,), run)

    def on_ran(self, sender: str, ran: DeviceRan) -> None:
        """A step has ended."""
        operation = self._operations.get(ran.operation)
        if operation is None or ran.step != operation.serial or sender != operation.executor or not operation.step:
            return
        self._timers.cancel(("step", ran.operation))
        step = operation.step
        if ran.good:
            entry = operation.entry
            operation.entry = replace(entry, executor=sender, device=step.device) if not step.soft else entry
            operation.advance()
        else:
            self._on_failure(operation, ran.reason)
        self._go_on(operation)

    def _on_failure(self, operation: Operation, reason: str) -> None:
        step, entry = operation.step, operation.entry
        assert step is not None, entry
        text = f"{step.device} on {operation.executor}: {reason}"
        self._say(Severity.WARNING, "step-failed", f"{step.action} of {entry.target} by {text}")
        operation.reasons.append(text)
        operation.executor = ""

    def _finish(self, operation: Operation, state: FencingState, *, by: str = "", reason: str = "") -> None:
        entry = operation.entry
        for word in ("query", "step", "watchdog"):
            self._timers.cancel((word, entry.id))
        del self._operations[entry.id]
        if state is FencingState.FAILED and not reason:
            reason = "; ".join(operation.reasons[-3:]) or NO_DEVICE
        entry = replace(entry, state=state, reason=reason, executor=by or entry.executor, ended_ms=max(1, self.unix_ms))
        good = state is FencingState.SUCCESS
        text = f"{entry.action} of {entry.target} {'is done' if good else 'has failed'}"
        text += f" by {entry.device} on {entry.executor}" if good and entry.device else f": {reason}" if reason else ""
        self._say(Severity.NOTICE if good else Severity.ERROR, "fenced" if good else "not-fenced", text)
        self.history.put(entry)
        self._send(self.peers, FencingTold(entry))
        for asker in operation.askers:
            self._answer(asker, entry)

    # ---- what others did

    def on_told(self, entry: FencingEntry) -> bool:
        """A fencing of anybody has begun or ended; whether that is news."""
        new = self.history.put(entry)
        if entry.state is FencingState.PENDING:
            return new
        for asker, _ in self._following.pop(entry.id, []):
            self._answer(asker, entry)
        if entry.executor == BY_HAND and entry.state is FencingState.SUCCESS:
            for operation in [one for one in self._operations.values() if one.entry.target == entry.target]:
                if operation.entry.action != "on":
                    self._finish(operation, FencingState.SUCCESS, by=BY_HAND, reason="a person says that it is down")
        return new

    def confirm(self, target: str, client: str, asker: Asker) -> None:
        """A person says that a node is down."""
        entry = self._entry(Fence(0, target, client=client), "off")
        entry = replace(entry, state=FencingState.SUCCESS, executor=BY_HAND, ended_ms=max(1, self.unix_ms))
        self._say(Severity.WARNING, "confirmed", f"{client or 'a person'} says that {target} is down")
        self._send(self.peers, FencingTold(entry))
        self._answer(asker, entry)

    def on_peers(self, peers: tuple[str, ...]) -> None:
        """These fencers can be asked from now on; what the others had in hand is lost."""
        back = set(peers) - set(self.peers)
        self.peers = peers if self._node in peers else (*peers, self._node)
        for entry in self.history.pending():
            if entry.origin not in self.peers:
                lost = replace(
                    entry, state=FencingState.FAILED, reason=f"{entry.origin} has left", ended_ms=max(1, self.unix_ms)
                )
                self.history.put(lost)
                for asker, fence in self._following.pop(entry.id, []):
                    self.ask(fence, asker)
        for operation in list(self._operations.values()):
            if not operation.planned:
                operation.asked &= set(self.peers)
                if not operation.asked:
                    self._plan(operation)
            elif ("watchdog", operation.entry.id) in self._timers:
                if operation.entry.target in back:
                    # The same life, which has quorum again, or a new one: in neither its watchdog is about to fire.
                    self._timers.cancel(("watchdog", operation.entry.id))
                    operation.reasons.append("the node is back before its watchdog has fired for certain")
                    operation.give_up_step()
                    self._go_on(operation)
            elif operation.executor and operation.executor not in self.peers:
                self._timers.cancel(("step", operation.entry.id))
                self._on_failure(operation, "the node has left")
                self._go_on(operation)

    def on_tick(self) -> None:
        """What is overdue."""
        while (timer := self._timers.pop(self.now)) is not None:
            word, ident = timer
            operation = self._operations[ident]
            if word == "query":
                silent = ", ".join(sorted(operation.asked))
                self._say(Severity.WARNING, "silent", f"{silent} did not say in time what can be done")
                self._plan(operation)
            elif word == "watchdog":
                operation.entry = replace(operation.entry, executor=operation.entry.target, device=WATCHDOG)
                operation.advance()
                self._go_on(operation)
            else:
                self._on_failure(operation, "no answer in time")
                self._go_on(operation)

    def _say(self, severity: Severity, code: str, text: str) -> None:
        self.out.append(Say(severity, SERVICE, code, text))
