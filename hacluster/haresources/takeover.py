"""The other node is gone: take what it held. Source: WIRE.md 9.5 (death) and 9.6 (clean leave).

A dead node may still hold its addresses and disks: where ha.cf names a device, it is fenced between knowing of the
death and claiming (:mod:`~hacluster.haresources.fencing`); without, the ``stonith`` message says so (``n_stnth``).
"""

from __future__ import annotations

from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.fencing import Fencing
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.handover import Handover
from hacluster.haresources.hold import has, minus
from hacluster.haresources.protocol import FenceResult, Step
from hacluster.haresources.states import RState
from hacluster.msg.haresources import Hold


class Takeover:
    """Events around the end of the other node."""

    def __init__(self, core: Bench, handover: Handover) -> None:
        self._core = core
        self._handover = handover
        self.fencing = Fencing(core, self._take)

    def on_dead(self, node: str) -> None:
        """``node`` is dead: take everything, unless it is known to hold nothing."""
        core, s = self._core, self._core.state
        self._handover.cancel(f"{node} is dead")
        held_nothing = s.heard.pop(node, False) and s.other_hold is Hold.NONE
        s.other_hold = Hold.NONE
        if s.rstate in {RState.INIT, RState.SHUTDOWN}:
            return
        if core.living:
            core.warn(
                "third-node", f"{node} is dead, but {core.peer} lives: haresources moves groups between two nodes only"
            )
            return
        if not held_nothing and self.fencing.wanted:
            self.fencing.begin(node)
            return
        core.cast(protocol.stonith(node, FenceResult.UNNEEDED if held_nothing else FenceResult.NO_STONITH))
        missing = minus(Hold.ALL, s.hold)
        s.other_stable, s.need_failback = True, True
        if held_nothing and missing is Hold.NONE and s.stable:
            return
        if not held_nothing:
            core.warn("not-fenced", f"{node} is dead and was not fenced: it may still run what this node takes now")
        self._claim(f"{node} is dead")

    def _take(self, node: str) -> None:
        """A dead node was fenced."""
        s = self._core.state
        s.other_stable, s.need_failback = True, True
        self._claim(f"{node} is dead and was fenced")

    def alone(self) -> None:
        """No other node is there since we started."""
        core = self._core
        for node in core.others:
            core.state.heard.pop(node, None)
        if core.others:
            self.on_dead(core.others[0])
        else:
            core.state.other_stable = True
            self._claim("there is no other node")

    def on_shutdone(self, node: str) -> None:
        """``node`` has released everything and leaves."""
        core, s = self._core, self._core.state
        self._handover.cancel(f"{node} has left")
        s.alive[node], s.heard[node] = False, True
        s.other_hold = Hold.NONE
        if s.rstate in {RState.INIT, RState.SHUTDOWN} or core.living:
            return
        s.other_stable, s.need_failback = True, True
        self._claim(f"{node} has left", done=minus(Hold.ALL, s.hold))

    def _claim(self, cause: str, done: Hold = Hold.NONE) -> None:
        core, s = self._core, self._core.state
        had_local = has(s.hold, Hold.LOCAL)
        joining = not s.stable
        core.become_stable()
        s.hold = Hold.ALL
        settled = had_local and not core.groups.busy
        if settled:
            core.resource(protocol.INFO_OURS)
        if done is not Hold.NONE:
            core.resource()
            core.cast(protocol.ask(done, Step.DONE))
        if not settled:
            core.take_local(cause, start=joining)
        core.groups.take(WorkTag.MACH_DOWN, core.groups.keys(Hold.FOREIGN), cause)
