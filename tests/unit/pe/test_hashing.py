"""The order of names and nodes in the original's tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.pe.assign.hashing import table_order


def test_known_order() -> None:
    """As traces of the original show it."""
    assert table_order(["1", "2", "3", "4", "5", "guest51"]) == ["1", "3", "5", "guest51", "2", "4"]


@pytest.mark.parametrize(
    ("configured", "printed"),
    [
        ("power cpu-2 memory vcpu disk bandwidth z io", "io z power bandwidth cpu-2 memory vcpu disk"),
        (
            "net hv_memory b disk io ipaddr z bandwidth memory ram cpu",
            "cpu disk io z net bandwidth ram hv_memory ipaddr b memory",
        ),
        (
            "bandwidth io net memory mem Cpu cpu a storage x3 gpu ipaddr vcpu z",
            "a Cpu io mem bandwidth net cpu memory storage x3 gpu z vcpu ipaddr",
        ),
    ],
)
def test_order_of_a_table_that_has_grown(configured: str, printed: str) -> None:
    """As crm_simulate prints the capacities of a node."""
    assert table_order(configured.split()) == printed.split()


@given(st.lists(st.text(min_size=1), unique=True, max_size=200))
def test_nothing_is_lost(keys: list[str]) -> None:
    assert sorted(table_order(keys)) == sorted(keys)
