"""When each check is due: at a fixed rate, one at a time, spread over the interval, never twice at once.

The first round is asked at once, so that a start is quick. From then on each check has its own phase, so that a
thousand of them do not leave in the same instant. A check that is still under way when its next turn comes is not
asked again; its turn is taken up at the next multiple.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from hacluster.base.machine import Instant
from hacluster.lvs.settings import Check, CheckType


@dataclass(slots=True)
class _Turn:
    """``phase``: the instants at which the check is due are ``phase`` plus multiples of its interval."""

    check: Check
    phase: int
    due: int
    under_way: bool = False
    connects: int = 0


class Schedule:
    """The turns of all checks."""

    def __init__(self) -> None:
        self._turns: dict[Check, _Turn] = {}
        self._heap: list[tuple[int, int, Check]] = []
        self._count = 0

    def configure(self, checks: Iterable[Check], now: Instant) -> None:
        """Keep the turns of checks that stay, begin those that are new, forget the others."""
        wanted = dict.fromkeys(checks)
        self._turns = {check: turn for check, turn in self._turns.items() if check in wanted}
        new = [check for check in wanted if check not in self._turns]
        for position, check in enumerate(new):
            phase = now + check.interval_ms * position // len(new)
            self._turns[check] = _Turn(check, phase, now)
        self._heap = []
        for turn in self._turns.values():
            self._push(turn)

    def _push(self, turn: _Turn) -> None:
        self._count += 1
        heapq.heappush(self._heap, (turn.due, self._count, turn.check))

    def deadline(self) -> Instant | None:
        """When the next check is due."""
        self._drop_stale()
        return Instant(self._heap[0][0]) if self._heap else None

    def _drop_stale(self) -> None:
        while self._heap:
            due, _, check = self._heap[0]
            turn = self._turns.get(check)
            if turn is not None and turn.due == due and not turn.under_way:
                return
            heapq.heappop(self._heap)

    def due(self, now: Instant) -> list[tuple[Check, bool]]:
        """The checks whose turn has come, each with whether only to connect; they are under way from now on."""
        found: list[tuple[Check, bool]] = []
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            _, _, check = heapq.heappop(self._heap)
            turn = self._turns[check]
            turn.under_way = True
            found.append((check, check.type is CheckType.COMBINED and 0 < turn.connects <= check.connects))
            self._drop_stale()
        return found

    def ended(self, check: Check, now: Instant, *, up: bool, connect_only: bool) -> bool:
        """Note the end of a check and set its next turn; false when nobody asked for it (any more).

        Combined: a negotiation that succeeds is followed by ``connects`` connects; a connect that fails by a
        negotiation at once.
        """
        turn = self._turns.get(check)
        if turn is None or not turn.under_way:
            return False
        turn.under_way = False
        again = connect_only and not up
        if check.type is CheckType.COMBINED:
            turn.connects = turn.connects + 1 if up else 0
            if turn.connects > check.connects:
                turn.connects = 0
        passed = max(0, now - turn.phase) // check.interval_ms
        turn.due = now if again else turn.phase + (passed + 1) * check.interval_ms
        self._push(turn)
        return True
