"""The text of simulate is that of the installed crm_simulate, byte for byte."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from hacluster.tools.simulate import simulate
from tests.conformance.pe.test_cases import CASES
from tests.conftest import skip_or_fail

OPTIONS = ("-S", "-R", "-S -s", "-S -U", "-s -U", "-S -s -U --text-fancy", "-S -s -Q", "-U -Q", "")
ALIKE = (
    "anti-colocation-order", "asymmetric", "base-score", "bug-1572-1", "bug-5028", "bundle-order-fencing",
    "clone-no-shuffle", "colo_promoted_w_native", "concurrent-fencing", "group4", "expire-non-blocked-failure",
    "failcount", "group3", "inc4", "interleave-2", "migrate-shutdown", "multiply-active-stonith", "order5",
    "per-node-attrs", "promoted-score-startup", "quorum-2", "rebalance-unique-clones", "rec-node-2", "rsc_dep5",
    "rule-dbl-as-number-match", "systemhealthm3", "template-1", "ticket-promoted-3", "unmanaged-promoted",
    "utilization", "whitebox-fail1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _peer() -> None:
    if shutil.which("crm_simulate") is None:
        skip_or_fail("crm_simulate is not installed")


def _compare(cib: Path, args: list[str]) -> None:
    peer = subprocess.run(["crm_simulate", "-x", cib, *args], capture_output=True, text=True, check=False)
    done = CliRunner().invoke(simulate, ["-x", str(cib), *args])
    assert (done.stdout, done.exit_code) == (peer.stdout, peer.returncode)


@pytest.mark.parametrize(("place", "name"), tuple(enumerate(ALIKE)))
def test_same_text(place: int, name: str, tmp_path: Path) -> None:
    cib = tmp_path / "cib.xml"
    cib.write_bytes(CASES[name]["xml"])
    when = json.loads(CASES[name]["json"])["args"]
    for step in (0, 4):
        _compare(cib, [*OPTIONS[(place + step) % len(OPTIONS)].split(), *when])


@pytest.mark.parametrize("options", ["-S", "-S -s", "-s -U"])
def test_same_text_after_requests(options: str, tmp_path: Path) -> None:
    cib = tmp_path / "cib.xml"
    cib.write_bytes(CASES["promoted-score-startup"]["xml"])
    _compare(cib, [*options.split(), "-u", "node9", "-d", "srv1", "-q", "true"])
