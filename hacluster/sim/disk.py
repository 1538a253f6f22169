"""A host's disk: what is durable, what a reboot loses, and how writes go wrong.

A write is an atomic replacement, as the daemon's: after a power loss there is the old or the new. A ``torn`` disk
breaks that promise, as one does whose cache lies: of an unfinished write a part may be found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from hacluster.base.dice import Dice
from hacluster.base.effects import Persist
from hacluster.sim.clock import Agenda

Done = Callable[[str | None], None]
"""Told when a write ends: the error's text, or ``None``."""


class DiskHealth(StrEnum):
    """What a write meets."""

    OK = "ok"
    SLOW = "slow"
    FAIL = "fail"
    TORN = "torn"


@dataclass(frozen=True, slots=True)
class _Write:
    key: str
    data: bytes


class Disk:
    """The files of one host."""

    def __init__(self, agenda: Agenda, dice: Dice) -> None:
        self._agenda = agenda
        self._dice = dice
        self.health = DiskHealth.OK
        self.durable: dict[str, bytes] = {}
        self.volatile: dict[str, bytes] = {}
        self._pending: list[_Write] = []
        self._busy_until = 0

    def write(self, persist: Persist, done: Done) -> None:
        """Begin a write; writes end in the order in which they began."""
        if persist.volatile:
            self.volatile[persist.key] = persist.data
            self._agenda.after(0, partial(done, None))
            return
        slow = self.health is DiskHealth.SLOW
        duration = self._dice.between(200, 3_000) if slow else self._dice.between(1, 4)
        self._busy_until = max(self._busy_until, self._agenda.now) + duration
        if self.health is DiskHealth.FAIL:
            self._agenda.at(self._busy_until, partial(done, "No space left on device"))
            return
        write = _Write(persist.key, persist.data)
        self._pending.append(write)
        self._agenda.at(self._busy_until, partial(self._finish, write, done))

    def _finish(self, write: _Write, done: Done) -> None:
        if not any(write is other for other in self._pending):
            return
        self._pending = [other for other in self._pending if other is not write]
        self.durable[write.key] = write.data
        done(None)

    def read(self, key: str, *, volatile: bool) -> bytes | None:
        """What is kept under ``key``. A process that reads sees what was written before, synced or not."""
        if volatile:
            return self.volatile.get(key)
        for write in reversed(self._pending):
            if write.key == key:
                return write.data
        return self.durable.get(key)

    def lose_power(self) -> None:
        """The host loses power: volatile data and writes under way are gone, each of these wholly or as it may be."""
        self.volatile.clear()
        for write in self._pending:
            fate = self._dice.below(4)
            if fate == 0:
                self.durable[write.key] = write.data
            elif fate == 1 and self.health is DiskHealth.TORN:
                self.durable[write.key] = write.data[: self._dice.below(len(write.data) + 1)]
        self._pending.clear()
        self._busy_until = self._agenda.now
