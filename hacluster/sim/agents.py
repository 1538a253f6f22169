"""The services of a host and the programs that start, stop and look at them, in memory.

A service runs or it does not; a program changes that in the middle of its time and then exits. Programs of resource.d
and init.d are told from one another by their names: those that begin with a capital letter are in resource.d.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hacluster.base.dice import Dice
from hacluster.base.effects import Spawn
from hacluster.msg.driver import ChildEnd, ChildExited
from hacluster.sim.clock import Agenda

SIGTERM = 15

SLOW: Final = 20
"""How much longer a program takes that is slow."""

_OCF_NOT_RUNNING = 7
_LOOKS = frozenset({"status", "monitor"})


class Behaviour(StrEnum):
    """How a program acts. WRONG does its work and says that it failed; DEAF hangs and ignores TERM."""

    OK = "ok"
    FAIL = "fail"
    WRONG = "wrong"
    SLOW = "slow"
    HANG = "hang"
    DEAF = "deaf"
    VANISHED = "vanished"


@dataclass(slots=True)
class _Child:
    spawn: Spawn
    began: int
    done: Callable[[ChildExited], None]
    deaf: bool = False
    over: bool = False


ServiceWatch = Callable[[str, bool], None]
"""(service, runs now)"""


def service_of(spawn: Spawn) -> str:
    """The service that a call is about: its OCF instance, else script and arguments joined as in haresources."""
    instance = dict(spawn.env).get("OCF_RESOURCE_INSTANCE")
    return instance or "::".join((spawn.argv[0].rpartition("/")[2], *spawn.argv[1:-1]))


class Agents:
    """Services and running programs of one host. ``watch`` is told of each change of a service.

    ``pace``: how many times as long as the quickest all of them take, which start and stop in 50 to 400 ms.
    """

    def __init__(self, agenda: Agenda, dice: Dice, watch: ServiceWatch, pace: int = 1) -> None:
        self._agenda = agenda
        self._dice = dice
        self._pace = pace
        self._watch = watch
        self.running: dict[str, bool] = {}
        self._children: list[_Child] = []
        self._behaviours: dict[tuple[str, str], Behaviour] = {}

    def behave(self, service: str, action: str, behaviour: Behaviour) -> None:
        """From now on, calls of ``action`` (``*`` for all) of ``service`` (``*`` for all) act like that."""
        if behaviour is Behaviour.OK:
            self._behaviours.pop((service, action), None)
        else:
            self._behaviours[service, action] = behaviour

    def heal(self) -> None:
        """All programs work again; those that hang are left to their time limit."""
        self._behaviours.clear()

    @property
    def faulty(self) -> bool:
        """Whether any program misbehaves."""
        return bool(self._behaviours)

    def behaviour(self, service: str, action: str) -> Behaviour:
        """How a call acts now."""
        for key in ((service, action), (service, "*"), ("*", action), ("*", "*")):
            if key in self._behaviours:
                return self._behaviours[key]
        return Behaviour.OK

    def active(self) -> list[str]:
        """The services that run, sorted."""
        return sorted(name for name, runs in self.running.items() if runs)

    def lose_power(self) -> None:
        """Everything is gone at once."""
        for child in self._children:
            child.over = True
        self._children.clear()
        for service in self.active():
            self._set(service, runs=False)

    def run(self, spawn: Spawn, done: Callable[[ChildExited], None]) -> None:
        """Start a program; ``done`` is told its end."""
        service, action = service_of(spawn), spawn.argv[-1]
        behaviour = self.behaviour(service, action)
        if not self._installed(spawn.argv[0]) or behaviour is Behaviour.VANISHED:
            self._agenda.after(0, lambda: done(ChildExited(spawn.child_id, ChildEnd.NOT_STARTED, errno.ENOENT)))
            return
        child = _Child(spawn, self._agenda.now, done, deaf=behaviour is Behaviour.DEAF)
        self._children.append(child)
        if spawn.timeout_ms is not None:
            self._agenda.after(spawn.timeout_ms, lambda: self._time_out(child))
        if behaviour in {Behaviour.HANG, Behaviour.DEAF}:
            return
        duration = self._dice.between(5, 20) if action in _LOOKS else self._dice.between(50, 400)
        duration *= max(self._pace, SLOW) if behaviour is Behaviour.SLOW else self._pace
        if behaviour is not Behaviour.FAIL:
            self._agenda.after(duration // 2, lambda: self._take_effect(child, service, action))
        self._agenda.after(duration, lambda: self._exit(child, service, action, behaviour))

    def kill(self, child_id: int, signal: int) -> None:
        """A signal for the process group of a child; one that is gone is no error."""
        for child in [child for child in self._children if child.spawn.child_id == child_id]:
            if signal != SIGTERM or not child.deaf:
                self._end(child, ChildEnd.SIGNALED, signal)

    def disown(self) -> None:
        """Whoever started the programs is gone: they go on, and nobody is told."""
        for child in self._children:
            child.done = _nobody

    def _installed(self, path: str) -> bool:
        directory, _, name = path.rpartition("/")
        if directory.endswith("/resource.d"):
            return name[:1].isupper()
        if directory.endswith("/init.d"):
            return name[:1].islower()
        return "/resource.d/heartbeat" in directory

    def _take_effect(self, child: _Child, service: str, action: str) -> None:
        if not child.over and action in {"start", "stop"}:
            self._set(service, runs=action == "start")

    def _set(self, service: str, *, runs: bool) -> None:
        if self.running.get(service, False) != runs:
            self.running[service] = runs
            self._watch(service, runs)

    def _exit(self, child: _Child, service: str, action: str, behaviour: Behaviour) -> None:
        failed = behaviour in {Behaviour.FAIL, Behaviour.WRONG}
        if action not in _LOOKS:
            self._end(child, ChildEnd.EXITED, 1 if failed else 0, err=b"it went wrong\n" if failed else b"")
            return
        runs = self.running.get(service, False) != (behaviour is Behaviour.WRONG)
        text = b"?\n" if behaviour is Behaviour.FAIL else b"running\n" if runs else b"stopped\n"
        code = 1 if behaviour is Behaviour.FAIL else 0 if runs else _OCF_NOT_RUNNING
        self._end(child, ChildEnd.EXITED, code, out=text)

    def _time_out(self, child: _Child) -> None:
        if child.over:
            return
        delay = child.spawn.kill_after_ms if child.deaf else 0
        self._agenda.after(delay, lambda: self._end(child, ChildEnd.TIMED_OUT, SIGTERM))

    def _end(self, child: _Child, end: ChildEnd, code: int, *, out: bytes = b"", err: bytes = b"") -> None:
        if child.over:
            return
        child.over = True
        self._children = [other for other in self._children if other is not child]
        elapsed = self._agenda.now - child.began
        child.done(ChildExited(child.spawn.child_id, end, code, out, err, elapsed_ms=elapsed))


def _nobody(_exited: ChildExited) -> None:
    pass
