"""Named timers, and what waits for the disk."""

from __future__ import annotations

import pytest

from hacluster.base.effects import Append, Persist
from hacluster.base.machine import Instant
from hacluster.base.timers import Timers
from hacluster.base.writes import Writes


def fired(timers: Timers[str], now: int) -> list[str]:
    found = []
    while (name := timers.pop(Instant(now))) is not None:
        found.append(name)
    return found


def test_they_fire_in_order_and_once() -> None:
    timers: Timers[str] = Timers()
    timers.set("late", Instant(0), 20)
    timers.set("soon", Instant(0), 10)
    timers.set("with soon", Instant(5), 5)
    assert timers.deadline() == 10
    assert fired(timers, 9) == []
    assert fired(timers, 30) == ["soon", "with soon", "late"]
    assert timers.deadline() is None


def test_setting_again_moves_and_cancel_forgets() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", Instant(0), 10)
    timers.set("a", Instant(0), 50)
    timers.set("b", Instant(0), 20)
    timers.cancel("b")
    timers.cancel("never set")
    assert timers.deadline() == 50
    assert "b" not in timers
    assert fired(timers, 40) == []
    timers.sooner("a", Instant(0), 60)
    assert timers.when("a") == 50
    timers.sooner("a", Instant(0), 45)
    assert fired(timers, 45) == ["a"]


def test_a_timer_that_is_moved_for_ever_does_not_fill_the_memory() -> None:
    timers: Timers[str] = Timers()
    for now in range(10_000):
        timers.set("again", Instant(now), 100)
    assert len(timers._heap) < 100
    assert timers.deadline() == 10_099


def test_what_follows_a_write_is_handed_out_in_order() -> None:
    disk: Writes[str] = Writes()
    first = disk.after(Persist("a", b"1", 0), "one", "two")
    second = disk.after(Append("b", b"2", 0), "three")
    assert (first.token, second.token, len(disk)) == (1, 2, 2)
    with pytest.raises(AssertionError, match="before"):
        disk.ended(second.token)
    assert disk.ended(first.token) == ("one", "two")
    assert disk.ended(second.token) == ("three",)
    with pytest.raises(AssertionError, match="nothing waits"):
        disk.ended(3)
