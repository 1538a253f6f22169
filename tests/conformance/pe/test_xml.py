"""The XML of simulate has the elements of the installed crm_simulate's, in the same order; JSON has them too."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from hacluster.tools.simulate import simulate
from tests.conformance.pe.test_cases import CASES
from tests.conftest import skip_or_fail

OPTIONS = ("-S -s -U", "-S -s", "-R -U", "-R", "-S")
REQUESTS = "-S -u node9 -d srv1 -f srv2 -q true -w false -g T1 -r T2 -b T3 -e T4"
ALIKE = (
    "bug-5186-partial-migrate", "novell-252693-3",
    "bundle-order-fencing", "group4", "inc4", "interleave-2", "migrate-shutdown", "multiply-active-stonith",
    "promoted-score-startup", "rec-node-2", "systemhealthm3", "ticket-promoted-3", "unmanaged-promoted", "utilization",
    "whitebox-fail1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _peer() -> None:
    if shutil.which("crm_simulate") is None:
        skip_or_fail("crm_simulate is not installed")


def _tree(text: str) -> list[tuple[int, str, dict[str, str], str]]:
    root = etree.fromstring(text)
    root.attrib.pop("request")
    return [
        (
            len(list(element.iterancestors())),
            str(element.tag),
            {str(key): str(value) for key, value in element.attrib.items()},
            (element.text or "").strip(),
        )
        for element in root.iter()
    ]


def _flat(element: dict[str, Any], depth: int = 0) -> list[tuple[int, str, dict[str, str], str]]:
    found = [(depth, element["element"], dict(element.get("attributes", {})), element.get("text", ""))]
    found[0][2].pop("request", None)
    return found + [line for child in element.get("children", []) for line in _flat(child, depth + 1)]


def _compare(cib: Path, args: list[str]) -> None:
    wanted = [f"--xml-file={cib}", *args, "--output-as"]
    peer = subprocess.run(["crm_simulate", *wanted, "xml"], capture_output=True, text=True, check=True)
    ours = CliRunner().invoke(simulate, [*wanted, "xml"])
    assert ours.exit_code == 0, ours.output
    assert _tree(ours.stdout) == _tree(peer.stdout)
    as_json = CliRunner().invoke(simulate, [*wanted, "json"])
    assert _flat(json.loads(as_json.stdout)) == _tree(ours.stdout)


@pytest.mark.parametrize(("place", "name"), tuple(enumerate(ALIKE)))
def test_same_elements(place: int, name: str, tmp_path: Path) -> None:
    cib = tmp_path / "cib.xml"
    cib.write_bytes(CASES[name]["xml"])
    _compare(cib, [*OPTIONS[place % len(OPTIONS)].split(), *json.loads(CASES[name]["json"])["args"]])


def test_same_elements_after_requests(tmp_path: Path) -> None:
    cib = tmp_path / "cib.xml"
    cib.write_bytes(CASES["promoted-score-startup"]["xml"])
    _compare(cib, REQUESTS.split())
