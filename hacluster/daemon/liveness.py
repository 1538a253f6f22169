"""Whether a process still gives signs of life: a process may hang without ending.

The supervisor asks each of its processes a few times per bound, and the process's loop answers (``Ping``, and
``Stage.ALIVE``). Time counts only as long as the supervisor itself ran: a gap in its own looks, because the machine or
all of the daemon was stopped, counts as one ordinary step, after which there is time to answer again.
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
