"""Dates and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.iso8601 import Moment, parse_moment


@given(st.integers(0, 4_000_000_000), st.integers(-14, 14))
def test_epoch_does_not_depend_on_the_offset(seconds: int, hours: int) -> None:
    assert Moment.from_epoch(seconds, hours * 3600).epoch == seconds


@given(st.integers(0, 4_000_000_000), st.integers(-12, 12))
def test_what_is_shown_is_read_back(seconds: int, hours: int) -> None:
    moment = Moment.from_epoch(seconds, hours * 3600)
    assert parse_moment(moment.show()) == moment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2005-020", "2005-01-20 00:00:00Z"),
        ("2019-W01-2", "2019-01-01 00:00:00Z"),
        ("20191231T235959Z", "2019-12-31 23:59:59Z"),
        ("2019-12-31 12:00 +01:00", "2019-12-31 12:00:00 +01:00"),
    ],
)
def test_forms(text: str, shown: str) -> None:
    moment = parse_moment(text, 0)
    assert moment is not None
    assert moment.show() == shown


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01", "2019-02-30", "2019-W60-1"])
def test_what_is_no_date(text: str) -> None:
    assert parse_moment(text, 0) is None


def test_months_end_where_they_end() -> None:
    assert Moment.from_epoch(1_675_123_200).plus_months(1).show() == "2023-02-28 00:00:00Z"
