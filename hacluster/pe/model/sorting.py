"""Sorting as GLib sorts lists, for comparisons whose outcome depends on how they are asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def merge_sort(items: list[T], compare: Callable[[T, T], int]) -> list[T]:
    """Sort by halves, as GLib sorts lists.

    Which order comes out of a comparison that is not transitive (capacities of different kinds, operations of which
    some have no call id) depends on that.
    """
    if len(items) < 2:
        return items
    if len(items) == 2:
        return items if compare(items[0], items[1]) <= 0 else items[::-1]
    middle = len(items) // 2
    left, right = merge_sort(items[:middle], compare), merge_sort(items[middle:], compare)
    merged: list[T] = []
    first = second = 0
    while first < len(left) and second < len(right):
        if compare(left[first], right[second]) <= 0:
            merged.append(left[first])
            first += 1
        else:
            merged.append(right[second])
            second += 1
    return [*merged, *left[first:], *right[second:]]
