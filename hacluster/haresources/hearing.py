"""What the other node says: each message read, and handed to the part whose word it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.handover import Handover
from hacluster.haresources.hold import mirror
from hacluster.haresources.ipfail import IpFail
from hacluster.haresources.joining import Joining, stamp
from hacluster.haresources.leaving import Leaving
from hacluster.haresources.legacy import Legacy
from hacluster.haresources.reality import Reality
from hacluster.haresources.states import RState
from hacluster.haresources.takeover import Takeover
from hacluster.msg.haresources import Hold
from hacluster.wire.hamsg import HaMessage


@dataclass(frozen=True, slots=True)
class Hearing:
    """The parts that are spoken to."""

    core: Bench
    joining: Joining
    handover: Handover
    takeover: Takeover
    legacy: Legacy
    ipfail: IpFail
    reality: Reality
    leaving: Leaving

    def on_message(self, message: HaMessage, node: str) -> None:
        """A message of another node that concerns us."""
        self._on_said(message, node)
        heard = protocol.read(message)
        if isinstance(heard, protocol.Malformed):
            self.core.warn("bad-message", f"{message.type} of {node} is ignored: {heard.text}")
        elif heard is not None:
            self._on_heard(heard, node, message)

    def _on_said(self, message: HaMessage, node: str) -> None:
        """What only our nodes say, beside the words of the protocol."""
        core, said = self.core, protocol.said(message)
        if said is None:
            return
        first = self.reality.hear(said, node, stamp(message))
        if core.state.rstate in {RState.INIT, RState.SHUTDOWN}:
            return
        if core.legacy and (first or said.asks):
            core.cast(protocol.runs())
        elif said.asks:
            core.resource()

    def _on_heard(self, heard: protocol.Heard, node: str, message: HaMessage) -> None:
        core = self.core
        match heard:
            case protocol.Starting():
                core.state.alive[node] = True
                if not core.legacy:
                    self.joining.on_starting(node, stamp(message))
                else:
                    core.warn(
                        "mode-differs", f"{node} does not run in legacy mode; set auto_failback alike on both nodes"
                    )
            case protocol.Resource():
                self._on_resource(heard, node, message)
            case protocol.Ask():
                self.handover.on_ask(heard, node)
            case protocol.Takeover():
                self._on_takeover(heard.hold, node)
            case protocol.Shutdone():
                self._on_shutdone(node)
            case protocol.Fenced():
                core.info("fence-news", f"{node} says of fencing {heard.node}: {heard.result}")
            case protocol.IpRequest():
                self.legacy.on_request(heard, node)
            case protocol.IpResponse():
                self.legacy.on_response(heard, node)
            case protocol.PingCount():
                self.ipfail.on_count(heard, node)
            case protocol.AbortGiveup() | protocol.YouAreDead():
                self.ipfail.on_verdict(heard)
            case protocol.ClientJoined():
                self.ipfail.on_joined(heard)
            case _:
                assert_never(heard)

    def _on_resource(self, report: protocol.Resource, node: str, message: HaMessage) -> None:
        core = self.core
        if core.legacy:
            return
        self.joining.on_resource(report, node, stamp(message))
        self.ipfail.on_resource(report)
        if report.full and core.state.timers.heal is not None and core.ours(node):
            self.leaving.reunite(node)

    def _on_takeover(self, which: Hold, node: str) -> None:
        ours = mirror(which)
        refused = self.handover.refusal(ours)
        if refused is None:
            self.handover.begin(ours, f"{node} asked for it (hb_takeover {which.value})")
        else:
            self.core.warn("takeover-ignored", f"hb_takeover {which.value} of {node} is ignored: {refused.text}")

    def _on_shutdone(self, node: str) -> None:
        core = self.core
        if not core.state.comm_up or not core.state.alive.get(node, False):
            return
        if core.legacy:
            core.state.alive[node] = False
            self.legacy.on_dead(node, left=True)
        else:
            self.takeover.on_shutdone(node)
