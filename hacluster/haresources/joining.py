"""Coming up beside the other node. Source: WIRE.md 9.2.

A node that comes up asks (``starting``) and takes its own groups when the other node has said that it is stable and
does not hold them, or ten seconds after anything was said of resources: so two nodes that start together both wait ten
seconds. Heartbeat asks once; we ask again every ten seconds while nobody answers.
"""

from __future__ import annotations

from hacluster.base.report import Severity
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.handover import Handover
from hacluster.haresources.hold import common, has, minus, mirror, union
from hacluster.haresources.protocol import Resource
from hacluster.haresources.states import JOINING, RELEASE_MS, SETTLE_MS, RState, Standby
from hacluster.msg.haresources import Hold
from hacluster.wire.hamsg import HaMessage


def stamp(message: HaMessage) -> int | None:
    """Orders the messages of one node across its restarts: generation, then sequence number."""
    seq = protocol.sequence(message)
    if seq is None:
        return None
    try:
        return (int(message.get("hg") or "0", 16) << 64) | seq
    except ValueError:
        return None


class Joining:
    """Events around ``starting`` and ``resource``."""

    def __init__(self, core: Bench, handover: Handover) -> None:
        self._core = core
        self._handover = handover

    def start(self) -> None:
        """Ask what the others hold."""
        core, s = self._core, self._core.state
        s.rstate = RState.STARTING
        s.timers.resend = core.after(SETTLE_MS)
        core.cast(protocol.starting())
        if s.hold is not Hold.NONE:
            # Our heartbeat process began anew over what runs here: who starts beside us must not take it for free.
            core.resource()

    def on_starting(self, node: str, when: int | None) -> None:
        """The peer came up: tell it what we hold. Overtaken by a report of the same life it says nothing new."""
        core, s = self._core, self._core.state
        if when is not None and when < s.last_full.get(node, -1):
            return
        if s.rstate is RState.INIT:
            core.say(Severity.NOTICE, "starting-early", f"{node} has started; this node has not joined yet")
            return
        if s.rstate is RState.SHUTDOWN:
            return
        if s.handshake.running:
            self._handover.cancel(f"{node} has started anew")
        s.other_stable, s.other_hold = False, Hold.NONE
        if s.rstate is RState.STARTING:
            s.rstate = RState.BOTHSTARTING
        core.resource()

    def on_resource(self, report: Resource, node: str, when: int | None) -> None:
        """The peer tells what it holds."""
        core, s = self._core, self._core.state
        if s.rstate in {RState.INIT, RState.SHUTDOWN} or not self._newer(report, node, when):
            return
        core.resources_spoken_of()
        s.heard[node] = True
        if report.full:
            s.other_hold = report.hold
        else:
            s.other_hold = Hold.NONE if report.hold is Hold.NONE else union(s.other_hold, report.hold)
        if report.stable is False:
            s.other_stable = False
            self._giver_begins(report)
        elif report.stable and not s.other_stable:
            s.other_stable = True
            core.info("peer-stable", f"{node} is stable and holds {report.hold.value}")
            core.resource()
        self._handover.on_report(report)
        if s.rstate in JOINING and s.other_stable:
            self.settle(f"{node} is stable and does not hold it")

    def settle(self, cause: str) -> None:
        """Joining is over: take our own groups if the peer does not hold them."""
        core, s = self._core, self._core.state
        self._yield_claimed()
        core.become_stable()
        if not has(s.other_hold, Hold.FOREIGN) and not has(s.hold, Hold.LOCAL):
            core.take_local(cause, start=True)
        core.resource()

    def on_time(self) -> None:
        """The ten seconds are over."""
        core, t = self._core, self._core.state.timers
        if t.settle is not None and t.settle <= core.now:
            t.settle = None
            self.settle("nobody claimed it while this node waited")
        if not core.legacy and t.resend is not None and t.resend <= core.now:
            t.resend = core.after(SETTLE_MS)
            core.warn("starting-again", f"{core.peer} has not answered; asking again")
            core.cast(protocol.starting())

    def _newer(self, report: Resource, node: str, when: int | None) -> bool:
        """Whether this is not overtaken by a newer full report: delivery is once, but in no order (WIRE.md 6.2)."""
        if when is None:
            return True
        last = self._core.state.last_full.get(node, -1)
        if when < last:
            return False
        if report.full:
            self._core.state.last_full[node] = when
        return True

    def _giver_begins(self, report: Resource) -> None:
        hs = self._core.state.handshake
        if hs.state is Standby.OTHER and report.info == protocol.INFO_STANDBY:
            hs.releasing, hs.deadline = True, self._core.after(RELEASE_MS)

    def _yield_claimed(self) -> None:
        """We join while groups run here (our heartbeat process began anew): what the peer took meanwhile is its."""
        core, s = self._core, self._core.state
        both = common(s.hold, mirror(s.other_hold))
        if both is not Hold.NONE:
            s.hold = minus(s.hold, both)
            core.groups.give(WorkTag.YIELD, core.groups.held(both), f"{core.peer} has taken it meanwhile")
