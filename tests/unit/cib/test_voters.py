"""The list of voters: what it says, and how it may change."""

from __future__ import annotations

from itertools import chain, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.cib.voters import Voters, VotersError, overlap, parse_voters, steps, voters_of

NAMES = ("a", "b", "c", "d")


def subsets(names: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(some) for some in chain.from_iterable(combinations(names, n) for n in range(len(names) + 1))]


@st.composite
def lists(draw: st.DrawFn) -> Voters:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    votes = tuple(sorted((name, draw(st.integers(0, 3))) for name in names))
    total = sum(count for _, count in votes)
    voters = Voters(votes, expected=draw(st.sampled_from((0, 0, total + 1))))
    if draw(st.booleans()):
        voters = Voters(votes, voters.expected, tie_breaker=draw(st.sampled_from(names)))
    elif len(names) == 2 and draw(st.booleans()):
        voters = Voters(tuple((name, 1) for name in sorted(names)), two_node=True)
    return voters if not voters.faults() else voters_of(names)


def test_majority_weights_and_expected() -> None:
    assert not voters_of("abcd").have_quorum("ab")
    assert voters_of("abcd").have_quorum("abc")
    weighted = parse_voters("a=3 b=1 c=1")
    assert weighted.have_quorum("a")
    assert not weighted.have_quorum("bc")
    assert not parse_voters("a=1 b=1 c=1 expected=4").have_quorum("ab")


def test_a_tie_goes_to_the_half_with_the_tie_breaker() -> None:
    voters = voters_of("abcd", tie_breaker="a")
    assert voters.have_quorum("ab")
    assert not voters.have_quorum("cd")
    assert not voters.have_quorum("a")


def test_show_and_parse_are_each_others_inverse() -> None:
    for voters in (
        voters_of("abc"),
        voters_of("abcd", tie_breaker="b", wait_for_all=True),
        voters_of("ab", two_node=True),
        voters_of("abw", witness="w", expected=5),
    ):
        assert parse_voters(voters.show()) == voters


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "nobody votes"),
        ("a=1 a=2", "twice"),
        ("a=x", "neither"),
        ("a=1 b=1 tie-breaker=c", "does not vote"),
        ("a=1 b=1 c=1 two-node", "two voters"),
        ("a=1 b=1 w=1 witness=w tie-breaker=a", "settles a tie"),
        ("a=999999 b=1", "999999 votes"),
    ],
)
def test_a_bad_list_is_refused_with_its_fault(text: str, word: str) -> None:
    with pytest.raises(VotersError, match=word):
        parse_voters(text)


@given(lists(), lists())
def test_overlap_is_what_trying_all_quorums_says(old: Voters, new: Voters) -> None:
    names = tuple(sorted(old.names | new.names))
    apart = any(
        old.have_quorum(one) and new.have_quorum(other) and not one & other
        for one in subsets(names)
        for other in subsets(names)
    )
    assert overlap(old, new) == (not apart)


@given(lists(), lists())
def test_each_step_of_a_change_overlaps_with_the_one_before(old: Voters, new: Voters) -> None:
    way = [old, *steps(old, new)]
    assert way[-1] == new
    for one, other in pairwise(way):
        assert not other.faults() or other.total == 0
        # Two nodes that are each enough alone overlap with nothing, not even themselves: fencing orders them.
        assert overlap(one, other) or (one.two_node and other.two_node) or one.total == 0 or other.total == 0


def test_a_change_of_one_voter_and_the_tie_breaker_at_once_is_too_far() -> None:
    assert not overlap(voters_of("abc"), voters_of("ab", tie_breaker="a"))
    assert [step.show() for step in steps(voters_of("abc"), voters_of("ab", tie_breaker="a"))] == [
        "a=1 b=1 c=0",
        "a=1 b=1 tie-breaker=a",
    ]
