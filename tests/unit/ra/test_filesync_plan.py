"""When filesync sends what."""

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

PLAN = importlib.import_module("hacluster_ra.filesync_plan")


def target(**changes: float) -> Any:
    return PLAN.Target("web2::www", **{"quiet_s": 0.5, "retry_s": 2, "retry_max_s": 60, **changes})


def test_a_burst_is_one_sending() -> None:
    one = target()
    assert one.due() is None
    for number in range(8):
        one.note({f"d{number % 3}"}, 10 + number / 10)
        assert one.due() == pytest.approx(10 + number / 10 + 0.5)
    assert one.begin(11.3) == (False, frozenset({"d0", "d1", "d2"}))
    assert one.due() is None
    one.end("", 12)
    assert (one.is_behind, one.lag(20), one.finished) == (False, 0, 12)


def test_a_burst_without_end_is_sent_all_the_same() -> None:
    one = target()
    for number in range(100):
        one.note({"."}, number / 10)
    assert one.due() == pytest.approx(5)
    one.begin(9.9)
    for number in range(100, 200):
        one.note({"."}, number / 10)
    one.end("", 19.9)
    assert one.due() == pytest.approx(14.9)


def test_a_failure_is_tried_again_later_each_time_with_all_that_came() -> None:
    one = target()
    one.note({"a"}, 0)
    at, waits = 0.5, []
    for number in range(8):
        one.begin(at)
        one.note({f"b{number}"}, at)
        one.end("connection refused", at)
        waits.append(one.due() - at)
        at = one.due()
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert (one.error, one.failures, one.lag(at)) == ("connection refused", 8, at)
    assert one.begin(at) == (False, frozenset({"a", *(f"b{n}" for n in range(8))}))
    one.end("", at + 1)
    assert (one.error, one.failures, one.is_behind) == ("", 0, False)


def test_many_directories_or_lost_events_are_the_whole_tree() -> None:
    one = target()
    one.note({str(number) for number in range(PLAN.MOST_DIRECTORIES + 1)}, 0)
    assert one.begin(1) == (True, frozenset())
    one.note({"a"}, 1)
    one.end("no route", 2)
    assert one.begin(5) == (True, frozenset())
    one.end("", 6)
    one.note_all(7)
    assert one.begin(8) == (True, frozenset())


def test_what_comes_while_it_is_sent_is_sent_again_and_counts_as_lag() -> None:
    one = target()
    one.note({"a"}, 0)
    one.begin(1)
    one.note({"a"}, 2)
    one.end("", 3)
    assert one.lag(4) == 3
    assert one.begin(4) == (False, frozenset({"a"}))


@given(st.lists(st.tuples(st.sampled_from(["note", "all", "run", "fail"]), st.floats(0, 3)), max_size=60))
def test_nothing_is_forgotten(steps: list[tuple[str, float]]) -> None:
    """What was noted is in a sending that worked after it, or waits with a time at which it is due."""
    one, now, lacking = target(), 0.0, set[str]()
    for number, (step, wait) in enumerate(steps):
        now += wait
        if step == "note":
            one.note({str(number)}, now)
            lacking.add(str(number))
        elif step == "all":
            one.note_all(now)
            lacking.add("everything")
        elif one.due() is not None and one.due() <= now:
            whole, directories = one.begin(now)
            one.end("" if step == "run" else "no", now)
            if step == "run":
                lacking = set() if whole else lacking - directories
        assert (one.due() is not None) == bool(lacking)
        assert one.is_behind == bool(lacking)
