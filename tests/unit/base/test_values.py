"""Values of attributes: numbers, intervals, booleans, versions, names."""

from __future__ import annotations

from functools import cmp_to_key

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.values import (
    duration_seconds,
    int_or,
    interval_ms,
    is_true,
    min_int,
    msec,
    name_order,
    scan_int,
    truth,
    version_parts,
)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["", "x", " apples", ".5"]))
def test_the_integer_that_a_text_begins_with(number: int, tail: str) -> None:
    assert scan_int(f"{number}{tail}") == number


@given(st.text())
def test_no_text_is_too_odd_for_a_number(text: str) -> None:
    assert scan_int(text) is None or isinstance(scan_int(text), int)
    assert msec(text) >= -1
    assert interval_ms(text) >= 0


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("10", 10_000), ("10s", 10_000), ("2min", 120_000), ("1h", 3_600_000), ("500ms", 500), ("3000us", 3), ("1y", -1)],
)
def test_msec(text: str, milliseconds: int) -> None:
    assert msec(text) == milliseconds


@pytest.mark.parametrize(("text", "milliseconds"), [("PT10S", 10_000), ("P1D", 86_400_000), ("10s", 10_000), (None, 0)])
def test_interval(text: str | None, milliseconds: int) -> None:
    assert interval_ms(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT1M30S", 90), ("P1W", 604_800), ("P1M", 2_592_000), ("nonsense", None)]
)
def test_duration(text: str, seconds: int | None) -> None:
    assert duration_seconds(text) == seconds


def test_booleans() -> None:
    assert [truth(word) for word in ("yes", "ON", "1", "n", "FALSE", "0", "maybe", None)] == [
        True, True, True, False, False, False, None, None,
    ]  # fmt: skip
    assert is_true("True")
    assert not is_true("maybe")


def test_defaults() -> None:
    assert (int_or(None, 7), int_or("x", 7), int_or("3", 7)) == (7, -1, 3)
    assert (min_int(None, 2), min_int("1", 2), min_int("5", 2)) == (2, 2, 5)


def test_versions_compare_as_numbers() -> None:
    assert version_parts("3.10.1") > version_parts("3.9.2")


def test_names_with_numbers_sort_as_people_count() -> None:
    names = ["node10", "node9", "node1", "Node2"]
    assert sorted(names, key=cmp_to_key(name_order)) == ["node1", "Node2", "node9", "node10"]
