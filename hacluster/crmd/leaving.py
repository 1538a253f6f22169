"""How this node leaves: its resources move first, as Pacemaker's ``shutdown`` attribute asks the DC to see to.

A node that is told to stop says so in its status (``shutdown``, the time of it). The DC's next plan stops what runs
here, elsewhere it is started, and the last thing asked of this node is ``do_shutdown``. Then it is released: ccm says
goodbye, and a little later the heartbeat falls silent.

A node that no DC can tell anything, since it is in no view that works, or whose heartbeat does not leave, stops what
runs here by itself, first what was started last. So does one that the DC does not let go in ``shutdown-escalation``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hacluster.crmd.local import Local
from hacluster.msg.attrd import UpdateAttribute
from hacluster.msg.lrm import CancelOp, OcfCode, OpEnd, OpFinished, StartOp

SHUTDOWN: Final = "shutdown"
"""The attribute by which a node asks to leave."""

ALONE_MS: Final = 20_000
"""How long a node that wants to leave waits for a view that works (dc-deadtime)."""

ESCALATION_MS: Final = 20 * 60_000
"""How long it waits for the DC to let it go (shutdown-escalation)."""

FAREWELL_MS: Final = 300
"""How long ccm's goodbye may take to reach the others before the heartbeat falls silent."""


@dataclass(slots=True)
class Leaving:
    """``reason``: why this node leaves, when it does. ``stopping``: what it stops by itself, by operation."""

    node: str
    wanted: bool = False
    reason: str = ""
    by_itself: bool = False
    stopping: dict[int, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def ask(self, unix_s: int) -> UpdateAttribute:
        """The status says that this node wants to leave, or that it does not (any more)."""
        return UpdateAttribute(SHUTDOWN, str(unix_s) if self.wanted else None)

    def stop_all(self, local: Local) -> list[StartOp | CancelOp]:
        """Stop all that runs here, without a DC."""
        self.by_itself = True
        operations = local.stop_all()
        self.stopping |= {op.op_id: op.resource.id for op in operations if isinstance(op, StartOp)}
        return operations

    def on_finished(self, local: Local, result: OpFinished) -> bool:
        """An operation has ended; true when it was the last one that this waits for."""
        if result.op_id not in self.stopping:
            return False
        resource = self.stopping.pop(result.op_id)
        if result.end is OpEnd.DONE and result.rc == OcfCode.OK:
            local.forget(resource)
        else:
            self.kept.append(resource)
        return not self.stopping
