"""speech: from what a machine says on one node to what a machine hears on another."""

from __future__ import annotations

import random

import pytest

from hacluster.base.effects import MachineName, Say, Send
from hacluster.base.limits import MAX_PIECE, MAX_SPEECH_PIECES, MAX_SPOKEN_AHEAD
from hacluster.base.machine import Instant
from hacluster.base.members import Member, ViewId
from hacluster.cib.store import Position, RequestId, Snapshot
from hacluster.msg.driver import MachineRestarted, Tick
from hacluster.msg.hearing import PulseStarted
from hacluster.msg.replica import CopyOf, WriteAsked
from hacluster.msg.stream import BreakStream, Convey, Conveyed, Gone, Speak, Spoken, StreamBroken, Taken
from hacluster.msg.transition import TaskDone
from hacluster.speech.machine import SpeechMachine

A, B = Member("a", 1, 1), Member("b", 1, 1)
VIEW = ViewId(1, "a", 1, 1)


class Talk:
    """speech of one node, and of another that gets everything as long as there is room."""

    def __init__(self) -> None:
        self.here, self.there = SpeechMachine(), SpeechMachine()
        self.now = 0
        self.spoken: list[Speak] = []
        self.orders: list[object] = []
        self.heard: list[object] = []
        self.said: list[Say] = []

    def give(self, event) -> None:
        for effect in self.here.step(event, Instant(self.now)):
            match effect:
                case Send(to=MachineName.HEARTBEAT, body=Speak() as speak):
                    self.spoken.append(speak)
                case Send(body=body):
                    self.orders.append(body)
                case Say():
                    self.said.append(effect)
        self.here.check()

    def hear(self, data: bytes, sender: Member = A) -> None:
        for effect in self.there.step(Spoken(sender, data), Instant(self.now)):
            (self.said if isinstance(effect, Say) else self.heard).append(effect)
        self.there.check()

    def run(self) -> None:
        """Everything arrives, and more is handed over, until nothing moves."""
        while self.spoken or self.here.deadline() is not None:
            if not self.spoken:
                self.now = int(self.here.deadline())
                self.give(Tick())
                continue
            speak = self.spoken.pop(0)
            if "b" in speak.to:
                self.hear(speak.data)
            for node in speak.to:
                self.give(Gone(node, len(speak.data)))

    def conveyed(self) -> list[object]:
        return [effect.body.body for effect in self.heard if isinstance(effect.body, Conveyed)]


def copy(text: str) -> CopyOf:
    return CopyOf(VIEW, Snapshot(Position(), "digest", text))


def noise(size: int) -> str:
    return random.Random(size).randbytes(size // 2).hex()


def test_a_message_comes_to_the_machine_that_it_names_and_bears_its_sender() -> None:
    talk = Talk()
    talk.give(Convey(("b",), MachineName.CRMD, TaskDone(VIEW, "1:2:0:x", 0)))
    talk.run()
    assert talk.heard == [Send(MachineName.CRMD, Conveyed(A, TaskDone(VIEW, "1:2:0:x", 0)))]


@pytest.mark.parametrize("size", [10, MAX_PIECE - 200, MAX_PIECE + 1, 2_000_000])
def test_a_message_of_any_size_comes_whole_and_in_its_turn(size: int) -> None:
    talk = Talk()
    for text in ("before", noise(size), "after"):
        talk.give(Convey(("b",), MachineName.CIBD, copy(text)))
    talk.run()
    assert talk.conveyed() == [copy("before"), copy(noise(size)), copy("after")]


def test_text_is_compressed_on_the_way() -> None:
    talk = Talk()
    talk.give(Convey(("b",), MachineName.CIBD, copy("<nvpair/>" * 100_000)))
    sent = 0
    while talk.spoken or talk.here.deadline() is not None:
        sent += sum(len(speak.data) for speak in talk.spoken)
        talk.run()
    assert talk.conveyed() == [copy("<nvpair/>" * 100_000)]
    assert sent < 90_000


def test_a_cast_is_handed_over_once_and_a_slow_node_holds_up_nobody() -> None:
    talk = Talk()
    talk.give(Convey(("b", "c"), MachineName.CIBD, copy("one")))
    assert [speak.to for speak in talk.spoken] == [("b", "c")]
    for number in range(40):
        talk.give(Convey(("b", "c"), MachineName.CIBD, copy(noise(20_000 + 2 * number))))
        talk.give(Gone("b", 20_300))
    only_b = [speak for speak in talk.spoken if speak.to == ("b",)]
    assert only_b, "c has not said that it has anything"
    c_has = sum(len(speak.data) for speak in talk.spoken if "c" in speak.to)
    assert c_has <= MAX_SPOKEN_AHEAD
    talk.spoken.clear()
    talk.give(Gone("c", c_has))
    assert {speak.to for speak in talk.spoken} <= {("c",), ("b", "c")}
    assert talk.spoken


def test_a_broken_stream_drops_what_waits_and_what_came_in_part_and_ccm_knows() -> None:
    talk = Talk()
    talk.give(Convey(("b",), MachineName.CIBD, copy(noise(400_000))))
    part, rest = talk.spoken[0].data, talk.spoken[1].data
    talk.give(StreamBroken(*B))
    assert Send(MachineName.CCM, StreamBroken(*B)).body in talk.orders
    assert BreakStream("b") in talk.orders, "what waited here is missing, too"
    talk.spoken.clear()
    talk.give(StreamBroken(*B))
    assert talk.orders.count(BreakStream("b")) == 1
    talk.give(Convey(("b",), MachineName.CIBD, copy("new")))
    talk.hear(part)
    assert talk.there.step(StreamBroken(*A), Instant(0)) == [Send(MachineName.CCM, StreamBroken(*A))]
    talk.hear(rest)
    talk.run()
    assert talk.conveyed() == [copy("new")]


def test_a_line_that_is_too_long_is_dropped_and_the_stream_is_broken() -> None:
    talk = Talk()
    for number in range(MAX_SPEECH_PIECES + 10_000):
        talk.give(Convey(("b",), MachineName.CRMD, TaskDone(VIEW, str(number), 0)))
        if talk.orders:
            break
    assert talk.orders == [BreakStream("b")]
    assert [say.code for say in talk.said] == ["not-conveyed"]


def test_a_new_pulse_means_that_nothing_is_under_way() -> None:
    talk = Talk()
    talk.give(Convey(("b",), MachineName.CIBD, copy(noise(800_000))))
    talk.spoken.clear()
    talk.give(MachineRestarted("heartbeat"))
    talk.give(PulseStarted(2))
    assert talk.here.deadline() is None
    talk.give(Convey(("b",), MachineName.CIBD, copy("new")))
    talk.run()
    assert talk.conveyed() == [copy("new")]


def test_what_was_dealt_with_is_told_to_the_heartbeat() -> None:
    talk = Talk()
    talk.give(Convey(("b",), MachineName.CIBD, copy(noise(500_000))))
    talk.run()
    taken = [effect.body.size for effect in talk.heard if isinstance(effect.body, Taken)]
    assert sum(taken) > 200_000


@pytest.mark.parametrize("data", [b"", b"\x03", b"\x03\0\0\0\1junk", b"\x07\0\0\0\1junk", b"\xff" * 9])
def test_nonsense_is_said_once_and_nothing_stops(data: bytes) -> None:
    talk = Talk()
    talk.hear(data)
    talk.hear(data)
    assert [say.code for say in talk.said] == ["not-conveyed"]
    assert talk.heard == []
    talk.give(Convey(("b",), MachineName.CRMD, TaskDone(VIEW, "k", 0)))
    talk.run()
    assert talk.conveyed() == [TaskDone(VIEW, "k", 0)]


def test_text_that_cannot_travel_is_said_and_not_sent() -> None:
    talk = Talk()
    body = WriteAsked(VIEW, RequestId(VIEW, 0, "n"), "\udcff", forced=False)
    talk.give(Convey(("b",), MachineName.CIBD, body))
    assert talk.spoken == []
    assert "UTF-8" in talk.said[0].text


def test_what_is_for_a_machine_that_this_kind_of_node_has_not_is_passed_over():
    talk = Talk()
    talk.there = SpeechMachine((MachineName.CCM, MachineName.CIBD))
    talk.give(Convey(("b",), MachineName.CRMD, TaskDone(VIEW, "k", 0)))
    talk.give(Convey(("b",), MachineName.CRMD, TaskDone(VIEW, "k", 1)))
    for speak in talk.spoken:
        talk.hear(speak.data)
    assert talk.heard == []
    assert [say.code for say in talk.said] == ["not-conveyed"], "said once"
