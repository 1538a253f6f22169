"""What a resource and all that is to be with it add to the score rows of others (:mod:`hacluster.pe.assign.pull`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hacluster.pe.model.resource import Resource


class Pull(NamedTuple):
    """By node number: the sum, and its lowest and highest value on the way."""

    total: list[int]
    low: list[int]
    high: list[int]


class Pulls:
    """The sums of one resource by weight, ``None`` where one sum does not say it, and whose sums hold them."""

    __slots__ = ("by_factor", "users")

    def __init__(self) -> None:
        self.by_factor: dict[tuple[float, int], Pull | None] = {}
        self.users: list[Resource] = []
