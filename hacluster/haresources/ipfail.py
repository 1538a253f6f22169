"""The part of ipfail: the node that reaches fewer ping nodes gives its groups up. Source: WIRE.md 5.7.

It works when ha.cf respawns a program called ``ipfail``; the program itself is not run. The two sides compare the
number of ping nodes that answer, and act only after two keepalives, so that a ping node's failure that both see moves
nothing.
"""

from __future__ import annotations

from hacluster.base.effects import MachineName
from hacluster.config.settings import AutoFailback
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.handover import Handover
from hacluster.haresources.protocol import IPFAIL, AbortGiveup, ClientJoined, PingCount, Resource, YouAreDead
from hacluster.haresources.states import SETTLE_MS
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import Hold
from hacluster.msg.membership import ClientSignedOn, NodeState


class IpFail:
    """Our ipfail. Does nothing unless it is configured."""

    def __init__(self, core: Bench, handover: Handover) -> None:
        self._core = core
        self._handover = handover

    @property
    def active(self) -> bool:
        """Whether ipfail is configured, and there is a protocol for it to use."""
        return self._core.config.uses_ipfail and not self._core.legacy

    def start(self) -> None:
        """Sign on, so that the other ipfail knows of us."""
        if self.active:
            self._core.send(MachineName.HEARTBEAT, ClientSignedOn(IPFAIL, True, "signon"))

    def stop(self) -> None:
        """Sign off."""
        if self.active:
            self._core.send(MachineName.HEARTBEAT, ClientSignedOn(IPFAIL, False, "signoff"))

    def on_ping_node(self, node: str, state: NodeState) -> None:
        """A ping node answers, or no longer does."""
        pings = self._core.state.ipfail.pings
        up = state is NodeState.PING
        if pings.get(node) is not up:
            known = node in pings
            pings[node] = up
            if known:
                self.ask()

    def on_link(self, node: str, *, up: bool) -> None:
        """A link to another node is gone. Links of ping nodes are seen by the state of the ping node."""
        if not up and node in self._core.others:
            self.ask()

    def ask(self) -> None:
        """Tell the other ipfail our count and let it judge."""
        core = self._core
        if self.active and core.state.comm_up and core.living:
            core.cast(protocol.ping_count(core.living[0], self._count()))

    def on_joined(self, joined: ClientJoined) -> None:
        """The other ipfail is there: compare."""
        if joined.client == IPFAIL and joined.join:
            self.ask()

    def on_count(self, theirs: PingCount, node: str) -> None:
        """Judge: who reaches more keeps the groups."""
        core, mine = self._core, self._count()
        if not self.active:
            return
        if mine > theirs.count:
            self._forget()
            core.cast(protocol.you_are_dead(node))
        elif mine < theirs.count:
            self._give_up_soon(Hold.ALL)
        else:
            core.cast(protocol.abort_giveup(node))
            self._alike()

    def on_verdict(self, verdict: AbortGiveup | YouAreDead) -> None:
        """The other ipfail has judged."""
        if not self.active:
            return
        if isinstance(verdict, YouAreDead):
            self._give_up_soon(Hold.ALL)
        else:
            self._alike()

    def on_resource(self, report: Resource) -> None:
        """The peer is stable (again): what could not be given up before is compared anew in ten seconds."""
        f = self._core.state.ipfail
        if f.ask_again and report.stable and not report.info:
            f.ask_again, f.ask_at = False, self._core.after(SETTLE_MS)

    def on_time(self) -> None:
        """Give up, or ask again, when it is due."""
        core, f = self._core, self._core.state.ipfail
        if f.give_up_at is not None and f.give_up_at <= core.now:
            which, f.give_up_at, f.give_up = f.give_up, None, Hold.NONE
            refused = self._handover.refusal(which)
            if refused is None:
                better = "more ping nodes answer the other node"
                cause = better if which is Hold.ALL else "ping nodes answer both nodes alike again"
                self._handover.begin(which, f"ipfail: {cause}", client=IPFAIL)
            elif self._put_off(refused):
                core.warn("ipfail-waits", f"ipfail cannot give {which.value} up now: {refused.text}")
        if f.ask_at is not None and f.ask_at <= core.now:
            f.ask_at = None
            self.ask()

    def _alike(self) -> None:
        """Both reach the same number: nobody gives up, and what was given up may go home.

        The real ipfail thinks of going home only on the node that judges, and only when no handover is going on at that
        moment: a ping node that comes back during a give-up leaves the groups away from home for good.
        """
        self._forget()
        if self._core.config.auto_failback is not AutoFailback.ON:
            return
        refused = self._handover.refusal(Hold.FOREIGN)
        if refused is None:
            self._give_up_soon(Hold.FOREIGN)
        else:
            self._put_off(refused)

    def _put_off(self, refused: Refused) -> bool:
        """Compare anew when what is in the way now may be over; ``False`` when there is no use in it."""
        f = self._core.state.ipfail
        if refused.code in {"handover-running", "unstable", "peer-unstable", "no-peer"}:
            f.ask_again = True
        elif refused.code == "busy":
            f.ask_at = self._core.after(SETTLE_MS)
        else:
            return False
        return True

    def _count(self) -> int:
        return sum(self._core.state.ipfail.pings.values())

    def _give_up_soon(self, which: Hold) -> None:
        f = self._core.state.ipfail
        if f.give_up_at is None or f.give_up is not which:
            f.give_up, f.give_up_at = which, self._core.after(2 * self._core.config.keepalive_ms)

    def _forget(self) -> None:
        f = self._core.state.ipfail
        f.give_up, f.give_up_at, f.ask_again = Hold.NONE, None, False
