"""When in a schedule an action or an order came to be, as a number that does not depend on what else there is.

Actions are numbered in the order in which they are made. What is made for one resource alone, in a schedule of a part
of the cluster, finds its place among the others by its birth: the stage, and what the stage was looking at.
"""

from __future__ import annotations

from enum import IntEnum


class Stage(IntEnum):
    """The loops that make actions and orders, in the order in which they run, and what they go through."""

    STATUS = 0  # nodes as they are read, histories
    CONSTRAINTS = 1  # constraints
    IMPLIED = 2  # resources
    CHANGES = 3  # nodes, histories
    ASSIGN = 4  # resources
    PROBES = 5  # nodes, resources
    ACTIONS = 6  # resources
    GRAPH = 16  # resources


_MAJOR_SHIFT = 48
_STAGE_SHIFT = 96
_ORDERED = 8 << _STAGE_SHIFT


def birth(stage: Stage, major: int, minor: int) -> int:
    """The birth of what is made now; smaller ones come first."""
    return stage << _STAGE_SHIFT | major << _MAJOR_SHIFT | minor


def birth_for_order(born: int) -> int:
    """The birth of what is made because an order needs it: between the stages, in the order of the orders."""
    return _ORDERED | born
