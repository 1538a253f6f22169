"""hacluster check --run-status: what scripts answer, and what the cluster will make of it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hacluster.tools.main import main

SCRIPTS = {
    "good": ("echo good is running; exit 0", "status-tried", "good runs here: "),
    "idle": ("echo idle is stopped; exit 3", "status-tried", "idle does not run here: "),
    "liar": ("echo No server running; exit 3", "status-contradicts", "'No server running' and exits with 3"),
    "always": ("echo always is not running; exit 0", "status-contradicts", "it cannot be told"),
    "silent": ("exit 4", "status-contradicts", "status says nothing and exits with 4 (unknown)"),
    "slow": ("sleep 1000 & sleep 1000", "status-timed-out", "did not finish in 0.3 s"),
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "ha.cf").write_text("node alpha beta\nbcast eth0\nauto_failback on\nlogfacility daemon\n")
    (tmp_path / "authkeys").write_text("auth 1\n1 sha1 0123456789abcdef0123456789abcdef\n")
    (tmp_path / "authkeys").chmod(0o600)
    (tmp_path / "haresources").write_text(f"alpha {' '.join(SCRIPTS)}::x absent\nbeta good2\n")
    (tmp_path / "hacluster.cf").write_text("timeout slow status 300ms\n")
    (tmp_path / "resource.d").mkdir()
    for name, (body, _, _) in SCRIPTS.items():
        path = tmp_path / "resource.d" / name
        path.write_text(
            f'#!/bin/sh\n[ "$HA_CURHOST" ] && eval last=\\${{$#}} && [ "$last" = status ] || exit 99\n{body}\n'
        )
        path.chmod(0o755)
    (tmp_path / "resource.d/good2").symlink_to("good")
    return tmp_path


def run(directory: Path, *options: str) -> dict[str, str]:
    done = CliRunner().invoke(main, ["check", str(directory), "--run-status", "--output-as", "json", *options])
    reports = json.loads(done.output)["reports"]
    return {r["text"].split()[0].partition("::")[0].rstrip(":"): r for r in reports if r["code"].startswith("status-")}


def test_every_script_is_tried_and_judged(directory: Path) -> None:
    found = run(directory)
    assert set(found) == {*SCRIPTS, "absent", "good2"}
    for name, (_, code, words) in SCRIPTS.items():
        report = found[name]
        assert (report["code"], words in report["text"]) == (code, True), report
        assert report["line"] == 1
    assert (found["good2"]["line"], found["absent"]["code"]) == (2, "status-not-tried")


def test_the_rule_is_the_configured_one(directory: Path) -> None:
    (directory / "hacluster.cf").write_text("timeout slow status 300ms\nlsb_status text\n")
    found = run(directory)
    assert found["liar"]["text"].endswith("by its text it counts as running")
    assert found["always"]["text"].endswith("by its text it counts as not running")


def test_it_does_not_go_with_offline(directory: Path) -> None:
    done = CliRunner().invoke(main, ["check", str(directory), "--run-status", "--offline"])
    assert done.exit_code == 2
    assert "--offline" in done.output
