from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.wire.replay import WINDOW, ReplayWindow


@given(st.lists(st.integers(0, 5 * WINDOW) | st.integers(0, 40), max_size=200))
def test_it_is_a_set_with_a_horizon(counters: list[int]) -> None:
    window, seen, highest = ReplayWindow(), set(), 0
    for counter in counters:
        expected = counter >= 1 and counter not in seen and counter > highest - WINDOW
        assert window.accept(counter) == expected
        if expected:
            seen.add(counter)
            highest = max(highest, counter)
        assert window.highest == highest


def test_edges() -> None:
    window = ReplayWindow()
    assert window.accept(WINDOW)
    assert window.accept(1)
    assert not window.accept(0)
    assert window.accept(WINDOW + 1)
    assert not window.accept(1)
    assert window.accept(2)
    assert window.accept((1 << 64) - 1)
    assert not window.accept(WINDOW + 1)
