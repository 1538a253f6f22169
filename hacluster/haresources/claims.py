"""Two rules that Heartbeat lacks, so that each group ends with exactly one holder whatever was lost on the way.

Between nodes that are stable, with no handover going on:
* A group that both claim (*overlap*): Heartbeat logs it and leaves it so. We give it up when the claim still stands
  after a while, foreign groups first, our own later, so that of two hacluster nodes the home node keeps it. A node that
  the other has declared dead by mistake, and which still hears it, thereby yields.
* A group that nobody claims (*orphan*): Heartbeat leaves it stopped. Its home node takes it after two keepalives
  (reports may be under way), the other node ten seconds later.

And one for a report that never came, as after a partition in which a heartbeat began anew and neither side sees the
other start: when a living peer does not say that it is stable, we say that we became stable anew, which both Heartbeat
and we answer with a report. First after the time that joining takes, then each half minute.
"""

from __future__ import annotations

from hacluster.base.machine import Instant
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.hold import has, minus, mirror, union
from hacluster.haresources.protocol import Step
from hacluster.haresources.states import JOIN_MS, PATIENCE_MS, SETTLE_MS, Handshake
from hacluster.msg.haresources import Hold


class Claims:
    """Looks at the claims of both sides after each event."""

    def __init__(self, core: Bench) -> None:
        self._core = core

    def look(self) -> None:
        """Start, stop and act on the timers of both rules."""
        core, s, t = self._core, self._core.state, self._core.state.timers
        quiet = not (core.legacy or s.handshake.running or s.leaving.wanted or core.groups.busy or t.heal is not None)
        if s.other_stable:
            s.nudged = False
        if not (quiet and s.stable and core.living and not s.other_stable):
            t.nudge = None
        elif t.nudge is None:
            t.nudge = core.after(PATIENCE_MS if s.nudged else 2 * core.config.keepalive_ms + JOIN_MS)
        judged = s.stable and s.other_stable and len(core.living) == 1 and s.heard.get(core.living[0], False) and quiet
        if not judged:
            t.overlap_local = t.overlap_foreign = t.orphan_local = t.orphan_foreign = None
            return
        theirs = mirror(s.other_hold)
        soon = 2 * core.config.keepalive_ms
        t.overlap_foreign = self._arm(t.overlap_foreign, Hold.FOREIGN, theirs, soon)
        t.overlap_local = self._arm(t.overlap_local, Hold.LOCAL, theirs, SETTLE_MS + soon)
        nobody = minus(minus(Hold.ALL, s.hold), theirs)
        t.orphan_local = self._orphan(t.orphan_local, Hold.LOCAL, nobody, soon)
        t.orphan_foreign = self._orphan(t.orphan_foreign, Hold.FOREIGN, nobody, SETTLE_MS + soon)

    def on_time(self) -> None:
        """Act on what has stood long enough."""
        core, t = self._core, self._core.state.timers
        if t.overlap_foreign is not None and t.overlap_foreign <= core.now:
            t.overlap_foreign = None
            self._give_up(Hold.FOREIGN)
        elif t.overlap_local is not None and t.overlap_local <= core.now:
            t.overlap_local = None
            self._give_up(Hold.LOCAL)
        if t.nudge is not None and t.nudge <= core.now:
            t.nudge, core.state.nudged = None, True
            self.nudge()
        if t.orphan_local is not None and t.orphan_local <= core.now:
            t.orphan_local = None
            self._adopt(Hold.LOCAL)
        elif t.orphan_foreign is not None and t.orphan_foreign <= core.now:
            t.orphan_foreign = None
            self._adopt(Hold.FOREIGN)

    def _orphan(self, timer: Instant | None, side: Hold, nobody: Hold, delay_ms: int) -> Instant | None:
        if not has(nobody, side):
            return None
        return self._core.after(delay_ms) if timer is None else timer

    def nudge(self) -> None:
        """Have the peer report: it answers a change of our stability from 0 to 1."""
        self._core.cast(protocol.resource(self._core.state.hold, stable=False))
        self._core.resource()

    def _arm(self, timer: Instant | None, side: Hold, theirs: Hold, delay_ms: int) -> Instant | None:
        both = has(self._core.state.hold, side) and has(theirs, side)
        if both and timer is None:
            core = self._core
            core.warn("claimed-twice", f"{core.peer} claims {side.value} too; this node gives it up if that stays so")
            return core.after(delay_ms)
        return timer if both else None

    def _give_up(self, side: Hold) -> None:
        core, s = self._core, self._core.state
        s.hold = minus(s.hold, side)
        s.need_failback = False
        core.groups.give(WorkTag.YIELD, core.groups.held(side), f"{core.peer} claims it too")

    def _adopt(self, side: Hold) -> None:
        core, s = self._core, self._core.state
        lapsed, s.handshake = s.handshake, Handshake()
        s.hold = union(s.hold, side)
        cause = f"neither this node nor {core.peer} claims it"
        core.resource()
        if lapsed.lapsed is not Hold.NONE and not lapsed.lapsed_giver:
            core.cast(protocol.ask(lapsed.lapsed, Step.DONE))
        core.groups.take(WorkTag.ORPHAN, core.groups.keys(side), cause)
