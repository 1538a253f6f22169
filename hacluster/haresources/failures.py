"""Groups that could not be started, and resources that cannot be stopped. Source: HARESOURCES.md 2.

A group that could not be started is stopped already. After ``start_failure_delay_ms`` its side (local for an own group,
foreign for another) is handed to the peer; each failure in a row doubles the delay, so that a group that runs nowhere
does not drag the others to and fro. Without a peer to hand it to it is tried here again, which Heartbeat does not do.
"""

from __future__ import annotations

from hacluster.base.effects import SelfFence
from hacluster.base.machine import Instant, earliest
from hacluster.config.settings import OnStopFailure
from hacluster.haresources.bench import Bench
from hacluster.haresources.groups import WorkTag
from hacluster.haresources.handover import Handover
from hacluster.haresources.hold import has
from hacluster.haresources.leaving import Leaving
from hacluster.haresources.states import RETRY_MS
from hacluster.msg.haresources import GroupState, Hold

MAX_DOUBLINGS = 5


class Failures:
    """What follows a failed start or stop."""

    def __init__(self, core: Bench, handover: Handover, leaving: Leaving) -> None:
        self._core = core
        self._handover = handover
        self._leaving = leaving

    def look(self) -> None:
        """Notice new failures, and forget those that are over."""
        core, moves = self._core, self._core.state.moves
        for key, run in core.groups.runs.items():
            failed = run.state is GroupState.FAILED and run.progress.failures > 0 and not run.progress.stuck
            if not failed or not self._ours(key):
                moves.pop(key, None)
            elif key not in moves and not self._handover.gives(core.groups.side(key)):
                delay = core.settings.start_failure_delay_ms << min(run.progress.failures - 1, MAX_DOUBLINGS)
                moves[key] = core.after(delay)
                core.warn(
                    "group-failed", f"{key} is to move to {core.peer} in {delay} ms because {run.progress.reason}"
                )
        for key in [key for key in moves if key not in core.groups.runs]:
            del moves[key]
        for key, word in core.groups.stuck_news():
            self._on_stuck(key, word)

    def on_time(self) -> None:
        """Move, or try again, what is due."""
        core, moves = self._core, self._core.state.moves
        for key in [key for key, due in moves.items() if due <= core.now]:
            side = core.groups.side(key)
            if core.living and not core.legacy:
                if self._handover.refusal(side) is None:
                    del moves[key]
                    self._handover.begin(side, f"{key} could not be started here")
                else:
                    moves[key] = core.after(RETRY_MS)
            elif core.state.stable:
                del moves[key]
                core.groups.take(WorkTag.RETRY, [key], "it could not be started before and there is no other node")
            else:
                moves[key] = core.after(RETRY_MS)

    def deadline(self) -> Instant | None:
        """When the next group is to move."""
        return earliest(*self._core.state.moves.values())

    def _ours(self, key: str) -> bool:
        s = self._core.state
        if self._core.legacy or s.leaving.wanted:
            return self._core.legacy and not s.leaving.wanted
        return has(s.hold, self._core.groups.side(key)) and s.hold is not Hold.NONE

    def _on_stuck(self, key: str, word: str) -> None:
        reason = f"{word} of {key} cannot be stopped"
        match self._core.settings.on_stop_failure:
            case OnStopFailure.REBOOT:
                self._core.out.append(SelfFence(reason))
            case OnStopFailure.STOP_CLUSTER:
                self._leaving.ask(reason, silent=True)
            case OnStopFailure.IGNORE:
                self._core.warn("stop-failure-ignored", f"{reason}; going on as if it were stopped, as configured")
