"""Why: the causes that the ledger keeps with every score and every decision that is not a score.

A cause is a word of the closed set :class:`Why` with the id of what is behind it, as the CIB has it. What a cause of
each kind names is said beside the word; ``node`` is where it happened when that is not where it counts.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Why(Enum):
    """Kinds of causes, and whose id each names."""

    BASE = "base"  # "symmetric-cluster": every node starts with its own score
    NODE = "node"  # a node: its own score
    LOCATION = "location"  # an rsc_location, or the rule in it
    HEALTH = "health"  # a node whose health attributes count
    COLOCATION = "colocation"  # an rsc_colocation, or the resource_set in it
    GROUP = "group"  # a group: its members are together
    CONTAINER = "container"  # the container, or the bundle, that it belongs to
    STICKINESS = "stickiness"  # the resource with resource-stickiness
    FAIL_LIMIT = "fail-limit"  # the resource with a migration-threshold
    STOP_FAILED = "stop-failed"  # the failed operation
    HARD_ERROR = "hard-error"  # the failed operation
    FATAL_ERROR = "fatal-error"  # the failed operation
    MASKED_PROBE = "masked-probe"  # the probe that found the agent unable to run
    ON_FAIL = "on-fail"  # the failed operation whose on-fail decides
    TICKET = "ticket"  # an rsc_ticket, or the resource_set in it
    SHUTDOWN_LOCK = "shutdown-lock"  # the resource; "node" is where it is locked
    TARGET_ROLE = "target-role"  # the resource that is to be stopped
    ORPHAN = "orphan"  # the history of a resource that is not configured
    MULTIPLE_ACTIVE = "multiple-active"  # the resource that is active more than once
    UNMANAGED = "unmanaged"  # the resource that is left alone where it is
    UTILIZATION = "utilization"  # the resource that needs more than a node has
    REMOTE = "remote"  # the resource that cannot be on remote nodes
    EXCLUSIVE = "exclusive"  # the rsc_location with resource-discovery=exclusive
    CLONE_NODE = "clone-node"  # the clone: no instance can use the node
    CLONE_BANNED = "clone-banned"  # the clone: its own score there is negative
    CLONE_FULL = "clone-full"  # the clone: it has clone-node-max instances there
    CLONE_MAX = "clone-max"  # the clone: it has clone-max instances
    BUNDLE = "bundle"  # the bundle: what is inside runs on the bundle's own nodes
    PROMOTION = "promotion"  # the clone whose agent set a promotion score
    PROMOTION_ORDER = "promotion-order"  # the clone: an instance's promotion priority
    KEEP = "keep"  # the resource: colocations would have left it no node
    NODE_STATE = "node-state"  # a node: what is known of its membership
    OPTION = "option"  # a cluster option
    LOST = "lost"  # the resource that is thought to be active on a lost node


class Cause(NamedTuple):
    """Why, and the id of what is behind it.

    For what keeps resources together, ``other`` is the resource on the other side: the one that this one follows, or,
    with ``pulls``, the one that follows this one and has a say in where it goes.
    """

    why: Why
    id: str
    node: str = ""
    other: str = ""
    pulls: bool = False


class What(Enum):
    """Decisions that are no scores."""

    FENCE = "fence"
    BLOCK = "block"
    STANDBY = "standby"
    STOP = "stop"
    RECOVER = "recover"


class Decision(NamedTuple):
    """Something decided about a resource or node (by its id or name). ``text`` is the reason that people see."""

    what: What
    subject: str
    cause: Cause
    text: str = ""


class Contest(NamedTuple):
    """How the nodes stood when a resource got its place: number, score and instances there already, best first.

    ``preferred`` is the node that was asked for: where an instance of a clone is, or has most room.
    """

    places: list[tuple[int, int, int]]
    preferred: str | None
