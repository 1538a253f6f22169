"""``hacluster sim``: what it prints, and what it exits with."""

import json

import pytest
from click.testing import CliRunner, Result

from hacluster.sim import checkers, world
from hacluster.tools.sim import EXIT_GOOD, EXIT_USAGE, EXIT_VIOLATION, sim


def call(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(sim, arguments, input=stdin, catch_exceptions=False)


def test_json_of_several_seeds() -> None:
    result = call("--seeds", "1..2", "--hours", "0.02", "--nemesis", "crash", "--output-as", "json")
    assert result.exit_code == EXIT_GOOD
    first, second = json.loads(result.stdout)
    assert (first["seed"], first["good"], first["checker"]) == (1, True, None)
    assert first["script"][-1] == "at 72.000 heal"
    assert first["digest"] != second["digest"]


def test_a_failing_run_says_how_to_play_it_again(monkeypatch) -> None:
    class NoMail(checkers.Checker):
        name = "no-mail"

        def on_service(self, host: str, service: str, *, runs: bool) -> str | None:
            return f"mail runs on {host}" if service == "mail" and runs and host == "node1" else None

    monkeypatch.setattr(world, "SAFETY", (NoMail,))
    script = "at 20 loss * eth0 5\nat 40 power node2\nat 80 boot node2\nat 90 loss * eth0 0\n"
    result = call("--script", "-", stdin=script)
    assert result.exit_code == EXIT_VIOLATION
    lines = result.stdout.splitlines()
    assert lines[0].startswith("seed 1: FAILED")
    assert lines[1].startswith("  no-mail at ")
    assert lines[1].endswith("mail runs on node1")
    assert "    at 40.000 power node2" in lines
    assert not any("loss" in line for line in lines)
    assert "--seed 1 --auto-failback on --seal on --script FILE" in lines[-1]
    kept = call("--script", "-", "--no-shrink", stdin=script)
    assert "    at 20.000 loss * eth0 5" in kept.stdout.splitlines()


def test_the_digest_is_asked_for_and_repeats() -> None:
    first, second = (call("--hours", "0.02", "--nemesis", "none", "--digest") for _ in range(2))
    assert "digest" in first.stdout
    assert first.stdout == second.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--nemesis", "weather"),
        ("--seeds", "3..1"),
        ("--seeds", "1..9999999"),
        ("--seeds", "x"),
        ("--hours", "0"),
        ("--script", "/nonexistent/script"),
        ("--seal", "maybe"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert call(*arguments).exit_code == EXIT_USAGE


def test_a_script_that_is_no_text(tmp_path) -> None:
    file = tmp_path / "script"
    file.write_bytes(b"\xff\xfe\x00")
    result = call("--script", str(file))
    assert (result.exit_code, "not text" in result.output) == (EXIT_USAGE, True)


def test_fencing_has_mixes_of_its_own():
    listed = CliRunner().invoke(sim, ["--fencing", "list"])
    assert (listed.exit_code, "watchdogs" in listed.output.splitlines()) == (0, True)
    done = CliRunner().invoke(sim, ["--fencing", "two, no delay", "--seed", "1"])
    assert done.exit_code == 0, done.output
    assert "two, no delay, seed 1: good" in done.output
    assert CliRunner().invoke(sim, ["--fencing", "none such"]).exit_code == 2
