"""A host's disk: what is durable, what a reboot loses, and how writes go wrong.

A write is an atomic replacement, as the daemon's: after a power loss there is the old or the new. A ``torn`` disk
breaks that promise, as one does whose cache lies: of an unfinished write a part may be found. Each process writes
through a queue of its own, in order and beside everything else it does; when it is killed, what it had not written yet
is lost. What is appended has no such promise: of an unfinished one a part may be found on any disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from hacluster.base.dice import Dice
from hacluster.base.effects import Append, Persist, SetAside
from hacluster.sim.clock import Agenda

Done = Callable[[str | None], None]
"""Told when a write ends: the error's text, or ``None``."""

VOLATILE_MS = 2
"""A write into memory may take so long: the thread that does it waits for its turn."""


class DiskHealth(StrEnum):
    """What a write meets. HANG: it waits until the disk is well again, as on a frozen file system."""

    OK = "ok"
    SLOW = "slow"
    FAIL = "fail"
    TORN = "torn"
    HANG = "hang"


@dataclass(slots=True)
class _Write:
    owner: str
    key: str
    data: bytes
    volatile: bool
    done: Done
    append: bool = False


class Disk:
    """The files of one host."""

    def __init__(self, agenda: Agenda, dice: Dice) -> None:
        self._agenda = agenda
        self._dice = dice
        self._health = DiskHealth.OK
        self.durable: dict[str, bytes] = {}
        self.volatile: dict[str, bytes] = {}
        self._pending: list[_Write] = []
        self._stuck: list[_Write] = []
        self._busy_until: dict[str, int] = {}

    @property
    def health(self) -> DiskHealth:
        """What the next write meets."""
        return self._health

    @health.setter
    def health(self, health: DiskHealth) -> None:
        self._health = health
        stuck, self._stuck = self._stuck, []
        for write in stuck:
            self._finish(write)

    def write(self, persist: Persist | Append, done: Done, owner: str = "") -> None:
        """Begin a write; those of one ``owner`` (a process) end in the order in which they began."""
        volatile = persist.volatile
        begin = max(self._busy_until.get(owner, 0), self._agenda.now)
        end = self._busy_until[owner] = begin + self._duration(volatile=volatile)
        if self.health is DiskHealth.FAIL and not volatile:
            self._agenda.at(end, partial(done, "No space left on device"))
            return
        write = _Write(owner, persist.key, persist.data, volatile, done, isinstance(persist, Append))
        self._pending.append(write)
        self._agenda.at(end, partial(self._finish, write))

    def _duration(self, *, volatile: bool) -> int:
        slow = self.health is DiskHealth.SLOW
        if volatile:
            return self._dice.between(0, 1_500 if slow else VOLATILE_MS)
        return self._dice.between(200, 3_000) if slow else self._dice.between(1, 4)

    def _finish(self, write: _Write) -> None:
        if not any(write is other for other in self._pending):
            return
        earlier = any(other.owner == write.owner for other in self._stuck)
        if (self.health is DiskHealth.HANG and not write.volatile) or earlier:
            self._stuck.append(write)
            return
        self._apply(write)
        write.done(None)

    def _apply(self, write: _Write) -> None:
        self._pending = [other for other in self._pending if other is not write]
        kept = self.volatile if write.volatile else self.durable
        kept[write.key] = (kept.get(write.key, b"") if write.append else b"") + write.data

    def _before(self, write: _Write) -> bytes:
        return self.durable.get(write.key, b"") if write.append else b""

    def read(self, key: str, *, volatile: bool) -> bytes | None:
        """What is kept under ``key``. A process that reads sees what was written before, synced or not."""
        if volatile:
            return self.volatile.get(key)
        found = self.durable.get(key)
        for write in self._pending:
            if write.key == key and not write.volatile:
                found = (found or b"") + write.data if write.append else write.data
        return found

    def set_aside(self, effect: SetAside) -> None:
        """What lies there gets another name."""
        (self.volatile if effect.volatile else self.durable).pop(effect.key, None)

    def abandon(self, owner: str) -> None:
        """A process is killed: of its writes under way some of the first are done, and the rest never will be."""
        mine = [write for write in self._pending if write.owner == owner]
        for write in mine[: self._dice.below(len(mine) + 1)]:
            self._apply(write)
        self._pending = [write for write in self._pending if write.owner != owner]
        self._stuck = [write for write in self._stuck if write.owner != owner]
        self._busy_until.pop(owner, None)

    def lose_power(self) -> None:
        """The host loses power: volatile data is gone, and of each process's writes under way all but some of the
        first.
        """
        self.volatile.clear()
        lost: set[str] = set()
        for write in self._pending:
            if write.volatile:
                continue
            fate = self._dice.below(4)
            before = self._before(write)
            if write.owner in lost:
                continue
            if fate:
                lost.add(write.owner)
            if fate == 0:
                self.durable[write.key] = before + write.data
            elif fate == 1 and (write.append or self.health is DiskHealth.TORN):
                self.durable[write.key] = before + write.data[: self._dice.below(len(write.data) + 1)]
        self._pending.clear()
        self._stuck.clear()
        self._busy_until.clear()
