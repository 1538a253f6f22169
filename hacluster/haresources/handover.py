"""The standby handshake: moving groups from the giver to the taker while both are well. Source: WIRE.md 9.3 and 9.4.

```
giver                             taker
ask_resources S me       ──▶      STABLE and both stable: expects to take
                         ◀──      ask_resources S other
resource … 0 standby, stops S
ask_resources S done     ──▶      starts S
                         ◀──      resource … 1, ask_resources S done
resource … 1
```

S is relative to the giver. Where Heartbeat leaves a hole we close it without a word that it would not understand:
* Both sides ask at once. Heartbeat lets both time out. Our node with the smaller name lets the other go first.
* ``other`` or ``done`` come after the handshake was given up. Heartbeat drops them, and the other side waits for an
  hour. We remember what we gave up (``lapsed``) and go on with it.
* The taker asks the status of its groups when the handshake begins, while the giver still stops them.
"""

from __future__ import annotations

from hacluster.base.report import Severity
from hacluster.config.settings import AutoFailback
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.hold import common, has, minus, mirror, union
from hacluster.haresources.protocol import Ask, Resource, Step
from hacluster.haresources.states import ANSWER_MS, PATIENCE_MS, RELEASE_MS, RESUMED_MS, RETRY_MS, Handshake, Standby
from hacluster.msg.driver import Refused
from hacluster.msg.haresources import GroupState, Hold


class Handover:
    """Both roles of the handshake. ``ended`` collects (ok, text) for those who wait for its end."""

    def __init__(self, core: Bench) -> None:
        self._core = core
        self.ended: list[tuple[bool, str]] = []

    def refusal(self, which: Hold) -> Refused | None:
        """Why we cannot give ``which`` up now; ``None`` when we can."""
        core, s = self._core, self._core.state
        later = "try again when cl_status rscstatus no longer says transition"
        for wrong, refused in (
            (core.legacy, Refused("legacy", "auto_failback legacy knows no standby", "use on or off on both nodes")),
            (s.leaving.wanted, Refused("leaving", "this node is leaving the cluster", "what it holds moves anyway")),
            (not s.stable, Refused("unstable", f"this node has not joined yet ({s.rstate.value})", later)),
            (not core.living, Refused("no-peer", f"{core.peer} is not there to take over", "start the cluster there")),
            (
                len(core.living) > 1,
                Refused(
                    "many-nodes", "haresources hands over between two nodes only", "stop the cluster on the others"
                ),
            ),
            (s.handshake.running, Refused("handover-running", "a handover is going on already", later)),
            (not s.other_stable, Refused("peer-unstable", f"{core.peer} is not stable", later)),
            (core.groups.busy, Refused("busy", "groups are being started or stopped here", later)),
            (
                common(s.hold, which) is Hold.NONE and not self._runs(which),
                Refused(
                    "nothing-to-give", f"this node holds {s.hold.value}, so there is nothing of {which.value} to give"
                ),
            ),
        ):
            if wrong:
                return refused
        return None

    def _runs(self, which: Hold) -> bool:
        """Whether something of ``which`` runs here although we do not hold it: its home was changed in the file."""
        runs = self._core.groups.runs
        return any(runs[key].progress.started for key in self._core.groups.keys(which))

    def gives(self, which: Hold) -> bool:
        """Whether a handshake is going on in which we give ``which`` up."""
        hs = self._core.state.handshake
        return hs.running and hs.giver and has(hs.which, which)

    def begin(self, which: Hold, cause: str, *, client: str = "", injected: bool = False) -> None:
        """Step 1 as the giver. ``injected``: the message is out already, somebody else wrote it."""
        core, s = self._core, self._core.state
        core.info("standby-begins", f"asking {core.peer} to take {which.value} because {cause}")
        s.handshake = Handshake(Standby.ME, which, True, core.now, core.after(ANSWER_MS))
        s.other_stable = False
        if not injected:
            core.cast(protocol.ask(which, Step.ME, client=client))

    def on_own(self, ask: Ask) -> None:
        """Our own message, looped back: one that a script wrote for us (the FIFO) begins a handshake."""
        if ask.step is not Step.ME or self._core.state.handshake.running:
            return
        refused = self.refusal(ask.hold)
        if refused is None:
            self.begin(ask.hold, "a local program asked for it", injected=True)
        else:
            self._core.warn(
                "standby-refused", f"standby {ask.hold.value} of a local program is ignored: {refused.text}"
            )

    def on_ask(self, ask: Ask, node: str) -> None:
        """A step of the peer."""
        if self._core.legacy:
            self._core.warn(
                "mode-differs", f"{node} speaks of standby, but auto_failback is legacy here; set both alike"
            )
            return
        match ask.step:
            case Step.ME:
                self._on_me(ask.hold, node)
            case Step.OTHER:
                self._on_other(ask.hold, node)
            case Step.DONE:
                self._on_done(ask.hold, node, ask.trouble)

    def resumed(self) -> None:
        """Our process crashed in the middle: what the peer said meanwhile may be lost."""
        hs = self._core.state.handshake
        hs.resumed = hs.running
        if hs.state is Standby.OTHER:
            hs.deadline = self._core.after(RESUMED_MS)

    def on_report(self, report: Resource) -> None:
        """What a report of the peer in the middle of a handshake tells beside what it says.

        A giver that had begun to release and is stable with it again has given the handover up. Else the report makes
        up for a ``done`` that got lost in a crash:

        A taker that begins anew says that it is not stable: the giver repeats its ``done``. A giver that began anew
        sees in the taker's report that it has taken.
        """
        core, hs = self._core, self._core.state.handshake
        if hs.state is Standby.OTHER and hs.releasing and report.full and report.stable:
            if common(report.hold, hs.which) is not Hold.NONE:
                self.cancel(f"{core.peer} holds {report.hold.value} again")
            return
        if not (hs.giver and hs.state is Standby.DONE and report.full):
            return
        if report.stable is False and not report.info:
            core.cast(protocol.ask(hs.which, Step.DONE))
        elif hs.resumed and report.stable and has(report.hold, mirror(hs.which)):
            self._end(True, f"{core.peer} has taken {hs.which.value}")

    def released(self) -> None:
        """All that we give is stopped: step 3."""
        hs = self._core.state.handshake
        if hs.giver and hs.state is Standby.ME and hs.releasing:
            self._core.cast(protocol.ask(hs.which, Step.DONE))
            hs.state = Standby.DONE

    def acquired(self) -> None:
        """Taking is over: step 4, with what does not run although it was taken. The report goes first."""
        core, s = self._core, self._core.state
        hs = s.handshake
        if hs.giver or hs.state is not Standby.DONE:
            core.resource()
            return
        s.hold = union(s.hold, mirror(hs.which))
        which, trouble = hs.which, self._trouble(mirror(hs.which))
        what = mirror(which).value
        if trouble:
            self._end(False, f"this node has taken {what} from {core.peer}, but {trouble}")
        else:
            self._end(True, f"this node has taken {what} from {core.peer} and runs it")
        core.resource()
        core.cast(protocol.ask(which, Step.DONE, trouble=trouble))

    def _trouble(self, which: Hold) -> str:
        """What of ``which`` does not run here, and why; empty when all of it runs."""
        core = self._core
        found = []
        for key in core.groups.keys(which):
            run = core.groups.runs[key]
            if run.state is GroupState.RUNNING:
                continue
            elsewhere = core.elsewhere(key)
            if elsewhere:
                found.append(f"{key} was not started: {elsewhere}")
            else:
                found.append(f"{run.progress.reason or f'{key} was not started'}, so nobody runs {key} now")
        return "; ".join(found)

    def _abandon(self) -> None:
        """Forget a handshake. What we have begun to take is ours: a start that is under way ends with it running."""
        s = self._core.state
        hs = s.handshake
        if not hs.giver and hs.state is Standby.DONE:
            s.hold = union(s.hold, mirror(hs.which))

    def cancel(self, reason: str) -> None:
        """Forget the handshake: the other side is gone or begins anew."""
        if self._core.state.handshake.running:
            self._abandon()
            self._end(False, reason)
        self._core.state.handshake = Handshake()

    def on_time(self) -> None:
        """Give up what has waited too long."""
        core, s = self._core, self._core.state
        hs = s.handshake
        if hs.deadline is None or hs.deadline > core.now:
            return
        which, giver, begun = hs.which, hs.giver, hs.releasing
        self._abandon()
        self._end(False, f"{core.peer} did not go on with the handover of {which.value}")
        core.warn("standby-timeout", f"{core.peer} did not go on with the handover of {which.value}; giving up")
        s.other_stable = bool(core.living)
        if not (giver and begun):
            s.handshake.lapsed, s.handshake.lapsed_giver = which, giver
        s.timers.failback = core.after(RETRY_MS)

    def consider_failback(self) -> None:
        """Give groups that we took for a dead node back when it is well again (auto_failback on)."""
        core, s = self._core, self._core.state
        if not s.need_failback:
            return
        if core.config.auto_failback is not AutoFailback.ON or not has(s.hold, Hold.FOREIGN):
            s.need_failback = False
        elif (s.timers.failback is None or s.timers.failback <= core.now) and self.refusal(Hold.FOREIGN) is None:
            s.timers.failback = None
            self.begin(Hold.FOREIGN, f"{core.peer} is back and auto_failback is on")

    def _on_me(self, which: Hold, node: str) -> None:
        core, s = self._core, self._core.state
        hs = s.handshake
        if hs.state is Standby.ME and not hs.releasing and core.own < node:
            self._end(False, f"{node} asked for a handover at the same time and goes first")
        elif hs.running:
            core.warn("standby-ignored", f"standby of {node} is ignored because a handover is going on already")
            return
        elif not (s.stable and s.other_stable):
            why = f"{node} is not stable" if s.stable else f"this node has not joined ({s.rstate.value})"
            core.warn("standby-ignored", f"standby of {node} is ignored because {why}")
            return
        elif s.leaving.wanted or core.living[:1] != (node,):
            core.warn("standby-ignored", f"standby of {node} is ignored: this node leaves, or another takes over")
            return
        core.info("standby-asked", f"{node} asks us to take {mirror(which).value}")
        s.handshake = Handshake(Standby.OTHER, which, False, core.now, core.after(PATIENCE_MS))
        s.other_stable = False
        core.cast(protocol.ask(which, Step.OTHER))
        core.groups.probe(minus(mirror(which), s.hold))

    def _on_other(self, which: Hold, node: str) -> None:
        core, s = self._core, self._core.state
        hs = s.handshake
        if not hs.running and hs.lapsed_giver and hs.lapsed is which and self.refusal(which) is None:
            s.handshake = hs = Handshake(Standby.ME, which, True, core.now)
            s.other_stable = False
        if not (hs.giver and hs.state is Standby.ME and hs.which is which and not hs.releasing):
            core.warn("standby-misfit", f"{node} is ready to take {which.value}, which nobody asked it to")
            return
        hs.releasing, hs.deadline = True, core.after(RELEASE_MS)
        s.hold = minus(s.hold, which)
        core.resource(protocol.INFO_STANDBY)
        core.groups.give(WorkTag.GIVE, core.groups.held(which), f"{node} takes over")

    def _on_done(self, which: Hold, node: str, trouble: str) -> None:
        core, s = self._core, self._core.state
        hs = s.handshake
        if not hs.running and hs.lapsed is which and not hs.lapsed_giver and s.stable:
            s.handshake = hs = Handshake(Standby.OTHER, which, False, core.now)
            s.other_stable = False
        if hs.giver and hs.state is Standby.DONE:
            s.other_hold = union(s.other_hold, mirror(which))  # its report may come after its done
            if trouble:
                self._end(False, f"{node} has taken {which.value}, but {trouble}")
            elif core.ours(node):
                self._end(True, f"{node} has taken {which.value} and runs it")
            else:
                self._end(True, f"{node} has taken {which.value}, as it says")
            core.resource()
        elif not hs.giver and hs.state is Standby.OTHER and hs.which is which:
            hs.state, hs.deadline = Standby.DONE, core.after(RELEASE_MS)
            s.other_hold = minus(s.other_hold, which)
            cause = f"{node} gave up {which.value}"
            core.groups.take(WorkTag.TAKE, core.groups.keys(mirror(which)), cause)
        elif s.rstate is not s.rstate.SHUTDOWN:
            core.say(Severity.NOTICE, "standby-misfit", f"{node} is done with {which.value}, which is not our handover")

    def _end(self, ok: bool, text: str) -> None:
        self.ended.append((ok, text))
        self._core.info("standby-ended", text if ok else f"handover not finished: {text}")
        self._core.state.handshake = Handshake()
