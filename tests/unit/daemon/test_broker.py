"""Sockets that the supervisor opens for the pulse: those of the configuration, and no other."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from hacluster.config.media import Ping, Ucast
from hacluster.daemon.media.broker import Broker, Remote, pair
from hacluster.daemon.media.sockets import Kind
from tests.conftest import skip_or_fail


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(media, *wanted):
    """What became of each request (medium, kind): a socket, or an errno."""

    async def live():
        ours, theirs = pair()
        broker, remote, found = Broker(ours, media), Remote(theirs), []
        asyncio.get_running_loop().add_reader(ours.fileno(), broker.serve)
        for medium, kind in wanted:
            try:
                found.append(await remote.open(medium, kind))
            except OSError as error:
                found.append(error.errno)
        asyncio.get_running_loop().remove_reader(ours.fileno())
        broker.close()
        theirs.close()
        return found

    return asyncio.run(live())


def test_the_sockets_of_a_medium_come_over():
    port = free_port()
    receiver, sender = ask([Ucast("lo", "127.0.0.1", port)], (0, Kind.RECEIVE), (0, Kind.SEND))
    with receiver, sender:
        assert receiver.getsockname() == ("0.0.0.0", port)
        assert not receiver.getblocking()
        data = b"###\n".ljust(100)
        sender.sendto(data, ("127.0.0.1", port))
        assert receiver.recv(200) == data


def test_an_echo_socket_comes_over():
    if os.geteuid() != 0:
        skip_or_fail("needs root for raw sockets")
    (echo,) = ask([Ping("127.0.0.1")], (0, Kind.ECHO))
    with echo:
        assert echo.type == socket.SOCK_RAW
        assert echo.family == socket.AF_INET


def test_nothing_else_does():
    media = [Ucast("lo", "127.0.0.1", free_port()), Ucast("nosuch0", "127.0.0.1", 1), Ping("127.0.0.1")]
    wanted = [(0, Kind.ECHO), (2, Kind.SEND), (7, Kind.SEND), (-1, Kind.SEND), (0, "packet"), (1, Kind.RECEIVE)]
    assert ask(media, *wanted) == [errno.EINVAL] * 5 + [errno.ENODEV]


@pytest.mark.parametrize("data", [b"", b"x", b"\xff\xff", b"0", b"0 ", b"9" * 250])
def test_nonsense_is_refused(data):
    ours, theirs = pair()
    broker = Broker(ours, [])
    theirs.send(data)
    assert broker.serve() is bool(data)
    if data:
        assert theirs.recv(100).startswith(str(errno.EINVAL).encode())
    theirs.close()
    assert not broker.serve()
    broker.close()


def test_a_supervisor_that_is_gone_is_an_error():
    async def live():
        ours, theirs = pair()
        ours.close()
        with pytest.raises(OSError, match=r"\w"):
            await Remote(theirs).open(0, Kind.SEND)
        theirs.close()

    asyncio.run(live())
