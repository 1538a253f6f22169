"""One step of a machine: what time it is, and what is asked for, in order.

A machine has one, and its parts share it, so that what they ask for stands in the order in which they asked.
"""

from __future__ import annotations

from hacluster.base.effects import Effect, MachineName, Reply, Say, Send
from hacluster.base.machine import Instant
from hacluster.base.report import Severity


class Step:
    """The step that is under way. ``service``: in whose name is spoken."""

    __slots__ = ("_service", "now", "out")

    def __init__(self, service: str) -> None:
        self._service = service
        self.now = Instant(0)
        self.out: list[Effect] = []

    def begin(self, now: Instant) -> None:
        """The next one begins; its effects are a list of its own, which whoever performs it may keep."""
        self.now, self.out = now, []

    def send(self, to: MachineName, body: object) -> None:
        """Tell another machine of this node."""
        self.out.append(Send(to, body))

    def reply(self, request_id: int, body: object) -> None:
        """Answer a program."""
        self.out.append(Reply(request_id, body))

    def say(self, severity: Severity, code: str, text: str, **fields: str) -> None:
        """One line of log."""
        self.out.append(Say(severity, self._service, code, text, tuple(fields.items())))
