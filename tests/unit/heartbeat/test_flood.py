"""A flood of what is not ours: the driver is asked to drop it, and afterwards to let everything in again."""

from __future__ import annotations

from hacluster.base.effects import Screen
from hacluster.config.settings import Seal
from hacluster.heartbeat.flood import FLOOD_PER_S, HOLD_MS
from hacluster.msg.driver import Tick
from hacluster.wire.screen import Entry, judge

FOREIGN = b"###\n9:(0)t=status,%%%\n39:1 " + b"0" * 40 + b","


def flood(box, now, count=FLOOD_PER_S):
    """So many datagrams of a stranger in one moment; what the machine asks for."""
    return [e for _ in range(count) for e in box.receive(FOREIGN, now, source="10.6.6.6") if isinstance(e, Screen)]


def pair(lan, **changes):
    made = lan(seal_keys=(b"secret",), **changes)
    made.boot("alpha")
    made.boot("beta")
    made.run(5_000)
    return made, made.boxes["alpha"], made.boxes["beta"]


def test_a_wrong_key_in_quiet_times_is_said_and_changes_nothing(lan):
    made, alpha, _ = pair(lan, seal=Seal.ON)
    assert flood(alpha, made.now, FLOOD_PER_S - 1) == []
    assert flood(alpha, made.now + 1_000, FLOOD_PER_S - 1) == []
    assert "datagram-refused" in alpha.codes()
    assert "flooded" not in alpha.codes()


def test_during_a_flood_only_what_looks_like_a_node_is_let_in(lan):
    made, alpha, beta = pair(lan, seal=Seal.ON)
    (screen,) = flood(alpha, made.now)
    assert alpha.codes().count("flooded") == 1
    assert screen.strict
    assert not screen.classic
    assert judge(screen, FOREIGN, "10.0.0.4") is Entry.DROPPED
    heard = [data for _, _, data in beta.sent]
    assert heard
    assert {judge(screen, data, "10.9.9.9") for data in heard} == {Entry.ADMITTED}
    assert flood(alpha, made.now + 5) == []


def test_a_node_that_begins_anew_meanwhile_is_sampled_and_then_let_in(lan):
    made, alpha, beta = pair(lan, seal=Seal.ON)
    (screen,) = flood(alpha, made.now)
    before = len(beta.sent)
    new = made.boot("beta")
    assert before
    assert {judge(screen, data, "10.0.0.4") for _, _, data in new.sent} == {Entry.SAMPLED}
    since = len(alpha.sent)
    screens = []
    original = alpha.give

    def give(event, now=None):
        effects = original(event, now)
        screens.extend(e for e in effects if isinstance(e, Screen))
        return effects

    alpha.give = give
    made.run(3_000)
    assert len(alpha.sent) > since
    assert {judge(screens[-1], data, "10.0.0.4") for _, _, data in new.sent[-3:]} == {Entry.ADMITTED}


def test_classic_datagrams_are_told_by_their_address(lan):
    made, alpha, beta = pair(lan, seal=Seal.OFF)
    (screen,) = flood(alpha, made.now)
    assert screen.classic
    heard = [data for _, _, data in beta.sent]
    assert {judge(screen, data, "10.0.0.5") for data in heard} == {Entry.ADMITTED}
    assert {judge(screen, data, "10.6.6.6") for data in heard} == {Entry.SAMPLED}


def test_when_it_is_over_everything_is_looked_at_again(lan):
    made, alpha, _ = pair(lan, seal=Seal.ON)
    flood(alpha, made.now)
    effects = []
    end = made.now + HOLD_MS
    while alpha.machine.deadline() <= end:
        effects += alpha.give(Tick(), alpha.machine.deadline())
    assert [e for e in effects if isinstance(e, Screen)] == [Screen()]
    (again,) = flood(alpha, end + 1)
    assert again.strict
