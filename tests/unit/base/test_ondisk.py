"""Save before send: what waits for a write comes after it, in order, and not for ever."""

from hacluster.base.effects import MachineName, Persist, Say, Send
from hacluster.base.machine import Instant
from hacluster.base.ondisk import OnDisk
from hacluster.base.report import Severity

A, B, C = (Send(MachineName.LRM, word) for word in "abc")
WORD = Say(Severity.INFO, "s", "c", "t")


def persist(token: int) -> Persist:
    return Persist("k", b"", token)


def test_effects_come_after_their_write_and_nothing_overtakes() -> None:
    disk = OnDisk()
    assert disk.after(persist(1), [A, WORD], Instant(0)) == [persist(1), WORD]
    assert disk.behind([B]) == []
    assert disk.after(persist(2), [C], Instant(1)) == [persist(2)]
    assert disk.settled(1) == [A, B]
    assert disk.settled(1) == []
    assert disk.settled(2) == [C]
    assert disk.behind([A]) == [A]
    assert disk.deadline() is None


def test_a_later_answer_stands_for_the_earlier_ones() -> None:
    disk = OnDisk()
    disk.after(persist(1), [A], Instant(0))
    disk.after(persist(2), [B], Instant(0))
    assert disk.settled(2) == [A, B]


def test_a_disk_that_hangs_is_not_waited_for_until_it_answers() -> None:
    disk = OnDisk(100)
    disk.after(persist(1), [A], Instant(0))
    disk.after(persist(2), [B], Instant(50))
    assert disk.deadline() == 100
    assert disk.overdue(Instant(99)) == []
    assert disk.overdue(Instant(100)) == [A, B]
    assert disk.after(persist(3), [C], Instant(101)) == [persist(3), C]
    assert disk.deadline() is None
    assert disk.settled(2) == []
    assert disk.late
    disk.settled(3)
    assert disk.after(persist(4), [C], Instant(102)) == [persist(4)]
