"""A client that asks a URL over a fresh TCP connection all the time, and works out what a user would have missed.

    python -m hacluster.lab.probe http://172.16.100.1/ --interval-ms 20 --timeout-ms 1000 [--count N] [--json lines]

Requests begin on a fixed beat and do not wait for one another, so one that hangs hides nothing. The probe also notes
when it was not scheduled itself: an outage that overlaps such a stall says more about this machine than about the
service, and is marked *spoiled*. Times are seconds of CLOCK_MONOTONIC, which all namespaces of a machine share.

The file imports the standard library only, so that a host can run it by its path with ``python -I -S``.
"""

from __future__ import annotations

import argparse
import errno
import json
import selectors
import signal
import socket
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

MAX_ANSWER = 1 << 16
MAX_WHO = 200
STALL_S = 0.02
"""How much too late the probe's own loop may wake before that is noted."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: when it began and ended, whether it was answered with status 200, and by whom."""

    start: float
    end: float
    ok: bool
    who: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Stall:
    """The probe itself stood still from ``start`` for ``seconds``."""

    start: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Outage:
    """No answer came between ``since`` (the last one before) and ``until`` (the first one after; ``None``: not yet)."""

    since: float
    until: float | None
    failed: int
    before: str
    after: str
    stalled: float

    @property
    def seconds(self) -> float:
        """How long it was; infinite when it has not ended."""
        return float("inf") if self.until is None else self.until - self.since

    @property
    def missed(self) -> bool:
        """Whether a request failed or another host answers now; else answers were slow, but came."""
        return self.failed > 0 or self.before != self.after

    @property
    def spoiled(self) -> bool:
        """Whether the probe's own stalls are more than a tenth of it and more than 50 ms."""
        return self.stalled > max(0.05, self.seconds / 10)


def outages(samples: Iterable[Sample], stalls: Iterable[Stall] = (), longest_quiet: float = 0.1) -> list[Outage]:
    """The outages in a record, in order of time.

    Between two answers that follow one another there was an outage if a request that *began* there failed, or if they
    are more than ``longest_quiet`` seconds apart (requests that were held up and answered late are an outage too).
    Failures before the first answer are not an outage, for nothing is known of what was there before.
    """
    kept = list(samples)
    answers = sorted((s for s in kept if s.ok), key=lambda s: (s.end, s.start, s.who))
    failures = sorted(s.start for s in kept if not s.ok)
    pauses = list(stalls)
    found = []
    for index, last in enumerate(answers):
        following = answers[index + 1] if index + 1 < len(answers) else None
        until = following.end if following else float("inf")
        failed = bisect_left(failures, until) - bisect_left(failures, last.end)
        quiet = following is not None and until - last.end > longest_quiet
        if failed or quiet:
            stalled = sum(max(0.0, min(p.start + p.seconds, until) - max(p.start, last.end)) for p in pauses)
            end, after = (following.end, following.who) if following else (None, "")
            found.append(Outage(last.end, end, failed, last.who, after, stalled))
    return found


# ---- the program ---------------------------------------------------------------------------------------------------


class _Request:
    """A request under way."""

    __slots__ = ("answer", "deadline", "sent", "sock", "start")

    def __init__(self, sock: socket.socket, start: float, deadline: float) -> None:
        self.sock = sock
        self.start = start
        self.deadline = deadline
        self.sent = False
        self.answer = bytearray()


def verdict(answer: bytes) -> tuple[bool, str, str]:
    """Of a whole HTTP answer: whether it is good, who gave it, and what is wrong with it.

    Who is said by the header X-Served-By, or without one by the first line of the page.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        return False, "", "no HTTP answer"
    named = next((h for h in head.split(b"\r\n")[1:] if h.lower().startswith(b"x-served-by:")), None)
    said = named.partition(b":")[2] if named is not None else body.strip().split(b"\n", 1)[0]
    who = said[:MAX_WHO].decode(errors="replace").strip()
    if words[1] != b"200":
        return False, who, f"status {words[1].decode(errors='replace')}"
    return True, who, ""


def is_whole(answer: bytes) -> bool:
    """Whether an answer with a Content-Length has all of it."""
    head, border, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length" and value.strip().isdigit():
            return bool(border) and len(body) >= int(value)
    return False


class Client:
    """The loop: a beat of requests, each with its deadline."""

    def __init__(self, url: str, interval: float, timeout: float, tell: Callable[[Sample | Stall], None]) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"{url}: an address of the form http://ADDRESS[:PORT]/PATH is needed")
        host, port = parts.hostname, parts.port or 80
        try:
            version = ip_address(host).version
        except ValueError:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            host, version = str(found[4][0]), 6 if found[0] == socket.AF_INET6 else 4
        self.family = socket.AF_INET6 if version == 6 else socket.AF_INET
        self.address = (host, port)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.question = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
        self.interval = interval
        self.timeout = timeout
        self.tell = tell
        self.running = True
        self.open: dict[int, _Request] = {}
        self.selector = selectors.DefaultSelector()

    def run(self, count: int | None = None) -> None:
        """Go on until ``stop`` is called, or ``count`` requests are done."""
        beat = time.monotonic()
        begun = 0
        while self.running and (count is None or begun < count or self.open):
            more = count is None or begun < count
            wanted = min([r.deadline for r in self.open.values()] + ([beat] if more else []))
            events = self.selector.select(max(0.0, wanted - time.monotonic()))
            now = time.monotonic()
            if now - wanted > STALL_S:
                self.tell(Stall(wanted, now - wanted))
            for key, _ in events:
                self._ready(key.data, now)
            for request in [r for r in self.open.values() if r.deadline <= now]:
                self._end(request, now, error="timeout")
            if more and now >= beat:
                self._begin(now)
                begun += 1
                beat = max(beat + self.interval, now - self.interval)

    def stop(self) -> None:
        """End the loop after what it is doing now."""
        self.running = False

    def _begin(self, now: float) -> None:
        sock = socket.socket(self.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        request = _Request(sock, now, now + self.timeout)
        code = sock.connect_ex(self.address)
        if code not in (0, errno.EINPROGRESS):
            self._end(request, now, error=errno.errorcode.get(code, str(code)))
            return
        self.open[sock.fileno()] = request
        self.selector.register(sock, selectors.EVENT_WRITE, request)

    def _ready(self, request: _Request, now: float) -> None:
        try:
            if not request.sent:
                code = request.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    self._end(request, now, error=errno.errorcode.get(code, str(code)))
                    return
                request.sock.send(self.question)
                request.sent = True
                self.selector.modify(request.sock, selectors.EVENT_READ, request)
                return
            chunk = request.sock.recv(MAX_ANSWER)
        except OSError as error:
            self._end(request, now, error=errno.errorcode.get(error.errno or 0, str(error)))
            return
        request.answer += chunk
        if not chunk or is_whole(bytes(request.answer)) or len(request.answer) >= MAX_ANSWER:
            self._end(request, now)

    def _end(self, request: _Request, now: float, error: str = "") -> None:
        if self.open.pop(request.sock.fileno(), None) is not None:
            self.selector.unregister(request.sock)
        request.sock.close()
        ok, who, why = (False, "", error) if error else verdict(bytes(request.answer))
        self.tell(Sample(request.start, now, ok, who, why))


def as_json(item: Sample | Stall) -> str:
    """One line of ``--json lines``."""
    if isinstance(item, Stall):
        return json.dumps({"stall": round(item.start, 4), "seconds": round(item.seconds, 4)})
    return json.dumps(
        {
            "start": round(item.start, 4),
            "end": round(item.end, 4),
            "ok": item.ok,
            "who": item.who,
            "error": item.error,
        }
    )


def from_json(line: str) -> Sample | Stall:
    """The opposite of :func:`as_json`."""
    item = json.loads(line)
    if "stall" in item:
        return Stall(item["stall"], item["seconds"])
    return Sample(item["start"], item["end"], item["ok"], item["who"], item["error"])


def _summary(samples: list[Sample], stalls: list[Stall], interval: float) -> str:
    lines = [f"{len(samples)} requests, {sum(s.ok for s in samples)} answered"]
    for outage in outages(samples, stalls, max(0.1, 5 * interval)):
        spoiled = f", spoiled: this machine stood still for {outage.stalled * 1000:.0f} ms" if outage.spoiled else ""
        length = "not ended" if outage.until is None else f"{outage.seconds * 1000:.0f} ms"
        lines.append(f"outage {length}: {outage.failed} failed, {outage.before} -> {outage.after or '?'}{spoiled}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """The command line; ends at SIGINT, SIGTERM or after ``--count`` requests."""
    parser = argparse.ArgumentParser(prog="hacluster.lab.probe", description="ask a URL all the time, show outages")
    parser.add_argument("url")
    parser.add_argument("--interval-ms", type=float, default=20, help="beat of the requests (default 20)")
    parser.add_argument("--timeout-ms", type=float, default=1000, help="deadline of each request (default 1000)")
    parser.add_argument("--count", type=int, help="end after so many requests")
    parser.add_argument("--json", choices=["lines"], help="one JSON object per request on stdout")
    options = parser.parse_args(argv)
    if options.interval_ms <= 0 or options.timeout_ms <= 0:
        parser.error("interval and timeout must be more than 0 ms")
    samples: list[Sample] = []
    stalls: list[Stall] = []

    def keep(item: Sample | Stall) -> None:
        if options.json:
            sys.stdout.write(as_json(item) + "\n")
            sys.stdout.flush()
        elif isinstance(item, Stall):
            stalls.append(item)
        else:
            samples.append(item)

    try:
        client = Client(options.url, options.interval_ms / 1000, options.timeout_ms / 1000, keep)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: client.stop())
    client.run(options.count)
    if not options.json:
        sys.stdout.write(_summary(samples, stalls, options.interval_ms / 1000) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
