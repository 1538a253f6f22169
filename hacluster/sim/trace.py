"""The transcript of a run: what a person reads, and a digest of everything that happened."""

from __future__ import annotations

import hashlib
import re
from collections import deque

_SHOWN = re.compile(rb"\(0\)(t|dest|seq|st|hg|rsc_hold|isstable|info|ackseq|firstseq|lastseq)=([^,]*),")

MAX_LINES = 200_000
"""Lines that are kept; of a longer run the first are dropped. The digest covers all."""


def clock_text(world_ms: int) -> str:
    """World time as in scripts: seconds with three decimals."""
    return f"{world_ms // 1000}.{world_ms % 1000:03d}"


def describe(data: bytes) -> str:
    """A datagram in one line: the fields that matter of a classic one, the size of any other."""
    fields = _SHOWN.findall(data) if data.startswith(b"###\n") else []
    if not fields:
        return f"{len(data)} sealed bytes"
    return " ".join(f"{name.decode()}={value.decode('latin-1')}" for name, value in fields)


class Transcript:
    """Lines ``TIME HOST TEXT``. ``datagrams`` are lines too only when ``full``; in the digest they always are."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
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
            self._lines.append(f"{clock_text(now):>10} {host:<8} {link} < {describe(data)}")

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
