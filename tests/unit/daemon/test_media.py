"""Media on the loopback interface: what is sent on one arrives on the other."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import struct

import pytest

from hacluster.base.effects import Screen
from hacluster.config.media import Mcast, Ping, PingGroup, Ucast, Ucast6
from hacluster.daemon.media import bpf
from hacluster.daemon.media.icmp import checksum
from hacluster.daemon.media.port import DEAF, REPLACED, Medium
from hacluster.daemon.media.ports import Media
from hacluster.daemon.media.sockets import Direct
from hacluster.daemon.media.udp import Receivers, UdpPort, receive_key
from hacluster.msg.driver import DatagramReceived, MediumFailed, MediumReady
from hacluster.wire.screen import MAX_LISTED, Entry, judge
from tests.conftest import skip_or_fail
from tests.unit.daemon.conftest import no_descriptors_left

LO = socket.if_nametoindex("lo")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ours(data: bytes) -> bytes:
    """What begins like a message of ours and is not too short for one: the kernel drops everything else."""
    return b"###\n" + data.ljust(40)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def exchange(media, test):
    """Open media, run the test with what they deliver."""

    async def live():
        events = []
        opened = Media(media, events.append)
        opened.start()
        try:
            await until(lambda: len(events) >= len(media))
            await test(opened, events)
        finally:
            await opened.close()

    asyncio.run(live())


def received(events):
    return [event for event in events if isinstance(event, DatagramReceived)]


@pytest.mark.parametrize("kind", ["ucast", "ucast6", "mcast"])
def test_a_datagram_arrives_whole(kind):
    if kind.endswith("6") and not has_ipv6():
        skip_or_fail("this host has no IPv6")
    port = free_port()
    medium = {
        "ucast": Ucast("lo", "127.0.0.1", port),
        "ucast6": Ucast6("lo", "::1", port),
        "mcast": Mcast("lo", "225.0.0.15", port, 1, loop=True),
    }[kind]
    payload = ours(os.urandom(1_400))

    async def test(media, events):
        assert events == [MediumReady(0)]
        media.send(0, payload)
        await until(lambda: received(events))
        (event,) = received(events)
        assert (event.medium, event.data) == (0, payload)
        assert event.source.partition("%")[0] != ""

    exchange([medium], test)


def test_media_that_bind_the_same_share_one_socket():
    port = free_port()
    media = [Ucast("lo", "127.0.0.1", port), Ucast("lo", "127.0.0.2", port)]
    assert receive_key(media[0], LO) == receive_key(media[1], LO)

    async def test(opened, events):
        opened.send(0, ours(b"one"))
        opened.send(1, ours(b"two"))
        await until(lambda: len(received(events)) == 2)
        assert sorted(event.data for event in received(events)) == [ours(b"one"), ours(b"two")]
        assert len({event.medium for event in received(events)}) == 1, "whichever opened it: links are named alike"

    exchange(media, test)


def test_a_burst_survives():
    port = free_port()

    async def test(media, events):
        for number in range(500):
            media.send(0, ours(struct.pack("!I", number) + bytes(4_000)))
        await until(lambda: len(received(events)) == 500)
        assert [struct.unpack_from("!I", event.data, 4)[0] for event in received(events)] == list(range(500))

    exchange([Ucast("lo", "127.0.0.1", port)], test)


def variants(keys, boots):
    """Datagrams that a screen tells apart, and some that only just differ."""
    heads = [b"HAX1", b"###\n", b">>>\n", b"HAX2", b"##\n#", b""]
    for head, key, boot, size in itertools.product(heads, (*keys, b"none"), (*boots, b"none"), (0, 39, 40, 72, 1_400)):
        yield (head + key + bytes(24) + boot).ljust(size, b"\x5a")[:size]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("known", [True, False], ids=["of a node", "of a stranger"])
@pytest.mark.parametrize("classic", [True, False], ids=["classic counts", "sealed only"])
@pytest.mark.parametrize("strict", [True, False], ids=["flooded", "quiet"])
def test_the_kernel_lets_in_what_the_rule_says(family, known, classic, strict):
    if family == socket.AF_INET6 and not has_ipv6():
        skip_or_fail("this host has no IPv6")
    here, other = ("127.0.0.1", "127.0.0.2") if family == socket.AF_INET else ("::1", "fe80::1:2")
    keys, boots = (b"key1", b"key2", b"\xff\0\xff\0"), (b"boot", b"\x80\0\0\1")
    screen = Screen(strict, classic, keys, boots, (here,) if known else (other,))
    with socket.socket(family, socket.SOCK_DGRAM) as target, socket.socket(family, socket.SOCK_DGRAM) as sender:
        target.bind((here, 0))
        target.setblocking(False)
        bpf.attach(target, screen)
        for data in variants(keys, boots):
            entry, passed = judge(screen, data, here), 0
            tries = 60 if entry is Entry.SAMPLED else 1
            for _ in range(tries):
                sender.sendto(data, target.getsockname())
                with contextlib.suppress(BlockingIOError):
                    assert target.recv(65_536) == data
                    passed += 1
            assert (0 < passed < tries) if entry is Entry.SAMPLED else (passed == (entry is Entry.ADMITTED)), data


def test_a_screen_with_all_that_it_may_list_is_a_program():
    words = tuple(number.to_bytes(4, "big") for number in range(MAX_LISTED))
    sources = tuple(f"10.0.0.{number}" for number in range(MAX_LISTED))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        bpf.attach(target, Screen(True, True, words[:32], words, sources))


def test_an_interface_that_is_not_there_is_said_once():
    async def test(media, events):
        assert events == [MediumFailed(0, "no interface with this name", gone=True), MediumReady(1)]
        media.send(0, b"lost")

    exchange([Ucast("nosuchif0", "127.0.0.1", 1), Ucast("lo", "127.0.0.1", free_port())], test)


def test_that_no_descriptor_is_left_says_nothing_of_an_interface():
    async def live():
        media = [Ucast("lo", "127.0.0.1", free_port())]
        port = UdpPort(0, media[0], Receivers(Direct(media)), lambda _data, _source: None)
        await port.open()
        with no_descriptors_left():
            assert not port.stale()
        port.close()

    asyncio.run(live())


class Flaky:
    """A port that opens, fails to send, and opens again."""

    def __init__(self):
        self.opened, self.closed, self.error, self.why = 0, 0, None, ""

    async def open(self):
        self.opened += 1
        if self.error is not None and self.opened > 1:
            error, self.error = self.error, None
            raise error

    def send(self, data):
        if self.error is not None:
            raise self.error

    def stale(self):
        why, self.why = self.why, ""
        return why

    def close(self):
        self.closed += 1


def test_a_medium_that_fails_is_opened_again(monkeypatch):
    monkeypatch.setattr("hacluster.daemon.media.port.REOPEN_S", 0.001)

    async def live():
        events, port = [], Flaky()
        medium = Medium(3, port, events.append)
        medium.start()
        await until(lambda: events)
        port.error = OSError(100, "Network is down")
        medium.send(b"x")
        await until(lambda: len(events) == 3)
        assert events == [MediumReady(3), MediumFailed(3, "Network is down"), MediumReady(3)]
        port.error = BlockingIOError(11, "try again")
        medium.send(b"x")
        port.error = None
        for why in (REPLACED, DEAF):
            port.why = why
            await until(lambda: len(events) == 5)
            assert events[3:] == [MediumFailed(3, why, gone=why == DEAF), MediumReady(3)]
            del events[3:]
        await medium.close()

    asyncio.run(live())


def test_a_reader_that_ended_by_itself_has_a_successor(monkeypatch):
    """As one does for which there was no memory: nobody may be declared dead because of it."""
    monkeypatch.setattr("hacluster.daemon.media.port.REOPEN_S", 0.01)
    port, events = free_port(), []

    def deliver(event):
        events.append(event)
        if len(received(events)) == 1 and isinstance(event, DatagramReceived):
            raise MemoryError

    async def live():
        two = [Ucast("lo", "127.0.0.1", port), Ucast("lo", "127.0.0.1", port)]
        media = Media(two, deliver)
        media.start()
        await until(lambda: len(events) == 2)
        media.send(0, ours(b"no room"))
        await until(lambda: len(events) >= 7)
        assert [event for event in events[3:] if event.medium == 0] == [
            MediumFailed(0, DEAF, gone=True),
            MediumReady(0),
        ]
        assert [event for event in events[3:] if event.medium == 1] == [
            MediumFailed(1, DEAF, gone=True),
            MediumReady(1),
        ]
        media.send(1, ours(b"heard"))
        await until(lambda: len(received(events)) == 2)
        await media.close()

    asyncio.run(live())


def test_the_checksum_is_that_of_rfc_1071():
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(b"\1") == 0xFEFF


@pytest.mark.parametrize("medium", [Ping("127.0.0.1"), PingGroup("routers", ("127.0.0.1", "127.0.0.2"))])
def test_ping_gives_back_what_was_sent(medium):
    if os.geteuid() != 0:
        skip_or_fail("needs root for raw sockets")
    hosts = 2 if isinstance(medium, PingGroup) else 1

    async def test(media, events):
        media.send(0, b"signed message")
        await until(lambda: len(received(events)) == hosts)
        assert {event.data for event in received(events)} == {b"signed message"}
        assert {event.source for event in received(events)} == {"127.0.0.1", "127.0.0.2"} - (
            set() if hosts == 2 else {"127.0.0.2"}
        )

    exchange([medium], test)
