"""Where nothing may be skipped, a missing precondition fails the test."""

import pytest

from tests.conftest import skip_or_fail


def test_a_reason_skips_or_where_that_is_forbidden_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HACLUSTER_NO_SKIPS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="first; second"):
        skip_or_fail(["first", "second"])
    monkeypatch.setenv("HACLUSTER_NO_SKIPS", "1")
    with pytest.raises(pytest.fail.Exception, match="forbids to skip: only"):
        skip_or_fail("only")


def test_without_a_reason_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HACLUSTER_NO_SKIPS", "1")
    skip_or_fail([])
    skip_or_fail("")
