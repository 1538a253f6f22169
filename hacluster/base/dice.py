"""Dice: the only randomness below the drivers, a pure generator seeded from outside.

SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). It is for delays,
residues and simulated faults; never for keys or nonces.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1


class Dice:
    """A deterministic sequence: the same seed gives the same throws on every machine and Python."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def _next(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """An integer in ``0 <= n < bound``; bound is at least 1."""
        assert bound >= 1, bound
        return self._next() % bound

    def between(self, low: int, high: int) -> int:
        """An integer in ``low <= n <= high``."""
        assert low <= high, (low, high)
        return low + self.below(high - low + 1)

    def chance(self, per_million: int) -> bool:
        """True with a probability of ``per_million`` / 1,000,000."""
        return self.below(1_000_000) < per_million

    def fork(self) -> Dice:
        """An independent sequence, so that one user's throws do not shift another's."""
        return Dice(self._next())
