"""Tests wait for conditions, never for time."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(what: str, condition: Callable[[], bool], within: float = 60.0) -> None:
    """Wait for a condition; ``within`` is generous: it only bounds a test that has already failed."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {within:.0f} s: {what}")
        time.sleep(0.05)
