"""Debian's crmsh itself answers as was recorded: what we are held against is still what it does."""

import json

import pytest

from tests.conformance.crmsh.sessions import CRMSH, RECORDED, SESSIONS, compact, run
from tests.conftest import skip_or_fail

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]


@pytest.mark.parametrize("name", ["show", "sets shrink", "clone takes over", "modgroup", "move", "nodes", "unknown"])
def test_crmsh_still_answers_as_recorded(name):
    if not CRMSH.exists():
        skip_or_fail("Debian's package crmsh is not installed")
    assert compact(run([str(CRMSH)], SESSIONS[name])) == json.loads(RECORDED.read_text())[name]
