"""The state of one real server in one virtual service, and what of it goes into the kernel's table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hacluster.base.machine import Instant
from hacluster.lvs.settings import CheckType, Fallback, Real, Virtual
from hacluster.lvs.table import Destination, Forward, Protocol, ServiceId


class State(StrEnum):
    """UNKNOWN: no check has ended yet; it gets no traffic, unless it had some before this daemon began."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    OFF = "off"


def table_port(service: ServiceId, port: int, forward: Forward) -> int:
    """The port that the kernel keeps for a destination.

    Without translation packets keep their port, so it is the virtual's; port 0 means the same (ipvsadm(8), ``-r``).
    A service by firewall mark has no port, and the kernel keeps the one that it was told, whatever the forwarding.
    """
    if service.protocol is Protocol.FWM:
        return port
    return port if port and forward is Forward.MASQ else service.port


@dataclass(slots=True)
class Server:
    """A real server. ``adopted``: it had traffic when the daemon began, and keeps it until a check says otherwise.

    ``by_hand``: a weight that somebody else gave it, which stays until its state changes.
    """

    real: Real
    state: State = State.UNKNOWN
    adopted: bool = False
    passed: bool = False
    failures: int = 0
    since: Instant | None = None
    checked: Instant | None = None
    took_ms: int = 0
    text: str = ""
    by_hand: int | None = None
    mailed: Instant | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Address and port as configured: what stays the same over a reload."""
        return self.real.address, self.real.port

    @property
    def serves(self) -> bool:
        """Whether it is to get traffic."""
        return self.state is State.UP or (self.state is State.UNKNOWN and self.adopted)

    def wanted(self, virtual: Virtual, *, present: bool) -> Destination | None:
        """Its entry in the table; ``None`` when it is to have none. ``present``: it has one now."""
        if self.serves:
            weight = self.real.weight if self.by_hand is None else self.by_hand
            return self._entry(virtual, weight)
        if self.state is State.OFF or not virtual.quiescent:
            return None
        keeps = present or self.state is State.UNKNOWN or virtual.readd_quiescent
        return self._entry(virtual, 0) if keeps else None

    def _entry(self, virtual: Virtual, weight: int) -> Destination:
        real, id_ = self.real, virtual.service.id
        port = table_port(id_, real.port, real.forward)
        return Destination(real.address, port, real.forward, weight, real.upper, real.lower)

    def observe(self, *, up: bool, text: str, failure_count: int, now: Instant) -> bool:
        """Take the end of a check in; whether it changed the state. Maintenance hides the change, not the count."""
        self.checked, self.text = now, text
        if up:
            self.failures, self.passed = 0, True
        else:
            self.failures += 1
            if self.failures < failure_count and self.serves:
                return False
            self.passed = False
        if self.state in {State.MAINTENANCE, State.OFF}:
            return False
        return self.become(State.UP if up else State.DOWN, now)

    def become(self, state: State, now: Instant) -> bool:
        """Change the state; false when it is that already. What somebody set by hand ends here."""
        if self.state is state:
            return False
        self.state, self.since, self.by_hand, self.adopted = state, now, None, False
        return True


def first_state(real: Real) -> State:
    """What a real server is before anything was checked."""
    if real.check.type is CheckType.OFF:
        return State.OFF
    return State.UP if real.check.type is CheckType.ON else State.UNKNOWN


def fallback_entry(virtual: Virtual, fallback: Fallback) -> Destination:
    """The fallback server in the table: always with weight 1."""
    port = table_port(virtual.service.id, fallback.port, fallback.forward)
    return Destination(fallback.address, port, fallback.forward, 1)
