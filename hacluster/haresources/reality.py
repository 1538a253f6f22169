"""What runs is held against what may run: after each edit of the files, each join, each report of the other node.

Rules that Heartbeat lacks. Between our nodes each says beside its reports what runs there or may (:mod:`protocol`):

* A node starts nothing that the other says it runs (``Groups.elsewhere``); what it may run and does not, it starts as
  soon as nothing is in the way. So an edit, or a handover that was broken off, ends with everything running once.
* What runs here and is the other's by its line (its home was changed in the file) stays until it is handed over: an
  edit moves nothing but what comes into one line with something that runs there. Beside a real Heartbeat, which
  cannot see that, it is stopped when that claims it.
* What both run (*double*) is stopped by one of them: who does not claim it, else whose home it is not, else the larger
  name. Claims that overlap on a whole side are :mod:`claims`'s.
* Files that differ are said, once for each pair of digests, and seen in ``cl_status rscstatus -v``.

With ``auto_failback legacy`` nobody claims anything: what is at home here is asked for, or taken when nobody is there.
"""

from __future__ import annotations

from hacluster.base.effects import MachineName, Send
from hacluster.base.report import Severity
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.grouprun import GroupRun
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.hold import has, mirror
from hacluster.haresources.identity import ident
from hacluster.haresources.protocol import Said
from hacluster.haresources.states import RState, Told
from hacluster.msg.haresources import GroupState, Hold
from hacluster.msg.membership import CastMessage

_WITH_INVENTORY = frozenset({"starting", "resource", "ask_resources", protocol.RUNS})


class Reality:
    """Looks after each event at what runs here and what the other node says that it runs."""

    def __init__(self, core: Bench) -> None:
        self._core = core
        self._kept: set[str] = set()
        self._waiting: dict[str, str] = {}
        self._differs: tuple[str, ...] = ()

    def hear(self, said: Said, node: str, when: int | None) -> bool:
        """What stands beside a message of ``node``; whether that is the first word of this kind from it."""
        s, stamp = self._core.state, -1 if when is None else when
        before = s.told.get(node)
        if before is not None and stamp < before.stamp:
            return False
        if before is not None:
            self._announce(set(before.runs) - set(said.runs))
        s.told[node] = Told(stamp, said.digest, list(said.local), list(said.foreign), list(said.runs))
        if node not in s.kin:
            s.kin.append(node)
        self._compare_files(node, said.digest)
        return before is None

    def _announce(self, stopped: set[str]) -> None:
        """What ran on both runs here alone now: whoever talks to addresses must hear that they are here."""
        for key, run in self._core.groups.runs.items():
            if run.state is GroupState.RUNNING and self._core.groups.idents(key) & stopped:
                run.announce()

    def differs(self, node: str) -> bool:
        """Whether the files of ``node`` say something else than ours."""
        told = self._core.told(node)
        return told is not None and told.digest != self._core.inventory.digest

    def look(self) -> None:
        """Start what is to run here and does not, and end what runs twice."""
        core, s = self._core, self._core.state
        if s.rstate is not RState.STABLE or s.leaving.wanted or s.rejoining or s.timers.heal is not None:
            s.timers.double = None
            return
        doubles = False
        for key, run in core.groups.runs.items():
            if core.groups.occupied(key):
                continue
            if self._double(key, run):
                doubles = True
            elif core.legacy:
                self._look_legacy(key, run)
            elif has(s.hold, core.groups.side(key)) and not self._given(key):
                self._hold(key, run)
            elif run.progress.started and not s.handshake.running:
                self._keep(key, run)
        if not doubles:
            s.timers.double = None
        elif s.timers.double is None:
            s.timers.double = core.after(2 * core.config.keepalive_ms)

    def on_time(self) -> None:
        """End what still runs twice."""
        core, t = self._core, self._core.state.timers
        if t.double is None or t.double > core.now:
            return
        t.double = None
        for key, run in core.groups.runs.items():
            if not core.groups.occupied(key) and self._double(key, run):
                text = f"{key} runs here and on {core.peer}: it is stopped here"
                core.say(Severity.ERROR, "runs-twice", text)
                core.groups.give(WorkTag.DOUBLE, [key], f"{core.peer} runs it, too")

    def report(self) -> None:
        """The step is over: tell the other node what runs here now, or may.

        Beside each message that is going out anyway, else in one of its own when that has changed.
        """
        core, s = self._core, self._core.state
        runs = core.groups.may_run()
        spoken = False
        for index, effect in enumerate(core.out):
            if isinstance(effect, Send) and isinstance(effect.body, CastMessage):
                message = effect.body.message
                if message.type in _WITH_INVENTORY:
                    message = protocol.with_inventory(message, core.inventory, runs)
                    core.out[index] = Send(effect.to, CastMessage(message))
                    spoken = True
        changed = sorted(runs) != s.said_runs
        if changed and not spoken and s.comm_up and any(core.ours(node) for node in core.living):
            message = protocol.with_inventory(protocol.runs(), core.inventory, runs)
            core.out.insert(0, Send(MachineName.HEARTBEAT, CastMessage(message)))
            spoken = True
        if spoken and changed:
            s.said_runs = sorted(runs)

    def notes(self) -> tuple[str, ...]:
        """What is not as it should be, in sentences, for ``cl_status rscstatus -v``."""
        core = self._core
        found = [_differ(node) for node in core.living if self.differs(node)]
        for key, run in core.groups.remains.items():
            words = ", ".join(one.id for one in run.may_run())
            reason = run.progress.reason or f"{words} is in no line any more and is being stopped"
            found.append(reason if run.started() else f"{key}: {reason}")
        for key, run in core.groups.runs.items():
            held = has(core.state.hold, core.groups.side(key))
            if held and run.state is GroupState.STOPPED and not core.legacy:
                found.append(f"{key} does not run here: {core.elsewhere(key) or 'it is about to be started'}")
            elif not held and run.state is GroupState.RUNNING and core.state.stable and not core.legacy:
                found.append(f"{key} runs here, though its home {run.node} holds what is its own")
        return tuple(found)

    def _given(self, key: str) -> bool:
        hs = self._core.state.handshake
        return hs.running and hs.giver and hs.releasing and has(hs.which, self._core.groups.side(key))

    def _hold(self, key: str, run: GroupRun) -> None:
        """A group of ours: all of it is to run."""
        core = self._core
        if run.state is not GroupState.STOPPED:
            self._waiting.pop(key, None)
            return
        why = core.elsewhere(key)
        if not why:
            self._waiting.pop(key, None)
            cause = "its line has changed" if run.progress.started else "this node is to run it and it does not run"
            core.groups.take(WorkTag.AMEND, [key], cause)
        elif self._waiting.get(key) != why:
            self._waiting[key] = why
            core.warn("not-started", f"{key} is not started here: {why}")

    def _keep(self, key: str, run: GroupRun) -> None:
        """A group that runs here and is not ours by its line."""
        core, s = self._core, self._core.state
        node = core.living[0] if core.living else None
        if node is None or not s.other_stable:
            return
        claimed = has(mirror(s.other_hold), core.groups.side(key))
        told = core.told(node)
        if told is None:
            if claimed:
                core.groups.give(WorkTag.DOUBLE, [key], f"{node} holds what belongs to {run.node}")
        elif run.state is GroupState.STOPPED and core.groups.idents(key) & set(told.runs):
            core.groups.give(WorkTag.DOUBLE, [key], f"{node} runs what is in one line with it now")
        elif run.state is GroupState.STOPPED:
            core.groups.take(WorkTag.AMEND, [key], "its line has changed")
        elif key not in self._kept:
            self._kept.add(key)
            text = f"{key} belongs to {run.node} by its line and stays here until hb_standby or hb_takeover moves it"
            core.say(Severity.NOTICE, "kept", text)

    def _double(self, key: str, run: GroupRun) -> bool:
        """Whether another node runs some of what runs here, and this one is to stop it."""
        core, s = self._core, self._core.state
        names = {ident(one) for one in run.started()}
        for node in core.living:
            told = core.told(node)
            if told is None or not (core.legacy or s.heard.get(node, False)):
                continue
            both = names & set(told.runs)
            if both:
                side = core.groups.side(key)
                at_home, away = bool(both & set(told.local)), bool(both & set(told.foreign))
                claims = (at_home and has(s.other_hold, Hold.LOCAL)) or (away and has(s.other_hold, Hold.FOREIGN))
                mine = (has(s.hold, side), side is Hold.LOCAL, core.own < node)
                if mine < (claims, at_home, node < core.own):
                    return True
        return False

    def _look_legacy(self, key: str, run: GroupRun) -> None:
        core, s = self._core, self._core.state
        if run.state is not GroupState.STOPPED:
            return
        if core.living and run.node != core.own and run.progress.started:
            core.groups.give(WorkTag.DOUBLE, [key], f"its line has changed and its home {run.node} is there")
        elif core.elsewhere(key):
            return
        elif not core.living:
            core.groups.take(WorkTag.LEGACY_TAKE, [key], "there is no other node")
        elif run.node == core.own and run.progress.started:
            core.groups.take(WorkTag.LEGACY_TAKE, [key], "its line has changed")
        elif run.node == core.own and key not in s.legacy_wanted:
            core.info("legacy-asks", f"asking {core.peer} for {key}, which does not run here")
            s.legacy_wanted.append(key)
            s.timers.resend = core.now

    def _compare_files(self, node: str, digest: str) -> None:
        core = self._core
        pair = (node, digest) if digest != core.inventory.digest else ()
        if pair == self._differs:
            return
        if pair:
            core.warn("files-differ", f"{_differ(node)}; copy the files and run hacluster reload on both")
        else:
            core.info("files-alike", f"{node} uses the same haresources again")
        self._differs = pair


def _differ(node: str) -> str:
    return f"haresources of {node} (or the settings of its OCF resources) is not what this node uses"
