"""Hello and welcome by hand are what the codec makes and reads."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest

from hacluster.base.effects import MachineName
from hacluster.client.errors import ConnectionLostError, NotRunningError, TimedOutError
from hacluster.client.greeting import HEARTBEAT_SOCKET, PROTOCOL, greet, hello, is_welcome
from hacluster.client.language import SOCKETS, codec
from hacluster.wire import ipc
from hacluster.wire.ipc import Frame, Hello, Kind, Welcome

WELCOME = codec().encode(Frame(Kind.WELCOME, Welcome("pulse", "0.1.0", ("heartbeat",), 1 << 60)))


@pytest.mark.parametrize("name", ["", "cl_status", "x" * 31])
def test_hello_is_the_codecs(name):
    assert hello(name) == codec().encode(Frame(Kind.HELLO, Hello(name)))


def test_the_constants_are_those_of_the_language():
    assert ipc.PROTOCOL == PROTOCOL
    assert SOCKETS[MachineName.HEARTBEAT] == HEARTBEAT_SOCKET


def test_a_welcome_is_known_by_its_head():
    for size in range(len(WELCOME)):
        assert is_welcome(WELCOME[:size]) in (None, True)
    assert is_welcome(WELCOME)
    assert is_welcome(hello("x" * 31)) is False
    assert is_welcome(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n") is False


def answer_with(tmp_path, *pieces):
    """A heartbeat that says these pieces to whoever connects, and hangs up."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / HEARTBEAT_SOCKET))
    server.listen()

    def serve():
        connection, _ = server.accept()
        with connection, server:
            assert connection.recv(4_096) == hello("test")
            for piece in pieces:
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_a_welcome_in_pieces(tmp_path):
    thread = answer_with(tmp_path, WELCOME[:3], WELCOME[3:10], WELCOME[10:])
    greet(str(tmp_path), "test", 30)
    thread.join()


@pytest.mark.parametrize("pieces", [(), (WELCOME[:9],), (b"\0" * 100,)])
def test_anything_else_is_no_welcome(tmp_path, pieces):
    thread = answer_with(tmp_path, *pieces)
    with pytest.raises(ConnectionLostError):
        greet(str(tmp_path), "test", 30)
    thread.join()


def test_nobody_there_and_nobody_who_answers(tmp_path):
    with pytest.raises(NotRunningError):
        greet(str(tmp_path), "test", 30)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / HEARTBEAT_SOCKET))
        server.listen()
        with pytest.raises(TimedOutError):
            greet(str(tmp_path), "test", 0.05)


def test_it_costs_no_codec():
    script = (
        "import sys, hacluster.tools.cl_status;"
        "print(*(n for n in sys.modules if n.startswith(('msgspec', 'hacluster.msg', 'hacluster.wire', 'asyncio'))))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
