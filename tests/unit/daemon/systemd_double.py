"""A small service that speaks systemd's interface on a private bus: units of a list, jobs that take a while."""

from __future__ import annotations

import asyncio
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from dbus_fast import DBusError, RequestNameReply, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, method, signal

NAME = "org.freedesktop.systemd1"
PATH = "/org/freedesktop/systemd1"


def path_of(name: str) -> str:
    """The object of a unit."""
    return f"{PATH}/unit/{''.join(char if char.isalnum() else f'_{ord(char):02x}' for char in name)}"


@dataclass
class Unit:
    """``takes_s``: how long its jobs take; ``result``: how they end; ``early``: the end is said before the job is."""

    active: str = "inactive"
    takes_s: float = 0.01
    result: str = "done"
    early: bool = False
    becomes: dict[str, str] = field(default_factory=lambda: {"StartUnit": "active", "StopUnit": "inactive"})


class Systemd(ServiceInterface):
    """The Manager."""

    def __init__(self, units: dict[str, Unit]) -> None:
        super().__init__(f"{NAME}.Manager")
        self.units = units
        self.calls: list[str] = []
        self._serial = 0
        self.bus: MessageBus | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    @method()
    def LoadUnit(self, name: "s") -> "o":  # noqa: F821, UP037
        self.calls.append(f"LoadUnit {name}")
        if "/" in name:
            raise DBusError(f"{NAME}.InvalidName", "Unit name is not valid.")
        return path_of(name)

    @method()
    def Subscribe(self):
        self.calls.append("Subscribe")

    @method()
    def Reload(self):
        self.calls.append("Reload")

    async def _job(self, verb: str, name: str) -> str:
        self.calls.append(f"{verb} {name}")
        unit = self.units.get(name)
        if unit is None:
            raise DBusError(f"{NAME}.NoSuchUnit", f"Unit {name} not found.")
        self._serial += 1
        number, path = self._serial, f"{PATH}/job/{self._serial}"

        async def work() -> None:
            await asyncio.sleep(unit.takes_s)
            if unit.result == "done":
                unit.active = unit.becomes.get(verb, unit.active)
            else:
                unit.active = "failed"
            self.JobRemoved(number, path, name, unit.result)

        if unit.early:
            await work()
        else:
            task = asyncio.ensure_future(work())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return path

    @method()
    async def StartUnit(self, name: "s", mode: "s") -> "o":  # noqa: F821, UP037
        return await self._job("StartUnit", name)

    @method()
    async def StopUnit(self, name: "s", mode: "s") -> "o":  # noqa: F821, UP037
        return await self._job("StopUnit", name)

    @method()
    async def RestartUnit(self, name: "s", mode: "s") -> "o":  # noqa: F821, UP037
        return await self._job("RestartUnit", name)

    @method()
    async def ReloadUnit(self, name: "s", mode: "s") -> "o":  # noqa: F821, UP037
        return await self._job("ReloadUnit", name)

    @signal()
    def JobRemoved(self, number, job, unit, result) -> "uoss":  # noqa: F821, UP037
        return [number, job, unit, result]

    def answer(self, message):
        """``Get`` of a unit's property."""
        if message.member != "Get" or not (message.path or "").startswith(f"{PATH}/unit/"):
            return None
        from dbus_fast import Message  # noqa: PLC0415

        known = {path_of(name): unit for name, unit in self.units.items()}
        unit = known.get(message.path)
        values = {
            "ActiveState": unit.active if unit else "inactive",
            "LoadState": "loaded" if unit else "not-found",
        }
        return Message.new_method_return(message, "v", [Variant("s", values[message.body[1]])])

    async def serve(self, address: str) -> None:
        """Appear on a bus."""
        self.bus = await MessageBus(address).connect()
        self.bus.add_message_handler(self.answer)
        self.bus.export(PATH, self)
        assert await self.bus.request_name(NAME) is RequestNameReply.PRIMARY_OWNER

    def leave(self) -> None:
        """Disappear."""
        assert self.bus is not None
        self.bus.disconnect()


class PrivateBus:
    """A dbus-daemon of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder}/bus"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, and wait until it listens."""
        command = [
            "dbus-daemon",
            "--session",
            "--nofork",
            "--nopidfile",
            f"--address={self.address}",
            "--print-address",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "dbus-daemon does not start"

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
