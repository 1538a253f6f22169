"""The order of nodes in the original's tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.pe.assign.hashing import table_order


def test_known_order() -> None:
    """As traces of the original show it."""
    assert table_order(["1", "2", "3", "4", "5", "guest51"]) == ["1", "3", "5", "guest51", "2", "4"]


@given(st.lists(st.text(min_size=1), unique=True, max_size=200))
def test_nothing_is_lost(keys: list[str]) -> None:
    assert sorted(table_order(keys)) == sorted(keys)
