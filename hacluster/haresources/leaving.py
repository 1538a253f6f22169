"""Leaving: a clean stop, the restart after a partition, waking from a sleep, being mute. Source: WIRE.md 9.6 and 9.8.

Stop and restart are the same sequence: ``resource none 0 shutdown``, stop everything, ``shutdone``, then the heartbeat
falls silent. A handover that is going on is let end first, for at most a minute. If something cannot be stopped and the
administrator wants the cluster stopped then, no ``shutdone`` is said: it would tell the peer that everything is free.

A healed partition: both nodes have taken everything. A real Heartbeat restarts, and so do we when the other is one or
says nothing for two seconds. One of ours answers at once what it runs, and then each keeps what is at home with it and
stops the rest, so that nothing is without service.

Waking from a sleep that was long enough for the peer to have declared us dead: what we hold may run there by now. So we
hold nothing at once and stop everything side by side. The heartbeat has begun anew meanwhile, with a new generation, or
the peer would take our first word for a healed partition and restart as well: to the peer we are a node that came up
and has not said ``starting``. We say it, and join like any node, when everything is stopped and the heartbeat is up.
A node whose own heartbeat does not leave (its process hangs, or may not speak because the disk does not write) does the
same a little before the peer takes over.
"""

from __future__ import annotations

from hacluster.base.effects import MachineName
from hacluster.base.report import Severity
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.handover import Handover
from hacluster.haresources.hold import common, has, minus, mirror
from hacluster.haresources.states import HEAL_MS, RState, Timers
from hacluster.msg.haresources import Hold
from hacluster.msg.membership import AnnounceRestart, BeginAnew, LeaveNow

STOP_PATIENCE_MS = 60_000
"""How long a stop waits for a handover to end."""


class Leaving:
    """The ways out, and the way back after a sleep."""

    def __init__(self, core: Bench, handover: Handover) -> None:
        self._core = core
        self._handover = handover

    def ask(self, reason: str, *, restart: bool = False, silent: bool = False) -> None:
        """Leave as soon as no handover is going on. A wish to stop outdoes one to restart."""
        core, leaving = self._core, self._core.state.leaving
        leaving.restart = restart and (leaving.restart or not leaving.wanted)
        leaving.silent |= silent
        if not leaving.wanted:
            leaving.wanted, leaving.reason = True, reason
            core.state.timers.stop = core.after(STOP_PATIENCE_MS)
            core.info("leaving", f"leaving the cluster because {reason}")

    def look(self) -> None:
        """Begin to leave when that is wanted and possible."""
        core, s = self._core, self._core.state
        if not s.leaving.wanted or s.rstate is RState.SHUTDOWN:
            return
        late = s.timers.stop is not None and s.timers.stop <= core.now
        if s.handshake.running and not late and not s.leaving.silent:
            return
        self._handover.cancel("this node leaves")
        speaks = s.comm_up and not core.legacy and s.rstate is not RState.INIT and not s.leaving.silent
        s.rstate, s.hold, s.timers, s.need_failback = RState.SHUTDOWN, Hold.NONE, Timers(), False
        if s.leaving.restart:
            core.send(MachineName.HEARTBEAT, AnnounceRestart())
        if speaks:
            core.resource(protocol.INFO_SHUTDOWN)
        core.groups.give_all(WorkTag.SHUTDOWN, s.leaving.reason)

    def released(self) -> None:
        """Everything is stopped."""
        core, leaving = self._core, self._core.state.leaving
        if not leaving.silent:
            core.cast(protocol.shutdone())
        core.send(MachineName.HEARTBEAT, LeaveNow(leaving.restart, leaving.reason, core.groups.stuck()))

    def on_returned(self, node: str) -> None:
        """A node that was held dead speaks again with the same generation: both sides took everything."""
        core, s = self._core, self._core.state
        s.alive[node] = True
        if s.rstate in {RState.INIT, RState.SHUTDOWN} or s.timers.heal is not None or s.leaving.wanted:
            return
        kin = node in s.kin and not core.legacy
        what = "asking what it runs" if kin else "both nodes give everything up and restart"
        text = f"{node} was held dead but lives: the cluster was partitioned; {what}"
        core.say(Severity.ERROR, "partition-healed", text)
        s.timers.heal = core.after(HEAL_MS)
        if kin:
            core.resource(asks=True)

    def reunite(self, node: str) -> None:
        """The node that returned is one of ours and has said what it runs: each goes on with what is its own."""
        core, s = self._core, self._core.state
        s.timers.heal = None
        both = common(s.hold, mirror(s.other_hold))
        text = f"{node} says what it runs: each node goes on with its own groups, nothing is restarted"
        core.say(Severity.NOTICE, "reunited", text)
        s.need_failback = has(s.hold, Hold.FOREIGN) and not has(both, Hold.FOREIGN)
        if has(both, Hold.FOREIGN):
            s.hold = minus(s.hold, Hold.FOREIGN)
            keys = core.groups.held(Hold.FOREIGN)
            core.groups.drop_takes(keys)
            core.groups.give(WorkTag.YIELD, keys, f"{node} is there and runs it")
        core.resource()

    def on_slept(self, duration_ms: int) -> None:
        """We were away so long that the peer may hold everything by now. ``CommUp`` of the new generation follows."""
        self._give_up("slept", f"this node did not run for {duration_ms} ms")

    def on_mute(self, silent_ms: int) -> None:
        """No heartbeat of ours has left for so long that the peer will take everything.

        A heartbeat that begins anew, as one does whose process was replaced, is followed by ``CommUp``; one that goes
        on as if nothing had been is told to begin anew when everything is released.
        """
        self._core.state.mute = True
        self._give_up("mute", f"no heartbeat of this node has left for {silent_ms} ms")

    def released_mute(self) -> None:
        """What was given up because we were mute is stopped."""
        s = self._core.state
        if s.mute:
            s.mute = False
            self._core.send(MachineName.HEARTBEAT, BeginAnew())

    def _give_up(self, code: str, why: str) -> None:
        core, s = self._core, self._core.state
        s.comm_up = False
        if s.rstate is RState.SHUTDOWN or core.groups.has_tag(WorkTag.REJOIN):
            return
        core.say(Severity.ERROR, code, f"{why}; {core.peer} may have taken all of it: stopping it at once")
        self._handover.cancel(why)
        s.rejoining, s.rstate, s.hold, s.other_hold = True, RState.INIT, Hold.NONE, Hold.NONE
        s.other_stable, s.need_failback, s.timers = False, False, Timers(stop=s.timers.stop)
        s.heard.clear()
        s.told.clear()
        s.legacy_wanted.clear()
        core.groups.give_at_once(WorkTag.REJOIN, f"{why} and others may have taken it")

    def on_time(self) -> None:
        """Two seconds after a partition healed."""
        core, t = self._core, self._core.state.timers
        if t.heal is not None and t.heal <= core.now:
            t.heal = None
            self.ask("the cluster was partitioned", restart=True)
