"""When in a schedule an action or an order came to be, as numbers that do not depend on what else there is.

Actions are numbered in the order in which they are made. What is made for one resource alone, in a schedule of a part
of the cluster, finds its place among the others by its birth: the stage, and what the stage was looking at.
"""

from __future__ import annotations

from enum import IntEnum

Birth = tuple[int, ...]
"""Smaller ones come first."""


class Stage(IntEnum):
    """The loops that make actions and orders, in the order in which they run, and what they go through."""

    NODES = 0  # node states
    STATUS = 1  # nodes as they are read, histories
    CONTAINERS = 2  # containers
    CONSTRAINTS = 3  # constraints
    LOCKS = 4  # resources
    IMPLIED = 5  # resources
    CHANGES = 6  # nodes, histories
    ASSIGN = 7  # resources
    LATE = 8  # what STATUS and CHANGES have put off, the newest first
    PROBES = 9  # nodes, resources
    ACTIONS = 10  # resources
    REMOTE = 11  # actions, the newest first
    FENCING = 12  # nodes, resources
    ORDERS = 13  # orders
    GRAPH = 14  # resources
    END = 15


def newest_first(stage: Stage, born: Birth) -> Birth:
    """The birth of what is made in a stage that looks at things in the reverse of their births."""
    return (stage, *(-part for part in born))
