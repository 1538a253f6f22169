"""Requests of local programs: hb_standby, hb_takeover and cl_status rscstatus. Words: HARESOURCES.md 6.

hb_standby is accepted or refused at once. hb_takeover is a question to the other node: it is accepted when that node
begins the handover, and refused when it has not after ten seconds. With ``wait`` the end of the handover follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hacluster.base.effects import Reply
from hacluster.base.machine import Instant, earliest
from hacluster.haresources import protocol
from hacluster.haresources.bench import Bench
from hacluster.haresources.handover import Handover
from hacluster.haresources.hold import common, has, mirror
from hacluster.haresources.reality import Reality
from hacluster.haresources.states import ANSWER_MS
from hacluster.msg.driver import Refused, Request
from hacluster.msg.haresources import (
    GroupState,
    HandoverAccepted,
    HandoverFinished,
    Hold,
    ResourcesQuery,
    ResourcesView,
    StandbyRequest,
    TakeoverRequest,
)


@dataclass(slots=True)
class Asked:
    """A request that is not answered to its end. ``until``: a takeover that the peer has not begun."""

    request_id: int
    wait: bool
    began: Instant
    which: Hold
    until: Instant | None = None


class Requests:
    """Who asked for what, and the answers."""

    def __init__(self, core: Bench, handover: Handover, reality: Reality) -> None:
        self._core = core
        self._handover = handover
        self._reality = reality
        self._asked: list[Asked] = []

    def on_request(self, request: Request) -> None:
        """A local program asks."""
        match request.body:
            case ResourcesQuery():
                self._reply(request.request_id, self.view())
            case StandbyRequest():
                self._on_standby(request.request_id, request.body)
            case TakeoverRequest():
                self._on_takeover(request.request_id, request.body)
            case other:
                text = f"haresources does not know {type(other).__name__}"
                self._reply(request.request_id, Refused("unknown-request", text))

    def on_gone(self, request_id: int) -> None:
        """The program has hung up; what it asked for goes on."""
        self._asked = [asked for asked in self._asked if asked.request_id != request_id]

    def look(self) -> None:
        """Answer those who wait for what has happened in this step."""
        core, hs = self._core, self._core.state.handshake
        for ok, said in self._handover.ended:
            text = said if ok else f"{said}; {self._now()}"
            for asked in [asked for asked in self._asked if asked.until is None]:
                self._asked.remove(asked)
                self._reply(asked.request_id, HandoverFinished(ok, text, core.now - asked.began))
        self._handover.ended.clear()
        for asked in [asked for asked in self._asked if asked.until is not None]:
            if hs.running and not hs.giver and mirror(hs.which) is asked.which:
                text = f"{core.peer} gives {asked.which.value} up"
                asked.until = None
                self._reply(asked.request_id, HandoverAccepted(text), last=not asked.wait)
                if not asked.wait:
                    self._asked.remove(asked)
            elif asked.until is not None and asked.until <= core.now:
                self._asked.remove(asked)
                text = f"{core.peer} did not begin to give {asked.which.value} up"
                hint = f"look into the logs of {core.peer}: it says why it ignored hb_takeover"
                self._reply(asked.request_id, Refused("no-answer", text, hint))

    def _now(self) -> str:
        """Who runs what now, for those whose handover failed."""
        core = self._core
        runs = [key for key, run in core.groups.runs.items() if run.state is GroupState.RUNNING]
        text = f"this node runs {', '.join(runs) or 'nothing'}"
        for node in core.living:
            told = core.told(node)
            theirs = [key for key in core.groups.runs if told and core.groups.idents(key) <= set(told.runs)]
            if told is not None:
                text += f", {node} runs {', '.join(theirs) or 'nothing'}"
        return f"now {text}"

    def deadline(self) -> Instant | None:
        """When an unanswered takeover is given up."""
        return earliest(*(asked.until for asked in self._asked))

    def status(self) -> str:
        """The word of cl_status rscstatus."""
        core, s = self._core, self._core.state
        if core.legacy:
            return Hold.NONE.value
        settled = s.stable and not s.handshake.running and not core.groups.busy
        if settled and (s.other_stable or not core.living) and not s.leaving.wanted:
            return s.hold.value
        return "transition"

    def view(self) -> ResourcesView:
        """Everything, for people."""
        core, s = self._core, self._core.state
        return ResourcesView(
            self.status(),
            s.rstate.value,
            s.handshake.state.value,
            s.hold,
            s.other_hold,
            s.other_stable,
            core.config.auto_failback.value,
            tuple(
                replace(run.view(), held=has(s.hold, core.groups.side(key))) for key, run in core.groups.runs.items()
            ),
            self._reality.notes(),
        )

    def _on_standby(self, request_id: int, body: StandbyRequest) -> None:
        refused = Refused("nothing-asked", "none is nothing to give") if body.which is Hold.NONE else None
        refused = refused or self._handover.refusal(body.which)
        if refused is not None:
            self._reply(request_id, refused)
            return
        text = f"{self._core.peer} is asked to take {body.which.value} of this node"
        self._reply(request_id, HandoverAccepted(text), last=not body.wait)
        if body.wait:
            self._asked.append(Asked(request_id, True, self._core.now, body.which))
        self._handover.begin(body.which, "hb_standby was called")

    def _on_takeover(self, request_id: int, body: TakeoverRequest) -> None:
        core, s = self._core, self._core.state
        refused = self._handover.refusal(Hold.ALL)
        if refused is not None and refused.code == "nothing-to-give":
            refused = None
        peer = core.told(core.living[0]) if core.living else None
        runs = set(peer.runs) if peer else set()
        wanted = any(core.groups.idents(key) & runs for key in core.groups.keys(body.which))
        if refused is None and common(mirror(body.which), s.other_hold) is Hold.NONE and not wanted:
            text = f"{core.peer} holds nothing of what is {body.which.value} here"
            refused = Refused("nothing-to-take", text)
        if refused is not None:
            self._reply(request_id, refused)
            return
        core.info("takeover-asked", f"asking {core.peer} to give {body.which.value} up because hb_takeover was called")
        self._asked.append(Asked(request_id, body.wait, core.now, body.which, core.after(ANSWER_MS)))
        core.cast(protocol.takeover(body.which))

    def _reply(self, request_id: int, body: object, *, last: bool = True) -> None:
        self._core.out.append(Reply(request_id, body, last))
