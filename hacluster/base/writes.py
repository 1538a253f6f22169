"""Notes that wait for the disk: each write carries a note of what is to follow when it is there.

All writes of a machine go through one queue and end in the order in which they began, so notes are handed out in that
order, too. A note is data from which the machine makes its answer when the write has ended; it may want to say nothing
by then. Effects that are ready when the write begins wait in :mod:`hacluster.base.ondisk` instead.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Generic, TypeVar

from hacluster.base.effects import Append, Persist

ThenT = TypeVar("ThenT")
WriteT = TypeVar("WriteT", Persist, Append)


class Writes(Generic[ThenT]):
    """The writes of one machine that have not ended."""

    __slots__ = ("_token", "_waiting")

    def __init__(self) -> None:
        self._token = 0
        self._waiting: deque[tuple[int, tuple[ThenT, ...]]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def after(self, write: WriteT, *then: ThenT) -> WriteT:
        """The write to emit, numbered; ``then`` is handed out by :meth:`ended`."""
        self._token += 1
        self._waiting.append((self._token, then))
        return replace(write, token=self._token)

    def ended(self, token: int) -> tuple[ThenT, ...]:
        """What waited for the write of this number, which succeeded or failed."""
        assert self._waiting, f"nothing waits for write {token}"
        assert self._waiting[0][0] == token, f"write {token} ended before {self._waiting[0][0]}"
        return self._waiting.popleft()[1]
