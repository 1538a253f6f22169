"""The last result of every operation of every resource: what a brain that begins anew finds out from the hands."""

from __future__ import annotations

from hacluster.msg.lrm import OpFinished


class Results:
    """Results by resource, action and interval; of more than ``capacity`` the oldest are forgotten."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._last: dict[tuple[str, str, int], OpFinished] = {}

    def keep(self, result: OpFinished) -> None:
        """Remember one as the newest."""
        key = (result.resource, result.action, result.interval_ms)
        self._last.pop(key, None)
        self._last[key] = result
        if len(self._last) > self._capacity:
            del self._last[next(iter(self._last))]

    def all(self) -> tuple[OpFinished, ...]:
        """All that is kept, oldest first: the order in which things happened."""
        return tuple(self._last.values())
