"""Hello and welcome, and nothing else: whether the cluster software runs, for commands that ask for no more.

``cl_status hbstatus`` is what scripts call all the time. The codec and the messages take it three times as long to
import as everything else that it does, so the two frames that it needs are written and read here by hand, as
:mod:`hacluster.wire.ipc` has them; a test holds them against the codec.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Final

from hacluster.client.errors import ConnectionLostError, NotPermittedError, NotRunningError, TimedOutError

DEFAULT_RUN_DIR: Final = "/run/hacluster"
HEARTBEAT_SOCKET: Final = "heartbeat.sock"
PROTOCOL: Final = 1

_PREFIX: Final = 4
_LONGEST_WELCOME: Final = 4_096
_TRUE: Final = b"\xc3"


def failure(error: OSError, path: str) -> NotRunningError | NotPermittedError | TimedOutError:
    """What it means that a socket cannot be connected to."""
    if isinstance(error, BlockingIOError):
        return TimedOutError(f"too many others wait at {path}")
    if isinstance(error, PermissionError):
        return NotPermittedError(f"may not connect to {path}: ask root to add you to the group that owns it")
    return NotRunningError(f"nobody listens at {path}")


def _text(text: str) -> bytes:
    """A short string in MessagePack."""
    data = text.encode()
    assert len(data) < 32, text
    return bytes([0xA0 | len(data)]) + data


def _head(kind: str, type_: str) -> bytes:
    """A frame up to its body: an array of kind, id 0, to, by, last, type, body."""
    return b"\x97" + _text(kind) + b"\0" + _text("") + _text("") + _TRUE + _text(type_)


def hello(name: str) -> bytes:
    """The first frame of a client of that name (at most 31 bytes)."""
    fields = (_text("name") + _text(name), _text("process") + _text(""))
    numbers = (_text("incarnation") + b"\0", _text("protocol") + bytes([PROTOCOL]))
    frame = _head("hello", "Hello") + b"\x84" + b"".join((*fields, *numbers))
    return len(frame).to_bytes(_PREFIX, "big") + frame


def is_welcome(data: bytes) -> bool | None:
    """Whether these bytes begin with a welcome; ``None`` when more of them are needed to tell."""
    head = _head("welcome", "Welcome")
    if len(data) < _PREFIX + len(head):
        return None
    return int.from_bytes(data[:_PREFIX], "big") <= _LONGEST_WELCOME and data[_PREFIX:].startswith(head)


def connect(sock: socket.socket, path: str, timeout_s: float) -> None:
    """Connect, waiting in the kernel's queue: Python's own time limit would make a full queue an error at once.

    OSError, :class:`BlockingIOError` when the time is over.
    """
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", *_seconds(timeout_s)))
    sock.connect(path)
    sock.settimeout(timeout_s)


def _seconds(seconds: float) -> tuple[int, int]:
    """The two numbers of a ``struct timeval`` (socket(7)); zero would be no limit."""
    whole = int(seconds)
    return whole, max(1, int((seconds - whole) * 1_000_000))


def greet(run_dir: str, name: str, timeout_s: float) -> None:
    """Come back when the heartbeat of this host has said welcome; an error of :mod:`hacluster.client.errors` if not."""
    path = os.path.join(run_dir, HEARTBEAT_SOCKET)
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            connect(sock, path, timeout_s)
            sock.sendall(hello(name))
        except OSError as error:
            raise failure(error, path) from error
        data = b""
        while (welcome := is_welcome(data)) is None:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = sock.recv(_LONGEST_WELCOME)
            except TimeoutError as error:
                raise TimedOutError("no answer from the cluster software") from error
            except OSError as error:
                raise ConnectionLostError(f"the cluster software hung up: {error.strerror}") from error
            if not more:
                raise ConnectionLostError("the cluster software hung up")
            data += more
    if not welcome:
        raise ConnectionLostError("cannot understand the cluster software")
