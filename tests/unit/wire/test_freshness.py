from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacluster.base.dice import Dice
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_DATAGRAM
from hacluster.wire.freshness import MAX_PEERS, SealState, Verdict
from hacluster.wire.reject import Rejected, RejectReason
from hacluster.wire.seal import Sealer, SealKeys, Session

KEYS = SealKeys.of(b"secret")
A, B, C = (name * 16 for name in (b"A", b"B", b"C"))


def state(node: bytes, generation: int = 1, boot: bytes | None = None, stored: bytes = b"") -> SealState:
    nonce = boot or (node[:8] + generation.to_bytes(8, "big"))
    return SealState(KEYS, Session(node, generation, nonce), stored)


def verdict(receiver: SealState, data: bytes) -> Verdict:
    opened = receiver.open(data)
    receiver.check()
    assert isinstance(opened, Verdict), opened
    return opened


def reason(receiver: SealState, data: bytes) -> RejectReason:
    opened = receiver.open(data)
    receiver.check()
    assert isinstance(opened, Rejected), opened
    return opened.reason


def introduce(one: SealState, two: SealState) -> None:
    """Let both prove themselves to each other."""
    one.open(two.seal(b""))
    two.open(one.seal(b""))
    assert verdict(one, two.seal(b"")).fresh
    assert verdict(two, one.seal(b"")).fresh


def test_two_nodes_that_start_together_prove_each_other_within_two_datagrams_each() -> None:
    a, b = state(A), state(B)
    first = verdict(b, a.seal(b"hello"))
    assert (first.fresh, first.answer, first.persist) == (False, True, False)
    assert first.plaintext == b"hello"
    second = verdict(a, b.seal(b"answer"))
    assert (second.fresh, second.answer, second.persist) == (True, True, True)
    third = verdict(b, a.seal(b"proof"))
    assert (third.fresh, third.answer, third.persist) == (True, True, True)
    for _ in range(3):
        again = verdict(a, b.seal(b"steady"))
        assert (again.fresh, again.answer, again.persist) == (True, False, False)


def test_answers_end() -> None:
    """Each side answers when told so; the talk must die down."""
    a, b = state(A), state(B)
    queue = [(b, a, a.seal(b""))]
    sent = 1
    while queue:
        receiver, sender, data = queue.pop()
        if verdict(receiver, data).answer:
            queue.append((sender, receiver, receiver.seal(b"")))
            sent += 1
        assert sent < 10
    assert a.is_proven(B)
    assert b.is_proven(A)


def test_a_datagram_counts_once() -> None:
    a, b = state(A), state(B)
    introduce(a, b)
    data = a.seal(b"takeover")
    late = a.seal(b"late")
    assert verdict(b, data).fresh
    assert reason(b, data) is RejectReason.REPLAY
    for _ in range(2_000):
        assert verdict(b, a.seal(b"")).fresh
    assert reason(b, late) is RejectReason.REPLAY
    assert reason(b, data) is RejectReason.REPLAY


def test_a_recorded_session_does_not_fool_a_node_that_started_later() -> None:
    a, b = state(A, 1), state(B, 1)
    introduce(a, b)
    recording = [a.seal(b"status %d" % number) for number in range(50)]
    b2 = state(B, 2, stored=b.to_bytes())
    for number, data in enumerate(recording):
        got = verdict(b2, data)
        assert not got.fresh
        assert got.answer == (number == 0)
    # The live sender hears the answer and is believed again at once; the recording still is not.
    assert verdict(a, b2.seal(b"")).answer
    assert verdict(b2, a.seal(b"")).fresh
    for data in recording:
        assert not verdict(b2, data).fresh


def test_a_recording_of_the_senders_earlier_life_is_refused() -> None:
    a, b = state(A, 1), state(B, 1)
    introduce(a, b)
    recording = [a.seal(b"old") for _ in range(5)]
    a2 = state(A, 2)
    introduce(a2, b)
    assert [reason(b, data) for data in recording] == [RejectReason.OLD_SESSION] * 5
    # And after the receiver's restart neither echoed nor answered, because the floor is on disk.
    b2 = state(B, 2, stored=b.to_bytes())
    assert [reason(b2, data) for data in recording] == [RejectReason.OLD_SESSION] * 5
    assert not b2.is_proven(A)
    assert b2.has_sealed(A)


def test_recordings_of_earlier_lives_do_not_push_the_live_sender_out() -> None:
    lives = []
    b1 = state(B, 1)
    for generation in (1, 2, 3):
        a = state(A, generation)
        a.open(b1.seal(b""))
        lives.append(a.seal(b"old"))
    b = state(B, 9)
    for data in lives:
        b.open(data)
    live = state(A, 4)
    assert not verdict(b, live.seal(b"")).fresh
    for data in lives:
        assert reason(b, data) is RejectReason.OLD_SESSION
    assert verdict(live, b.seal(b"")).fresh


def test_same_generation_with_another_nonce_is_refused_until_forgotten() -> None:
    a, b = state(A, 5), state(B)
    introduce(a, b)
    twin = state(A, 5, boot=b"another nonce 16")
    twin.open(b.seal(b""))
    assert reason(b, twin.seal(b"")) is RejectReason.OLD_SESSION
    assert b.forget(A)
    assert not b.forget(A)
    assert verdict(b, twin.seal(b"")).fresh


def test_a_peer_whose_disk_was_set_back_is_believed_after_our_restart() -> None:
    a, b = state(A, 50), state(B, 1)
    introduce(a, b)
    b2, a2 = state(B, 2, stored=b.to_bytes()), state(A, 40)
    assert reason(b2, a2.seal(b"")) is RejectReason.OLD_SESSION
    assert verdict(a2, b2.seal(b"")).answer
    assert verdict(b2, a2.seal(b"")).fresh


def test_own_datagrams_are_known_unopened_and_what_is_made_of_them_is_not_ours() -> None:
    one = state(A)
    sent = [one.seal(b"%d" % number) for number in range(1_500)]
    for data in (sent[-1], sent[0], sent[700]):
        rejected = one.open(data)
        assert isinstance(rejected, Rejected)
        assert (rejected.reason, rejected.detail) == (RejectReason.OWN, "our own datagram")
    other = sent[-1][:-16] + sent[-2][-16:]
    assert reason(one, other) is RejectReason.FORGED
    assert reason(one, b"") is RejectReason.NOT_OURS


def test_own_datagrams() -> None:
    a = state(A)
    assert reason(a, a.seal(b"")) is RejectReason.OWN
    assert reason(a, state(A, 9).seal(b"")) is RejectReason.OWN


def test_three_nodes_share_one_datagram() -> None:
    nodes = [state(A), state(B), state(C)]
    for _ in range(3):
        for sender in nodes:
            data = sender.seal(b"x")
            for receiver in nodes:
                if receiver is not sender:
                    receiver.open(data)
    for sender in nodes:
        data = sender.seal(b"x")
        assert all(verdict(receiver, data).fresh for receiver in nodes if receiver is not sender)


def test_rotation_keeps_sessions() -> None:
    a, b = state(A), state(B)
    introduce(a, b)
    both = SealKeys.of(b"secret", b"next")
    b.use(both)
    a.use(SealKeys.of(b"next", b"secret"))
    assert verdict(b, a.seal(b"")).fresh
    b.use(SealKeys.of(b"next"))
    assert verdict(b, a.seal(b"")).fresh
    assert verdict(a, b.seal(b"")).fresh


def test_the_disk() -> None:
    a, b, c = state(A), state(B, 7), state(C)
    introduce(a, b)
    introduce(a, c)
    stored = a.to_bytes()
    assert len(stored) == 38 + 2 * 40
    again = state(A, 2, stored=stored)
    assert again.to_bytes() == stored
    assert again.has_sealed(B)
    assert not again.is_proven(B)
    assert not again.has_sealed(A)
    for bit in range(8 * len(stored)):
        damaged = bytearray(stored)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            state(A, 2, stored=bytes(damaged))
    for cut in range(1, len(stored)):
        with pytest.raises(WireError):
            state(A, 2, stored=stored[:cut])


def test_a_record_of_the_wrong_length_is_damaged_even_with_its_digest() -> None:
    for rows in (bytes(39), bytes(40 * (MAX_PEERS + 1))):
        with pytest.raises(WireError, match="wrong length"):
            state(A, 2, stored=b"HAXP1\n" + hashlib.sha256(rows).digest() + rows)


def test_peers_are_bounded_and_those_only_on_disk_make_room() -> None:
    a = state(A)
    for number in range(MAX_PEERS):
        assert not verdict(a, state(number.to_bytes(16, "big")).seal(b"")).fresh
    assert reason(a, state(B).seal(b"")) is RejectReason.TOO_MANY
    assert len(a.seal(b"")) < 1_000
    assert len(a.seal(bytes(a.room()))) == MAX_DATAGRAM
    hub = state(C)
    for number in range(MAX_PEERS):
        introduce(hub, state(number.to_bytes(16, "big")))
    later = state(C, 2, stored=hub.to_bytes())
    assert not verdict(later, state(B).seal(b"")).fresh


def test_content_that_is_too_short_for_its_echoes() -> None:
    sealer = Sealer(KEYS, Session(B, 1, b"b" * 16))
    a = state(A)
    for plaintext in (b"", b"\x01", b"\x02" + bytes(15), b"\xff" + bytes(3_000)):
        assert reason(a, sealer.seal(plaintext)) is RejectReason.MALFORMED
    assert a.to_bytes() == state(A).to_bytes()


@settings(max_examples=60)
@given(st.integers(0, 1 << 62))
def test_a_network_that_records_reorders_loses_and_replays(seed: int) -> None:
    """Whatever the network does: fresh means made in this life of the receiver, by the newest session, once."""
    dice = Dice(seed)
    names = (A, B, C)
    nodes = {name: state(name, 1) for name in names}
    born = dict.fromkeys(names, 0)
    recorded: list[tuple[bytes, int, int, bytes]] = []
    taken: dict[bytes, set[bytes]] = {name: set() for name in names}
    newest: dict[tuple[bytes, bytes], int] = {}
    for step in range(1, 250):
        name = names[dice.below(3)]
        if dice.chance(30_000):
            old = nodes[name]
            stored = old.to_bytes() if dice.chance(700_000) else b""
            nodes[name] = state(name, old.session.generation + 1, stored=stored)
            born[name] = step
            taken[name] = set()
            newest = {pair: value for pair, value in newest.items() if pair[0] != name}
        elif dice.chance(500_000) or not recorded:
            recorded.append((name, nodes[name].session.generation, step, nodes[name].seal(b"%d" % step)))
        else:
            sender, generation, made, data = recorded[dice.below(len(recorded))]
            opened = nodes[name].open(data)
            nodes[name].check()
            if isinstance(opened, Verdict) and opened.fresh:
                assert sender != name
                assert made > born[name]
                assert data not in taken[name]
                assert generation >= newest.get((name, sender), 0)
                newest[name, sender] = generation
                taken[name].add(data)
    # When the faults stop, everybody believes everybody within three rounds.
    for _ in range(3):
        for sender in names:
            data = nodes[sender].seal(b"")
            heard = {other: nodes[other].open(data) for other in names if other != sender}
    assert all(isinstance(opened, Verdict) and opened.fresh for opened in heard.values())
