"""What the rings share: a missing precondition skips a test, except where nothing may be skipped."""

import functools
import os
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, settings

from hacluster.lab.requirements import requirements

# Machines that stand still for half a second must not fail a test, so there are no deadlines. The ring that everybody
# runs all the time is the same each time; HYPOTHESIS_PROFILE=search looks for something new.
_QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("ring", max_examples=40, derandomize=True, **_QUIET)
settings.register_profile("search", max_examples=1_000, **_QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ring"))

# Answers as XML are fitted to the shapes that are published on a host; tests are the same on all.
os.environ.setdefault("HACLUSTER_API_SHAPES", "/nonexistent")


def skip_or_fail(reasons: str | Iterable[object]) -> None:
    """Skip the test for ``reasons``, if there are any; with HACLUSTER_NO_SKIPS=1 in the environment fail it instead."""
    text = reasons if isinstance(reasons, str) else "; ".join(str(reason) for reason in reasons)
    if not text:
        return
    if os.environ.get("HACLUSTER_NO_SKIPS") == "1":
        pytest.fail(f"HACLUSTER_NO_SKIPS=1 forbids to skip: {text}", pytrace=False)
    pytest.skip(text)


@functools.cache
def _lab_reports() -> tuple[object, ...]:
    return tuple(requirements())


def require_lab() -> None:
    """Skip (or fail) where the laboratory cannot be had; tried once per run."""
    skip_or_fail(_lab_reports())


def require_root() -> None:
    """Skip (or fail) where a test needs what only root may do, such as loop devices."""
    skip_or_fail("" if os.geteuid() == 0 else "needs root")
