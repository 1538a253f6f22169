"""Programs inside the laboratory's namespaces, as the owner sees them.

The other side of :mod:`hacluster.lab.init`: a :class:`Console` sends requests to one PID 1, a :class:`Program` is what
it started. Popen-like on purpose, but the process is not our child: PID 1 tells its end over a socket, and when PID 1
itself is killed the program counts as killed too (return code -9).
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, cast

from hacluster.base.errors import HaError

MAX_MESSAGE = 1 << 18
BUFFER = 1 << 19
"""Socket buffer in bytes, so that a long command line still is one message."""

Stream = int | IO[Any] | None


def message_pair() -> tuple[socket.socket, socket.socket]:
    """A pair of sockets that keep message borders and tell of the other side's end."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def receive(sock: socket.socket, timeout: float | None = None) -> dict[str, Any] | None:
    """The next message; ``None`` when the other side is gone. Raises TimeoutError after ``timeout`` seconds."""
    waiter = select.poll()
    waiter.register(sock, select.POLLIN)
    if not waiter.poll(None if timeout is None else max(0, int(timeout * 1000 + 0.999))):
        raise TimeoutError
    try:
        data = sock.recv(MAX_MESSAGE)
    except ConnectionResetError:
        return None
    return cast("dict[str, Any]", json.loads(data)) if data else None


class Program:
    """One program in a host. ``pid`` is its number inside the host; it leads a session and process group of its own."""

    def __init__(self, argv: Sequence[str], pid: int, reply: socket.socket) -> None:
        self.args = list(argv)
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self._reply = reply

    def poll(self) -> int | None:
        """The return code as Popen gives it (negative: signal), ``None`` while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; raises subprocess.TimeoutExpired after ``timeout`` seconds."""
        if self.returncode is None:
            try:
                answer = receive(self._reply, timeout)
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self.returncode = -signal.SIGKILL if answer is None else int(answer["status"])
            self._reply.close()
        return self.returncode

    def send_signal(self, number: int, group: bool = False) -> None:
        """Send a signal to the program, or with ``group`` to its whole process group. Gone already is no error."""
        if self.poll() is None:
            with suppress(OSError):
                self._reply.send(json.dumps({"signal": int(number), "group": group}).encode(), socket.MSG_NOSIGNAL)

    def terminate(self) -> None:
        """SIGTERM to the program."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the program's process group."""
        self.send_signal(signal.SIGKILL, group=True)

    def communicate(self, data: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Feed stdin, collect stdout and stderr (those that are pipes) until both are closed, then wait."""
        deadline = None if timeout is None else time.monotonic() + timeout
        collected: dict[int, bytearray] = {}
        poll = select.poll()
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                collected[pipe.fileno()] = bytearray()
                poll.register(pipe, select.POLLIN)
        left = memoryview(data or b"")
        if self.stdin is not None and not left:
            self.stdin.close()
        feeding = self.stdin.fileno() if self.stdin is not None and left else -1
        if feeding >= 0:
            os.set_blocking(feeding, False)
            poll.register(feeding, select.POLLOUT)
        reading = set(collected)
        while reading or feeding >= 0:
            wait_ms = None if deadline is None else int((deadline - time.monotonic()) * 1000)
            ready = poll.poll(wait_ms) if wait_ms is None or wait_ms > 0 else []
            if not ready:
                raise subprocess.TimeoutExpired(self.args, timeout or 0, *(bytes(c) for c in collected.values()))
            for descriptor, _ in ready:
                if descriptor == feeding:
                    left = _feed(feeding, left)
                    if not left:
                        poll.unregister(feeding)
                        assert self.stdin is not None
                        self.stdin.close()
                        feeding = -1
                    continue
                chunk = os.read(descriptor, 65536)
                collected[descriptor] += chunk
                if not chunk:
                    poll.unregister(descriptor)
                    reading.discard(descriptor)
        outputs = [bytes(collected[p.fileno()]) if p is not None else b"" for p in (self.stdout, self.stderr)]
        self.close()
        self.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return outputs[0], outputs[1]

    def close(self) -> None:
        """Close the pipes that are still open."""
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()


def _feed(descriptor: int, left: memoryview) -> memoryview:
    try:
        return left[os.write(descriptor, left[:65536]) :]
    except BrokenPipeError:
        return left[:0]


class Console:
    """Requests to one PID 1. Safe to use from several threads: a request is one message with its own reply socket."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)

    def close(self) -> None:
        """Close our end: PID 1 then exits, and everything in its namespace with it."""
        self.control.close()

    def ask(self, request: Mapping[str, object], *descriptors: int) -> dict[str, Any]:
        """Send a request that has one answer, and wait for it."""
        mine, theirs = message_pair()
        with mine:
            with theirs:
                self._send(request, [*descriptors, theirs.fileno()])
            answer = receive(mine)
        if answer is None:
            raise HaError("the host is off")
        return answer

    def spawn(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str = "/",
        *,
        stdin: Stream = None,
        stdout: Stream = None,
        stderr: Stream = None,
    ) -> Program:
        """Start a program. Streams are as Popen takes them, but ``None`` means /dev/null."""
        ours: list[IO[bytes] | None] = []
        theirs: list[int] = []
        to_close: list[int] = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            mine, given, temporary = _stream(number, wanted, theirs)
            ours.append(mine)
            theirs.append(given)
            if temporary:
                to_close.append(given)
        reply, far = message_pair()
        try:
            with far:
                request = {"op": "spawn", "argv": list(argv), "env": dict(env), "cwd": cwd}
                self._send(request, [*theirs, far.fileno()])
            answer = receive(reply)
        finally:
            for descriptor in to_close:
                os.close(descriptor)
        if answer is None or "error" in answer:
            reply.close()
            for pipe in ours:
                if pipe is not None:
                    pipe.close()
            raise HaError(f"{argv[0]} cannot be started: {answer['error'] if answer else 'the host is off'}")
        program = Program(argv, int(answer["pid"]), reply)
        program.stdin, program.stdout, program.stderr = ours
        return program

    def run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str = "/",
        *,
        text: str | None = None,
        timeout: float | None = None,
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end with ``text`` on its stdin; at the time limit its process group is killed."""
        program = self.spawn(
            argv,
            env,
            cwd,
            stdin=None if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            out, err = program.communicate(None if text is None else text.encode(), timeout)
        except BaseException:
            program.kill()
            program.close()
            raise
        done = subprocess.CompletedProcess(
            list(argv), program.wait(), out.decode(errors="replace"), err.decode(errors="replace")
        )
        if check and done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise HaError(f"{' '.join(argv)} gave {done.returncode}: {said}")
        return done

    def _send(self, request: Mapping[str, object], descriptors: list[int]) -> None:
        data = json.dumps(request).encode()
        if len(data) > MAX_MESSAGE:
            raise HaError(f"a command line and environment of {len(data)} bytes is too long")
        try:
            socket.send_fds(self.control, [data], descriptors, socket.MSG_NOSIGNAL)
        except OSError as error:
            raise HaError(f"the host is off ({error.strerror})") from None


def _stream(number: int, wanted: Stream, before: list[int]) -> tuple[IO[bytes] | None, int, bool]:
    """Our end of a stream (pipes only), the descriptor to pass, and whether that is to be closed after passing."""
    if wanted is None or wanted == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR), True
    if wanted == subprocess.STDOUT:
        return None, before[1], False
    if wanted == subprocess.PIPE:
        read, write = os.pipe()
        mine, given = (write, read) if number == 0 else (read, write)
        return cast("IO[bytes]", os.fdopen(mine, "wb" if number == 0 else "rb", buffering=0)), given, True
    return None, wanted if isinstance(wanted, int) else wanted.fileno(), False
