"""The fuzz run of ``tests/bench/fuzz_wire.py``: a short one always, the long one in the slow ring."""

from __future__ import annotations

import pytest

from tests.bench import fuzz_wire


def test_twenty_thousand_damaged_datagrams() -> None:
    outcomes = fuzz_wire.run(20_000)
    # Every gate must have been reached, or the run proves nothing.
    reached = {
        "signed bad-digest",
        "signed no-token",
        "signed bad-token",
        "signed not-ours",
        "resigned malformed",
        "resigned taken",
        "sealed forged",
        "sealed malformed",
        "sealed unknown-key",
    }
    assert reached <= set(outcomes), outcomes


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_damaged_datagrams() -> None:
    assert fuzz_wire.run(1_000_000, seed=2).total() == 1_000_000
