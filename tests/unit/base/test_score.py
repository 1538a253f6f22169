"""Scores: arithmetic with infinity, words, spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.score import INFINITY, add_scores, parse_score, show_score

SCORES = st.integers(-INFINITY, INFINITY)


@given(SCORES)
def test_minus_infinity_wins(score: int) -> None:
    assert add_scores(-INFINITY, score) == add_scores(score, -INFINITY) == -INFINITY


@given(SCORES.filter(lambda score: score > -INFINITY))
def test_infinity_swallows_all_but_minus_infinity(score: int) -> None:
    assert add_scores(INFINITY, score) == add_scores(score, INFINITY) == INFINITY


@given(SCORES, SCORES)
def test_sums_stay_within_infinity(one: int, other: int) -> None:
    assert add_scores(one, other) == add_scores(other, one)
    assert -INFINITY <= add_scores(one, other) <= INFINITY


@given(SCORES)
def test_what_is_shown_is_read_back(score: int) -> None:
    assert parse_score(show_score(score)) == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("INFINITY", INFINITY),
        ("+INFINITY", INFINITY),
        ("-INFINITY", -INFINITY),
        ("2000000", INFINITY),
        ("-9999999", -INFINITY),
        ("12", 12),
        (None, 0),
        ("red", -INFINITY),
    ],
)
def test_parse_score(text: str | None, score: int) -> None:
    assert parse_score(text, {"red": -INFINITY}) == score
