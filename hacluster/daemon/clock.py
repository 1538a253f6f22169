"""The clock of the daemon: milliseconds that go on while the host is suspended, and never back."""

from __future__ import annotations

import time

from hacluster.base.machine import Instant


def now() -> Instant:
    """CLOCK_BOOTTIME in milliseconds."""
    return Instant(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000)


def unix_ms() -> int:
    """The wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000


def east_s() -> int:
    """How far local time is east of UTC, in seconds."""
    return time.localtime().tm_gmtoff


def monotonic_us() -> int:
    """CLOCK_MONOTONIC in microseconds, as sd_notify(3) wants it."""
    return time.monotonic_ns() // 1000
