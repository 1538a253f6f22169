"""The fencer of this node as tools see it: devices, levels, the history, and fencing itself.

Calls have time limits; what goes wrong is a :class:`Fault` with the text and exit status of the original.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hacluster.base.results import Exit, Fault, invalid, not_connected
from hacluster.client.live import Daemon
from hacluster.msg.driver import Refused
from hacluster.msg.stonith import (
    NO_DEVICE,
    CheckDevice,
    ConfirmDown,
    Device,
    DeviceSaid,
    DevicesQuery,
    DevicesView,
    FenceAsked,
    Fenced,
    FencingEntry,
    FencingState,
    ForgetHistory,
    HistoryQuery,
    HistoryView,
    Level,
    RegisterDevice,
    RegisterLevel,
    RemoveDevice,
    RemoveLevel,
    TargetsQuery,
    Words,
)

BEYOND_S: Final = 60.0
"""How long an answer may take beyond what the caller gave the devices: fencers ask each other what they can."""

TRIES: Final = 8
"""How many times the limit of one device's action a whole fencing may take: tries, nodes and levels."""


class FencingFailedError(Fault):
    """A fencing that was tried and did not work. ``reason`` says what the devices said."""

    def __init__(self, text: str, status: Exit, reason: str) -> None:
        super().__init__(text, status)
        self.reason = reason


def no_device() -> Fault:
    """There is no such device."""
    return Fault("No such device", Exit.NO_SUCH)


def level_of(target: str, index: int, devices: Iterable[str] = ()) -> Level:
    """A level of ``NAME``, ``@PATTERN`` or ``ATTRIBUTE=VALUE``."""
    if target.startswith("@"):
        return Level(index, tuple(devices), pattern=target[1:])
    name, sign, value = target.partition("=")
    if sign:
        return Level(index, tuple(devices), attribute=name, value=value)
    return Level(index, tuple(devices), target=target)


class Fencer:
    """Questions to the fencer. All raise :class:`Fault`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def devices(self, target: str = "") -> Words:
        """Devices that are registered here, id and agent; with a target those that know it."""
        return self._daemon.ask(DevicesQuery(target), DevicesView).devices

    def targets(self, device: str, timeout_s: float) -> list[str]:
        """What a device lists."""
        text = self._said(TargetsQuery(device, _ms(timeout_s)), timeout_s).text
        return [name for line in text.splitlines() if (name := line.replace(";", ",").partition(",")[0].strip())]

    def check(self, device: str, timeout_s: float) -> None:
        """Whether a device answers."""
        self._said(CheckDevice(device, _ms(timeout_s)), timeout_s)

    def fence(
        self,
        target: str,
        action: str,
        *,
        timeout_s: float = 120,
        delay_s: float = 0,
        tolerance_s: float = 0,
        tag: str = "",
    ) -> FencingEntry:
        """Fence a node, and wait for it. Raises :class:`FencingFailedError`."""
        wish = FenceAsked(target, action, _ms(timeout_s), _ms(delay_s), _ms(tolerance_s), tag)
        return self._fenced(wish, delay_s + TRIES * timeout_s + BEYOND_S)

    def confirm(self, target: str) -> FencingEntry:
        """A person says that a node is down."""
        return self._fenced(ConfirmDown(target), BEYOND_S)

    def _fenced(self, wish: object, timeout_s: float) -> FencingEntry:
        answer = self._daemon.answer(wish, timeout_s=timeout_s)
        if isinstance(answer, Fenced) and answer.entry.state is FencingState.SUCCESS:
            return answer.entry
        if not isinstance(answer, Fenced):
            raise _refused(answer)
        if answer.entry.reason == NO_DEVICE:
            raise no_device()
        raise FencingFailedError("Error", Exit.ERROR, answer.entry.reason)

    def history(self, target: str = "") -> tuple[FencingEntry, ...]:
        """What was fenced, newest first; pending ones before all."""
        return self._daemon.ask(HistoryQuery(target), HistoryView).entries

    def forget(self, target: str = "") -> None:
        """Forget what has ended, on all nodes."""
        self._said(ForgetHistory(target), BEYOND_S)

    def register(self, device: Device) -> None:
        """A device on this node alone."""
        self._said(RegisterDevice(device), BEYOND_S)

    def remove(self, device: str) -> None:
        """Forget a device here, if there is one."""
        answer = self._daemon.answer(RemoveDevice(device))
        if not isinstance(answer, DeviceSaid):
            raise _refused(answer)

    def add_level(self, level: Level) -> None:
        """A level on this node alone."""
        if not self._daemon.ask(RegisterLevel(level), DeviceSaid).good:
            raise invalid()

    def remove_level(self, level: Level) -> None:
        """Forget a level here, if there is one."""
        self._said(RemoveLevel(level), BEYOND_S)

    def _said(self, question: object, timeout_s: float) -> DeviceSaid:
        answer = self._daemon.answer(question, timeout_s=timeout_s + BEYOND_S)
        if not isinstance(answer, DeviceSaid):
            raise _refused(answer)
        if not answer.known:
            raise no_device()
        if not answer.good:
            raise FencingFailedError("Error", Exit.ERROR, answer.text)
        return answer


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _refused(answer: object) -> Fault:
    from hacluster.client.live import fault_of_refusal  # noqa: PLC0415 - few are refused

    return fault_of_refusal(answer) if isinstance(answer, Refused) else not_connected()


__all__ = ["Fencer", "FencingFailedError", "level_of"]
