"""arbiter as a machine: the manager of a node that only votes.

Theory of operation
-------------------
An arbitrator (``witness`` of hacluster.cf, votequorum's qdevice) is a member of its cluster's views that keeps no
content and runs nothing. Heartbeat, speech, ccm and cibd do all of that; what is left is how such a node ends: it has
nothing to release, so when it is told to stop, ccm says goodbye at once, which lets the others agree on a view without
it before its silence would, and a little later the heartbeat falls silent.

While no heartbeat leaves (``Mute``) the others hold it for dead. It holds nothing that it would have to give up, and
its promises are on disk, so it only says so. What the machine does not do: vote (ccm), and remember (ccm, cibd).
"""

from __future__ import annotations

from typing import Final, assert_never

from hacluster.base.effects import Effect, MachineName, Reply, Say, Send
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.timers import Timers
from hacluster.msg.driver import (
    HostSample,
    MachineRestarted,
    Refused,
    Request,
    RequesterGone,
    StopRequested,
    Tick,
)
from hacluster.msg.membership import LeaveNow, Mute

Event = StopRequested | Mute | Tick | HostSample | MachineRestarted | Request | RequesterGone

FAREWELL_MS: Final = 300
"""How long ccm's goodbye may take to reach the others before the heartbeat falls silent."""


class ArbiterMachine:
    """See the module."""

    def __init__(self) -> None:
        self._reason: str | None = None
        self._timers: Timers[str] = Timers()

    def step(self, event: Event, now: Instant) -> list[Effect]:
        """Take one event in."""
        match event:
            case StopRequested():
                return self._on_stop(event.reason, now)
            case Tick():
                return self._on_tick(now)
            case Mute():
                text = f"no heartbeat has left for {event.silent_ms} ms: the others do without this vote"
                return [Say(Severity.WARNING, "arbiter", "mute", text)]
            case Request():
                return [Reply(event.request_id, Refused("unknown-request", "an arbitrator manages no resources"))]
            case HostSample() | RequesterGone():
                return []
            case MachineRestarted():
                return self._on_restarted(event.machine)
            case _:
                assert_never(event)

    def deadline(self) -> Instant | None:
        """When the heartbeat falls silent."""
        return self._timers.deadline()

    def check(self) -> None:
        """Assert every invariant."""
        assert self._reason is not None or self._timers.deadline() is None, "it says goodbye and does not leave"

    def _on_stop(self, reason: str, now: Instant) -> list[Effect]:
        if self._reason is not None:
            return []
        self._reason = reason
        self._timers.set("farewell", now, FAREWELL_MS)
        text = f"this arbitrator leaves{f': {reason}' if reason else ''}"
        return [
            Say(Severity.NOTICE, "arbiter", "leaving", text),
            Send(MachineName.CCM, StopRequested(reason)),
        ]

    def _on_tick(self, now: Instant) -> list[Effect]:
        if self._timers.pop(now) is None:
            return []
        return self._leave()

    def _leave(self) -> list[Effect]:
        assert self._reason is not None, "it leaves without a reason"
        return [Send(MachineName.HEARTBEAT, LeaveNow(reason=self._reason))]

    def _on_restarted(self, machine: str) -> list[Effect]:
        """A heartbeat that began anew while this node leaves has not heard that it is to fall silent."""
        leaves = machine == MachineName.HEARTBEAT and self._reason is not None and self._timers.deadline() is None
        return self._leave() if leaves else []
