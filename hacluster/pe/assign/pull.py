"""What a primitive, and every primitive that is to be with it, adds to a score row: one sum instead of a walk.

Colocations make chains, and every link of a chain is asked what all that follow it would like. The answer is a sum of
weighted scores per node, taken in order, that sticks at an infinity once it gets there. Such a sum is known by its
total and by the lowest and highest value on the way, and two of them make one; so each link needs its own share and
what the next one has found already. Where that is not the whole truth (a sum that could stick at either end, a row that
would lose all its nodes on the way, anything but plain primitives) the answer is ``None``, and the chain is walked.
"""

from __future__ import annotations

import functools
import struct
from typing import Final

from hacluster.base.score import INFINITY
from hacluster.pe.assign.attributes import BY_NAME
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.pulls import Pull, Pulls
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import has_influence

_MUST: Final = 10**9
_MUST_NOT: Final = -(10**15)
_FORBIDDEN: Final = -(10**14)
"""Sums below this have met ``-INFINITY`` on the way; no number of ``INFINITY`` makes up for that."""
_FLOAT: Final = struct.Struct("f")


@functools.lru_cache(maxsize=4096)
def _single(value: float) -> float:
    """The value in single precision: the format in which these factors have always been computed."""
    unpacked: tuple[float] = _FLOAT.unpack(_FLOAT.pack(value))
    return unpacked[0]


def factor_of(colocation: Colocation, factor: float = 1.0) -> float:
    """The weight of a colocation: its score as a share of infinity, of the weight of the one that leads to it."""
    return _single(_single(factor * colocation.score) / INFINITY)


def _only_place(rsc: Resource) -> bool:
    return sum(score >= 0 for score in rsc.allowed.values()) == 1


def fruitless(colocation: Colocation, score: int) -> bool:
    """Whether a node that an anti-colocated resource avoids is no better for the other one because of that.

    It is if that is what keeps the resource running: it has one node only, and the other one would rather move there.
    """
    if colocation.primary.stickiness >= -score or not has_influence(colocation):
        return True
    return not _only_place(colocation.dependent)


@functools.lru_cache(maxsize=4096)
def weighted(factor: float, score: int) -> int:
    """What a score comes to by its weight; something, however little."""
    share = _single(factor * score)
    change = int(share - 0.5 if share < 0 else share + 0.5)
    if change == 0 and score != 0 and factor != 0.0:
        return 1 if factor > 0.0 else -1
    return change


def _share(rsc: Resource, colocation: Colocation, factor: float) -> list[int]:
    """What the resource alone adds on each node."""
    row, found = rsc.allowed, []
    for node in rsc.cluster.node_table:
        score = row.get(node.idx, -INFINITY) if node.available else -INFINITY
        idle = score == 0 or (factor < 0 and score < 0 and fruitless(colocation, score))
        change = 0 if idle else weighted(factor, score)
        found.append(_MUST_NOT if change <= -INFINITY else _MUST if change >= INFINITY else change)
    return found


def _join(one: Pull, other: Pull) -> Pull:
    """The first sum, then the second."""
    total, low, high = one
    return Pull(
        [first + then for first, then in zip(total, other.total, strict=True)],
        [min(known, first + then) for known, first, then in zip(low, total, other.low, strict=True)],
        [max(known, first + then) for known, first, then in zip(high, total, other.high, strict=True)],
    )


def _work_out(rsc: Resource, colocation: Colocation, factor: float) -> Pull | None:
    share = _share(rsc, colocation, factor)
    found = Pull(share, share, share)
    for entry in rsc.with_this:
        if not has_influence(entry):
            continue
        more = _pull(entry.dependent, entry, factor_of(entry, factor))
        if more is None:
            return None
        pulls = entry.dependent.pulls
        assert pulls is not None, entry.id
        pulls.users.append(rsc)
        found = _join(found, more)
    return found


def _key(colocation: Colocation, factor: float) -> tuple[float, int]:
    """By what the sums of a resource differ; with a negative weight the primary's stickiness has a say."""
    if factor >= 0:
        return factor, -1
    return factor, INFINITY if fruitless(colocation, -INFINITY) else max(0, colocation.primary.stickiness)


def _pull(rsc: Resource, colocation: Colocation, factor: float) -> Pull | None:
    """What ``rsc`` and all that is with it add, by that weight; remembered until one of their rows changes."""
    if rsc.merging or rsc.kind is not Kind.PRIMITIVE or rsc.parent is not None or colocation.attribute not in BY_NAME:
        return None
    pulls, key = rsc.pulls, _key(colocation, factor)
    if pulls is None:
        pulls = rsc.pulls = Pulls()
    elif key in pulls.by_factor:
        return pulls.by_factor[key]
    pulls.by_factor[key] = None  # a colocation that leads back here is none of the simple ones
    found = pulls.by_factor[key] = _work_out(rsc, colocation, factor)
    return found


def pulled(rsc: Resource, row: dict[int, int], colocation: Colocation, factor: float) -> dict[int, int] | None:
    """``row`` with what ``rsc`` and everything that is to be with it would like; ``None`` if it is not that simple."""
    cluster = rsc.cluster
    pull = None if cluster.have_remote_nodes else _pull(rsc, colocation, factor)
    if pull is None:
        return None
    table, stays, work = cluster.node_table, False, {}
    total, low, high = pull
    for idx, score in row.items():
        lowest = low[idx]
        if score <= -INFINITY or lowest < _FORBIDDEN:
            work[idx] = -INFINITY
            continue
        stays = stays or ((score >= INFINITY or score >= max(0, -lowest)) and table[idx].available)
        falls, rises = score + lowest <= -INFINITY, score + high[idx] >= INFINITY
        if score >= INFINITY:
            work[idx] = INFINITY
        elif falls and rises:
            return None
        else:
            work[idx] = -INFINITY if falls else INFINITY if rises else score + total[idx]
    return work if stays else None
