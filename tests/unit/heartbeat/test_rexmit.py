"""Numbers, history, gaps, acknowledgements."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.base.dice import Dice
from hacluster.base.limits import MAX_HISTORY, MAX_MISSING
from hacluster.base.machine import Instant
from hacluster.heartbeat.rexmit import MAX_RESEND, RESEND_HOLD_MS, Arrival, Receiver, SentHistory


def _history(count):
    history = SentHistory()
    for number in range(1, count + 1):
        assert history.keep(f"message {number}") == number
    history.check()
    return history


def test_what_is_asked_for_is_resent_as_it_was_once_in_240_ms():
    history = _history(10)
    assert history.resend("beta", 3, 4, Instant(0)).entries == ("message 3", "message 4")
    assert history.resend("beta", 3, 4, Instant(RESEND_HOLD_MS - 1)).entries == ()
    assert history.resend("beta", 3, 3, Instant(RESEND_HOLD_MS)).entries == ("message 3",)


def test_requests_beyond_what_was_sent_or_already_acknowledged_are_ignored():
    history = _history(10)
    assert history.resend("beta", 11, 10**9, Instant(0)).entries == ()
    assert history.acknowledged("beta", 8)
    assert history.resend("beta", 1, 9, Instant(0)).entries == ("message 9",)
    assert history.resend("gamma", 8, 8, Instant(0)).entries == ("message 8",)


def test_one_request_gets_at_most_fifty():
    assert len(_history(200).resend("beta", 1, 200, Instant(0)).entries) == MAX_RESEND


def test_what_is_too_old_is_refused_and_the_history_stays_bounded():
    history = _history(MAX_HISTORY + 7)
    answer = history.resend("beta", 6, 9, Instant(0))
    assert answer.refused == ((6, "seqno too low"), (7, "seqno too low"))
    assert answer.entries == ("message 8", "message 9")


def test_only_news_counts_as_an_acknowledgement():
    history = _history(10)
    assert history.acknowledged("beta", 5)
    assert not history.acknowledged("beta", 5)
    assert not history.acknowledged("beta", 11)
    assert history.lag(["beta"]) == (5, "beta")


def test_a_node_that_joins_late_does_not_lag_for_what_was_before():
    history = _history(300)
    history.joined("beta")
    assert history.lag(["beta"]) == (0, "beta")
    assert history.resend("beta", 299, 299, Instant(0)).entries == ("message 299",)


def _receiver(residue=5, delay=250, seed=1):
    return Receiver(Dice(seed), delay, residue)


def test_the_first_number_is_taken_as_it_is():
    receiver = _receiver()
    assert receiver.arrive(41, Instant(0)) is Arrival.NEW
    assert receiver.arrive(41, Instant(0)) is Arrival.DUPLICATE
    assert receiver.arrive(40, Instant(0)) is Arrival.OLD
    assert receiver.acknowledge() is None


def test_a_gap_is_asked_for_after_50_to_250_ms_and_again_until_it_closes():
    for seed in range(50):
        receiver = _receiver(seed=seed)
        receiver.arrive(1, Instant(0))
        assert receiver.arrive(4, Instant(0)) is Arrival.GAP
        due = receiver.deadline()
        assert 50 <= due <= 250
        assert receiver.requests(Instant(due - 1)) == []
        assert receiver.requests(due) == [(2, 3)]
        assert receiver.requests(Instant(due + 249)) == []
        assert receiver.arrive(2, Instant(due)) is Arrival.FILLED
        assert receiver.arrive(2, Instant(due)) is Arrival.OLD
        assert receiver.requests(Instant(due + 250)) == [(3, 3)]
        receiver.check()


def test_more_than_250_missing_begins_anew():
    receiver = _receiver()
    receiver.arrive(1, Instant(0))
    assert receiver.arrive(MAX_MISSING + 2, Instant(0)) is Arrival.GAP
    assert receiver.arrive(MAX_MISSING + 4, Instant(0)) is Arrival.RESYNC
    assert not receiver.missing
    receiver.check()


def test_acknowledgements_wait_for_gaps_and_then_name_the_highest_of_the_residue():
    receiver = _receiver(residue=5)
    for seq in (1, 2, 3, 4, 6, 7, 14, 15, 16):
        receiver.arrive(seq, Instant(0))
        assert receiver.acknowledge() is None
    receiver.arrive(5, Instant(0))
    assert receiver.acknowledge() == 5
    for seq in range(8, 14):
        receiver.arrive(seq, Instant(0))
    assert receiver.acknowledge() == 15
    assert receiver.acknowledge() is None


def test_what_the_sender_cannot_resend_is_given_up():
    receiver = _receiver(residue=3)
    receiver.arrive(1, Instant(0))
    receiver.arrive(4, Instant(0))
    assert receiver.give_up(2)
    assert not receiver.give_up(2)
    assert receiver.give_up(3)
    assert receiver.acknowledge() == 3
    receiver.check()


@settings(max_examples=150, deadline=None)
@given(st.permutations(range(1, 25)), st.lists(st.integers(1, 24), max_size=40), st.integers(0, 9))
def test_each_number_is_delivered_once_in_whatever_order(order, again, residue):
    receiver = _receiver(residue=residue)
    start = order[0]
    delivered = []
    for seq in [*order, *again]:
        if receiver.arrive(seq, Instant(0)).deliver:
            delivered.append(seq)
        receiver.check()
        receiver.acknowledge()
    assert sorted(delivered) == list(range(start, 25))
    assert receiver.acked <= 24
