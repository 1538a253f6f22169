"""Whether somebody still gives signs of life: a process may hang without ending, and a heartbeat may not leave.

Who keeps the vigil looks a few times per bound. Time counts only as long as it ran itself: a gap in its own looks,
because the machine or all of the daemon was stopped, counts as one ordinary step, after which there is time to answer
again. (The supervisor keeps one over each of its processes, whose loops answer ``Ping``; the brain keeps one over the
node's own heartbeat, the supervisor too.)
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from hacluster.base.machine import Instant, after

STEPS: Final = 3
"""Looks per bound. A process that hangs is found after the bound, and no later than a third of it more."""


class Look(Enum):
    """What a look at a process says to do."""

    WAIT = auto()
    ASK = auto()
    HUNG = auto()


class Vigil:
    """The vigil over one life of one process, which may be silent for less than ``bound_ms``."""

    def __init__(self, bound_ms: int, now: Instant) -> None:
        self._step_ms = max(1, bound_ms // STEPS)
        self._looked = now
        self._silent_ms = 0

    def heard(self) -> None:
        """It gave a sign of life."""
        self._silent_ms = 0

    def deadline(self) -> Instant:
        """When to look next."""
        return after(self._looked, self._step_ms)

    def look(self, now: Instant) -> Look:
        """Look at it now; ``HUNG`` again at each step until somebody ends it."""
        if now < self.deadline():
            return Look.WAIT
        self._silent_ms += self._step_ms
        self._looked = now
        return Look.HUNG if self._silent_ms >= self._step_ms * STEPS else Look.ASK


def mute_bound_ms(deadtime_ms: int) -> int:
    """For how long no heartbeat of a node may leave before it gives up what it holds.

    The vigil finds it no later than a third more: when the others hold the node dead, everything is being stopped.
    """
    return deadtime_ms * 3 // 4
