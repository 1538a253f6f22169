"""How this node leaves: its resources move first, as Pacemaker's ``shutdown`` attribute asks the DC to see to.

A node that is told to stop says so in its status (``shutdown``, the time of it). The DC's next plan stops what runs
here, elsewhere it is started, and the last thing asked of this node is ``do_shutdown``. Then it is released: ccm says
goodbye, and a little later the heartbeat falls silent.

A node that no DC can tell anything, since it is in no view that works, or whose heartbeat does not leave, stops what
runs here by itself, first what was started last. So does one that the DC does not let go in ``shutdown-escalation``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.base.machine import Instant
from hacluster.base.report import Severity
from hacluster.base.step import Step
from hacluster.base.timers import Timers
from hacluster.crmd.local import Local
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.driver import StopRequested
from hacluster.msg.lrm import OcfCode, OpEnd, OpFinished, StartOp
from hacluster.msg.membership import BeginAnew, LeaveNow

SHUTDOWN: Final = "shutdown"
"""The attribute by which a node asks to leave."""

FAREWELL_MS: Final = 300
"""How long ccm's goodbye may take to reach the others before the heartbeat falls silent."""


class Leaving:
    """See the module. ``local``: what runs here; ``stopped``: tells that this node does nothing any more."""

    def __init__(self, step: Step, local: Local, stopped: Callable[[], None]) -> None:
        self._step, self._local, self._stopped = step, local, stopped
        self.alone_ms = 20_000
        """How long a node that wants to leave waits for a view that works (dc-deadtime)."""

        self._escalation_ms = 20 * 60_000
        self._timers: Timers[str] = Timers()
        self._wanted = False
        self._reason = ""
        self._by_itself = False
        self._stopping: dict[int, str] = {}
        self._kept: list[str] = []

    # ---- time

    def deadline(self) -> Instant | None:
        """When this node has waited long enough."""
        return self._timers.deadline()

    def on_time(self) -> None:
        """What is due."""
        while (timer := self._timers.pop(self._step.now)) is not None:
            match timer:
                case "no-dc":
                    self.stop_all("no DC answers")
                case "escalation":
                    self.stop_all("the DC did not let this node stop in time")
                case "farewell":
                    kept = tuple(sorted(self._kept))
                    self._step.send(MachineName.HEARTBEAT, LeaveNow(reason=self._reason, kept=kept))
                case _:
                    raise AssertionError(timer)

    def configure(self, escalation_ms: int) -> None:
        """How long it waits for the DC to let it go (shutdown-escalation); who waits already waits as long."""
        before, self._escalation_ms = self._escalation_ms, escalation_ms
        due = self._timers.when("escalation")
        if due is not None and before != escalation_ms:
            self._timers.set_at("escalation", max(self._step.now, Instant(due - before + escalation_ms)))

    # ---- with the DC

    def ask(self, unix_s: int) -> UpdateAttribute:
        """The status says that this node wants to leave, or that it does not (any more)."""
        return UpdateAttribute(SHUTDOWN, str(unix_s) if self._wanted else None)

    def on_stop(self, reason: str) -> bool:
        """This node is told to stop; false when it was told so before."""
        if self._wanted:
            return False
        self._wanted, self._reason = True, reason
        text = f"this node leaves the cluster{f': {reason}' if reason else ''}"
        self._step.say(Severity.NOTICE, "leaving", text)
        self._timers.set("escalation", self._step.now, self._escalation_ms)
        return True

    def without_dc(self) -> None:
        """There is no view that works to ask in: wait for one a while if something runs here."""
        self._timers.set("no-dc", self._step.now, self.alone_ms if self._local.running() else 0)

    def on_view_left(self) -> None:
        """The view that could be asked is gone."""
        if self._wanted:
            self._timers.set("no-dc", self._step.now, self.alone_ms)

    def on_view_works(self) -> None:
        """There is a DC to ask."""
        self._timers.cancel("no-dc")

    # ---- by itself

    def stop_all(self, why: str) -> None:
        """Stop all that runs here, without a DC."""
        if self._by_itself:
            return
        self._by_itself = True
        operations = self._local.stop_all()
        self._stopping |= {op.op_id: op.resource.id for op in operations if isinstance(op, StartOp)}
        self._step.say(Severity.ERROR, "stops-by-itself", f"{why}: stopping what runs here")
        for operation in operations:
            self._step.send(MachineName.LRM, operation)
        if not self._stopping:
            self._all_stopped()

    def on_finished(self, result: OpFinished) -> None:
        """An operation has ended, perhaps the last one that this waits for."""
        if result.op_id not in self._stopping:
            return
        resource = self._stopping.pop(result.op_id)
        if result.end is OpEnd.DONE and result.rc == OcfCode.OK:
            self._local.forget(resource)
        else:
            self._kept.append(resource)
        if not self._stopping:
            self._all_stopped()

    def _all_stopped(self) -> None:
        self._by_itself = False
        if self._wanted:
            self.released()
        else:
            self._step.send(MachineName.HEARTBEAT, BeginAnew())

    def released(self) -> None:
        """Nothing runs here any more: ccm says goodbye first, then the heartbeat falls silent."""
        for timer in ("no-dc", "escalation"):
            self._timers.cancel(timer)
        self._stopped()
        self._step.send(MachineName.CCM, StopRequested(self._reason))
        self._timers.set("farewell", self._step.now, FAREWELL_MS)
