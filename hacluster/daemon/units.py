"""systemd over D-Bus: units are started and stopped by jobs, whose end is waited for.

Rules.

* A bus that is away (it was restarted, or is not there yet) is no verdict on a unit: what was asked is asked again
  until its time is up. Starting and stopping twice is starting and stopping.
* systemd may say that a job has ended before it has answered which job it is.
* A unit on its way to another state is looked at again until it has arrived.
* While the cluster runs a unit it has a drop-in below /run, as Pacemaker makes one: systemd stops it after the cluster
  at shutdown, and does not restart it by itself. It goes when the cluster stops the unit, and with a reboot.

The library is imported when the first unit is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from hacluster.base.effects import Say, UnitJob, UnitVerb
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.daemon import clock
from hacluster.msg.driver import UnitDone, UnitEnd

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

NAME: Final = "org.freedesktop.systemd1"
PATH: Final = "/org/freedesktop/systemd1"
MANAGER: Final = f"{NAME}.Manager"
UNIT: Final = f"{NAME}.Unit"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OVERRIDES: Final = "/run/systemd/system"
DROP_IN: Final = "50-hacluster.conf"

RETRY_S: Final = 0.5
CONNECT_S: Final = 5.0
MAX_UNCLAIMED: Final = 256
"""Ends of jobs that nobody has asked for yet; other programs have jobs, too."""

_METHODS: Final = {
    UnitVerb.START: "StartUnit",
    UnitVerb.STOP: "StopUnit",
    UnitVerb.RESTART: "RestartUnit",
    UnitVerb.RELOAD: "ReloadUnit",
}
_NO_UNIT: Final = tuple(f"{NAME}.{word}" for word in ("NoSuchUnit", "InvalidName", "LoadFailed"))
_ABSENT: Final = frozenset(
    {"ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected", "Timeout", "TimedOut", "NoServer"}
)
"""Errors of the bus that say nothing of what was asked."""

_ON_ITS_WAY: Final = frozenset({"activating", "deactivating", "maintenance"})


class _AwayError(Exception):
    """The bus, or systemd on it, does not answer now."""


class _FailedError(Exception):
    """systemd says no. ``name``: of its error."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


class Units:
    """The jobs of one process; ``on_done`` is called once for each. ``address``: another bus than the system's."""

    def __init__(
        self,
        on_done: Callable[[UnitDone], None],
        log: Callable[[Say], None] = lambda _say: None,
        *,
        address: str | None = None,
        overrides: str = OVERRIDES,
    ) -> None:
        self._on_done, self._log = on_done, log
        self._address, self._overrides = address, overrides
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._bus: MessageBus | None = None
        self._watch: asyncio.Future[None] | None = None
        self._lock = asyncio.Lock()
        self._jobs: dict[str, asyncio.Future[str]] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, job: UnitJob) -> None:
        """Perform ``UnitJob``."""
        assert job.child_id not in self._tasks, job
        self._tasks[job.child_id] = asyncio.get_running_loop().create_task(self._run(job, clock.now()))

    def kill(self, child_id: int) -> bool:
        """Perform ``Kill`` if that is a job of ours: it is not waited for any more. Whether it is."""
        task = self._tasks.get(child_id)
        if task is not None:
            task.cancel()
        return task is not None

    async def close(self) -> None:
        """Wait for nothing any more."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._bus is not None:
            self._bus.disconnect()
        if self._watch is not None:
            self._watch.cancel()

    async def _run(self, job: UnitJob, began: Instant) -> None:
        seen: list[str] = [""]
        try:
            async with asyncio.timeout(job.timeout_ms / 1000):
                done = await self._until_answered(job, seen)
        except TimeoutError:
            away = seen[0].startswith("!")
            end = UnitEnd.UNREACHABLE if away else UnitEnd.TIMED_OUT
            done = UnitDone(job.child_id, end, "" if away else seen[0], detail=seen[0][1:] if away else "")
        except asyncio.CancelledError:
            if job.child_id not in self._tasks:
                raise
            done = UnitDone(job.child_id, UnitEnd.CANCELLED)
        self._tasks.pop(job.child_id, None)
        elapsed = clock.now() - began
        self._on_done(UnitDone(done.child_id, done.end, done.active, done.loaded, done.detail, elapsed))

    async def _until_answered(self, job: UnitJob, seen: list[str]) -> UnitDone:
        while True:
            try:
                return await self._do(job, seen)
            except _AwayError as error:
                seen[0] = f"!{error}"
                await asyncio.sleep(RETRY_S)
            except _FailedError as error:
                if error.name in _NO_UNIT:
                    return UnitDone(job.child_id, UnitEnd.NO_SUCH_UNIT, detail=str(error))
                return UnitDone(job.child_id, UnitEnd.FAILED, detail=f"{error.name.rpartition('.')[2]}: {error}")

    async def _do(self, job: UnitJob, seen: list[str]) -> UnitDone:
        bus = await self._connected()
        (unit,) = await self._call(bus, PATH, MANAGER, "LoadUnit", "s", job.unit)
        result = "done"
        if job.verb is not UnitVerb.LOOK:
            if await self._property(bus, unit, "LoadState") == "not-found" and job.verb is not UnitVerb.STOP:
                return UnitDone(job.child_id, UnitEnd.NO_SUCH_UNIT)
            if self._override(job):
                await self._call(bus, PATH, MANAGER, "Reload")
            result = await self._have_done(bus, job)
        while True:
            active = seen[0] = await self._property(bus, unit, "ActiveState")
            if active not in _ON_ITS_WAY:
                break
            await asyncio.sleep(RETRY_S)
        loaded = await self._property(bus, unit, "LoadState")
        end = UnitEnd.DONE if result == "done" else UnitEnd.FAILED
        return UnitDone(job.child_id, end, active, loaded, "" if result == "done" else result)

    async def _have_done(self, bus: MessageBus, job: UnitJob) -> str:
        """Ask for the job, and wait for its end: done, failed, canceled, timeout, dependency, skipped."""
        (answer,) = await self._call(bus, PATH, MANAGER, _METHODS[job.verb], "ss", job.unit, "replace")
        path = str(answer)
        if path in self._ended:
            return self._ended.pop(path)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._jobs[path] = future
        try:
            return await future
        finally:
            self._jobs.pop(path, None)

    # ---- the bus

    async def _connected(self) -> MessageBus:
        from dbus_fast import BusType  # noqa: PLC0415  only where there are units
        from dbus_fast.aio import MessageBus  # noqa: PLC0415

        async with self._lock:
            if self._bus is not None and self._bus.connected:
                return self._bus
            self._lose("the bus has closed the connection")
            try:
                async with asyncio.timeout(CONNECT_S):
                    bus = await MessageBus(self._address, BusType.SYSTEM).connect()
            except (OSError, EOFError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
                raise _AwayError(str(error) or type(error).__name__) from error
            except Exception as error:  # the library's own errors have no common ancestor
                raise _AwayError(f"{type(error).__name__}: {error}") from error
            bus.add_message_handler(self._on_message)
            self._watch = asyncio.ensure_future(self._gone(bus))
            rule = f"type='signal',sender='{NAME}',interface='{MANAGER}',member='JobRemoved'"
            await self._call(bus, "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "s", rule)
            await self._call(bus, PATH, MANAGER, "Subscribe")
            self._bus = bus
            return bus

    def _lose(self, why: str) -> None:
        self._bus = None
        self._ended.clear()
        for future in self._jobs.values():
            if not future.done():
                future.set_exception(_AwayError(why))

    async def _call(self, bus: MessageBus, path: str, interface: str, member: str, *words: Any) -> list[Any]:
        from dbus_fast import Message, MessageType  # noqa: PLC0415

        name = NAME if interface != "org.freedesktop.DBus" else interface
        signature, *body = words or ("",)
        watch = self._watch
        assert watch is not None, "not connected"
        message = Message(
            destination=name, path=path, interface=interface, member=member, signature=signature, body=body
        )
        call: asyncio.Future[Message | None] = asyncio.ensure_future(bus.call(message))
        try:
            await asyncio.wait((watch, call), return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                raise _AwayError("the bus has closed the connection")
            reply = call.result()
        except (OSError, EOFError) as error:
            raise _AwayError(str(error)) from error
        finally:
            call.cancel()
        if reply is None:
            raise _AwayError("no answer")
        if reply.message_type is MessageType.ERROR:
            text = str(reply.body[0]) if reply.body else ""
            name = str(reply.error_name)
            word = name.removeprefix("org.freedesktop.DBus.Error.")
            if word in _ABSENT or word.startswith("Spawn."):
                raise _AwayError(text or name)
            raise _FailedError(name, text)
        return list(reply.body)

    async def _gone(self, bus: MessageBus) -> None:
        with contextlib.suppress(Exception):
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        if bus is self._bus:
            self._lose("the bus has closed the connection")

    async def _property(self, bus: MessageBus, unit: str, name: str) -> str:
        (value,) = await self._call(bus, unit, PROPERTIES, "Get", "ss", UNIT, name)
        return str(value.value)

    def _on_message(self, message: Message) -> None:
        if message.member != "JobRemoved" or message.interface != MANAGER or len(message.body) < 4:
            return
        path, result = str(message.body[1]), str(message.body[3])
        future = self._jobs.get(path)
        if future is not None and not future.done():
            future.set_result(result)
        elif future is None:
            self._ended[path] = result
            while len(self._ended) > MAX_UNCLAIMED:
                self._ended.popitem(last=False)

    # ---- drop-ins

    def _override(self, job: UnitJob) -> bool:
        """Make or take away the drop-in of a unit; whether systemd has to read it."""
        folder = os.path.join(self._overrides, f"{job.unit}.d")
        path = os.path.join(folder, DROP_IN)
        if "/" in job.unit or job.verb not in (UnitVerb.START, UnitVerb.STOP):
            return False
        try:
            if job.verb is UnitVerb.STOP:
                os.unlink(path)
                return True
            os.makedirs(folder, 0o755, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(_drop_in(job.unit))
            os.chmod(path, 0o644)
        except FileNotFoundError:
            return False
        except OSError as error:
            text = f"{job.unit} has no drop-in, so that systemd may stop it before the cluster: {error.strerror}"
            self._log(Say(Severity.WARNING, "units", "no-drop-in", text))
            return False
        return True


def _drop_in(unit: str) -> str:
    text = "[Unit]\nDescription=Cluster Controlled " + unit + "\nBefore=hacluster.service heartbeat.service\n"
    return text + ("\n[Service]\nRestart=no\n" if unit.endswith(".service") else "")
