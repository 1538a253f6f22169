"""Ordered streams over a network that loses, doubles, delays and reorders datagrams."""

from __future__ import annotations

import heapq
import random
from itertools import count

import pytest

from hacluster.base.dice import Dice
from hacluster.base.errors import WireError
from hacluster.base.limits import MAX_STREAM_BACKLOG
from hacluster.base.machine import Instant
from hacluster.base.members import Member
from hacluster.heartbeat.stream import (
    FRAGMENT,
    Fragment,
    Streams,
    Vector,
    decode_fragment,
    decode_vector,
    encode,
)
from hacluster.msg.stream import StreamBroken


class Network:
    """Virtual milliseconds. ``loss`` per million of each datagram at each receiver; ``cut`` pairs pass nothing."""

    def __init__(self, *names: str, loss: int = 0, doubled: int = 0, delay: tuple[int, int] = (1, 5), seed: int = 1):
        self.now = 0
        self.loss, self.doubled, self.delay = loss, doubled, delay
        self.dice = Dice(seed)
        self.cut: set[tuple[str, str]] = set()
        self.nodes = {name: Streams(Member(name, 1, 1)) for name in names}
        self.got: dict[str, list[tuple[str, bytes]]] = {name: [] for name in names}
        self.broken: dict[str, list[StreamBroken]] = {name: [] for name in names}
        self.datagrams = 0
        self.most_at_once = 0
        self._heap: list[tuple[int, int, str, bytes, bool]] = []
        self._serial = count()
        for one in self.nodes.values():
            for other in self.nodes.values():
                if one is not other:
                    one.on_peer(other.own)

    def transmit(self, sender: str, item: Fragment | Vector) -> None:
        """One datagram to everybody."""
        self.datagrams += 1
        for to in self.nodes:
            if to == sender or (sender, to) in self.cut or self.dice.chance(self.loss):
                continue
            for _ in range(2 if self.dice.chance(self.doubled) else 1):
                at = self.now + self.dice.between(*self.delay)
                entry = (at, next(self._serial), to, encode(item), isinstance(item, Fragment))
                heapq.heappush(self._heap, entry)

    def work(self) -> None:
        for name, node in self.nodes.items():
            fragments = node.pump(Instant(self.now))
            self.most_at_once = max(self.most_at_once, len(fragments))
            for fragment in fragments:
                self.transmit(name, fragment)
            if node.wants_to_acknowledge(Instant(self.now)):
                self.transmit(name, node.vector())
            self.broken[name] += node.events
            node.events.clear()

    def run(self, ms: int) -> None:
        end = self.now + ms
        while self.now < end:
            self.work()
            times = [int(due) for node in self.nodes.values() if (due := node.deadline()) is not None]
            self.now = min([end, *([self._heap[0][0]] if self._heap else []), *(max(t, self.now + 1) for t in times)])
            while self._heap and self._heap[0][0] <= self.now:
                _, _, to, data, is_fragment = heapq.heappop(self._heap)
                node = self.nodes[to]
                if not is_fragment:
                    node.on_vector(decode_vector(data), Instant(self.now))
                    continue
                for message in node.on_fragment(decode_fragment(data), Instant(self.now)):
                    self.got[to].append((message.sender.name, message.body))
        self.work()


def noise(size: int, seed: int = 1) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("seed", range(5))
def test_everything_comes_once_and_in_order_over_a_bad_network(seed: int) -> None:
    net = Network("a", "b", "c", loss=200_000, doubled=100_000, delay=(1, 60), seed=seed)
    dice = Dice(seed)
    said: dict[tuple[str, str], list[bytes]] = {}
    for _ in range(120):
        sender = "abc"[dice.below(3)]
        to = [name for name in "abc" if name != sender and dice.chance(700_000)]
        body = noise((0, 10, 1_400, 5_000, 30_000)[dice.below(5)], dice.below(99))
        for name in to:
            said.setdefault((sender, name), []).append(body)
        net.nodes[sender].send(to, body, Instant(net.now))
        net.run(dice.below(20))
    net.run(20_000)
    for (sender, to), bodies in said.items():
        assert [body for who, body in net.got[to] if who == sender] == bodies
    assert all(not events for events in net.broken.values())


def test_a_cast_is_one_datagram_for_all() -> None:
    net = Network(*"abcdefghi")
    for _ in range(20):
        net.nodes["a"].send("bcdefghi", b"x" * 1_000, Instant(net.now))
    net.run(1_000)
    assert all(len(net.got[name]) == 20 for name in "bcdefghi")
    assert net.datagrams < 20 + 8 * 4, "and acknowledgements are few"


@pytest.mark.slow
def test_twenty_megabytes_to_two_nodes_over_one_per_cent_of_loss_in_ten_seconds() -> None:
    net = Network("a", "b", "c", loss=10_000)
    whole = noise(20_000_000)
    net.nodes["a"].send("bc", whole, Instant(0))
    net.run(10_000)
    assert [len(text) for _, text in net.got["b"]] == [len(whole)]
    assert net.got["b"][0][1] == whole == net.got["c"][0][1]
    assert net.most_at_once <= 32, "a status waits for no more than one burst"


def test_a_short_cut_loses_nothing_and_a_slow_node_holds_up_nobody() -> None:
    net = Network("a", "b", "c")
    net.cut = {("a", "b")}
    for number in range(2_000):
        net.nodes["a"].send("bc", b"%d" % number, Instant(net.now))
    net.run(700)
    assert len(net.got["c"]) == 2_000
    net.cut = set()
    net.run(4_000)
    assert [body for _, body in net.got["b"]] == [b"%d" % number for number in range(2_000)]
    assert net.broken == {"a": [], "b": [], "c": []}


def test_a_long_cut_breaks_the_stream_once_at_each_end() -> None:
    net = Network("a", "b")
    net.nodes["a"].send("b", b"before", Instant(0))
    net.run(100)
    net.cut = {("a", "b")}
    net.nodes["a"].send("b", b"lost", Instant(net.now))
    net.run(100)
    net.nodes["a"].on_peer_gone("b")
    net.nodes["a"].on_peer_gone("b")
    net.cut = set()
    net.nodes["a"].send("b", b"after", Instant(net.now))
    net.nodes["a"].send("b", b"more", Instant(net.now))
    net.run(1_000)
    assert [body for _, body in net.got["b"]] == [b"before", b"after", b"more"]
    assert net.broken == {"a": [StreamBroken("b", 1, 1)], "b": [StreamBroken("a", 1, 1)]}


def test_a_peer_that_goes_while_nothing_is_under_way_breaks_nothing() -> None:
    net = Network("a", "b")
    net.nodes["a"].send("b", b"one", Instant(0))
    net.run(200)
    net.nodes["a"].on_peer_gone("b")
    net.nodes["a"].send("b", b"two", Instant(net.now))
    net.run(200)
    assert [body for _, body in net.got["b"]] == [b"one", b"two"]
    assert net.broken == {"a": [], "b": []}


def test_a_new_life_begins_a_new_stream_and_the_old_one_is_over() -> None:
    net = Network("a", "b")
    net.nodes["a"].send("b", b"old", Instant(0))
    late = net.nodes["a"].pump(Instant(0))
    net.nodes["a"] = Streams(Member("a", 2, 1))
    net.nodes["a"].on_peer(net.nodes["b"].own)
    net.nodes["b"].on_peer(Member("a", 2, 1))
    net.nodes["a"].send("b", b"new", Instant(0))
    net.run(200)
    assert net.nodes["b"].on_fragment(late[0], Instant(net.now)) == [], "what an older life said does not come after"
    assert net.got["b"] == [("a", b"new")]


def test_a_backlog_that_is_full_breaks_only_its_own_stream() -> None:
    net = Network("a", "b", "c")
    net.cut = {("a", "b")}
    body = noise(1_000_000)
    for _ in range(MAX_STREAM_BACKLOG // 1_000_000 + 2):
        net.nodes["a"].send("b", body, Instant(net.now))
    net.nodes["a"].send("c", b"well", Instant(net.now))
    net.run(100)
    assert net.broken["a"] == [StreamBroken("b", 1, 1)]
    assert [text for _, text in net.got["c"]] == [b"well"]


def test_bytes_that_are_no_fragment_are_refused() -> None:
    with pytest.raises(WireError, match="not a fragment"):
        decode_fragment(b"\xc1")
    with pytest.raises(WireError, match="not an acknowledgement"):
        decode_vector(encode(Vector(Member("a", 1, 1), ()))[:-1])
    assert len(encode(Fragment(Member("a", 1, 1), (), b"x" * FRAGMENT, True, True))) < FRAGMENT + 60
