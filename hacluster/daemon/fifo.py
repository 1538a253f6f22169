"""The command FIFO of Heartbeat's scripts: messages in classic form, ``/var/lib/heartbeat/fifo``, mode 0600.

Two kinds are taken, those that Heartbeat's own tools write: ``ask_resources`` with ``info=me`` (hb_standby) and
``hb_takeover``. Everything else is refused with a line of log: what a script could inject there, it could not take
back. A FIFO has no way to answer; hb_standby and hb_takeover of ours use the socket, which has.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from typing import Final

from hacluster.base.effects import Say
from hacluster.base.errors import HaError, WireError
from hacluster.base.report import Severity
from hacluster.daemon import files
from hacluster.msg.haresources import Hold, StandbyRequest, TakeoverRequest
from hacluster.wire import text
from hacluster.wire.hamsg import HaMessage

SERVICE: Final = "fifo"
MAX_COMMAND: Final = 8_192
_WORDS: Final = {hold.value: hold for hold in (Hold.ALL, Hold.FOREIGN, Hold.LOCAL)} | {"failback": Hold.FOREIGN}

FifoRequest = StandbyRequest | TakeoverRequest


def request_of(message: HaMessage) -> FifoRequest | None:
    """What a command asks for; ``None`` for what is not taken from here."""
    which = _WORDS.get(message.get("rsc_hold") or "all")
    if which is None:
        return None
    if message.type == "ask_resources" and message.get("info") == "me":
        return StandbyRequest(which)
    if message.type == "hb_takeover":
        # A takeover of "failback" means what prefers this node (WIRE.md 13.12).
        return TakeoverRequest(Hold.LOCAL if message.get("rsc_hold") == "failback" else which)
    return None


class Commands:
    """Cuts the stream of a FIFO into requests and remarks, without the FIFO."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[FifoRequest | str]:
        """The requests that ``data`` completes; a ``str`` says what was wrong with one."""
        self._buffer += data
        found: list[FifoRequest | str] = []
        while True:
            start = self._buffer.find(text.START)
            end = self._buffer.find(text.END, max(start, 0))
            if start < 0 or end < 0:
                break
            command = self._buffer[start : end + len(text.END)]
            self._buffer = self._buffer[end + len(text.END) :]
            found.append(self._parse(command))
        if len(self._buffer) > MAX_COMMAND:
            self._buffer = b""
            found.append("what was written to it is no command")
        return found

    @staticmethod
    def _parse(command: bytes) -> FifoRequest | str:
        try:
            message = text.decode(command)
        except WireError as error:
            return f"a command cannot be read: {error}"
        return request_of(message) or f"a command of type {message.type[:40]!r} is not taken from the FIFO"


class Fifo:
    """The FIFO itself."""

    def __init__(self, path: str, on_request: Callable[[FifoRequest], None], log: Callable[[Say], None]) -> None:
        self._path = path
        self._on_request = on_request
        self._log = log
        self._commands = Commands()
        self._fd = -1

    def open(self) -> None:
        """Make it if need be, and begin to read. What else is in its place is set aside. :class:`HaError`.

        A plain file gives way, as with Heartbeat: it is what a tool leaves that writes while no daemon runs. What is in
        it is not done: it was asked of a cluster that did not run.
        """
        try:
            if os.path.lexists(self._path) and stat.S_ISREG(os.lstat(self._path).st_mode):
                os.unlink(self._path)
                text = f"{self._path} was a plain file, written while no daemon read it: it is a FIFO now"
                self._log(Say(Severity.NOTICE, SERVICE, "fifo-made-anew", text))
            elif os.path.lexists(self._path) and not stat.S_ISFIFO(os.lstat(self._path).st_mode):
                text = f"{self._path} was not a FIFO: it is now {files.set_aside(self._path)}"
                self._log(Say(Severity.ERROR, SERVICE, "fifo-made-anew", text))
            if not os.path.lexists(self._path):
                os.mkfifo(self._path, 0o600)
            if stat.S_IMODE(os.lstat(self._path).st_mode) != 0o600:
                # Not otherwise: a file system that is frozen lets nobody change even nothing.
                os.chmod(self._path, 0o600)
            # For writing too: otherwise the end of each writer would be the end of file.
            self._fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise HaError(f"cannot read commands from {self._path}: {error.strerror}") from error
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 4_096)
        except OSError:
            return
        for found in self._commands.feed(data):
            if isinstance(found, str):
                self._log(Say(Severity.WARNING, SERVICE, "fifo-refused", found))
            else:
                self._on_request(found)

    def close(self) -> None:
        """Stop reading; the FIFO stays, as Heartbeat's does."""
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
