"""The heartbeat that does not leave, seen by who must not hold on to resources without one."""

from __future__ import annotations

import asyncio
import os

import pytest

from hacluster.daemon import beat as module
from hacluster.daemon.beat import Beat, BeatWatch
from hacluster.msg.membership import Mute
from hacluster.node.vigil import mute_bound_ms


def test_what_one_process_notes_another_reads():
    beat = Beat()
    assert beat.last == 0
    pid = os.fork()
    if pid == 0:
        beat.mark()
        os._exit(0)
    os.waitpid(pid, 0)
    assert 0 < beat.last <= module.clock.now()


@pytest.fixture
def hour(monkeypatch):
    """A clock that is set by the test, and a loop's timer that is called by it."""

    class Hour:
        now, timers, told = 1_000_000, [], []

        def call_later(self, delay, callback):
            self.timers.append((self.now + round(delay * 1000), callback))

        def until(self, when, beat=None):
            while self.timers and self.timers[0][0] <= when:
                due, callback = self.timers.pop(0)
                self.now = max(self.now, due)
                if beat is not None:
                    beat.mark()
                callback()
            self.now = when

    made = Hour()
    monkeypatch.setattr(module.clock, "now", lambda: made.now)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: made)
    return made


DEAD = 10_000


def watch(hour, beat):
    made = BeatWatch(beat, DEAD, hour.told.append)
    made.start()
    return made


def test_silence_is_told_once_and_before_the_others_take_over(hour):
    beat = Beat()
    beat.mark()
    watch(hour, beat)
    began = hour.now
    hour.until(began + mute_bound_ms(DEAD) - 1)
    assert hour.told == []
    hour.until(began + DEAD)
    assert [type(each) for each in hour.told] == [Mute]
    assert mute_bound_ms(DEAD) <= hour.told[0].silent_ms <= DEAD
    hour.until(began + 10 * DEAD)
    assert len(hour.told) == 1
    hour.until(hour.now + DEAD, beat)
    hour.until(hour.now + 2 * DEAD)
    assert len(hour.told) == 2, "it spoke, and is silent again"


def test_a_heartbeat_that_leaves_and_one_that_never_did_are_no_silence(hour):
    beat = Beat()
    watch(hour, beat)
    hour.until(hour.now + 10 * DEAD)
    hour.until(hour.now + 10 * DEAD, beat)
    assert hour.told == []


def test_an_exchange_that_the_others_were_told_of_is_no_silence(hour):
    beat = Beat()
    beat.mark()
    watch(hour, beat)
    beat.excuse(hour.now + 3 * DEAD)
    hour.until(hour.now + 3 * DEAD)
    assert hour.told == []
    hour.until(hour.now + DEAD)
    assert len(hour.told) == 1


def test_who_stood_still_himself_looks_again_before_he_believes_it(hour):
    beat = Beat()
    beat.mark()
    watch(hour, beat)
    hour.now += 100 * DEAD
    hour.until(hour.now)
    assert hour.told == []
    beat.mark()
    hour.until(hour.now + DEAD // 2)
    assert hour.told == []
