"""Where a random CIB's choices come from: dice for bulk runs, Hypothesis for shrinking."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hacluster.base.dice import Dice

T = TypeVar("T")


class Choices:
    """Choices made of integers: ``integer(low, high)`` gives one of ``low..high``; 0 means the plain case."""

    def __init__(self, integer: Callable[[int, int], int]) -> None:
        self.between = integer

    @classmethod
    def of_seed(cls, seed: int) -> Choices:
        return cls(Dice(seed).between)

    def percent(self, chance: int) -> bool:
        """True in ``chance`` of 100 cases."""
        return self.between(0, 99) >= 100 - chance

    def pick(self, items: Sequence[T]) -> T:
        """One of the items; the first is the plain one."""
        return items[self.between(0, len(items) - 1)]

    def some(self, items: Sequence[T], low: int, high: int) -> list[T]:
        """Between ``low`` and ``high`` different items, in any order."""
        left = list(items)
        count = min(len(left), self.between(low, high))
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(count)]
