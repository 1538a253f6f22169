from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.haresources.hold import common, has, minus, mirror, union, word
from hacluster.msg.haresources import Hold

HOLDS = st.sampled_from(list(Hold))
SETS = {Hold.NONE: set(), Hold.LOCAL: {"l"}, Hold.FOREIGN: {"f"}, Hold.ALL: {"l", "f"}}


@given(HOLDS, HOLDS)
def test_it_is_the_algebra_of_sets(a, b):
    assert SETS[union(a, b)] == SETS[a] | SETS[b]
    assert SETS[minus(a, b)] == SETS[a] - SETS[b]
    assert SETS[common(a, b)] == SETS[a] & SETS[b]
    assert has(a, b) == (SETS[b] <= SETS[a])


@given(HOLDS)
def test_the_mirror_swaps_local_and_foreign(a):
    swapped = {"l": "f", "f": "l"}
    assert SETS[mirror(a)] == {swapped[side] for side in SETS[a]}
    assert mirror(mirror(a)) is a


def test_only_the_four_words_are_words():
    assert [word(hold.value) for hold in Hold] == list(Hold)
    assert [word(text) for text in (None, "", "LOCAL", "failback")] == [None] * 4
