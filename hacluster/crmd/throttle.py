"""How much the nodes may be asked for at one time: less on a host that is busy.

Each member tells the DC how busy its host is (Pacemaker's words and thresholds: the load of a minute, by core, against
``load-threshold``), and how many operations it may have when it is not (``node-action-limit``, or two for each core). A
little busy halves that, more quarters it, a host that is very busy gets one at a time, and then no more is under way in
the whole cluster than half as many as it has members, unless ``batch-limit`` knows no load.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hacluster.msg.transition import JobLimits

_FACTORS: Final = (1.2, 1.6, 2.0)
"""What low, medium and high are, as multiples of the threshold."""

_ONE_CORE: Final = 0.6
"""On a host of one core a load of one is too much already."""

_SHARES: Final = (1, 2, 4)
"""Of what a node may have when it is not busy, what it may have at each level below high."""

HIGH: Final = 3


def level_of(loadavg: str, cores: int, threshold: float) -> int:
    """How busy a host is: 0 to 3. ``loadavg`` is the text of /proc/loadavg; without it, it is not busy."""
    try:
        load = float(loadavg.split(maxsplit=1)[0])
    except (IndexError, ValueError):
        return 0
    if threshold <= 0:
        return 0
    room = threshold * (_ONE_CORE if cores <= 1 else cores)
    return sum(load > room * factor for factor in _FACTORS)


class Throttle:
    """This node's load, and on the DC that of all members."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._level, self._cores, self._loadavg = 0, 1, ""
        self._threshold, self._limit = 0.8, 0
        self._told: dict[str, tuple[int, int]] = {}

    @property
    def own(self) -> tuple[int, int]:
        """This node's level, and how many operations it may have when it is not busy."""
        return self._level, self._limit or 2 * self._cores

    def on_sample(self, loadavg: str, cores: int) -> bool:
        """The host is looked at; whether there is something to tell."""
        before, self._loadavg, self._cores = self.own, loadavg, max(cores, 1)
        self._level = level_of(loadavg, self._cores, self._threshold)
        return self.own != before

    def configure(self, threshold: float, limit: int) -> bool:
        """The configuration says something; whether there is something to tell."""
        before, self._threshold, self._limit = self.own, threshold, max(limit, 0)
        self._level = level_of(self._loadavg, self._cores, threshold)
        return self.own != before

    def told(self, node: str, level: int, jobs: int) -> None:
        """A member's manager tells the DC."""
        self._told[node] = (level, jobs)

    def limits(self, members: Iterable[str]) -> JobLimits:
        """What follows from it."""
        present = sorted(members)
        told = {name: self._told[name] for name in present if name in self._told} | {self._node: self.own}
        busy = any(level >= HIGH for level, _ in told.values())
        nodes = tuple((name, _jobs(level, most)) for name, (level, most) in sorted(told.items()))
        return JobLimits(nodes, self.own[1], max(1, len(present) // 2) if busy else 0)


def _jobs(level: int, most: int) -> int:
    return 1 if level >= HIGH else max(1, most // _SHARES[level])
