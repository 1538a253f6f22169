"""The driver: performs what machines ask for, in order, and feeds them what happens.

Everything that happens goes through one inbox and is worked off in turn; an effect that fails at once (a medium that
cannot be sent on) is such an event too, so that a machine never hears of a consequence before its step is done.

The driver owns the only clock. One timer is armed for the earliest deadline of the machines. About once a second (every
ten where no heartbeat machine lives), and at once when the wall clock was set, each machine gets a ``HostSample``.

An exception in a machine is a fault of ours: the process ends with a line of log and its place in the code, and the
supervisor begins it anew (DESIGN: "we err").
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from enum import IntEnum
from typing import Final, Protocol

from hacluster.base.effects import (
    Append,
    Effect,
    Kill,
    MachineName,
    Persist,
    Publish,
    Reply,
    Say,
    Screen,
    SelfFence,
    Send,
    SetAside,
    Spawn,
    Stop,
    Transmit,
    UnitJob,
    Vouch,
)
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.daemon import clock
from hacluster.msg.driver import HostSample, Persisted, PersistFailed
from hacluster.node.router import Router

SAMPLE_MS: Final = 1_000
CHECK_MS: Final = 10_000
"""How often machines that send no time stamps are told the time and checked: each second would be for nothing."""

CLOSE_S: Final = 1.0
"""How long the end of a process waits for the disk: it may hang for ever."""

CLOCK_STEP_MS: Final = 500
"""A difference between wall clock and boot clock that changes by more than this was set by somebody."""


class Outcome(IntEnum):
    """Why a process of the node ended; also its exit status towards the supervisor."""

    STOPPED = 0
    CRASHED = 70
    NO_ROOM = 71
    """It could not begin for want of memory, descriptors or processes, which says nothing of the program."""

    RESTART = 75
    FENCED = 76
    UNRELEASED = 77
    PANIC = 79
    """Restart the host, whatever the administrator has decided of other ends."""

    REFUSED = 78


class Sender(Protocol):
    """Media, as the driver sees them."""

    def send(self, index: int, data: bytes) -> None:
        """Perform ``Transmit``."""
        ...

    def screen(self, screen: Screen) -> None:
        """Perform ``Screen``."""
        ...


class Spawner(Protocol):
    """Children, as the driver sees them."""

    def start(self, spawn: Spawn) -> None:
        """Perform ``Spawn``."""
        ...

    def kill(self, kill: Kill) -> None:
        """Perform ``Kill``."""
        ...


class ServiceManager(Protocol):
    """systemd, as the driver sees it."""

    def start(self, job: UnitJob) -> None:
        """Perform ``UnitJob``."""
        ...

    def kill(self, child_id: int) -> bool:
        """Perform ``Kill`` if that is a job; whether it is."""
        ...


class Clients(Protocol):
    """Local clients, as the driver sees them."""

    def reply(self, reply: Reply) -> None:
        """Perform ``Reply``."""
        ...

    def publish(self, topic: str, body: object) -> None:
        """Perform ``Publish``."""
        ...


class Storage(Protocol):
    """Disk, as the driver sees it."""

    def write(self, key: str, data: bytes, *, volatile: bool = False) -> None:
        """Write; blocks; OSError."""
        ...

    def append(self, key: str, data: bytes, *, volatile: bool = False) -> None:
        """Add to the end; blocks; OSError."""
        ...

    def set_aside(self, key: str, *, volatile: bool = False) -> str:
        """Give what lies there another name, and say which; blocks; OSError."""
        ...


class Others(Protocol):
    """The other processes, as the driver sees them."""

    def send(self, by: MachineName, to: MachineName, body: object) -> None:
        """Perform a ``Send`` to a machine that lives elsewhere."""
        ...


class Driver:
    """Drives the machines of one process. ``media``, ``children`` … are set before the first event is posted.

    ``families``: the children of those machines that do not share in ``children``, each with numbers of its own.
    """

    def __init__(self, router: Router, log: Callable[[Say], None]) -> None:
        self._router = router
        self._sample_ms = SAMPLE_MS if MachineName.HEARTBEAT in router.names else CHECK_MS
        self._log = log
        self._inbox: deque[tuple[MachineName, object]] = deque()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._sampler: asyncio.TimerHandle | None = None
        self._armed: Instant | None = None
        self._offset: int | None = None
        self._writer = ThreadPoolExecutor(1, "disk")
        self._last_job: Future[None] | None = None
        self.media: Sender | None = None
        self.children: Spawner | None = None
        self.units: ServiceManager | None = None
        self.families: dict[MachineName, Spawner] = {}
        self.clients: Clients | None = None
        self.disk: Storage | None = None
        self.others: Others | None = None
        self.observers: list[Callable[[MachineName, Effect], None]] = []
        self.on_turn: Callable[[Instant], None] | None = None
        self.on_vouch: Callable[[bool], None] = lambda _fit: None
        self.finished: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    @property
    def names(self) -> frozenset[MachineName]:
        """The machines that live here."""
        return self._router.names

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be worked off."""
        return not self._inbox

    def start(self) -> None:
        """Tell every machine how the host is; to be called before anything else happens."""
        self._sample()

    def post(self, to: MachineName, event: object) -> None:
        """Something happened: a machine gets it in its turn."""
        if self.finished.done():
            return
        self._inbox.append((to, event))
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Work off what is there now; what comes meanwhile waits for the next turn, after I/O had its chance."""
        self._scheduled = False
        now = clock.now()
        try:
            self._watch_wall_clock(now)
            for _ in range(len(self._inbox)):
                to, event = self._inbox.popleft()
                for asked in self._router.deliver(to, event, clock.now()):
                    self._perform(asked.by, asked.effect)
                if self.finished.done():
                    return
            for asked in self._router.tick(clock.now()):
                self._perform(asked.by, asked.effect)
        except Exception as error:
            self._crash(error)
            return
        if self.on_turn is not None:
            self.on_turn(now)
        if self._inbox and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)
        self._arm()

    def _arm(self) -> None:
        deadline = self._router.deadline()
        if deadline == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed = deadline
        if deadline is not None and not self.finished.done():
            delay = max(0, deadline - clock.now()) / 1000
            self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._armed = None
        self._timer = None
        self._turn()

    def _watch_wall_clock(self, now: Instant) -> None:
        offset = clock.unix_ms() - now
        if self._offset is not None and abs(offset - self._offset) > CLOCK_STEP_MS:
            self._post_sample(offset)

    def _sample(self) -> None:
        if self.finished.done():
            return
        self._post_sample(clock.unix_ms() - clock.now())
        try:
            self._router.check()
        except AssertionError as error:
            self._crash(error)
            return
        self._sampler = asyncio.get_running_loop().call_later(self._sample_ms / 1000, self._sample)

    def _post_sample(self, offset: int) -> None:
        self._offset = offset
        sample = HostSample(clock.unix_ms(), _loadavg(), clock.east_s(), os.cpu_count() or 1)
        for name in sorted(self._router.names):
            self.post(name, sample)

    def _perform(self, by: MachineName, effect: Effect) -> None:  # noqa: C901 - one flat table of effects
        # Before the act: what follows from it in another process may be over before this one goes on.
        for observer in self.observers:
            observer(by, effect)
        match effect:
            case Transmit():
                assert self.media is not None, effect
                self.media.send(effect.medium, effect.data)
            case Screen():
                assert self.media is not None, effect
                self.media.screen(effect)
            case Say():
                self._log(effect)
            case Send():
                assert self.others is not None, effect
                self.others.send(by, effect.to, effect.body)
            case Reply():
                assert self.clients is not None, effect
                self.clients.reply(effect)
            case Publish():
                assert self.clients is not None, effect
                self.clients.publish(effect.topic, effect.body)
            case Persist() | Append():
                self._persist(by, effect)
            case SetAside():
                self._set_aside(by, effect)
            case Spawn():
                self._spawner(by).start(effect)
            case UnitJob():
                assert self.units is not None, effect
                self.units.start(effect)
            case Kill() if by not in self.families and self.units is not None and self.units.kill(effect.child_id):
                pass
            case Kill():
                self._spawner(by).kill(effect)
            case SelfFence():
                self._log(Say(Severity.CRIT, by, "self-fence", effect.reason))
                self.finish(Outcome.PANIC if effect.panic else Outcome.FENCED)
            case Vouch():
                self.on_vouch(effect.fit)
            case Stop():
                self._log(Say(Severity.NOTICE, by, "stop", effect.reason or "stopped"))
                self.finish(Outcome.RESTART if effect.restart else Outcome.STOPPED)

    def _spawner(self, by: MachineName) -> Spawner:
        spawner = self.families.get(by, self.children)
        assert spawner is not None, by
        return spawner

    def _persist(self, by: MachineName, effect: Persist | Append) -> None:
        """From a thread, in order: an fsync may take seconds, and a heartbeat does not wait for it."""
        assert self.disk is not None, effect
        loop, disk = asyncio.get_running_loop(), self.disk
        if isinstance(effect, Append):
            job = self._writer.submit(disk.append, effect.key, effect.data, volatile=effect.volatile)
        else:
            job = self._writer.submit(disk.write, effect.key, effect.data, volatile=effect.volatile)
        self._last_job = job

        def done(result: Future[None]) -> None:
            error = result.exception()
            event: Persisted | PersistFailed = Persisted(effect.key, effect.token)
            if error is not None:
                event = PersistFailed(effect.key, effect.token, str(error))
            with contextlib.suppress(RuntimeError):
                # The loop may be closed by now: then nobody waits for this.
                loop.call_soon_threadsafe(self.post, by, event)

        job.add_done_callback(done)

    def _set_aside(self, by: MachineName, effect: SetAside) -> None:
        assert self.disk is not None, effect
        disk, log = self.disk, self._log

        def work() -> None:
            try:
                aside = disk.set_aside(effect.key, volatile=effect.volatile)
            except OSError as error:
                text = f"the damaged {effect.key} cannot be set aside: {error.strerror}"
            else:
                text = f"the damaged {effect.key} is now {aside}"
            log(Say(Severity.WARNING, by, "set-aside", text))

        self._writer.submit(work)

    def finish(self, outcome: Outcome) -> None:
        """End this process's work; the first reason given counts."""
        if not self.finished.done():
            self.finished.set_result(outcome)

    def _crash(self, error: Exception) -> None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename.rpartition('/hacluster/')[2]}:{frame.lineno}"
        text = f"internal fault, this process begins anew: {type(error).__name__}: {error}"
        self._log(Say(Severity.CRIT, "driver", "internal-fault", text, (("at", place),)))
        for line in traceback.format_exception(error):
            for part in line.rstrip().split("\n"):
                self._log(Say(Severity.DEBUG, "driver", "traceback", part))
        self.finish(Outcome.CRASHED)

    def close(self) -> None:
        """No more timers; what is being written is finished, if the disk does so soon."""
        for timer in (self._timer, self._sampler):
            if timer is not None:
                timer.cancel()
        if self._last_job is not None:
            wait([self._last_job], CLOSE_S)
        self._writer.shutdown(wait=False, cancel_futures=True)


def _loadavg() -> str:
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            return file.read(128).strip()
    except OSError:
        return "0.00 0.00 0.00 0/0 0"
