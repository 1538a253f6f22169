"""Which devices of this node can do an action to a target: what list, map, or the device itself says.

A survey asks only devices whose answer is not known: ``list`` for a dynamic list (good for a minute), ``status`` where
that is the only way. A node never offers to switch itself off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hacluster.msg.driver import ChildExited
from hacluster.msg.stonith import Offer
from hacluster.stonith.devices import LOOK_MS, Devices, Job, Registered
from hacluster.stonith.parameters import HostCheck


@dataclass(slots=True)
class Survey:
    """One question. ``tell`` gets the offers once all devices have said."""

    node: str
    devices: Devices
    target: str
    action: str
    tell: Callable[[tuple[Offer, ...]], None]
    open: set[str] = field(default_factory=set)
    offers: dict[str, Offer] = field(default_factory=dict)
    over: bool = False

    def begin(self) -> None:
        """Ask all devices."""
        known = self.devices.all()
        self.open = {entry.device.id for entry in known}
        for entry in known:
            self.devices.when_known(entry, lambda entry=entry: self._with_facts(entry))  # type: ignore[misc]
        self._look()

    def end(self) -> None:
        """Time is up: what is known by now is told."""
        self.open.clear()
        self._look()

    def _look(self) -> None:
        if not self.open and not self.over:
            self.over = True
            self.tell(tuple(self.offers[ident] for ident in sorted(self.offers)))

    def _close(self, entry: Registered, *, can: bool, verified: bool = False) -> None:
        if self.over:
            return
        if can:
            self.offers[entry.device.id] = self._offer(entry, verified=verified)
        self.open.discard(entry.device.id)
        self._look()

    def _offer(self, entry: Registered, *, verified: bool) -> Offer:
        parameters, facts = entry.parameters, entry.facts
        return Offer(
            entry.device.id,
            parameters.priority,
            parameters.timeout_ms(self.action, 0),
            parameters.delays_ms(self.target)[1],
            self.devices.actions_of(entry),
            verified,
            automatic=facts is not None and facts.automatic,
        )

    def _with_facts(self, entry: Registered) -> None:
        facts, target = entry.facts, self.target
        if facts is None or not self._may(entry):
            self._close(entry, can=False)
            return
        parameters = entry.parameters
        match parameters.check(facts):
            case HostCheck.STATIC:
                self._close(entry, can=parameters.names(target), verified=True)
            case HostCheck.NONE:
                self._close(entry, can=True)
            case HostCheck.DYNAMIC:
                names = self.devices.listed(entry)
                if names is not None:
                    self._close(entry, can=parameters.alias(target) in names, verified=True)
                else:
                    self._ask(entry, "list", self._listed)
            case HostCheck.STATUS:
                self._ask(entry, "status", lambda entry, good: self._close(entry, can=good, verified=True))

    def _may(self, entry: Registered) -> bool:
        facts = entry.facts
        assert facts is not None, entry.device.id
        if not self.action:
            return True
        if self.action == "on":
            own = self.target == self.node
            return "on" in facts.actions and own == facts.on_target
        return self.target != self.node and bool(facts.actions & {"off", "reboot"})

    def _ask(self, entry: Registered, action: str, then: Callable[[Registered, bool], None]) -> None:
        def tell(good: bool, reason: str, exited: ChildExited | None) -> None:
            del reason, exited
            then(entry, good)

        target = self.target if action == "status" else ""
        timeout = entry.parameters.timeout_ms(action, LOOK_MS)
        self.devices.submit(Job(entry.device.id, action, target, timeout, -1, tell))

    def _listed(self, entry: Registered, good: bool) -> None:
        names = entry.targets if good and entry.targets is not None else frozenset[str]()
        can = entry.parameters.alias(self.target) in names
        self._close(entry, can=can or (not good and entry.parameters.names(self.target)), verified=good)
