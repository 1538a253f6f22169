"""Sockets handed over: the pulse asks, the supervisor, which is root, opens and passes the descriptor (unix(7)).

A request names a medium of the configuration and what the socket is for, nothing else: who has taken the pulse over
can get the sockets that a pulse has, and no other. One request is under way at a time; its answer is a line of errno
and text, with the descriptor when errno is 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Sequence
from typing import Final

from hacluster.config.media import Medium
from hacluster.daemon.media.sockets import Kind, make

ANSWER_S: Final = 5.0
_LONGEST: Final = 256


def pair() -> tuple[socket.socket, socket.socket]:
    """The supervisor's end and the pulse's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


class Broker:
    """The supervisor's end: never waits."""

    def __init__(self, sock: socket.socket, media: Sequence[Medium]) -> None:
        self.sock = sock
        self._media = media

    def serve(self) -> bool:
        """Answer one request; false when the pulse is gone."""
        try:
            data = self.sock.recv(_LONGEST)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        with contextlib.suppress(OSError):
            self._answer(data)
        return True

    def _answer(self, data: bytes) -> None:
        try:
            number, _, kind = data.decode("ascii").partition(" ")
            index = int(number)
            if not 0 <= index < len(self._media):
                raise ValueError(index)
            opened = make(self._media[index], Kind(kind))
        except ValueError:
            self.sock.send(f"{errno.EINVAL} {os.strerror(errno.EINVAL)}".encode())
        except OSError as error:
            text = f"{error.errno or errno.EIO} {error.strerror or error}"
            self.sock.send(text[:_LONGEST].encode("utf-8", "replace"))
        else:
            with opened:
                socket.send_fds(self.sock, [b"0 "], [opened.fileno()])

    def close(self) -> None:
        """The pulse has ended."""
        self.sock.close()


class Remote:
    """The pulse's end."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._one_at_a_time = asyncio.Lock()

    async def open(self, medium: int, kind: Kind) -> socket.socket:
        """OSError; ETIMEDOUT when the supervisor does not answer."""
        async with self._one_at_a_time:
            self._forget_late_answers()
            self._sock.send(f"{medium} {kind}".encode())
            loop = asyncio.get_running_loop()
            readable = asyncio.Event()
            loop.add_reader(self._sock.fileno(), readable.set)
            try:
                async with asyncio.timeout(ANSWER_S):
                    await readable.wait()
            except TimeoutError as error:
                raise OSError(errno.ETIMEDOUT, "the supervisor does not open the socket") from error
            finally:
                loop.remove_reader(self._sock.fileno())
            return self._read()

    def _read(self) -> socket.socket:
        data, descriptors, _, _ = socket.recv_fds(self._sock, _LONGEST, 1)
        if descriptors:
            opened = socket.socket(fileno=descriptors[0])
            opened.setblocking(False)
            return opened
        if not data:
            raise OSError(errno.EPIPE, "the supervisor is gone")
        number, _, text = data.decode("utf-8", "replace").partition(" ")
        raise OSError(int(number) if number.isdecimal() else errno.EIO, text)

    def _forget_late_answers(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._sock, _LONGEST, 1)
                for fd in descriptors:
                    os.close(fd)
                if not data:
                    return
