"""Every recorded session, run with our ``crm``: the same is said, and the same configuration is left."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.conformance.crmsh.sessions import RECORDED, SESSIONS, compact, run
from tests.ocfagents import make_agents

OURS = [str(Path(sys.executable).with_name("crm"))]
ANSWERS = json.loads(RECORDED.read_text())
WORDS_DIFFER = {
    "clone takes over": "crmsh commits although nothing is different",
    "erase": "crmsh tells of one constraint of many that it moves before it erases all",
    "maintenance level": "crmsh shows a copy that is older than what its own tool has just set",
    "nodes": "crm_attribute speaks as Pacemaker 3.0's does",
    "replace": "see erase",
    "xml": "see erase",
}
"""Sessions in which we say something else on purpose, and why; the configuration is the same all the same."""
ALL_DIFFERS = {
    "node standby": "crmsh does nothing where the node's name has no address",
    "refused": "crmsh leaves a group half made when one of its members is missing",
}
"""Sessions that leave another configuration on purpose, and why."""
_OWN = re.compile(r" \(did you mean .*\?\)$")


def told(found):
    """What was said, without what we say besides."""
    lines = [_OWN.sub("", line) for line in found["said"]]
    return [line for line in lines if not line.startswith("ERROR: what was changed is not committed")]


@pytest.fixture(scope="module")
def agents(tmp_path_factory):
    root = tmp_path_factory.mktemp("ocf")
    make_agents(root, {"pacemaker/Dummy": "", "heartbeat/Dummy": ""})
    return str(root)


@pytest.mark.parametrize("name", sorted(SESSIONS))
def test_a_session_goes_as_with_crmsh(name, agents):
    found = compact(run(OURS, SESSIONS[name], OCF_ROOT=agents))
    wanted = ANSWERS[name]
    assert not any("Traceback" in line for line in found["said"])
    if name in ALL_DIFFERS:
        assert found["cib"] != wanted["cib"], "no difference any more: take it out of the table"
        return
    assert found["cib"] == wanted["cib"]
    if name in WORDS_DIFFER:
        assert told(found) != wanted["said"], "no difference any more: take it out of the table"
        return
    assert told(found) == wanted["said"]
    assert found["status"] == wanted["status"]


def test_every_session_is_recorded_and_no_other():
    assert set(ANSWERS) == set(SESSIONS)
    assert {*WORDS_DIFFER, *ALL_DIFFERS} <= set(SESSIONS)
