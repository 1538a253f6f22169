"""Levels: which devices fence a target together, and in which order sets of them are tried."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hacluster.msg.stonith import FencedNode, Level


def _belongs(level: Level, target: str, attributes: dict[str, str]) -> bool:
    if level.pattern:
        try:
            return re.search(level.pattern, target) is not None
        except re.error:
            return False
    return bool(level.attribute) and attributes.get(level.attribute) == level.value


def _whose(level: Level) -> tuple[str, str, str, str]:
    return level.target, level.pattern, level.attribute, level.value


def levels_of(target: str, levels: Sequence[Level], nodes: Sequence[FencedNode]) -> tuple[Level, ...]:
    """The levels of a target, in their order: those of its name if there are any, else of the first that fits.

    Several entries with one index are one level with the devices of all.
    """
    own = [level for level in levels if level.target and level.target.lower() == target.lower()]
    if not own:
        attributes = next((dict(node.attributes) for node in nodes if node.name == target), {})
        first = next((level for level in levels if not level.target and _belongs(level, target, attributes)), None)
        own = [level for level in levels if first is not None and _whose(level) == _whose(first)]
    merged: dict[int, tuple[str, ...]] = {}
    for level in own:
        merged[level.index] = (*merged.get(level.index, ()), *level.devices)
    return tuple(Level(index, merged[index], target) for index in sorted(merged))
