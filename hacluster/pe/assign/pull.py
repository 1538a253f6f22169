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
from hacluster.pe.model.constraints import Colocation
from hacluster.pe.model.kinds import Kind
from hacluster.pe.model.pulls import Pull, Pulls
from hacluster.pe.model.resource import Resource
from hacluster.pe.operation.colocating import has_influence

BY_NAME: Final = (None, "#uname")
"""The node attributes of colocations that mean the node itself."""

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


def factor_of(colocation: Colocation, sign: float = 1.0) -> float:
    """The weight of a colocation: its score as a share of infinity."""
    return _single(_single(sign * colocation.score) / INFINITY)


@functools.lru_cache(maxsize=4096)
def weighted(factor: float, score: int) -> int:
    """What a score comes to by its weight; something, however little."""
    share = _single(factor * score)
    change = int(share - 0.5 if share < 0 else share + 0.5)
    if change == 0 and score != 0 and factor != 0.0:
        return 1 if factor > 0.0 else -1
    return change


def _share(rsc: Resource, factor: float) -> list[int]:
    """What the resource alone adds on each node."""
    row, found = rsc.allowed, []
    for node in rsc.cluster.node_table:
        score = row.get(node.idx, -INFINITY) if node.available else -INFINITY
        change = 0 if score == 0 or (factor < 0 and score < 0) else weighted(factor, score)
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


def _work_out(rsc: Resource, factor: float) -> Pull | None:
    share = _share(rsc, factor)
    found, sign = Pull(share, share, share), -1.0 if factor < 0.0 else 1.0
    for entry in rsc.with_this:
        if not has_influence(entry):
            continue
        more = _pull(entry.dependent, factor_of(entry, sign)) if entry.attribute in BY_NAME else None
        if more is None:
            return None
        pulls = entry.dependent.pulls
        assert pulls is not None, entry.id
        pulls.users.append(rsc)
        found = _join(found, more)
    return found


def _pull(rsc: Resource, factor: float) -> Pull | None:
    """What ``rsc`` and all that is with it add, by that weight; remembered until one of their rows changes."""
    if rsc.merging or rsc.kind is not Kind.PRIMITIVE:
        return None
    pulls = rsc.pulls
    if pulls is None:
        pulls = rsc.pulls = Pulls()
    elif factor in pulls.by_factor:
        return pulls.by_factor[factor]
    pulls.by_factor[factor] = None  # a colocation that leads back here is none of the simple ones
    found = pulls.by_factor[factor] = _work_out(rsc, factor)
    return found


def pulled(rsc: Resource, row: dict[int, int], factor: float) -> dict[int, int] | None:
    """``row`` with what ``rsc`` and everything that is to be with it would like; ``None`` if it is not that simple."""
    cluster = rsc.cluster
    pull = None if cluster.have_remote_nodes else _pull(rsc, factor)
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
