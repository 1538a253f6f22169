"""The transcript of a run: what a person reads, and a digest of everything that happened."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Callable

_SHOWN = re.compile(rb"\(0\)(t|dest|seq|st|hg|rsc_hold|isstable|info|ackseq|firstseq|lastseq)=([^,]*),")

_CLASSIC = b"###\n"

MAX_LINES = 200_000
"""Lines that are kept; of a longer run the first are dropped. The digest covers all."""


def clock_text(world_ms: int) -> str:
    """World time as in scripts: seconds with three decimals."""
    return f"{world_ms // 1000}.{world_ms % 1000:03d}"


def describe(plain: bytes) -> str:
    """A message in one line: the fields that matter, or its size."""
    fields = _SHOWN.findall(plain)
    if not fields:
        return f"{len(plain)} bytes"
    return " ".join(f"{name.decode()}={value.decode('latin-1')}" for name, value in fields)


class Transcript:
    """Lines ``TIME HOST TEXT``. ``datagrams`` are lines too only when ``full``; in the digest they always are.

    ``opener`` gives the message of a datagram for its line.
    """

    def __init__(self, *, full: bool = False, opener: Callable[[bytes], bytes] = bytes) -> None:
        self.full = full
        self._opener = opener
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._digest = hashlib.blake2b(digest_size=16)

    def say(self, now: int, host: str, text: str) -> None:
        """One line."""
        line = f"{clock_text(now):>10} {host:<8} {text}"
        self._lines.append(line)
        self._digest.update(line.encode("utf-8", "surrogateescape"))

    def datagram(self, now: int, host: str, link: str, data: bytes) -> None:
        """One datagram leaves a host."""
        self._digest.update(data)
        if self.full:
            form = "" if data.startswith(_CLASSIC) else "sealed "
            self._lines.append(f"{clock_text(now):>10} {host:<8} {link} < {form}{describe(self._opener(data))}")

    @property
    def digest(self) -> str:
        """Hexadecimal; equal for equal runs."""
        return self._digest.hexdigest()

    @property
    def lines(self) -> list[str]:
        """The lines in order."""
        return list(self._lines)

    def text(self) -> str:
        """The whole transcript."""
        return "".join(f"{line}\n" for line in self._lines)
