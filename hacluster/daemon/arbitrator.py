"""``hacluster arbitrator``: the witness of one cluster or several, in one small process outside of them.

For each cluster there is a *seat*: the machines of the layout ``ARBITRATOR`` with their own sockets, state and log, as
a node of that cluster has them. All seats share a process and a loop. A seat whose machines end by a fault begins anew
after a pause, with what it promised on disk, and the others do not notice. There is no supervisor: nothing runs here
that would have to be released, so the service manager may begin the whole anew at any time.

The process needs no root: ports below 1,024 and raw sockets for pings are all that it wants
(CAP_NET_BIND_SERVICE, CAP_NET_RAW).
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import Callable, Mapping
from typing import Final

from hacluster.base.effects import MachineName, Say
from hacluster.base.errors import ConfigError, HaError
from hacluster.base.report import Severity
from hacluster.daemon import clock, preflight
from hacluster.daemon.beat import Beat
from hacluster.daemon.driver import Outcome
from hacluster.daemon.launch import Launch
from hacluster.daemon.log import Threaded
from hacluster.daemon.notify import Notifier, watchdog_interval_ms
from hacluster.daemon.pidfile import PidFile, leave_word, stop_was_asked
from hacluster.daemon.privilege import NOBODY
from hacluster.daemon.processes import Part, log_of, log_sinks
from hacluster.daemon.single import Direct
from hacluster.daemon.spawn import widen_limits
from hacluster.daemon.verdict import Verdicts, Word
from hacluster.msg.driver import StopRequested
from hacluster.node.layout import ProcessName

SERVICE: Final = "arbitrator"
PAUSES_S: Final = (0.5, 1.0, 5.0, 30.0)
"""How long after a fault a seat begins anew: the first, second, … time."""

CALM_MS: Final = 60_000
"""A seat that lasted so long had no fault before."""

STOP_S: Final = 10.0
"""How long seats may take to say goodbye and end; then they are closed all the same."""


class Seat:
    """This host's vote in one cluster."""

    def __init__(self, cluster: str, launch: Launch) -> None:
        self.cluster = cluster
        self.launch = launch
        self._log = log_of(launch, Threaded(log_sinks(launch)))
        self._parts: Mapping[ProcessName, Part] = {}
        self._stopping = asyncio.Event()
        self._faults = 0

    def say(self, say: Say) -> None:
        """A line of this cluster's log."""
        self._log.say(dataclasses.replace(say, service=f"{self.cluster}/{say.service}"))

    async def sit(self) -> None:
        """Vote until it is told to stop."""
        while not self._stopping.is_set():
            began = clock.now()
            try:
                outcome = await self._life()
            except (HaError, OSError) as error:
                self.say(Say(Severity.ERROR, SERVICE, "not-begun", f"cannot vote: {error}"))
                outcome = Outcome.REFUSED
            if outcome in (Outcome.STOPPED, Outcome.RESTART):
                continue
            self._faults = 0 if clock.now() - began > CALM_MS else self._faults
            pause_s = PAUSES_S[min(self._faults, len(PAUSES_S) - 1)]
            self._faults += 1
            text = f"this vote is missing for {pause_s:g} s, then it begins anew"
            self.say(Say(Severity.ERROR, SERVICE, "begins-anew", text))
            await self._sleep(pause_s)
        self._log.close()

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _life(self) -> Outcome:
        # Both block: a disk may be slow, and one cluster's is not to hold up the others.
        await asyncio.to_thread(self.launch.begin, NOBODY)
        await asyncio.to_thread(preflight.check, self.launch.settings.ha.media, "")
        direct, beat = Direct(self.launch.settings.layout), Beat()
        parts: dict[ProcessName, Part] = {}
        outcome = Outcome.CRASHED
        try:
            for name in self.launch.settings.layout.hosted:
                parts[name] = direct.parts[name] = Part(name, self.launch, self.say, beat)
            for part in parts.values():
                await part.open(direct)
            for part in parts.values():
                part.start()
            self._parts = parts
            if self._stopping.is_set():
                self._tell_to_stop()
            endings = [part.driver.finished for part in parts.values()]
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            outcome = next(ending.result() for ending in endings if ending.done())
        finally:
            self._parts = {}
            for part in parts.values():
                await part.close(outcome)
        return outcome

    def stop(self) -> None:
        """Say goodbye, and end."""
        self._stopping.set()
        self._tell_to_stop()

    def end(self) -> None:
        """End at once."""
        self._stopping.set()
        for part in self._parts.values():
            part.driver.finish(Outcome.STOPPED)

    def _tell_to_stop(self) -> None:
        self._post(StopRequested())

    def _post(self, body: object) -> None:
        layout = self.launch.settings.layout
        part = self._parts.get(layout.process_of(layout.manager))
        if part is not None:
            part.driver.post(layout.manager, body)

    def adopt(self, new: Launch) -> bool:
        """New keys are put to use at once; false when something else differs, so that a new seat must be taken."""
        if not self.launch.same_but_keys(new):
            return False
        if self.launch.keys != new.keys and self._parts:
            self._parts[ProcessName.PULSE].driver.post(MachineName.HEARTBEAT, new.keys)
        self.launch = new
        return True


Reread = Callable[[], Mapping[str, Launch]]
"""All clusters with their files, read and checked now; :class:`ConfigError`."""


class Arbitrator:
    """All seats of this host. ``run_dir`` and ``state_dir`` are those above the clusters' own."""

    def __init__(self, launches: Mapping[str, Launch], reread: Reread, run_dir: str, state_dir: str) -> None:
        self._launches = launches
        self._reread = reread
        self._run_dir, self._state_dir = run_dir, state_dir
        self._verdicts = Verdicts(run_dir)
        self._seats: dict[str, Seat] = {}
        self._tasks: dict[Seat, asyncio.Task[None]] = {}
        self._exchanges: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._notify = Notifier()

    def run(self) -> int:
        """The life of the process; the answer is its exit status. :class:`HaError` when it cannot begin."""
        widen_limits()
        for path, mode in ((self._run_dir, 0o755), (self._state_dir, 0o750)):
            try:
                os.makedirs(path, mode, exist_ok=True)
            except OSError as error:
                raise HaError(f"cannot make {path}: {error.strerror}") from error
        pid_file = PidFile(self._run_dir, self._state_dir)
        pid_file.take()
        try:
            if not stop_was_asked(self._run_dir):
                asyncio.run(self._live())
        finally:
            pid_file.release()
        leave_word(self._run_dir, 0, "")
        return 0

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_term)
        loop.add_signal_handler(signal.SIGHUP, self._on_hup)
        for name, launch in self._launches.items():
            self._take(name, launch)
        self._notify(READY="1", STATUS=f"votes in {', '.join(self._launches)}")
        interval_ms = watchdog_interval_ms()
        while not self._stopped.is_set():
            if interval_ms is not None:
                self._notify(WATCHDOG="1")
            try:
                await asyncio.wait_for(self._stopped.wait(), None if interval_ms is None else interval_ms / 1000)
            except TimeoutError:
                continue
        self._notify(STOPPING="1")
        for seat in self._tasks:
            seat.stop()
        await self._gather(STOP_S)
        for seat in self._tasks:
            seat.end()
        await self._gather(STOP_S)

    async def _gather(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)

    def _take(self, name: str, launch: Launch) -> None:
        seat = self._seats[name] = Seat(name, launch)
        task = self._tasks[seat] = asyncio.create_task(seat.sit())
        task.add_done_callback(lambda _done: self._tasks.pop(seat, None))

    async def _exchange(self, name: str, new: Launch | None) -> None:
        """The seat in one cluster is given up, and taken again with other files if there are any."""
        seat = self._seats.pop(name)
        task = self._tasks.get(seat)
        seat.stop()
        if task is not None:
            await asyncio.wait([task], timeout=STOP_S)
            seat.end()
            await asyncio.wait([task], timeout=STOP_S)
        if new is not None and not self._stopped.is_set():
            self._take(name, new)

    def _on_term(self) -> None:
        if self._stopped.is_set():
            for seat in list(self._tasks):
                seat.end()
        self._stopped.set()

    def _on_hup(self) -> None:
        self._notify(RELOADING="1", MONOTONIC_USEC=str(clock.monotonic_us()))
        self._verdicts.begin()
        try:
            new = self._reread()
        except ConfigError as error:
            self._verdicts.tell(Word.REFUSED, map(str, error.reports))
            self._tell_all(Severity.ERROR, "not-reloaded", "the files have faults; everything goes on as before")
        except HaError as error:
            self._verdicts.tell(Word.REFUSED, [str(error)])
        else:
            self._adopt(new)
        self._notify(READY="1")

    def _adopt(self, new: Mapping[str, Launch]) -> None:
        old = {name: seat.launch for name, seat in self._seats.items()}
        changed = [name for name, seat in self._seats.items() if name in new and not seat.adopt(new[name])]
        gone = [name for name in self._seats if name not in new]
        added = [name for name in new if name not in self._seats]
        for name in added:
            self._take(name, new[name])
        for name in (*changed, *gone):
            task = asyncio.create_task(self._exchange(name, new.get(name)))
            self._exchanges.add(task)
            task.add_done_callback(self._exchanges.discard)
        if changed or gone or added:
            words = [("taken anew", changed), ("given up", gone), ("new", added)]
            self._verdicts.tell(Word.DONE, [f"{word}: {', '.join(names)}" for word, names in words if names])
        elif any(old[name].keys != seat.launch.keys for name, seat in self._seats.items()):
            self._verdicts.tell(Word.KEYS)
        else:
            self._verdicts.tell(Word.UNCHANGED)

    def _tell_all(self, severity: Severity, code: str, text: str) -> None:
        for seat in self._seats.values():
            seat.say(Say(severity, SERVICE, code, text))
