"""What became of the resources when a node was stopped, as ``hacluster stop`` tells it."""

from __future__ import annotations

import contextlib
import time
from typing import Final

from hacluster.base.effects import MachineName
from hacluster.base.errors import HaError
from hacluster.client.connection import Connection
from hacluster.client.errors import TimedOutError
from hacluster.daemon.pidfile import last_word
from hacluster.msg.haresources import GroupState, GroupView, ResourcesChanged, ResourcesQuery, ResourcesView

ANSWER_S: Final = 2.0
_TOPIC: Final = "resources"


class Account:
    """Begun before the node is told to stop: what ran then, and what is heard of it until the end.

    A brain that does not answer is no hindrance: then nothing is known, and that is said.
    """

    def __init__(self, run_dir: str, pid: int) -> None:
        self._run_dir = run_dir
        self._pid = pid
        self._connection: Connection | None = None
        self._before: tuple[GroupView, ...] = ()
        self._last: dict[str, GroupView] = {}
        self._connect()

    def _connect(self) -> None:
        """A daemon that only begins may answer later."""
        self._connection = Connection(self._run_dir, name="stop", timeout_s=ANSWER_S)
        try:
            self._connection.subscribe(MachineName.HARESOURCES, _TOPIC)
            view = self._connection.ask(ResourcesQuery())
        except HaError:
            self._hang_up()
        else:
            if isinstance(view, ResourcesView):
                self._before = view.groups
                self._note(view)

    def _note(self, view: ResourcesView) -> None:
        self._last = {group.key: group for group in view.groups}

    def listen(self, seconds: float) -> None:
        """Hear what comes for so long."""
        until = time.monotonic() + seconds
        if self._connection is None and not self._last:
            self._connect()
        while self._connection is not None:
            try:
                body = self._connection.event(MachineName.HARESOURCES, until - time.monotonic())
            except TimedOutError:
                return
            except HaError:
                self._hang_up()
            else:
                if isinstance(body, ResourcesChanged):
                    self._note(body.view)
        time.sleep(max(0.0, until - time.monotonic()))

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> tuple[list[str], list[str]]:
        """Lines about what was stopped, and about what was not or is not known to be."""
        with contextlib.suppress(HaError):
            self.listen(0.0)
        self._hang_up()
        word = last_word(self._run_dir, self._pid)
        clean = word is not None and word[0] == 0
        stopped, kept = [], []
        for group in self._before:
            now, words = self._last.get(group.key, group), " ".join(group.resources)
            if now.stuck:
                kept.append(f"not stopped: {' '.join(now.stuck)} of {words}: may still run here")
            elif not clean and now.state not in {GroupState.STOPPED, GroupState.FAILED}:
                kept.append(f"not stopped: {words}: the daemon ended while it was {now.state}")
            elif group.state is not GroupState.STOPPED:
                stopped.append(f"stopped: {words}")
        if word is None:
            kept.append("hacluster: the daemon ended without a word about its resources: its log may say more")
        elif not clean and not kept:
            kept.append(f"hacluster: the daemon ended with exit status {word[0]}: {word[1] or 'its log says why'}")
        return stopped, kept
