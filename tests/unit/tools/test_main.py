"""The ``hacluster`` command: a table of lazily loaded sub-commands."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hacluster import __version__
from hacluster.tools.main import COMMANDS, main


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_of_the_table_is_there(name):
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    result = CliRunner().invoke(main, [name, "--help"])
    assert isinstance(result.exception, SystemExit | None)
    assert "usage" in result.output.lower(), "exit codes of --help are the command's own: hb_standby keeps Heartbeat's"


def test_help_lists_the_table():
    result = CliRunner().invoke(main, ["-h"])
    assert result.exit_code == 0
    for name, (_, text) in COMMANDS.items():
        assert name in result.output
        assert text.split()[0] in result.output


def test_version():
    assert CliRunner().invoke(main, ["--version"]).output == f"hacluster, version {__version__}\n"


def test_unknown_command():
    result = CliRunner().invoke(main, ["chekc"])
    assert result.exit_code == 2
    assert "No such command 'chekc'" in result.output


def test_help_loads_no_command():
    """What start-up costs is what it imports."""
    script = (
        "import sys; from hacluster.tools.main import main; main(['-h'], standalone_mode=False);"
        "print(sorted(m for m in sys.modules if m.startswith('hacluster') or m in ('asyncio', 'lxml', 'rich')))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.splitlines()[-1] == "['hacluster', 'hacluster.tools', 'hacluster.tools.main']"


@pytest.mark.parametrize("command", ["hacluster status", "hacluster iso8601 -n", "cl_status", "hb_addnode"])
def test_an_output_that_takes_nothing_is_said_in_one_line(command):
    program, *words = command.split()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [Path(sys.executable).parent / program, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.endswith(b": No space left on device\n")


@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict", "ascii:strict"])
@pytest.mark.parametrize("command", ["hacluster check --offline", "hb_standby"])
def test_what_the_terminal_cannot_show_is_escaped(command, encoding):
    program, *words = command.split()
    done = subprocess.run(
        [Path(sys.executable).parent / program, *words, b"/nonexistent-\xff-\xe2\x80\xa6"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in {1, 6}
    assert b"/nonexistent-" in done.stdout
    assert b"Traceback" not in done.stderr
