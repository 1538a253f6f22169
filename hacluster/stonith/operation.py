"""One fencing from its asking to its end, on the node that was asked: who can do it, and step by step who does.

A *way* is a list of steps that must all be done: the devices of one level, or one device where the target has no
levels. A step is tried on a few of the nodes that offer its device; when none of them can, the next way is tried. A
reboot by several devices is ``off`` by all, which counts, and then ``on`` by all, which does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hacluster.base.limits import MAX_FENCE_PEERS
from hacluster.msg.stonith import FencingEntry, Level, Offer

WATCHDOG = "watchdog"
"""The device that is none: the target's own watchdog resets it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One action of one device; a failure of a soft one does not count."""

    device: str
    action: str
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who waits for the end: crmd with a number, or a client's request."""

    number: int = 0
    request: int = 0


@dataclass(slots=True)
class Operation:
    """The state of one. ``asked``: nodes that have not said yet what they can."""

    entry: FencingEntry
    timeout_ms: int
    delay_ms: int
    askers: list[Asker]
    asked: set[str] = field(default_factory=set)
    offers: dict[str, tuple[Offer, ...]] = field(default_factory=dict)
    ways: list[tuple[Step, ...]] = field(default_factory=list)
    planned: bool = False
    place: int = 0
    serial: int = 0
    executor: str = ""
    tried: set[str] = field(default_factory=set)
    struck: bool = False
    reasons: list[str] = field(default_factory=list)

    @property
    def step(self) -> Step | None:
        """The present step; ``None`` when the way is done, or no way is left."""
        return self.ways[0][self.place] if self.ways and self.place < len(self.ways[0]) else None

    def offer(self, device: str, node: str) -> Offer | None:
        """What a node offers of a device."""
        return next((offer for offer in self.offers.get(node, ()) if offer.device == device), None)

    def offering(self, device: str) -> list[str]:
        """The nodes that offer a device, the best first: whose device has confirmed the target, then by name."""
        found = [
            (not offer.verified, node) for node, all_ in self.offers.items() for offer in all_ if offer.device == device
        ]
        return [node for _, node in sorted(found)]

    def plan(self, levels: Sequence[Level], *, watchdog: bool) -> list[str]:
        """Settle the ways from what was offered; what could not be taken into account, for people."""
        self.planned = True
        known = {offer.device: offer for offers in self.offers.values() for offer in offers}
        notes: list[str] = []
        if levels:
            for level in levels:
                lacking = [device for device in level.devices if device not in known]
                if not level.devices:
                    notes.append(f"level {level.index} cannot be used: it has no devices")
                elif lacking:
                    notes.append(f"level {level.index} cannot be used: nobody offers {', '.join(lacking)}")
                else:
                    self.ways.append(self._steps(level.devices))
        elif self.entry.action == "on":
            automatic = sorted(device for device, offer in known.items() if offer.automatic)
            self.ways = [self._steps(automatic)] if automatic else [self._steps((device,)) for device in sorted(known)]
        else:
            order = sorted(known.values(), key=lambda offer: (-offer.priority, not offer.verified, offer.device))
            self.ways = [self._steps((offer.device,)) for offer in order]
        if watchdog and self.entry.action != "on":
            self.ways.append((Step(WATCHDOG, self.entry.action),))
        return notes

    def _steps(self, devices: Sequence[str]) -> tuple[Step, ...]:
        action = self.entry.action
        if action == "reboot" and len(devices) > 1:
            return (*(Step(name, "off") for name in devices), *(Step(name, "on", soft=True) for name in devices))
        return tuple(Step(name, action) for name in devices)

    def executors(self) -> list[str]:
        """Who could do the present step and has not tried it."""
        step = self.step
        if step is None or len(self.tried) >= MAX_FENCE_PEERS:
            return []
        return [node for node in self.offering(step.device) if node not in self.tried]

    def advance(self) -> bool:
        """The present step is done; whether the whole way is."""
        self.place, self.tried = self.place + 1, set()
        return self.step is None

    def give_up_step(self) -> None:
        """Nobody could do the present step: the next way, unless it did not count."""
        step = self.step
        if step is not None and step.soft:
            self.place, self.tried = self.place + 1, set()
            return
        self.ways = self.ways[1:]
        self.place, self.tried = 0, set()
