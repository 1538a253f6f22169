"""When a process that keeps a CIB collects its garbage: when it is idle, and not in the middle of an answer.

A full pass over the records of a large cluster takes a third of a second (16 nodes × 1,000 resources), and CPython
begins one whenever enough was made. Here nothing begins by itself: what is young is collected when nobody waits, the
whole seldom, and what has lived through a whole pass is not looked at again until the next one.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final

LOOK_S: Final = 1.0
"""How often it is looked whether there is something to collect."""

YOUNG: Final = 20_000
"""Objects that are worth a pass over the young ones when nobody waits."""

MOST: Final = 500_000
"""Objects after which the young ones are collected whoever waits: memory must not grow without a bound."""

WHOLE_S: Final = 600.0
"""How long after the last whole pass there is another one, when nobody waits."""


class Collector:
    """The garbage collector of this process, which asks ``is_idle`` before it takes its time."""

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        self._is_idle = is_idle
        self._timer: asyncio.TimerHandle | None = None
        self._whole_at = 0.0

    def start(self) -> None:
        """Take over: what is there now is not looked at any more."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._whole_at = asyncio.get_running_loop().time() + WHOLE_S
        self._arm()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        self._arm()
        made, idle = gc.get_count()[0], self._is_idle()
        if idle and asyncio.get_running_loop().time() >= self._whole_at:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._whole_at = asyncio.get_running_loop().time() + WHOLE_S
        elif made > MOST or (idle and made > YOUNG):
            gc.collect(1)

    def close(self) -> None:
        """Give it back."""
        if self._timer is not None:
            self._timer.cancel()
        gc.enable()
