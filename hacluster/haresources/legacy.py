"""``auto_failback legacy``: the protocol before hb_standby. Source: WIRE.md 9.7.

A node that comes up takes each of its groups, or asks an active node for it (``ip-request``); that node stops the group
if it has it and answers. There is no report of what is held, no standby and no takeover. Heartbeat asks once; we ask
again every ten seconds while a living node has not answered; and we give a group to its home as soon as that is active.

Nobody says what he holds, so two nodes that were both alone cannot see it from words. A node that is active when we
first hear it again was alone, as we were, and has taken everything: that is a healed partition (WIRE.md 9.8), whatever
its generation says.
"""

from __future__ import annotations

from collections.abc import Mapping

from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.fencing import Fencing
from hacluster.haresources.groups import Work, WorkTag
from hacluster.haresources.protocol import FenceResult, IpRequest, IpResponse
from hacluster.haresources.states import SETTLE_MS, RState
from hacluster.msg.haresources import GroupState, Hold
from hacluster.msg.membership import NodeState


class Legacy:
    """The whole protocol."""

    def __init__(self, core: Bench) -> None:
        self._core = core
        self.fencing = Fencing(core, self._take)

    def start(self, states: Mapping[str, NodeState]) -> None:
        """Take our groups, or ask an active node for them."""
        core, s = self._core, self._core.state
        s.rstate = RState.STABLE
        if core.living:
            core.cast(protocol.runs(asks=True))
        active = [node for node in core.others if states.get(node) is NodeState.ACTIVE and s.alive.get(node)]
        local = core.groups.keys(Hold.LOCAL)
        if active:
            s.legacy_wanted = list(local)
            self._ask()
            self._give_home(active)
        else:
            core.groups.take(WorkTag.LEGACY_TAKE, local, "no other node is active", "start")
        if not core.living:
            for node in core.others:
                self.on_dead(node)

    def on_active(self, node: str) -> None:
        """``node`` has joined: it asks for its groups, or has taken them unasked because it did not see us active yet.

        Two that join in the same moment do that, and so does a real node that hears its own status before ours; there
        both run the group for good. So we do not wait to be asked.
        """
        if self._core.legacy and self._core.state.rstate is RState.STABLE:
            self._give_home([node])

    def _give_home(self, active: list[str]) -> None:
        """What runs here and has its home on an active node goes there."""
        groups = self._core.groups
        coming = {key for work in groups.works if work.take for key in work.keys}
        for key, run in groups.runs.items():
            if run.node in active and (run.state is not GroupState.STOPPED or key in coming):
                groups.give(WorkTag.LEGACY_GIVE, [key], f"its home {run.node} is active", run.node)

    def on_dead(self, node: str, *, left: bool = False) -> None:
        """``node`` is gone: take everything that it may have had."""
        core, s = self._core, self._core.state
        if s.rstate is not RState.STABLE or core.living:
            return
        known = s.heard.pop(node, False)
        if left:
            s.heard[node] = True
        else:
            if not known and self.fencing.wanted:
                self.fencing.begin(node)
                return
            core.cast(protocol.stonith(node, FenceResult.UNNEEDED if known else FenceResult.NO_STONITH))
        self._take_all(f"{node} has left" if left else f"{node} is dead")

    def _take(self, node: str) -> None:
        self._take_all(f"{node} is dead and was fenced")

    def _take_all(self, cause: str) -> None:
        core, s = self._core, self._core.state
        wanted, s.legacy_wanted, s.timers.resend = s.legacy_wanted, [], None
        core.groups.take(WorkTag.LEGACY_TAKE, wanted, cause, "start")
        core.groups.take(WorkTag.LEGACY_TAKE, core.groups.keys(Hold.FOREIGN), cause)

    def on_request(self, request: IpRequest, node: str) -> None:
        """``node`` wants a group."""
        core = self._core
        if not core.legacy:
            core.warn(
                "mode-differs", f"{node} asks for {request.key} in legacy mode; set auto_failback alike on both nodes"
            )
            return
        run = core.groups.runs.get(request.key)
        if run is None:
            core.warn(
                "unknown-group", f"{node} asks for {request.key}, which is not in haresources; make the files equal"
            )
        if core.state.rstate is not RState.STABLE or self._gives(request.key, node):
            return
        if run is None or (run.state is GroupState.STOPPED and not core.groups.busy):
            core.cast(protocol.ip_response(node, request.key, owned=False))
        else:
            core.groups.give(WorkTag.LEGACY_GIVE, [request.key], f"{node} asks for it", node)

    def _gives(self, key: str, node: str) -> bool:
        works = self._core.groups.works
        return any(work.tag is WorkTag.LEGACY_GIVE and work.note == node and key in work.keys for work in works)

    def given(self, work: Work) -> None:
        """A group is stopped for the node that asked."""
        for key in work.keys:
            self._core.cast(protocol.ip_response(work.note, key, owned=True))

    def taken(self, work: Work) -> None:
        """Own groups run: said to ourselves, as Heartbeat does."""
        if work.note == "start":
            for key in work.keys:
                self._core.cast(protocol.ip_response(self._core.own, key, owned=True))

    def on_response(self, response: IpResponse, node: str) -> None:
        """A group that we asked for is free."""
        core, s = self._core, self._core.state
        if response.dest == core.own and response.key in s.legacy_wanted and s.rstate is RState.STABLE:
            s.legacy_wanted.remove(response.key)
            cause = f"{node} gave it up" if response.owned else f"{node} does not have it"
            core.groups.take(WorkTag.LEGACY_TAKE, [response.key], cause)

    def on_time(self) -> None:
        """Ask again."""
        core, s = self._core, self._core.state
        if core.legacy and s.timers.resend is not None and s.timers.resend <= core.now:
            self._ask()

    def _ask(self) -> None:
        core, s = self._core, self._core.state
        for key in s.legacy_wanted:
            core.cast(protocol.ip_request(key))
        s.timers.resend = core.after(SETTLE_MS) if s.legacy_wanted else None
