"""The shape of a machine: ``(event, now) -> effects``, nothing else.

A machine decides; it never acts. It has no clock, no dice of its own and no I/O: time and events come in, effects go
out, and a driver (the daemon, or the simulator) performs them in list order. The same machine run twice on the same
events gives the same effects, which is what makes a failing simulation replay byte for byte.

Time. An :data:`Instant` is an integer count of milliseconds of a clock that never goes back and goes on while the
machine sleeps (CLOCK_BOOTTIME in the daemon). Wall time is told by the driver in an event where one is needed.
"""

from __future__ import annotations

from typing import NewType, Protocol, TypeVar

from hacluster.base.effects import Effect

Instant = NewType("Instant", int)

EventT_contra = TypeVar("EventT_contra", contravariant=True)


class Machine(Protocol[EventT_contra]):
    """What a driver needs of a machine."""

    def step(self, event: EventT_contra, now: Instant) -> list[Effect]:
        """Take one event in and say what is to be done, in order. ``now`` never decreases from call to call."""
        ...

    def deadline(self) -> Instant | None:
        """When the machine next wants a ``Tick``; ``None`` when only an event can move it."""
        ...

    def check(self) -> None:
        """Assert every invariant of the state. Called after each step by the simulator, at times by the daemon."""
        ...


def after(now: Instant, delay_ms: int) -> Instant:
    """The instant ``delay_ms`` milliseconds after ``now``."""
    return Instant(now + delay_ms)


def earliest(*instants: Instant | None) -> Instant | None:
    """The first of the given instants; ``None`` entries do not count."""
    known = [instant for instant in instants if instant is not None]
    return min(known) if known else None
