"""The vigil over a process: silence for the bound is hanging, a pause together with the supervisor is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hacluster.base.machine import Instant
from hacluster.node.vigil import STEPS, Look, Vigil

BOUND = 3_000
STEP = BOUND // STEPS


def test_one_that_answers_never_hangs():
    vigil = Vigil(BOUND, Instant(0))
    for step in range(1, 100):
        assert vigil.look(Instant(step * STEP - 1)) is Look.WAIT
        assert vigil.look(Instant(step * STEP)) is Look.ASK
        vigil.heard()


def test_one_that_falls_silent_is_found_after_the_bound_and_soon():
    vigil = Vigil(BOUND, Instant(0))
    assert vigil.look(vigil.deadline()) is Look.ASK
    vigil.heard()
    silent_since = STEP
    assert [vigil.look(Instant(silent_since + n * STEP)) for n in (1, 2)] == [Look.ASK, Look.ASK]
    assert vigil.look(Instant(silent_since + BOUND)) is Look.HUNG


def test_one_that_never_said_a_word_is_found_too():
    vigil = Vigil(BOUND, Instant(7))
    assert [vigil.look(Instant(7 + n * STEP)) for n in (1, 2, 3)] == [Look.ASK, Look.ASK, Look.HUNG]


def test_it_stays_hung_until_it_is_ended():
    vigil = Vigil(BOUND, Instant(0))
    looks = [vigil.look(Instant(n * STEP)) for n in range(1, 6)]
    assert looks == [Look.ASK, Look.ASK, Look.HUNG, Look.HUNG, Look.HUNG]


@given(st.integers(0, 10_000_000), st.integers(0, STEP - 1))
def test_a_pause_of_the_supervisor_itself_hangs_nobody(pause, late):
    """It had answered the last question before the pause, and has a whole step to answer after it."""
    vigil = Vigil(BOUND, Instant(0))
    vigil.look(Instant(STEP))
    vigil.heard()
    vigil.look(Instant(2 * STEP))  # asked, then everything stood still
    woken = Instant(2 * STEP + late + pause)
    assert vigil.look(woken) is not Look.HUNG
    assert vigil.deadline() > woken


@given(st.lists(st.integers(1, 5 * BOUND), max_size=50))
def test_no_gap_counts_for_more_than_a_step(gaps):
    vigil, now, asked = Vigil(BOUND, Instant(0)), 0, 0
    for gap in gaps:
        now += gap
        look = vigil.look(Instant(now))
        asked += look is not Look.WAIT
        assert (look is Look.HUNG) == (look is not Look.WAIT and asked >= STEPS)
