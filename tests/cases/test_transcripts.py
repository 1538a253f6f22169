"""Transcripts: files, commands, and the whole of what each command says.

::

    === NAME [MODE]         a file of this name, mode in octal (0644), up to the next === or $
    $ hacluster ARGUMENTS   a command, or one of the scripts beside it, run where the files are; CIB_file is cib.xml
    ----
    its output
    [exit N]

Text before the first file or command is comment. ``pytest tests/cases --rewrite`` writes the outputs anew.
"""

import contextlib
import importlib
import io
import re
import shlex
import sys
import tomllib
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner

from hacluster.tools.main import main

HERE = Path(__file__).parent
SCRIPTS = tomllib.loads((HERE.parent.parent / "pyproject.toml").read_text())["project"]["scripts"]
ENVIRONMENT = {"CIB_file": "cib.xml", "CIB_shadow_dir": ".", "TZ": "UTC", "LC_ALL": "C"}
_FILE = re.compile(r"^=== (\S+)(?: ([0-7]+))?$")


def play(text: str, place: Path) -> str:
    """The transcript with the outputs that its commands have now."""
    told: list[str] = []
    file: Path | None = None
    skipping = False
    for line in text.splitlines():
        match = _FILE.match(line)
        if match:
            file, skipping = place / match[1], False
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            file.chmod(int(match[2] or "644", 8))
        elif line.startswith("$ "):
            if told and told[-1] != "":
                told.append("")
            told += [line, "----", *run(line[2:])]
            file, skipping = None, True
            continue
        elif file is not None:
            with file.open("a") as target:
                target.write(line + "\n")
        if not skipping:
            told.append(line)
    return "\n".join(told) + "\n"


def run(command: str) -> list[str]:
    program, *arguments = shlex.split(command)
    if program != "hacluster":
        return run_script(program, arguments)
    result = CliRunner().invoke(main, arguments, prog_name=program, catch_exceptions=False)
    return [*result.output.rstrip("\n").split("\n"), f"[exit {result.exit_code}]"]


def run_script(program: str, arguments: list[str]) -> list[str]:
    """One of the scripts of the project, in this process; both its outputs in one, as on a terminal."""
    module, _, attribute = SCRIPTS[program].partition(":")
    script = getattr(importlib.import_module(module), attribute)
    said = io.StringIO()
    status: object = 0
    with (
        mock.patch.object(sys, "argv", [program, *arguments]),
        mock.patch.dict("os.environ", ENVIRONMENT),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        try:
            script()
        except SystemExit as end:
            status = int(end.code or 0)  # type: ignore[call-overload]
    return [*said.getvalue().rstrip("\n").split("\n"), f"[exit {status}]"]


@pytest.mark.parametrize("case", sorted(HERE.glob("*/*.txt")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_transcript(case, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    said = play(case.read_text(), tmp_path)
    if request.config.getoption("--rewrite", default=False):
        case.write_text(said)
    assert said == case.read_text()


def test_a_transcript_that_differs_is_noticed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "=== ha.cf\nnode a\n$ hacluster --version\n----\nwrong\n[exit 0]\n"
    assert play(text, tmp_path) != text
    assert (tmp_path / "ha.cf").read_text() == "node a\n"
