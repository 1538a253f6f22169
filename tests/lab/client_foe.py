"""What a local program can do to the daemon's sockets; run inside a pretended host by its path.

    client_foe.py silent SOCKET COUNT       connections that never say hello
    client_foe.py unfinished SOCKET COUNT   the same, each with nearly all of a frame of the largest size
    client_foe.py pipelined SOCKET COUNT    clients that ask without waiting for answers, and read them
    client_foe.py deaf SOCKET COUNT         clients that ask without reading a single answer

Each says a line when it is at work, and goes on until it is ended. Who is dropped comes again at once.
"""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import sys
import time

from hacluster.base.limits import MAX_FRAME
from hacluster.client.language import codec
from hacluster.msg.membership import MembershipQuery
from hacluster.wire.ipc import Frame, Hello, Kind

CODEC = codec()
HELLO = CODEC.encode(Frame(Kind.HELLO, Hello("foe")))
ASK = CODEC.encode(Frame(Kind.REQUEST, MembershipQuery(), 1)) * 2_000
BEGUN = MAX_FRAME.to_bytes(4, "big") + b"\0" * (MAX_FRAME - 1)


class Attack:
    """So many connections at once, each with ``data`` to be written over and over (or once)."""

    def __init__(self, path: str, count: int, first: bytes, data: bytes, *, reads: bool, again: bool) -> None:
        self.path, self.first, self.data, self.reads, self.again = path, first, data, reads, again
        self.selector = selectors.DefaultSelector()
        self.missing = count

    def run(self) -> None:
        self.open()
        print("at work", flush=True)
        while True:
            for key, events in self.selector.select(0.2):
                self.serve(key.fileobj, key.data, events)
            self.open()

    def open(self) -> None:
        for _ in range(min(self.missing, 64)):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                sock.connect(self.path)
            except OSError:
                sock.close()
                time.sleep(0.01)
                return
            self.missing -= 1
            left = self.first + self.data
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if left else 0)
            self.selector.register(sock, events, memoryview(left))

    def serve(self, sock, left, events) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                left = left[sock.send(left) :]
                if not left and self.again:
                    left = memoryview(self.data)
                want = (selectors.EVENT_READ if self.reads or not left else 0) | (selectors.EVENT_WRITE if left else 0)
                self.selector.modify(sock, want or selectors.EVENT_READ, left)
            if events & selectors.EVENT_READ and self.reads and not sock.recv(1 << 16):
                raise ConnectionResetError
        except BlockingIOError:
            return
        except OSError:
            self.selector.unregister(sock)
            sock.close()
            self.missing += 1


def main() -> None:
    kind, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, 4_096)))
    match kind:
        case "silent":
            Attack(path, count, b"", b"", reads=True, again=False).run()
        case "unfinished":
            Attack(path, count, b"", BEGUN, reads=True, again=False).run()
        case "pipelined":
            Attack(path, count, HELLO, ASK, reads=True, again=True).run()
        case "deaf":
            Attack(path, count, HELLO, ASK, reads=False, again=True).run()


main()
