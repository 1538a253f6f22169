"""A listening local socket: bound with the mode and group of hacluster.cf, accepting a few connections at a time.

Binding and accepting are two steps: the first may need privileges that the process gives up before the second.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import os
import socket
import stat
from collections.abc import Callable
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.errors import HaError
from hacluster.base.report import Severity
from hacluster.daemon.stream import SERVICE

BACKLOG: Final = 128
MAX_ACCEPTS: Final = 4
"""Connections accepted at a time; the next ones after ``PAUSE_S``."""

PAUSE_S: Final = 0.005
SHORT_OF_PAUSE_S: Final = 0.5
"""How long nobody is accepted when the system has no descriptors or memory left."""


class Listener:
    """One socket file."""

    def __init__(self, path: str, *, mode: int, group: str, owner: int = -1, log: Callable[[Say], None]) -> None:
        """Take the place of a socket that nobody listens at any more. :class:`HaError`."""
        self._path = path
        self._log = log
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        self._resume: asyncio.TimerHandle | None = None
        self._on_socket: Callable[[socket.socket], None] = socket.socket.close
        try:
            _remove_socket(path)
            # Nobody can connect before mode and group are as configured: that begins with listen(2).
            self._sock.bind(path)
            os.chmod(path, mode)
            if owner >= 0:
                os.chown(path, owner, -1)
            self._give_to_group(group_id(group), group)
            info = os.lstat(path)
        except OSError as error:
            self._sock.close()
            raise HaError(f"cannot listen at {path}: {error.strerror or error}") from error
        self._inode = (info.st_dev, info.st_ino)

    def _give_to_group(self, gid: int | None, name: str) -> None:
        """Open the socket to ``socket_group``; a user namespace may not know it: then it is for our own user alone."""
        if gid is None or os.geteuid() != 0:
            return
        try:
            os.chown(self._path, -1, gid)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EPERM}:
                raise
            text = f"group {name} cannot have {self._path}: only the daemon's own user may ask"
            self._log(Say(Severity.WARNING, SERVICE, "no-socket-group", text, (("error", str(error.strerror)),)))

    def start(self, on_socket: Callable[[socket.socket], None]) -> None:
        """Let clients in: each new socket is ``on_socket``'s to close."""
        self._on_socket = on_socket
        self._sock.listen(BACKLOG)
        self._listen()

    def _listen(self) -> None:
        self._resume = None
        asyncio.get_running_loop().add_reader(self._sock.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(MAX_ACCEPTS):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                text = f"cannot accept a connection at {self._path}: {error.strerror}"
                self._log(Say(Severity.ERROR, SERVICE, "cannot-accept", text))
                self._pause(SHORT_OF_PAUSE_S)
                return
            sock.setblocking(False)
            self._on_socket(sock)
        self._pause(PAUSE_S)

    def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sock.fileno())
        self._resume = loop.call_later(seconds, self._listen)

    def close(self) -> None:
        """Stop listening, and remove the file."""
        if self._resume is not None:
            self._resume.cancel()
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
        self._sock.close()
        with contextlib.suppress(OSError):
            # A successor may listen there already; its socket is not ours to remove.
            info = os.lstat(self._path)
            if (info.st_dev, info.st_ino) == self._inode:
                os.unlink(self._path)


def _remove_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise OSError(0, f"{path} is in the way and is not a socket")
        os.unlink(path)


def group_id(name: str) -> int | None:
    """The number of a group; ``None`` where there is none of that name."""
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
