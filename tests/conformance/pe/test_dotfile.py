"""The picture of a transition has the lines that crm_simulate's --save-dotfile has."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from hacluster.cib.document import parse_document
from hacluster.pe.schedule import schedule
from hacluster.pe.views.dot import dot_text, transition_picture
from tests.conformance.pe.test_cases import CASES, now_of
from tests.conftest import skip_or_fail

ALIKE = (
    "rec-node-2",
    "utilization",
    "order5",
    "group4",
    "migrate-shutdown",
    "unmanaged-promoted",
    "ticket-promoted-3",
    "bundle-replicas-change",
    "unfence-device",
    "interleave-2",
    "anti-colocation-unpromoted",
    "bundle-order-stop",
    "bug-pm-11",
    "a-demote-then-b-migrate",
)


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("name", ALIKE)
def test_same_lines_as_crm_simulate(name: str, everything: bool, tmp_path: Path) -> None:
    if shutil.which("crm_simulate") is None:
        skip_or_fail("crm_simulate is not installed")
    args = json.loads(CASES[name]["json"])["args"]
    cib, dot = tmp_path / "cib.xml", tmp_path / "graph.dot"
    cib.write_bytes(CASES[name]["xml"])
    options = ["-a"] if everything else []
    subprocess.run(["crm_simulate", "-x", cib, "-R", "-D", dot, *options, *args], capture_output=True, check=True)
    document = parse_document(CASES[name]["xml"], name)
    cluster = schedule(document, now_of(document, args), sanitized=True).cluster
    ours = dot_text(transition_picture(cluster, everything))
    assert set(ours.split("\n")) == set(dot.read_text().split("\n"))
