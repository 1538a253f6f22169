"""Effects that wait until something is written: save before send, kept by the machine itself.

A driver writes beside everything else, so what stands behind a ``Persist`` in a list of effects is *not* done after the
write. What must be is given to :meth:`OnDisk.after`; it comes back, in order, from the step that hears ``Persisted``.
What is asked for meanwhile goes through :meth:`OnDisk.behind` and cannot overtake.

A disk may fail, or hang for as long as it likes. A write that failed releases what waited for it: the machine says so
and knows what it is worth. One that takes longer than ``patience_ms`` does so too, and until that disk answers again
nothing waits for it: resources are released whatever the disk does.

(Model: etcd's raft, which attaches the messages to the write that must come before them.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from hacluster.base.effects import Append, Effect, Persist, Say, SelfFence, SetAside
from hacluster.base.limits import MAX_DISK_WAIT_MS
from hacluster.base.machine import Instant, after

_AT_ONCE = (Say, SelfFence, SetAside)
"""What waits for no disk: word to the log, and the end of the node."""


class OnDisk:
    """What one machine has asked for and must not be done before its writes are."""

    def __init__(self, patience_ms: int = MAX_DISK_WAIT_MS) -> None:
        self._patience_ms = patience_ms
        self._waiting: deque[tuple[int, Instant, list[Effect]]] = deque()
        self._newest = 0
        self.late = False
        """A write is overdue: nothing waits until the disk answers."""

    def after(self, persist: Persist | Append, effects: list[Effect], now: Instant) -> list[Effect]:
        """What to do now: the write, and of ``effects`` (in order) what need not wait for it.

        Tokens of one machine grow, and a driver finishes its writes in the order of asking.
        """
        assert persist.token > self._newest, (persist, self._newest)
        self._newest = persist.token
        if self.late:
            return [persist, *effects]
        self._waiting.append((persist.token, now, []))
        return [persist, *self.behind(effects)]

    def behind(self, effects: list[Effect]) -> list[Effect]:
        """What of ``effects`` need not wait; the rest comes after what waits already."""
        if not self._waiting:
            return effects
        _, _, held = self._waiting[-1]
        held += [effect for effect in effects if not isinstance(effect, _AT_ONCE)]
        return [effect for effect in effects if isinstance(effect, _AT_ONCE)]

    def settled(self, token: int) -> list[Effect]:
        """The write of ``token`` is done, or has failed: what may be done now."""
        if token >= self._newest:
            self.late = False
        return self._release(lambda waiting: waiting[0] <= token)

    def overdue(self, now: Instant) -> list[Effect]:
        """What has waited too long."""
        if self._waiting and after(self._waiting[0][1], self._patience_ms) <= now:
            self.late = True
            return self._release(lambda _waiting: True)
        return []

    def deadline(self) -> Instant | None:
        """When somebody has waited too long."""
        return after(self._waiting[0][1], self._patience_ms) if self._waiting else None

    def _release(self, due: Callable[[tuple[int, Instant, list[Effect]]], bool]) -> list[Effect]:
        free: list[Effect] = []
        while self._waiting and due(self._waiting[0]):
            free += self._waiting.popleft()[2]
        return free
